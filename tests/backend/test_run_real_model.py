"""A short real run on the embedded model for every method, on four short records seen again and again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aligntui.backend.train.run.adapter_files import read_adapter
from tests.backend import run_folders

USERS_CACHE = os.environ.get("ALIGNTUI_CACHE")  # read before the tests get one of their own
STEPS = 5
SETTINGS = ["rank=8", "batch=4", f"max_steps={STEPS}", "lr=1e-3", "schedule=constant", "target_modules=q_proj,v_proj"]


@pytest.mark.real_model
@pytest.mark.parametrize("method", ["sft", "contrastive-ita", "dpo", "rrhf", "unified", "cita-kl"])
def test_the_embedded_model_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    if USERS_CACHE is None:
        monkeypatch.delenv("ALIGNTUI_CACHE")
    else:
        monkeypatch.setenv("ALIGNTUI_CACHE", USERS_CACHE)
    samples = ["samples.count=1", "max_new_tokens=8"] if method == "cita-kl" else []
    settings = [*SETTINGS, *samples, f"method={method}"]
    folder = run_folders.make_run(tmp_path, "embedded", settings, data=run_folders.rows(4))
    assert run_folders.train_here(folder) == 0
    if method in ("sft", "contrastive-ita"):
        losses = run_folders.curve(folder)
        assert losses[-1] < losses[0] - 0.05
    else:
        # each step sees all records, so that margins of two steps can be compared
        margins = run_folders.curve(folder, "margin")
        assert margins[-1] > margins[0] + 0.01
        assert sorted(margins) == margins
    assert read_adapter(folder.parent)[1]["base_model_name_or_path"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    if samples:
        assert run_folders.events(folder, "sample")[0].event.answer.strip()
