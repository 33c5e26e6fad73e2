"""Every state of a run, told from its events and its process."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace

import psutil
import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.jobs.folders import RunFolder, find_run, run_folder, write_json
from aligntui.jobs.liveness import ProcessRecord
from aligntui.jobs.queue import Queue
from aligntui.jobs.starting import note_failed_start
from aligntui.jobs.state import RunState, list_runs, look
from aligntui.wire import run_events as wire
from tests.jobs.runs import make_run, started, write_events

ME = ProcessRecord.of()
DEAD = replace(ME, started=ME.started - 1000)


def launched(folder: RunFolder, record: ProcessRecord = ME, at: float = 500.0) -> None:
    write_json(folder.launch, {**record.as_dict(), "at": at})


@pytest.fixture
def folder(workspace: Workspace) -> RunFolder:
    return make_run(workspace, "one")


def test_a_submitted_run_that_nobody_started(folder: RunFolder) -> None:
    run = look(folder)
    assert (run.state, run.note) == (RunState.STOPPED, "not started yet")
    assert run.state.can_resume
    assert look(folder, {"one"}).state is RunState.QUEUED


def test_starting_until_the_process_speaks(folder: RunFolder) -> None:
    launched(folder)
    assert look(folder).state is RunState.STARTING
    write_events(folder, started())
    assert look(folder).state is RunState.RUNNING


def test_a_process_that_died_before_it_spoke(folder: RunFolder) -> None:
    launched(folder, DEAD)
    run = look(folder)
    assert run.state is RunState.INTERRUPTED and "console.log" in run.note


def test_interrupted_when_the_process_is_gone_without_a_word(folder: RunFolder) -> None:
    launched(folder, DEAD)
    write_events(folder, started(), wire.Step(1, loss=1.0))
    assert look(folder).state is RunState.INTERRUPTED


def test_a_recycled_process_id_does_not_make_it_run(folder: RunFolder) -> None:
    write_events(folder, started(), wire.Step(1, loss=1.0))
    mine = {"pid": os.getpid(), "create_time": psutil.Process().create_time() - 3600, "host": ME.host}
    folder.process.write_text(json.dumps(mine))
    assert look(folder).state is RunState.INTERRUPTED


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (wire.Stopped(1), RunState.STOPPED),
        (wire.Finished(10, 1.0, "h"), RunState.FINISHED),
        (wire.Failed("x", "y", 1), RunState.FAILED),
    ],
)
def test_ends(folder: RunFolder, end: wire.Event, state: RunState) -> None:
    launched(folder, DEAD)
    write_events(folder, started(), wire.Step(1, loss=1.0), end)
    assert look(folder).state is state
    launched(folder, ME)  # the process is still on its way out
    assert look(folder).state is state


def test_a_resumed_run_is_starting_and_not_what_it_was(folder: RunFolder) -> None:
    write_events(folder, started(), wire.Failed("x", "y", 1), at=1000)
    launched(folder, ME, at=2000)
    assert look(folder).state is RunState.STARTING
    write_events(folder, started(), wire.Resumed(0), first=2, at=2001)
    assert look(folder).state is RunState.RUNNING
    launched(folder, DEAD, at=3000)
    assert look(folder).state is RunState.INTERRUPTED, "it was started once more and never said a word"


def test_stopping_when_asked_and_when_it_says_so(folder: RunFolder) -> None:
    launched(folder)
    write_events(folder, started())
    folder.requests.mkdir()
    (folder.requests / "stop").touch()
    assert look(folder).state is RunState.STOPPING
    (folder.requests / "stop").unlink()
    write_events(folder, wire.Stopping(), first=1, at=1001)
    assert look(folder).state is RunState.STOPPING


def test_a_run_that_could_not_be_started_says_why(folder: RunFolder) -> None:
    note_failed_start(folder, "No process could be started.", "Free memory.")
    run = look(folder)
    assert run.state is RunState.FAILED
    assert run.note == "could not be started: No process could be started. Free memory."


def test_on_another_machine_it_runs_as_far_as_can_be_told(folder: RunFolder) -> None:
    write_events(folder, started())
    folder.process.write_text(json.dumps({**ME.as_dict(), "host": "gpu-box"}))
    run = look(folder)
    assert run.state is RunState.RUNNING and "gpu-box" in run.note


def test_refresh_keeps_up_and_gives_what_is_new(folder: RunFolder) -> None:
    launched(folder)
    write_events(folder, started())
    run = look(folder)
    assert run.refresh() == []
    write_events(folder, wire.Step(1, loss=0.5), first=1, at=1001)
    assert [stamped.kind for stamped in run.refresh()] == ["step"]
    assert run.story.step == 1
    assert run.seconds is not None and run.seconds > time.time() - 1010, "it goes on"


def test_runs_are_listed_by_their_last_event(workspace: Workspace) -> None:
    for name, at in (("old", 1000), ("new", 4e9)):
        write_events(make_run(workspace, name), started(), at=at)
    make_run(workspace, "queued")
    Queue(workspace).add("queued")
    (workspace.adapters / "plain").mkdir()
    found = list_runs(workspace)
    assert [run.name for run in found] == ["new", "queued", "old"]
    assert found[1].state is RunState.QUEUED


def test_names_that_are_no_run_are_refused_with_the_nearest(workspace: Workspace) -> None:
    make_run(workspace, "polite")
    with pytest.raises(UserError, match="There is no run 'polit'") as caught:
        find_run(workspace, "polit")
    assert "'polite'" in caught.value.hint
    (workspace.adapters / "bare").mkdir()
    with pytest.raises(UserError, match="has no run that aligntui could follow"):
        find_run(workspace, "bare")
    with pytest.raises(UserError, match="cannot be the name"):
        run_folder(workspace, "../up")
