"""The train screen in a real pseudo-terminal: the console is closed in the middle of a run, and opened again."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.jobs.starting import living_process
from aligntui.wire.run_events import Step, read_events
from tests.jobs.runs import ENVIRONMENT, make_run, no_process_left
from tests.terminal import Terminal

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPTED = json.dumps([sys.executable, str(ROOT / "tests" / "scripted_engine.py")])
pytestmark = pytest.mark.terminal


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TMUX", "COLUMNS", "LINES")},
        **ENVIRONMENT,
        "ALIGNTUI_ENGINE_ARGV": SCRIPTED,
        "ALIGNTUI_STATE": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "ALIGNTUI_ADAPTER": "",
        "LOGNAME": "tester",
    }


def steps(folder) -> int:
    return max((s.event.step for s in read_events(folder.events)[0] if isinstance(s.event, Step)), default=0)


@pytest.mark.parametrize("how", ["quit", "hang up", "kill"])
def test_a_run_goes_on_when_the_console_is_closed_and_is_shown_again(
    tmp_path: Path, env: dict[str, str], how: str
) -> None:
    workspace = Workspace(tmp_path / "w")
    workspace.make()
    folder = make_run(workspace, "long", steps=4000, step_s=0.05, checkpoint_every=1000)
    argv = [sys.executable, "-m", "aligntui", "--workspace", str(workspace.root), "console"]
    with no_process_left(folder):
        with Terminal(argv, env) as t:
            t.wait("● ready")
            t.press("ctrl+l")
            t.wait("long · ◐ stopped")
            t.press("r")
            t.wait("long · ◉ running")
            t.wait(r"step \d+ of 4,000")
            if how == "quit":
                t.press("ctrl+q")
                assert t.ended() == 0
            elif how == "hang up":
                t.hang_up()
            else:
                t.kill(signal.SIGKILL)
        at = steps(folder)
        end = time.monotonic() + 20
        while steps(folder) < at + 5:
            assert time.monotonic() < end and living_process(folder) is not None, "the run did not go on"
            time.sleep(0.05)
        with Terminal(argv, env) as t:
            t.wait("● ready")
            t.press("ctrl+l")
            t.wait("long · ◉ running")
            t.wait(r"step \d+ of 4,000")
            t.press("s")
            t.wait("long · ◐ stopped")
            assert living_process(folder) is None or steps(folder) < 4000
            t.press("ctrl+q")
            assert t.ended() == 0
