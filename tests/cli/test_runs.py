"""`aligntui runs` as a viewer of runs that train beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.jobs.folders import RunFolder, find_run
from aligntui.jobs.starting import VARIABLE, start_run
from aligntui.jobs.state import RunState, look
from aligntui.wire import run_events as wire
from tests.cli.conftest import ROOT, Cli, InsideCli
from tests.jobs.runs import SCRIPTED, make_run, no_process_left, started, wait_until, write_events
from tests.terminal import Terminal


class RunsCli(InsideCli):
    """Commands inside this process; runs and workers are processes of their own."""

    def env(self, **more: str) -> dict[str, str]:
        return super().env(**{VARIABLE: SCRIPTED, **more})

    @property
    def space(self) -> Workspace:
        return Workspace(self.workspace)

    def run_folder(self, name: str) -> RunFolder:
        return find_run(self.space, name)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunsCli:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv(VARIABLE, SCRIPTED)
    made = RunsCli(tmp_path / "home", tmp_path / "workspace")
    made.space.make()
    return made


def a_story(runs: RunsCli, name: str = "one") -> RunFolder:
    """A run that was killed in its fourth step, as it lies on disk."""
    folder = make_run(runs.space, name)
    steps = [wire.Step(n, loss=1 / n, margin=0.1 * n, lr=1e-4, grad_norm=1.0) for n in range(1, 4)]
    sample = wire.Sample(2, "Why?", "Be brief.", "Because.")
    checkpoint = wire.Checkpoint(2, "checkpoints/step-000002")
    write_events(folder, started(10), wire.Data(3, 300, 200, 1, 0), *steps[:2], checkpoint, sample, steps[2])
    return folder


def test_no_runs_yet(runs: RunsCli) -> None:
    assert runs.json("runs", "list") == []
    assert "aligntui train" in runs.ok("runs", "list").err
    assert "There is no run 'x'" in runs.refused("runs", "show", "x")


def test_list_and_show_tell_where_it_stands(runs: RunsCli) -> None:
    a_story(runs)
    (listed,) = runs.json("runs", "list")
    assert (listed["name"], listed["state"], listed["step"], listed["total_steps"]) == ("one", "interrupted", 3, 10)
    table = runs.ok("runs", "list").out
    assert "interrupted" in table and "3/10" in table
    shown = runs.ok("runs", "show", "one").out
    for piece in (
        "step 3 of 10",
        "method      cita-kl",
        "loss ",
        "1 -> 0.3333",
        "one@2",
        "Because.",
        "say nothing yet",
    ):
        assert piece in shown, piece
    assert "learning_rate:" not in shown
    assert "learning_rate:" in runs.ok("runs", "show", "one", "--config").out
    record = runs.json("runs", "show", "one")
    assert record["curves"]["loss"] == [[1, 1.0], [2, 0.5], [3, 1 / 3]]
    assert record["config"]["method"] == "cita-kl" and record["checkpoints"] == [{"step": 2, "name": "one@2"}]


def test_curves_are_drawn_without_unicode_where_it_cannot_be_printed(runs: RunsCli) -> None:
    a_story(runs)
    process = subprocess.run(
        Cli(runs.home, runs.workspace).argv("runs", "show", "one"),
        env=runs.env(PYTHONIOENCODING="ascii"), capture_output=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert b"loss              @-_" in process.stdout


def test_tail_shows_events_as_lines_or_as_they_stand_in_the_file(runs: RunsCli) -> None:
    folder = a_story(runs)
    lines = runs.ok("runs", "tail", "one", "-n", "2").out.splitlines()
    assert [line.partition("  ")[2].split(":")[0] for line in lines] == ["sample at step 2", "step 3"]
    assert len(runs.ok("runs", "tail", "one", "-n", "0").out.splitlines()) == 7
    told = runs.ok("runs", "tail", "one", "-n", "0", "--json").out
    assert told == folder.events.read_text()
    folder.console_log.write_text("loading\rloaded\nwarned\n")
    assert runs.ok("runs", "tail", "one", "--log").out == "loaded\nwarned\n"


def test_follow_ends_with_the_run(runs: RunsCli) -> None:
    folder = make_run(runs.space, "one", steps=5, step_s=0.1)
    with no_process_left(folder):
        start_run(folder).leave()
        told = runs.ok("runs", "tail", "one", "-f", "-n", "0", "--json").out.splitlines()
    kinds = [json.loads(line)["kind"] for line in told]
    assert kinds[0] == "started" and kinds[-1] == "finished" and kinds.count("step") == 5


def test_stop_checkpoint_and_resume(runs: RunsCli) -> None:
    folder = make_run(runs.space, "one", steps=30, step_s=0.1, checkpoint_every=100)
    with no_process_left(folder):
        start_run(folder).leave()
        wait_until(lambda: look(folder).story.step >= 2)
        made = runs.json("runs", "checkpoint", "one")
        assert (folder.path / made["path"]).is_dir() and made["step"] >= 2
        assert runs.json("runs", "stop", "one", "--wait")["state"] == "stopped"
        stopped_at = look(folder).story.step
        assert "is stopped: there is nothing to stop" in runs.refused("runs", "stop", "one")
        assert "no step to keep" in runs.refused("runs", "checkpoint", "one")
        (folder.path / "script.json").write_text(json.dumps({"steps": stopped_at + 3}))
        done = runs.json("runs", "resume", "one")
        assert done["state"] == "finished"
    steps = [number for number, _ in look(folder).story.curves["loss"]]
    assert steps == list(range(1, stopped_at + 4))
    assert "has finished" in runs.refused("runs", "resume", "one")


def test_kill_ends_it_at_once_and_it_can_be_resumed(runs: RunsCli) -> None:
    folder = make_run(runs.space, "one", steps=400, step_s=0.1)
    with no_process_left(folder):
        process = start_run(folder)
        wait_until(lambda: look(folder).story.step >= 3)
        assert runs.json("runs", "stop", "one", "--kill")["state"] == "interrupted"
        assert process.process.wait(10) == -signal.SIGKILL
        assert "No process" in runs.refused("runs", "stop", "one", "--kill")
        (folder.path / "script.json").write_text(json.dumps({"steps": 4}))
        assert runs.json("runs", "resume", "one", "--detach")["run"] == "one"
        wait_until(lambda: look(folder).state is RunState.FINISHED)


def test_a_run_is_stopped_before_it_has_begun(runs: RunsCli) -> None:
    folder = make_run(runs.space, "one", steps=400, step_s=0.1, silent_s=1.0)
    with no_process_left(folder):
        start_run(folder).leave()
        assert look(folder).state is RunState.STARTING
        runs.ok("runs", "stop", "one", "--wait")
    assert look(folder).state in (RunState.STOPPED, RunState.INTERRUPTED)
    assert look(folder).story.step <= 1


def test_the_queue(runs: RunsCli) -> None:
    for name in ("a", "b", "c"):
        make_run(runs.space, name, steps=3)
    assert "The queue is empty" in runs.ok("runs", "queue", "list").err
    from aligntui.jobs.queue import Queue

    queue = Queue(runs.space)
    lock = queue.take_worker_lock()  # nobody works it off while it is looked at
    assert lock is not None
    for name in ("a", "b", "c"):
        runs.ok("runs", "queue", "add", name)
    assert runs.json("runs", "queue", "move", "c", "1")[0]["name"] == "c"
    runs.ok("runs", "queue", "remove", "b")
    assert [entry["name"] for entry in runs.json("runs", "queue", "list")["entries"]] == ["c", "a"]
    assert runs.json("runs", "list")[0]["state"] == "queued"
    runs.ok("runs", "stop", "a")
    assert [entry.name for entry in queue.entries()] == ["c"], "to stop what waits is to take it out"
    assert "waits in the queue" in runs.refused("runs", "queue", "add", "c")
    assert "at once" in runs.refused("runs", "queue", "at-once", "0")
    runs.ok("runs", "queue", "at-once", "2")
    os.close(lock)
    with no_process_left(runs.run_folder("c")):
        runs.ok("runs", "queue", "start")
        wait_until(lambda: look(runs.run_folder("c")).state is RunState.FINISHED)
        wait_until(lambda: not queue.has_worker())


@pytest.mark.terminal
def test_a_terminal_that_goes_away_leaves_the_run_alone(runs: RunsCli) -> None:
    folder = make_run(runs.space, "one", steps=6000, step_s=0.1)  # longer than the test on a busy machine
    plain = Cli(runs.home, runs.workspace)
    with no_process_left(folder):
        with Terminal(plain.argv("runs", "resume", "one"), runs.env(), columns=100, rows=24) as terminal:
            terminal.wait(r"\[#*\.*\] one: running, step \S+ of 6,000")
            terminal.hang_up()
        before = look(folder).story.step
        wait_until(lambda: look(folder).story.step > before)
        with Terminal(plain.argv("runs", "tail", "one", "-f"), runs.env(), columns=100, rows=24) as terminal:
            terminal.wait(r"step \d+: loss")
            terminal.press("ctrl+c")
            assert terminal.ended() == 130
        assert look(folder).state is RunState.RUNNING
        runs.ok("runs", "stop", "one", "--wait")


def test_an_unknown_run_names_the_nearest(runs: RunsCli) -> None:
    make_run(runs.space, "polite")
    with pytest.raises(UserError):
        find_run(runs.space, "polit")
    for command in ("show", "tail", "stop", "resume", "checkpoint"):
        assert "'polite'" in runs.refused("runs", command, "polit")
