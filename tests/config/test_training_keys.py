"""`--set`: names, short names, values, and what is refused."""

from __future__ import annotations

import pytest

from aligntui.config.training import KEYS, TrainingConfig, apply_settings, full_key
from aligntui.core.errors import UserError

CONFIG = TrainingConfig()


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("max_steps=100", "steps.max_steps", 100),
        ("steps.max_steps=100", "steps.max_steps", 100),
        ("max-steps = 100", "steps.max_steps", 100),
        ("lr=5e-4", "optimiser.learning_rate", 5e-4),
        ("learning_rate=0.01", "optimiser.learning_rate", 0.01),
        ("target_modules=q_proj, v_proj", "adapter.target_modules", ("q_proj", "v_proj")),
        ("layers=24", "adapter.layers", (24,)),
        ("layers=", "adapter.layers", ()),
        ("reference_normalised=false", "loss.reference_normalised", False),
        ("reference_normalised=none", "loss.reference_normalised", None),
        ("quantisation=NF4", "base.quantisation", "nf4"),
        ("gradient_checkpointing=yes", "steps.gradient_checkpointing", True),
        ("max_memory=0=14336MiB,cpu=24GiB", "base.max_memory", {"0": "14336MiB", "cpu": "24GiB"}),
        ("report_to=", "report_to", ()),
        ("model=owner/name", "base.model", "owner/name"),
        ("epochs=0.5", "steps.epochs", 0.5),
        ("checkpoint_every=7", "checkpoints.every", 7),
    ],
)
def test_a_setting_is_read(setting: str, key: str, value: object) -> None:
    found = apply_settings(CONFIG, [setting])
    for name in key.split("."):
        found = getattr(found, name)
    assert found == value


def test_lambda_without_annealing_sets_both_ends() -> None:
    for name in ("lambda", "lambda2"):
        loss = apply_settings(CONFIG, [f"{name}=0.05"]).loss
        assert (loss.lambda_start, loss.lambda_end) == (0.05, 0.05)


def test_later_settings_win_and_nothing_else_changes() -> None:
    found = apply_settings(CONFIG, ["rank=4", "rank=8"])
    assert found.adapter.rank == 8
    assert apply_settings(found, ["rank=16"]) == CONFIG


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("lerning_rate=1", ["lerning_rate", "'learning_rate'"]),
        ("adaptor.rank=1", ["'adapter.rank'"]),
        ("every=3", ["checkpoints.every", "evaluation.every", "dotted"]),
        ("rank", ["key=value"]),
        ("rank=four", ["adapter.rank", "whole number", "four"]),
        ("rank=2.5", ["whole number"]),
        ("rank=0", ["at least 1"]),
        ("lr=nan", ["above 0"]),
        ("lr=inf", ["learning_rate"]),
        ("dropout=1", ["below 1"]),
        ("schedule=cosin", ["'cosine'"]),
        ("method=cita", ["'cita-kl'"]),
        ("gradient_checkpointing=maybe", ["true or false"]),
        ("lambda=0", ["mandatory", "cita-kl"]),
        ("lambda_end=0", ["mandatory", "lambda_end"]),
        ("target_modules=", ["nothing to train"]),
        ("format=contrastive-ita", ["contrastive"]),
        ("max_memory=14GiB", ["0=14336MiB"]),
        ("report_to=tensorbord", ["'tensorboard'"]),
        ("loss_engine=trl", ["dpo", "cita-kl"]),
        ("stages=sft,ppo", ["ppo"]),
        ("between=mixed", ["merged", "kept"]),
        ("seed=-1", ["at least 0"]),
    ],
)
def test_what_cannot_be_meant_is_refused(setting: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        apply_settings(CONFIG, [setting])
    whole = f"{caught.value.message} {caught.value.hint}"
    assert all(word in whole for word in words), whole


def test_contrastive_ita_is_method_and_format_at_once() -> None:
    found = apply_settings(CONFIG, ["method=contrastive-ita"])
    assert found.format == "contrastive-ita"
    back = apply_settings(found, ["method=sft"])
    assert back.format == "ita"


def test_stages_and_their_own_settings() -> None:
    found = apply_settings(CONFIG, ["stages=sft,dpo,cita-kl", "lr=1e-3"])
    assert [stage.method for stage in found.staged()] == ["sft", "dpo", "cita-kl"]
    assert {stage.optimiser.learning_rate for stage in found.staged()} == {1e-3}
    own = apply_settings(CONFIG, {"stages": [{"method": "sft", "settings": {"lr": "2e-4", "batch": 1}}, "cita-kl"]})
    first, last = own.staged()
    assert (first.optimiser.learning_rate, first.steps.batch) == (2e-4, 1)
    assert (last.optimiser.learning_rate, last.steps.batch) == (1e-4, 4)
    assert apply_settings(own, ["method=dpo"]).stages == ()
    with pytest.raises(UserError, match="same for all stages"):
        apply_settings(CONFIG, {"stages": [{"method": "sft", "settings": {"model": "other"}}, "cita-kl"]})
    with pytest.raises(UserError, match="no setting"):
        apply_settings(CONFIG, {"stages": [{"method": "sft", "settings": {"lernrate": 1}}, "cita-kl"]})


def test_merging_is_refused_where_it_would_be_wrong() -> None:
    stages = "stages=sft,cita-kl"
    with pytest.raises(UserError, match="4 bits"):
        apply_settings(CONFIG, [stages, "between=merged", "quantisation=nf4"])
    with pytest.raises(UserError, match="pretrained base"):
        apply_settings(CONFIG, [stages, "between=merged", "loss.reference=base"])
    assert apply_settings(CONFIG, [stages, "between=merged"]).between == "merged"


def test_every_name_leads_to_itself() -> None:
    for key in KEYS:
        assert full_key(key) == key
