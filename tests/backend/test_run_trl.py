"""The same run by our step and by trl.DPOTrainer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backend import run_folders

SETTINGS = ["method=dpo", "max_steps=6", "accumulation=2", "checkpoints.every=3", "evaluation.every=6"]


def test_our_run_is_trls_run(tiny_llama: Path, tmp_path: Path) -> None:
    """Whole batches, in the loss of which a mean over batches (TRL's) and over pairs (ours) agree."""
    folders = {}
    for engine in ("ours", "trl"):
        folders[engine] = run_folders.make_run(
            tmp_path, tiny_llama, [*SETTINGS, f"loss_engine={engine}"], name=engine, held_out=run_folders.rows(4)
        )
        assert run_folders.train_here(folders[engine]) == 0
    for figure in ("loss", "margin", "accuracy", "chosen_logp", "rejected_logp", "grad_norm", "lr"):
        ours, theirs = (run_folders.curve(folders[engine], figure) for engine in ("ours", "trl"))
        assert len(ours) == 6 and ours == pytest.approx(theirs, rel=2e-3, abs=1e-4), figure
    losses = [run_folders.events(folders[engine], "eval")[0].event.loss for engine in ("ours", "trl")]
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)
    assert (folders["trl"].parent / "adapter_model.safetensors").is_file()
    assert len(run_folders.events(folders["trl"], "checkpoint")) == 2
