"""Defaults and what follows from a configuration."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from aligntui.config.training import Method, Stage, TrainingConfig, apply_settings
from aligntui.core.errors import UserError


def test_the_default_is_a_run_that_starts_anywhere() -> None:
    config = TrainingConfig()
    assert config.base.model == "embedded" and config.method is Method.CITA and config.report_to == ("tensorboard",)
    assert (config.loss.lambda_start, config.loss.lambda_end) == (0.01, 0.1)
    with pytest.raises(FrozenInstanceError):
        config.seed = 1  # type: ignore[misc]


def test_which_methods_need_a_rejected_answer() -> None:
    needing = {method for method in Method if method.needs_rejected}
    assert needing == set(Method) - {Method.SFT}
    assert not apply_settings(TrainingConfig(), ["method=sft"]).needs_rejected
    assert apply_settings(TrainingConfig(), ["stages=dpo,sft"]).needs_rejected


def test_the_last_stage_is_the_method() -> None:
    with pytest.raises(UserError, match="last stage"):
        TrainingConfig(method=Method.CITA, stages=(Stage(Method.SFT),))


def test_pairs_per_step() -> None:
    assert apply_settings(TrainingConfig(), ["batch=3", "accumulation=5"]).pairs_per_step == 15
