"""The base and the fresh adapter on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from aligntui.backend.infer.weights import load_base
from aligntui.backend.train.run.adapter_files import trained_config, trained_tensors
from aligntui.backend.train.run.adapter_model import check_targets, put_adapter
from aligntui.backend.train.run.base_model import load_for_training, training_dtype
from aligntui.config.training import TrainingConfig, apply_settings
from aligntui.config.training.parts import BasePart, Dtype
from aligntui.core.errors import UserError
from tests.backend import tiny

CONFIG = apply_settings(TrainingConfig(), ["rank=2", "target_modules=q_proj,down_proj"])


def loaded(folder: Path):
    return load_base(str(folder), dtype="float32", device="cpu")


def test_the_start_follows_from_the_seed_alone(tiny_llama: Path) -> None:
    first, reference = put_adapter(loaded(tiny_llama), CONFIG, [])
    torch.manual_seed(99)
    second, _ = put_adapter(loaded(tiny_llama), CONFIG, [])
    other, _ = put_adapter(loaded(tiny_llama), replace(CONFIG, seed=43), [])
    assert reference == ()
    assert all(
        torch.equal(a, b)
        for a, b in zip(trained_tensors(first).values(), trained_tensors(second).values(), strict=True)
    )
    assert any(
        not torch.equal(a, b)
        for a, b in zip(trained_tensors(first).values(), trained_tensors(other).values(), strict=True)
    )
    config = trained_config(first)
    assert config["target_modules"] == ["down_proj", "q_proj"] and config["r"] == 2 and config["inference_mode"]


def test_one_layer_alone(tiny_llama: Path) -> None:
    model, _ = put_adapter(
        loaded(tiny_llama), apply_settings(CONFIG, ["layers=1", "rank=1", "target_modules=down_proj"]), []
    )
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    assert len(names) == 2 and all(".layers.1.mlp.down_proj." in name for name in names)
    assert all(1 in p.shape for p in model.parameters() if p.requires_grad)


def test_only_the_new_adapter_is_trained_over_a_kept_one(tiny_llama: Path, adapter_a: Path) -> None:
    model, reference = put_adapter(loaded(tiny_llama), CONFIG, [adapter_a])
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert trained and all(".default." in name for name in trained)
    assert reference == ("earlier0",) and model.active_adapters == ["earlier0", "default"]
    assert all("earlier0" not in name for name in trained_tensors(model))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["target_modules=q_prj"], ["'q_prj'", "matches no layer", "'q_proj'"]),
        (["layers=2"], ["layer 2", "counted from 0", "up to 1"]),
    ],
)
def test_targets_that_are_not_there(tiny_llama: Path, settings: list[str], words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        check_targets(loaded(tiny_llama).model, apply_settings(CONFIG, settings).adapter)
    whole = f"{caught.value.message} {caught.value.hint}"
    assert all(word in whole for word in words), whole


def test_all_linear_and_other_architectures(tmp_path: Path) -> None:
    base = loaded(tiny.save_gpt2(tmp_path / "gpt2"))
    check_targets(base.model, apply_settings(CONFIG, ["target_modules=c_attn"]).adapter)
    check_targets(base.model, apply_settings(CONFIG, ["target_modules=all-linear"]).adapter)
    with pytest.raises(UserError, match="q_proj"):
        check_targets(base.model, CONFIG.adapter)


def test_the_dtype_is_measured_named_or_remembered(tiny_llama: Path) -> None:
    assert training_dtype(Dtype.AUTO, "cpu") in ("float32", "bfloat16")
    assert training_dtype(Dtype.FLOAT16, "cpu") == "float16"
    part = BasePart(model=str(tiny_llama), device="cpu", dtype=Dtype.AUTO)
    warnings: list[str] = []
    base = load_for_training(part, warnings.append, "bfloat16")
    assert base.dtype == "bfloat16" and next(base.model.parameters()).dtype is torch.bfloat16 and not warnings


def test_nf4_with_double_quantisation(tiny_llama: Path) -> None:
    for double in (True, False):
        part = apply_settings(
            TrainingConfig(), [f"model={tiny_llama}", "device=cpu", "dtype=float32", "quantisation=nf4"]
        ).base
        base = load_for_training(replace(part, double_quantisation=double), print)
        state = base.model.model.layers[0].mlp.up_proj.weight.quant_state
        assert base.quantisation == "nf4" and state.quant_type == "nf4" and state.nested is double
