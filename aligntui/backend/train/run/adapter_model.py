"""Puts a fresh adapter on the base, over those of earlier stages. Pinned in tests/backend/test_run_model.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import set_seed

from aligntui.backend.infer.embedded import EMBEDDED
from aligntui.backend.infer.weights import Base
from aligntui.config.training import TrainingConfig
from aligntui.config.training.parts import AdapterPart, Between, Reference
from aligntui.core.errors import UserError, nearest

TRAINED = "default"
EMBEDDED_HUB_NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""Under which other tools find the base of an adapter that was trained on the embedded model."""


def put_adapter(base: Base, stage: TrainingConfig, earlier: Sequence[Path]) -> tuple[PeftModel, tuple[str, ...]]:
    """A model that trains one new adapter; its start follows from the seed alone.

    Args:
        base: freshly loaded; its model is changed.
        stage: adapter, seed, and what becomes of the earlier ones.
        earlier: folders of the adapters under it, the first one nearest to the base.

    Returns:
        The model and the names of the adapters that make the reference (none is the base under all adapters).

    Raises:
        UserError: target modules or layers that the base does not have, or an earlier adapter that does not fit.
    """
    model: Any = base.model
    check_targets(model, stage.adapter)
    kept: list[str] = []
    for number, folder in enumerate(earlier):
        try:
            if stage.between == Between.MERGED:
                model = PeftModel.from_pretrained(model, folder).merge_and_unload()
            elif not kept:
                kept.append(f"earlier{number}")
                model = PeftModel.from_pretrained(model, folder, adapter_name=kept[0], is_trainable=False)
            else:
                kept.append(f"earlier{number}")
                model.load_adapter(folder, kept[-1], is_trainable=False)
        except (ValueError, KeyError, RuntimeError, OSError) as error:
            first = (str(error).strip().splitlines() or [""])[0]
            raise UserError(
                f"The adapter {folder} cannot be put under the new one: {first[:300]}",
                "Name a LoRA adapter that was trained on this base.",
            ) from error
    # not before: what the earlier adapters draw while they are loaded must not change the start of the new one
    set_seed(stage.seed)
    lora = lora_config(stage.adapter)
    if not kept:
        model = get_peft_model(model, lora)
    else:
        model.add_adapter(TRAINED, lora)
        model.base_model.set_adapter([*kept, TRAINED])
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(f".{TRAINED}." in name)
    # PEFT puts the folder here that the base was read from, which means nothing elsewhere
    model.peft_config[TRAINED].base_model_name_or_path = base_name(base)
    reference = tuple(kept) if stage.loss.reference is Reference.STAGE else ()
    return model, reference


def lora_config(part: AdapterPart) -> LoraConfig:
    """PEFT's configuration of the adapter."""
    all_linear = part.target_modules == ("all-linear",)
    return LoraConfig(
        r=part.rank,
        lora_alpha=part.alpha if part.alpha != int(part.alpha) else int(part.alpha),  # type: ignore[arg-type]
        lora_dropout=part.dropout,
        target_modules="all-linear" if all_linear else list(part.target_modules),
        layers_to_transform=list(part.layers) or None,
        bias="none",
        task_type="CAUSAL_LM",
    )


def base_name(base: Base) -> str:
    """The base as an adapter's configuration names it."""
    return EMBEDDED_HUB_NAME if base.asked == EMBEDDED else base.asked


def check_targets(model: nn.Module, part: AdapterPart) -> None:
    """Refuse names that match no layer, before PEFT leaves some of them out in silence.

    Raises:
        UserError: with the nearest name.
    """
    layers = int(getattr(model.config.get_text_config(), "num_hidden_layers", 0))  # type: ignore[operator, union-attr]
    wrong = [number for number in part.layers if number >= layers]
    if wrong:
        raise UserError(
            f"The adapter was asked for in layer {wrong[0]}; this model has {layers}, counted from 0.",
            f"Set adapter.layers to numbers up to {layers - 1}.",
        )
    if part.target_modules == ("all-linear",):
        return
    names = [name for name, module in model.named_modules() if getattr(module, "weight", None) is not None]
    for target in part.target_modules:
        if not any(name == target or name.endswith(f".{target}") for name in names):
            leaves = sorted(
                {name.rpartition(".")[2] for name in names if "proj" in name or "attn" in name or "fc" in name}
            )
            raise UserError(
                f"The target module {target!r} matches no layer of this model.",
                nearest(target, leaves or sorted({name.rpartition(".")[2] for name in names})),
            )
