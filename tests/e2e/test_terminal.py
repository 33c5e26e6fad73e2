"""`aligntui` in a real pseudo-terminal: typed at, read, resized, killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

import pytest

from aligntui.tui.screens.chat import JUST_ENDED_S
from tests.terminal import Terminal

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPTED = json.dumps([sys.executable, str(ROOT / "tests" / "scripted_engine.py")])
pytestmark = pytest.mark.terminal


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TMUX", "COLUMNS", "LINES")},
        "ALIGNTUI_ENGINE_ARGV": SCRIPTED,
        "ALIGNTUI_STATE": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "ALIGNTUI_ADAPTER": str(demo_like(tmp_path)),
        "LOGNAME": "tester",
    }


def demo_like(folder: Path) -> Path:
    """An adapter folder that is whole enough to be listed; the scripted engine does not read it."""
    adapter = folder / "demo"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": ["q_proj"]})
    )
    header = json.dumps({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (adapter / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    return adapter


def start(workspace: Path, env: dict[str, str], *flags: str, **size: int) -> Terminal:
    return Terminal([sys.executable, "-m", "aligntui", "--workspace", str(workspace), "console", *flags], env, **size)


def pairs(workspace: Path) -> int:
    with sqlite3.connect(workspace / "sessions" / "aligntui.db") as db:
        return db.execute("SELECT count(*) FROM pairs").fetchone()[0]


def leave_prompt(t: Terminal) -> None:
    """Esc, as long after the answers ended as a person needs to see it; sooner it is taken for a late stop."""
    time.sleep(2 * JUST_ENDED_S)
    t.press("esc")


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
def test_type_judge_resize_and_quit(tmp_path: Path, env: dict[str, str], columns: int, rows: int) -> None:
    with start(tmp_path / "w", env, columns=columns, rows=rows) as t:
        t.wait("● ready")
        t.type("What makes bread rise?")
        t.wait("What makes bread rise")
        t.press("enter")
        t.wait(r"· end")
        t.wait("● ready")
        leave_prompt(t)
        t.wait("1 Left")
        t.press("2")
        t.wait("Stored: right is better")
        assert pairs(tmp_path / "w") == 1
        t.resize(200, 50) if columns == 80 else t.resize(80, 24)
        t.wait("What makes bread rise")
        began = time.monotonic()
        t.press("ctrl+q")
        assert t.ended() == 0
        assert time.monotonic() - began < 5
        assert t.raw.endswith(b"\x1b[?25h") or b"\x1b[?1049l" in t.raw, "the terminal is given back"


def test_quit_while_answers_stream_is_quick_and_keeps_the_partial_answer(tmp_path: Path, env: dict[str, str]) -> None:
    with start(tmp_path / "w", env) as t:
        t.wait("● ready")
        t.type("!slow story")
        t.press("enter")
        t.wait(r"[0-9] tok .*streaming")
        began = time.monotonic()
        t.press("ctrl+q")
        assert t.ended() == 0
        assert time.monotonic() - began < 5
    with sqlite3.connect(tmp_path / "w" / "sessions" / "aligntui.db") as db:
        assert db.execute("SELECT count(*) FROM turns WHERE role = 'answer' AND text <> ''").fetchone()[0] == 2


def test_fifty_flags_survive_fifty_kills(tmp_path: Path, env: dict[str, str]) -> None:
    """The console is killed by SIGKILL right after each flag became visible; 50 of 50 are there afterwards."""
    workspace = tmp_path / "w"
    for number in range(50):
        with start(workspace, env) as t:
            t.wait("● ready")
            t.type(f"q{number}")
            t.press("enter")
            t.wait(r"· end")
            leave_prompt(t)
            t.wait("1 Left")
            t.press("1" if number % 2 else "2")
            t.wait("Stored: (left|right) is better")
            t.kill(signal.SIGKILL)
    assert pairs(workspace) == 50
    with sqlite3.connect(workspace / "sessions" / "aligntui.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        sides = dict(db.execute("SELECT verdict, count(*) FROM pairs GROUP BY verdict"))
    assert sides == {"left": 25, "right": 25}


def test_hostile_model_text_sends_no_escape_of_its_own(tmp_path: Path, env: dict[str, str]) -> None:
    with start(tmp_path / "w", env) as t:
        t.wait("● ready")
        t.raw.clear()
        t.type("!hostile")
        t.press("enter")
        t.wait(r"· end")
        t.press("f7")
        t.wait("View: word diff")
        assert b"\x1b]52" not in t.raw and b"\x1b]0;" not in t.raw, "no clipboard write, no window title"
        assert b"\x1b[2J" not in t.raw, "no screen clear in the middle of a session"
        assert "\u202e".encode() not in t.raw


def test_two_consoles_on_one_workspace(tmp_path: Path, env: dict[str, str]) -> None:
    with start(tmp_path / "w", env) as a, start(tmp_path / "w", env) as b:
        for t in (a, b):
            t.wait("● ready")
        for number, t in enumerate((a, b)):
            t.type(f"from console {number}")
            t.press("enter")
        for t in (a, b):
            t.wait(r"· end")
            leave_prompt(t)
            t.wait("1 Left")
            t.press("1")
            t.wait("Stored: left is better")
        a.press("f9")
        a.wait("from console 1")
    assert pairs(tmp_path / "w") == 2


def test_a_wrong_config_key_names_file_key_and_line(tmp_path: Path, env: dict[str, str]) -> None:
    workspace = tmp_path / "w"
    workspace.mkdir()
    (workspace / "aligntui.toml").write_text("[options]\nseed = 1\ntemprature = 0.2\n")
    with start(workspace, env) as t:
        assert t.ended() == 2
        flat = "".join(t.text.split())  # the terminal breaks the line wherever it ends
        assert "aligntui.toml" in flat and "temprature" in flat and "line3" in flat and "temperature" in flat
        assert "Traceback" not in flat


@pytest.mark.real_model
def test_the_real_model_answers_in_a_real_terminal(tmp_path: Path, env: dict[str, str]) -> None:
    """The whole way once, as a new user walks it: embedded weights, bundled adapter, one prompt, one verdict."""
    real = {k: v for k, v in env.items() if k not in ("ALIGNTUI_ENGINE_ARGV", "ALIGNTUI_ADAPTER")}
    with start(tmp_path / "w", real, "--max-new-tokens", "24", "--temperature", "0") as t:
        t.wait("● ready", 300)
        t.type("How do I keep bread fresh?")
        t.press("enter")
        t.wait(r"tok/s · (end|⋯ length limit)(.|\n)*● ready", 120)
        assert "demo" in t.text
        leave_prompt(t)
        t.wait("1 Left")
        t.press("2")
        t.wait("Stored: right is better")
    assert pairs(tmp_path / "w") == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(tmp_path: Path, env: dict[str, str], number: int) -> None:
    with start(tmp_path / "work", env) as t:
        t.wait("● ready")
        os.kill(t.pid, number)
        assert t.ended() == 128 + number
        assert b"\x1b[?1049l" in t.raw, "the screen before is there again"
        assert b"\x1b[?1000l" in t.raw, "the mouse is the terminal's again"


@pytest.mark.parametrize("prompt", ["!slow story that goes on and on", ""])
def test_a_lost_terminal_ends_the_console_and_keeps_the_partial_answer(
    tmp_path: Path, env: dict[str, str], prompt: str
) -> None:
    with start(tmp_path / "work", env) as t:
        t.wait("● ready")
        if prompt:
            t.type(prompt)
            t.wait(prompt)
            t.press("enter")
            t.wait(r"seed 0 · [3-9] tok")
        assert t.hang_up() == 128 + signal.SIGHUP
    if prompt:
        with sqlite3.connect(tmp_path / "work" / "sessions" / "aligntui.db") as db:
            assert db.execute("SELECT count(*) FROM answers WHERE finish = 'cancelled'").fetchone()[0] == 2


def test_an_editor_is_found_where_none_was_named_and_its_text_comes_back(tmp_path: Path, env: dict[str, str]) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    nano = programs / "nano"
    nano.write_text('#!/bin/sh\nprintf "Why is the sky blue?\\n" >> "$1"\n')
    nano.chmod(0o755)
    named = ("EDITOR", "VISUAL")
    own = {**{k: v for k, v in env.items() if k not in named}, "PATH": f"{programs}:{env['PATH']}"}
    with start(tmp_path / "w", own) as t:
        t.wait("● ready")
        t.press("f4")
        t.wait("Why is the sky blue")
        t.press("enter")
        t.wait("· end")


def test_a_console_killed_in_mid_answer_says_so_the_next_time(tmp_path: Path, env: dict[str, str]) -> None:
    with start(tmp_path / "w", env) as t:
        t.wait("● ready")
        t.type("!slow Tell me a long story.")
        t.press("enter")
        t.wait("tokens|tok/s|▌")
        time.sleep(0.5)
        t.kill(signal.SIGKILL)
    with start(tmp_path / "w", env) as t:
        t.wait("● ready")
        t.press("f9")
        t.wait("used last first")
        t.press("enter")
        t.wait("interrupted before an answer was stored")
