"""A run's folder and its event log."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from aligntui.backend.train.run.event_log import EventLog
from aligntui.backend.train.run.folder import RunFolder
from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.wire.run_events import Resumed, Step, Warned, read_events


def test_a_log_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    first = EventLog(path)
    first.add(Warned("one"))
    first.add(Step(1, loss=0.5))
    first.close()
    with path.open("ab") as file:
        file.write(b'{"seq":2,"time":0,"kind":"st')  # killed in mid-line
    second = EventLog(path)
    second.add(Resumed(1))
    second.close()
    events, end = read_events(path)
    assert [(e.seq, e.kind) for e in events] == [(0, "warning"), (1, "step"), (2, "resumed")]
    assert end == path.stat().st_size


def test_processes_behind_the_first_say_nothing(tmp_path: Path) -> None:
    log = EventLog(None)
    log.add(Warned("unheard"))
    assert not log.speaks and not list(tmp_path.iterdir())


def test_requests_are_taken_once_and_others_left(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.take_requests() == set()  # no requests folder yet
    folder.requests.mkdir()
    for name in ("stop", "checkpoint", "dance"):
        (folder.requests / name).touch()
    assert folder.take_requests() == {"stop", "checkpoint"}
    assert folder.take_requests() == set() and (folder.requests / "dance").exists()


def test_the_process_is_known_by_pid_and_start_time(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_process()
    body = folder.read_json(folder.process)
    assert body["pid"] == os.getpid() and body["create_time"] == psutil.Process().create_time() and body["host"]


def test_the_lock_is_one_processs_and_dies_with_it(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    hold = "import fcntl,sys,time; f=open(sys.argv[1],'a+'); fcntl.flock(f,fcntl.LOCK_EX); print('held',flush=True); time.sleep(600)"
    other = subprocess.Popen([sys.executable, "-c", hold, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(EnvironmentProblem, match="Another process"), folder.held():
            pass
    finally:
        other.kill()
        other.communicate()
    with folder.held():
        pass


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run folder"):
        RunFolder(tmp_path / "none")
