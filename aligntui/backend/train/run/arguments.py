"""From a stage's configuration to the loss's and to the Trainer's own arguments. Pinned in tests/backend/test_run_arguments.py."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aligntui.backend.train.losses.config import Annealing, Contrast, KlReading, LossConfig, Method, SftReduction
from aligntui.backend.train.run.figures import world
from aligntui.config.training import Method as Name
from aligntui.config.training import TrainingConfig
from aligntui.config.training.parts import Optimizer, Reduction, Schedule

_METHODS = {
    Name.SFT: Method.SFT,
    Name.CONTRASTIVE_ITA: Method.SFT,
    Name.DPO: Method.DPO,
    Name.RRHF: Method.RRHF,
    Name.UNIFIED: Method.UNIFIED,
    Name.CITA: Method.CITA,
}
_OPTIMIZERS = {
    # one kernel for all weights instead of one for each, with the same arithmetic
    Optimizer.ADAMW: "adamw_torch_fused",
    Optimizer.ADAMW_8BIT: "adamw_bnb_8bit",
    Optimizer.SGD: "sgd",
}
_SCHEDULES = {Schedule.CONSTANT: "constant_with_warmup", Schedule.LINEAR: "linear", Schedule.COSINE: "cosine"}


def loss_config(stage: TrainingConfig) -> LossConfig:
    """What is minimised.

    Raises:
        UserError: a weight is out of range.
    """
    loss = stage.loss
    contrast = None
    if loss.reference_normalised is not None:
        contrast = Contrast.REFERENCE if loss.reference_normalised else Contrast.PLAIN
    return LossConfig(
        method=_METHODS[stage.method],
        beta=loss.beta,
        contrast=contrast,
        sft_reduction=SftReduction.TOKEN_MEAN if loss.reduction is Reduction.TOKEN_MEAN else SftReduction.SEQUENCE_SUM,
        dpo_weight=loss.lambda1,
        rank_weight=loss.lambda1,
        kl_weight=Annealing(loss.lambda_start, loss.lambda_end),
        kl=KlReading(loss.kl.value),
    )


def step_count(stage: TrainingConfig, records: int, processes: int) -> int:
    """Optimiser steps of a stage: whole batches over all processes, the last one of an epoch as it comes."""
    if stage.steps.max_steps:
        return stage.steps.max_steps
    batches = math.ceil(records / (stage.steps.batch * processes))
    per_epoch = math.ceil(batches / stage.steps.accumulation)
    return max(1, math.ceil(stage.steps.epochs * per_epoch))


def warmup_steps(stage: TrainingConfig, steps: int) -> int:
    """Steps of the linear rise."""
    return stage.optimiser.warmup_steps or math.ceil(stage.optimiser.warmup_share * steps)


def trainer_arguments(
    stage: TrainingConfig, steps: int, device: str, output: Path, warn: Callable[[str], None]
) -> dict:
    """Arguments of transformers' Trainer; evaluation, checkpoints and reports are driven by `hooks`.

    Args:
        stage: its configuration.
        steps: of the stage.
        device: cpu or cuda.
        output: a folder of the Trainer's own, where nothing of value lands.
        warn: told what could not be done as asked.
    """
    optimizer = stage.optimiser.optimizer
    on_cpu = device == "cpu"
    if optimizer is Optimizer.ADAMW_8BIT and on_cpu:
        warn("The 8-bit optimiser applies only with a GPU; there is none, so adamw_torch takes its place.")
        optimizer = Optimizer.ADAMW
    options: dict[str, Any] = {
        "output_dir": str(output),
        "per_device_train_batch_size": stage.steps.batch,
        "gradient_accumulation_steps": stage.steps.accumulation,
        "max_steps": steps,
        "learning_rate": stage.optimiser.learning_rate,
        "weight_decay": stage.optimiser.weight_decay,
        "max_grad_norm": stage.optimiser.clip,
        "lr_scheduler_type": _SCHEDULES[stage.optimiser.schedule],
        "warmup_steps": warmup_steps(stage, steps),
        "optim": _OPTIMIZERS[optimizer],
        "seed": stage.seed,
        "data_seed": stage.seed,
        "bf16": False,
        "fp16": False,
        "save_strategy": "no",
        "logging_strategy": "no",
        "eval_strategy": "no",
        "logging_nan_inf_filter": False,
        "report_to": [],
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "dataloader_pin_memory": not on_cpu,
        "use_cpu": on_cpu,
        "ddp_find_unused_parameters": False,
    }
    if on_cpu and world() > 1:
        options["ddp_backend"] = "gloo"
    return options


def reporters(asked: tuple[str, ...], warn: Callable[[str], None]) -> list[str]:
    """Those of the asked reporters that are installed.

    TensorBoard is the default and is left out in silence; one that was named on purpose is missed aloud.
    """
    found = []
    for name in asked:
        if importlib.util.find_spec(name) is not None:
            found.append(name)
        elif name != "tensorboard":
            warn(f"report_to names {name}, which is not installed: pip install {name}")
    return found
