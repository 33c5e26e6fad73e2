"""What values of a training configuration may be. Pinned in tests/config/test_training_config.py."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from aligntui.config.training.parts import Between, Engine, Method, PromptFormat, Quantisation, Reference
from aligntui.core.errors import UserError, nearest

if TYPE_CHECKING:
    from aligntui.config.training.training_config import TrainingConfig

REPORTERS = ("tensorboard", "wandb", "trackio")
_AT_LEAST: dict[str, float] = {
    "injection_every": 1,
    "seed": 0,
    "base.threads": 0,
    "adapter.rank": 1,
    "adapter.dropout": 0,
    "optimiser.weight_decay": 0,
    "optimiser.warmup_steps": 0,
    "optimiser.warmup_share": 0,
    "optimiser.clip": 0,
    "steps.batch": 1,
    "steps.accumulation": 1,
    "steps.length": 8,
    "steps.max_steps": 0,
    "loss.lambda1": 0,
    "loss.lambda_start": 0,
    "loss.lambda_end": 0,
    "checkpoints.every": 0,
    "checkpoints.keep": 0,
    "evaluation.every": 0,
    "evaluation.share": 0,
    "samples.count": 0,
    "samples.max_new_tokens": 1,
}
_ABOVE: dict[str, float] = {"adapter.alpha": 0, "optimiser.learning_rate": 0, "steps.epochs": 0, "loss.beta": 0}
_BELOW: dict[str, float] = {
    "adapter.dropout": 1,
    "optimiser.warmup_share": 1,
    "evaluation.share": 1,
    "seed": 2**32,  # numpy takes no larger one
}


def check(config: TrainingConfig) -> None:
    """Refuse what cannot be meant.

    Raises:
        UserError: naming the key, what it must be and what it is.
    """
    _check_ranges(config)
    _check_adapter(config)
    _check_method(config)
    _check_stages(config)
    for reporter in config.report_to:
        if reporter not in REPORTERS:
            raise UserError(f"report_to cannot be {reporter!r}.", nearest(reporter, list(REPORTERS)))


def _check_ranges(config: TrainingConfig) -> None:
    for limits, holds, wanted in (
        (_AT_LEAST, lambda value, limit: value >= limit, "at least"),
        (_ABOVE, lambda value, limit: value > limit, "above"),
        (_BELOW, lambda value, limit: value < limit, "below"),
    ):
        for key, limit in limits.items():
            value = _value(config, key)
            if not (math.isfinite(value) and holds(value, limit)):
                raise UserError(f"{key} must be {wanted} {limit:g}, not {value:g}.")


def _check_adapter(config: TrainingConfig) -> None:
    if not config.adapter.target_modules or not all(name.strip() for name in config.adapter.target_modules):
        raise UserError(
            "adapter.target_modules names no layers, so there would be nothing to train.",
            "Use q_proj,v_proj or all-linear.",
        )
    if any(layer < 0 for layer in config.adapter.layers):
        raise UserError(f"adapter.layers must count from 0, not {min(config.adapter.layers)}.")
    if not config.base.model.strip():
        raise UserError("base.model is empty.", "Name a model folder, a hub id, or `embedded`.")


def _check_method(config: TrainingConfig) -> None:
    loss = config.loss
    if config.method is Method.CITA:
        for name, value in (("lambda_start", loss.lambda_start), ("lambda_end", loss.lambda_end)):
            if value == 0:
                raise UserError(
                    f"The KL is mandatory in cita-kl, but loss.{name} is 0.",
                    "Set it above 0: the draft lets it rise from 0.01 to 0.1. A contrast without KL is dpo with "
                    "reference_normalised=false.",
                )
    contrastive = config.format is PromptFormat.CONTRASTIVE_ITA
    if (config.method is Method.CONTRASTIVE_ITA) != contrastive:
        raise UserError(
            f"The method {config.method} and the format {config.format} do not go together: a prompt that shows the "
            "rejected answer belongs to contrastive ITA alone.",
            "Set method=contrastive-ita with format=contrastive-ita, or neither.",
        )
    if loss.engine is Engine.TRL:
        plain = loss.reference_normalised is False
        if config.method is not Method.DPO or plain or config.stages:
            raise UserError(
                "loss.engine=trl is the reference for one stage of dpo as published; this configuration asks for "
                f"{'dpo without reference' if plain else 'several stages' if config.stages else config.method}.",
                "Use loss.engine=ours.",
            )


def _check_stages(config: TrainingConfig) -> None:
    kinds = [kind.value for kind in Between]
    if config.between not in kinds:
        raise UserError(f"between cannot be {config.between!r}.", f"It is one of {', '.join(kinds)}.")
    earlier = bool(config.adapter.parent) or len(config.stages) > 1
    merged = config.between == Between.MERGED
    if merged and earlier and config.base.quantisation is Quantisation.NF4:
        raise UserError(
            "between=merged would add an adapter to weights of 4 bits, which rounds most of it away.",
            "Use between=kept with nf4.",
        )
    if merged and earlier and config.loss.reference is Reference.BASE:
        raise UserError(
            "loss.reference=base needs the pretrained base, which between=merged changes.",
            "Use between=kept, or loss.reference=stage.",
        )
    if config.stages and config.stages[-1].method is not config.method:
        raise UserError(
            f"The last stage is {config.stages[-1].method}, but method is {config.method}.",
            "Set them to the same method.",
        )


def _value(config: Any, key: str) -> float:
    for name in key.split("."):
        config = getattr(config, name)
    return config
