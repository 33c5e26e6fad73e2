"""A run is a process of its own session; one folder, one process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from aligntui.config.child_environment import child_environment
from aligntui.config.paths import Workspace
from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.jobs.folders import RunFolder, write_json
from aligntui.jobs.launcher import asked_processes, launcher_words
from aligntui.jobs.queue import Queue
from aligntui.jobs.starting import (
    MODULE,
    VARIABLE,
    accelerate_words,
    process_command,
    request,
    start_run,
)
from aligntui.jobs.state import RunState, look
from tests.jobs.runs import ROOT, make_run, no_process_left, seen, wait_until


def test_it_leads_a_session_of_its_own_reads_nothing_and_prints_to_its_log(workspace: Workspace) -> None:
    folder = make_run(workspace, "one", silent_s=0.3, step_s=0.1)
    with no_process_left(folder):
        started = start_run(folder)
        pid = started.process.pid
        assert os.getsid(pid) == pid != os.getsid(0)
        assert str(Path(f"/proc/{pid}/fd/0").readlink()) == os.devnull
        assert Path(f"/proc/{pid}/fd/1").readlink() == folder.console_log
        assert psutil.Process(pid).cwd() == str(workspace.root)
        assert look(folder).state is RunState.STARTING
        assert started.process.wait(30) == 0
    assert look(folder).state is RunState.FINISHED


def test_it_survives_the_hang_up_of_the_session_that_started_it(workspace: Workspace) -> None:
    folder = make_run(workspace, "one", steps=8, step_s=0.1)
    code = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from aligntui.jobs.folders import RunFolder\n"
        "from aligntui.jobs.starting import start_run\n"
        "start_run(RunFolder('one', Path(sys.argv[1]))).leave()\n"
        "os.kill(0, 1)\n"  # the whole process group hangs up, as when a line is lost
        "time.sleep(60)\n"
    )
    with no_process_left(folder):
        parent = subprocess.run(
            [sys.executable, "-c", code, str(folder.path)], cwd=ROOT, start_new_session=True, check=False, timeout=60
        )
        assert parent.returncode == -signal.SIGHUP
        wait_until(lambda: look(folder).state is RunState.FINISHED)
    assert seen(folder)[-1] == "finished"


def test_a_folder_is_trained_by_one_process_only(workspace: Workspace) -> None:
    folder = make_run(workspace, "one", steps=100, step_s=0.1)
    with no_process_left(folder):
        started = start_run(folder)
        with pytest.raises(UserError, match=rf"running already \(process {started.record.pid}\)"):
            start_run(folder)
        request(folder, "stop")
        assert started.process.wait(30) == 0
    assert look(folder).state is RunState.STOPPED


def test_a_stop_that_was_meant_for_an_earlier_process_is_forgotten(workspace: Workspace) -> None:
    folder = make_run(workspace, "one")
    request(folder, "stop")
    with no_process_left(folder):
        assert start_run(folder).process.wait(30) == 0
    assert seen(folder)[-1] == "finished"


def test_a_process_on_its_way_out_is_waited_for(workspace: Workspace) -> None:
    folder = make_run(workspace, "one", steps=100, step_s=0.05, linger_s=1.5)
    with no_process_left(folder):
        first = start_run(folder)
        request(folder, "stop")
        wait_until(lambda: look(folder).state is RunState.STOPPED)
        assert first.record.is_alive, "it has said its last word and lives"
        Queue(workspace).add("one", resume=True)
        second = start_run(folder, resume=True)
        assert second.record.pid != first.record.pid
        assert not first.record.is_alive
        request(folder, "stop")
        assert second.process.wait(30) == 0


def test_kill_at_any_step_loses_nothing_and_a_resume_goes_on(workspace: Workspace) -> None:
    folder = make_run(workspace, "one", steps=7, die_at=5)
    with no_process_left(folder):
        assert start_run(folder).process.wait(30) == -signal.SIGKILL
        run = look(folder)
        assert run.state is RunState.INTERRUPTED
        assert [one.step for one in run.story.checkpoints] == [2, 4]
        (folder.path / "script.json").write_text(json.dumps({"steps": 7}))
        assert start_run(folder, resume=True).process.wait(30) == 0
    run = look(folder)
    assert run.state is RunState.FINISHED
    assert [step for step, _ in run.story.curves["loss"]] == list(range(1, 8)), "each step once"


def test_what_was_never_submitted_is_not_started(workspace: Workspace) -> None:
    with pytest.raises(UserError, match=r"config\.yaml"):
        start_run(RunFolder("none", workspace.adapters / "none" / "run"))


def test_a_program_that_cannot_be_run_is_said(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, '["/nowhere/python"]')
    with pytest.raises(EnvironmentProblem, match="No process could be started"):
        start_run(make_run(workspace, "one"))
    monkeypatch.setenv(VARIABLE, "not json")
    with pytest.raises(UserError, match="JSON list"):
        start_run(make_run(workspace, "two"))


def test_command_lines(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    folder = make_run(workspace, "one")
    own = [sys.executable, "-m", MODULE, str(folder.path)]
    assert process_command(folder) == own
    assert process_command(folder, resume=True) == [*own, "--resume"]
    assert accelerate_words(folder) is None
    write_json(folder.path / "start.json", {"accelerate": ["--num_processes", "2"]})
    words = accelerate_words(folder)
    launch = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--multi_gpu",
        "--num_processes",
        "2",
        "-m",
        MODULE,
        str(folder.path),
        "--processes",
        "2",
    ]
    assert process_command(folder, accelerate=words) == launch
    assert process_command(folder, accelerate=words, preview=True) == [*own, "--preview"], "a preview is one process"


def test_the_current_folder_cannot_stand_in_for_a_library() -> None:
    made = child_environment({"PATH": "/bin", "PYTHONPATH": "/more"})
    assert made["PYTHONSAFEPATH"] == "1"
    assert made["PYTHONPATH"].split(os.pathsep) == [str(ROOT), "/more"]
    assert child_environment()["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize(
    ("words", "launched", "count"),
    [
        (["--num_processes", "1", "--cpu"], ["--num_processes", "1", "--cpu"], 1),
        (["--num-processes=4"], ["--multi_gpu", "--num-processes=4"], 4),
        (["--multi_gpu", "--num_processes", "2"], ["--multi_gpu", "--num_processes", "2"], 2),
        (["--config_file", "two.yaml"], ["--config_file", "two.yaml"], 0),
        (["--num_processes", "1"], ["--num_processes", "1"], 1),
        (["--num_processes"], ["--num_processes"], 0),
        ([], [], 0),
    ],
)
def test_as_many_processes_start_as_were_asked_for(words: list[str], launched: list[str], count: int) -> None:
    assert launcher_words(words) == launched and asked_processes(words) == count


def test_a_flag_that_would_start_one_process_is_refused() -> None:
    with pytest.raises(UserError, match="starts one process") as caught:
        launcher_words(["--num-processes", "2", "--cpu"])
    assert "--set device=cpu" in caught.value.hint
