"""Starting and watching runs, as the command line and the screen do it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import EngineError, EnvironmentProblem, UserError
from aligntui.jobs.queue import Queue
from aligntui.jobs.starting import VARIABLE
from aligntui.jobs.state import RunState, look
from aligntui.workbench.training.launching import (
    ask_for_checkpoint,
    begin,
    check_can_resume,
    enqueue,
    find,
    follow,
    log_tail,
    stop,
)
from tests.jobs.runs import SCRIPTED, make_run, no_process_left, wait_until


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv(VARIABLE, SCRIPTED)
    made = Workspace(tmp_path / "workspace")
    made.make()
    return made


def program(code: str) -> str:
    return json.dumps([sys.executable, "-c", code])


def test_begin_returns_at_the_first_word(workspace: Workspace) -> None:
    folder = make_run(workspace, "one", steps=100, step_s=0.1, silent_s=0.3)
    with no_process_left(folder):
        run = begin(folder)
        assert run.state is RunState.RUNNING and run.story.head is not None
        stop(workspace, run)
        for _ in follow(workspace, run):
            pass
        assert run.state is RunState.STOPPED
        again = begin(folder, resume=True)
        assert again.state is RunState.RUNNING, "an earlier end is not taken for its own"
        assert again.story.end is None


@pytest.mark.parametrize(("code", "kind"), [(2, UserError), (3, EnvironmentProblem), (1, EngineError)])
def test_an_end_before_the_first_word_tells_what_was_printed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception]
) -> None:
    monkeypatch.setenv(VARIABLE, program(f"import sys; print('half a\\rwhole line'); sys.exit({code})"))
    with pytest.raises(kind, match=r"exit code \d\)\. It said: whole line"):
        begin(make_run(workspace, "one"))


def test_a_silent_start_is_given_up_and_lives_on(workspace: Workspace) -> None:
    folder = make_run(workspace, "one", silent_s=30)
    with no_process_left(folder):
        run = begin(folder, deadline_s=0.3)
        assert run.state is RunState.STARTING


def test_a_checkpoint_on_demand(workspace: Workspace) -> None:
    folder = make_run(workspace, "one", steps=200, step_s=0.05, checkpoint_every=1000)
    with no_process_left(folder):
        run = begin(folder)
        made = ask_for_checkpoint(run, deadline_s=20)
        assert made is not None and (folder.path / made.path / "adapter_config.json").exists()
        assert ask_for_checkpoint(run) is None, "it does not wait unless asked to"


def test_what_can_be_resumed(workspace: Workspace) -> None:
    folder = make_run(workspace, "one", steps=3)
    assert check_can_resume(find(workspace, "one")) is False, "it begins anew"
    begin(folder)
    wait_until(lambda: look(folder).state is RunState.FINISHED)
    with pytest.raises(UserError, match="has finished"):
        check_can_resume(find(workspace, "one"))
    failed = make_run(workspace, "two", steps=9, fail_at=5)
    begin(failed)
    wait_until(lambda: look(failed).state is RunState.FAILED)
    assert check_can_resume(find(workspace, "two")) is True


def test_what_waits_is_followed_until_it_has_ended(workspace: Workspace) -> None:
    folder = make_run(workspace, "one", steps=3)
    with no_process_left(folder):
        enqueue(workspace, "one")
        run = find(workspace, "one")
        kinds = [stamped.kind for events in follow(workspace, run, poll_s=0.02) for stamped in events]
        assert run.state is RunState.FINISHED
        # `find` may have seen the first events already
        assert kinds[-1] == "finished" or run.story.end is not None
        wait_until(lambda: not Queue(workspace).has_worker())


def test_the_tail_of_a_log_is_safe_to_print(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    assert log_tail(log) == []
    log.write_bytes(b"10%\r50%\r100%\n\n\xff\x1b[31mred\x1b[0m\nlast")
    lines = log_tail(log, 2)
    assert lines[-1] == "last" and "\x1b" not in "".join(lines)
    assert log_tail(log)[0] == "100%"
