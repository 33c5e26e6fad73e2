"""Real processes: killed at bad moments, stopped, resumed; what comes out equals a run that nobody disturbed."""

from __future__ import annotations

import random
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

from aligntui.wire.run_events import Checkpoint, Finished, Resumed, Stopped, Stopping
from tests.backend import run_folders

SETTINGS = [
    *("stages=sft,dpo", "max_steps=6", "accumulation=2", "batch=1", "dropout=0.2", "checkpoints.every=2"),
    *("evaluation.every=3", "samples.count=1", "max_new_tokens=4", "schedule=cosine", "warmup_steps=2"),
]
STEPS = 12
DEADLINE = 150.0


def make(tmp_path: Path, model: Path, name: str, *more: str) -> Path:
    return run_folders.make_run(
        tmp_path, model, [*SETTINGS, *more], name=name, data=run_folders.rows(7), held_out=run_folders.rows(2)
    )


def wait_for_events(folder: Path, process: subprocess.Popen[str], count: int) -> None:
    """Until the run has said so many things, or has ended."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if len(run_folders.events(folder)) >= count or process.poll() is not None:
            return
        time.sleep(0.005)
    raise AssertionError(f"{folder} said only {len(run_folders.events(folder))} things: {console(folder)}")


def console(folder: Path) -> str:
    return (folder / "console.log").read_text("utf-8")[-2000:]


def weights(folder: Path) -> bytes:
    return (folder.parent / "adapter_model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make(tmp_path_factory.mktemp("whole"), tiny_llama, "whole")
    done = run_folders.train(folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_killed_again_and_again_gives_the_same_weights(undisturbed: Path, tiny_llama: Path, tmp_path: Path) -> None:
    chance = random.Random(1)
    folder = make(tmp_path, tiny_llama, "killed")
    said = len(run_folders.events(undisturbed))
    moments = sorted(chance.sample(range(4, said - 2), 2))
    for life, moment in enumerate(moments):
        process = run_folders.begin(folder, *(["--resume"] if life else []))
        wait_for_events(folder, process, moment)
        time.sleep(chance.random() * 0.03)  # anywhere inside of what comes next, a checkpoint among it
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    done = run_folders.train(folder, "--resume")
    assert done.returncode == 0, done.stderr
    assert weights(folder) == weights(undisturbed)
    assert run_folders.curve(folder) == run_folders.curve(undisturbed)
    assert not list((folder / "checkpoints").glob(".draft-*"))
    seqs = [stamped.seq for stamped in run_folders.events(folder)]
    assert seqs == list(range(len(seqs)))


def test_stop_by_request_leaves_a_checkpoint_and_resume_ends_the_same(
    undisturbed: Path, tiny_llama: Path, tmp_path: Path
) -> None:
    folder = make(tmp_path, tiny_llama, "stopped", "checkpoints.every=0")
    process = run_folders.begin(folder)
    wait_for_events(folder, process, 3)
    (folder / "requests" / "stop").touch()
    assert process.wait(DEADLINE) == 0, console(folder)
    said = [stamped.event for stamped in run_folders.events(folder)]
    assert isinstance(said[-1], Stopped) and any(isinstance(event, Stopping) for event in said)
    step = said[-1].step
    assert 0 < step < STEPS
    assert not (folder / "requests" / "stop").exists()
    assert [event.step for event in said if isinstance(event, Checkpoint)][-1] == step
    assert not (folder.parent / "adapter_config.json").exists()
    done = run_folders.train(folder, "--resume")
    assert done.returncode == 0, done.stderr
    assert next(s.event for s in run_folders.events(folder, "resumed")) == Resumed(step)
    assert weights(folder) == weights(undisturbed)


def test_a_lost_terminal_and_a_second_process_harm_nothing_and_term_stops(
    tiny_llama: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make(tmp_path, tiny_llama, "signalled", "max_steps=4000")
    process = run_folders.begin(folder)
    wait_for_events(folder, process, 3)
    process.send_signal(signal.SIGHUP)
    before = len(run_folders.events(folder))
    wait_for_events(folder, process, before + 6)
    assert process.poll() is None
    assert run_folders.train_here(folder, "--resume") == 3  # the lock is the other's
    assert str(process.pid) in capsys.readouterr().err
    assert process.poll() is None and not run_folders.events(folder, "failed")
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE) == 0, console(folder)
    assert isinstance(run_folders.events(folder)[-1].event, Stopped)


def test_a_full_disk_at_a_checkpoint_leaves_the_earlier_one_whole(tiny_llama: Path, tmp_path: Path) -> None:
    folder = make(tmp_path, tiny_llama, "full", "rank=16", "stages=", "method=dpo")
    process = run_folders.begin(folder)
    wait_for_events(folder, process, 3)
    while not run_folders.events(folder, "checkpoint") and process.poll() is None:
        time.sleep(0.002)
    # from here on no file of the process grows beyond what its events already take, as on a full disk
    limit = (folder / "events.jsonl").stat().st_size + 12_000
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    assert process.wait(DEADLINE) == 3, console(folder)
    (failed,) = run_folders.events(folder, "failed")
    assert "checkpoint of step" in failed.event.error and "could not be written" in failed.event.error
    assert "resume" in failed.event.hint and failed.event.exit_code == 3
    assert (folder / "checkpoints" / "step-000002" / "state" / "optimizer.pt").is_file()
    done = run_folders.train(folder, "--resume")
    assert done.returncode == 0, done.stderr
    assert isinstance(run_folders.events(folder)[-1].event, Finished)


def test_what_has_finished_is_neither_started_nor_resumed(
    undisturbed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (undisturbed / "events.jsonl").read_bytes()
    for options in ((), ("--resume",)):
        assert run_folders.train_here(undisturbed, *options) == 2
        assert "finished" in capsys.readouterr().err
    assert (undisturbed / "events.jsonl").read_bytes() == before
    assert (undisturbed.parent / "README.md").stat().st_size > 500
