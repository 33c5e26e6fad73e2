"""Two real processes over gloo give the curve of one process with twice the batch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aligntui.wire.run_events import Finished
from tests.backend import run_folders

SETTINGS = ["method=unified", "max_steps=4", "checkpoints.every=4", "evaluation.every=2", "samples.count=1"]
RECORDS = 8
"""Two whole batches of four, so that no process fills up its last batch from the start of the epoch."""


def launch(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    parts = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--master-port=0", "--rdzv-backend=c10d"]
    parts += ["--rdzv-endpoint=localhost:0", "-m", "aligntui.backend.train.run", str(folder)]
    return subprocess.run(
        [sys.executable, *parts],
        cwd=run_folders.ROOT,
        env=run_folders.environment(**more),
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_two_processes_are_one_with_twice_the_batch(tiny_llama: Path, tmp_path: Path) -> None:
    held_out = run_folders.rows(3)
    data = run_folders.rows(RECORDS)
    two = run_folders.make_run(tmp_path, tiny_llama, [*SETTINGS, "batch=2"], name="two", data=data, held_out=held_out)
    one = run_folders.make_run(tmp_path, tiny_llama, [*SETTINGS, "batch=4"], name="one", data=data, held_out=held_out)
    done = launch(two)
    assert done.returncode == 0, done.stderr[-3000:]
    assert run_folders.train(one).returncode == 0
    for figure in ("loss", "kl", "margin", "chosen_logp", "grad_norm", "lr", "sft", "kl_weight"):
        assert run_folders.curve(two, figure) == pytest.approx(run_folders.curve(one, figure), rel=2e-4, abs=1e-5), (
            figure
        )
    evals = [[s.event.loss for s in run_folders.events(folder, "eval")] for folder in (one, two)]
    assert len(evals[0]) == 2 and evals[0] == pytest.approx(evals[1], rel=2e-4)
    said = run_folders.events(two)
    assert [stamped.seq for stamped in said] == list(range(len(said)))  # one process writes
    assert len(run_folders.events(two, "started")) == 1 and run_folders.events(two, "started")[0].event.processes == 2
    assert isinstance(said[-1].event, Finished)
    states = sorted(f.name for f in (two / "checkpoints" / "step-000004" / "state").glob("rng_state*"))
    assert states == ["rng_state_0.pth", "rng_state_1.pth"]


@pytest.mark.parametrize("variable", ["ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"])
def test_a_sharded_head_is_refused_before_anything_is_loaded(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    folder = run_folders.make_run(tmp_path, tiny_llama, SETTINGS)
    monkeypatch.setenv(variable, "true")
    assert run_folders.train_here(folder) == 2
    (failed,) = run_folders.events(folder)
    assert "output head" in failed.event.error and "data parallelism" in failed.event.hint


def test_fewer_processes_than_were_asked_for_are_refused(tiny_llama: Path, tmp_path: Path) -> None:
    folder = run_folders.make_run(tmp_path, tiny_llama, SETTINGS)
    assert run_folders.train_here(folder, "--processes", "2") == 2
    (failed,) = run_folders.events(folder)
    assert "2 processes were asked for, and the launcher started 1" in failed.event.error
