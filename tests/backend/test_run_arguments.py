"""From the configuration to the loss and the Trainer."""

from __future__ import annotations

import pytest

from aligntui.backend.train.losses.config import Contrast, KlReading, Method, SftReduction
from aligntui.backend.train.run.arguments import loss_config, reporters, step_count, trainer_arguments, warmup_steps
from aligntui.config.training import TrainingConfig, apply_settings, load_preset

DEFAULT = TrainingConfig()


def test_the_loss_of_the_paper_s_preset() -> None:
    sft, dpo, cita = map(loss_config, load_preset("cita-paper").config.staged())
    assert (sft.method, dpo.method, cita.method) == (Method.SFT, Method.DPO, Method.CITA)
    assert dpo.contrasted is Contrast.REFERENCE and dpo.beta == 0.1
    assert (cita.contrasted, cita.kl, cita.beta) == (Contrast.REFERENCE, KlReading.LOG_RATIO, 0.107)
    assert cita.kl_weight.at(0, 10) == cita.kl_weight.at(9, 10) == 2.3e-4


def test_methods_keep_their_own_contrast_unless_told() -> None:
    assert loss_config(apply_settings(DEFAULT, ["method=dpo"])).contrasted is Contrast.REFERENCE
    assert loss_config(DEFAULT).contrasted is Contrast.PLAIN
    draft = loss_config(
        apply_settings(DEFAULT, ["method=unified", "reference_normalised=no", "lambda1=2", "reduction=sequence_sum"])
    )
    assert (draft.contrasted, draft.dpo_weight, draft.sft_reduction) == (Contrast.PLAIN, 2, SftReduction.SEQUENCE_SUM)
    assert not loss_config(apply_settings(DEFAULT, ["method=contrastive-ita"])).needs_rejected


@pytest.mark.parametrize(
    ("settings", "records", "processes", "expected"),
    [
        ("batch=4", 8, 1, 2),
        ("batch=4", 9, 1, 3),
        ("batch=4 accumulation=2", 9, 1, 2),
        ("batch=4 accumulation=2", 9, 2, 1),
        ("batch=2 epochs=3", 7, 1, 12),
        ("batch=2 epochs=0.5", 8, 1, 2),
        ("batch=2 epochs=0.01", 8, 1, 1),
        ("batch=2 max_steps=50", 8, 1, 50),
    ],
)
def test_steps(settings: str, records: int, processes: int, expected: int) -> None:
    assert step_count(apply_settings(DEFAULT, settings.split()), records, processes) == expected


def test_warm_up_in_steps_or_as_a_share() -> None:
    assert warmup_steps(apply_settings(DEFAULT, ["warmup_share=0.1"]), 95) == 10
    assert warmup_steps(apply_settings(DEFAULT, ["warmup_share=0.1", "warmup_steps=5"]), 95) == 5


def test_the_eight_bit_optimiser_stays_on_a_gpu(tmp_path) -> None:
    stage = load_preset("aisf-mistral-base").config
    warnings: list[str] = []
    assert trainer_arguments(stage, 5, "cuda", tmp_path, warnings.append)["optim"] == "adamw_bnb_8bit"
    assert not warnings
    assert trainer_arguments(stage, 5, "cpu", tmp_path, warnings.append)["optim"] == "adamw_torch_fused"
    assert len(warnings) == 1


def test_reporters_that_are_missing_are_missed_aloud_when_they_were_named() -> None:
    warnings: list[str] = []
    found = reporters(("tensorboard", "trackio"), warnings.append)
    assert "trackio" in found or any("pip install trackio" in text for text in warnings)
    assert not any("tensorboard" in text for text in warnings)
