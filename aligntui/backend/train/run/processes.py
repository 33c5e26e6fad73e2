"""Several processes that train one run. Pinned in tests/backend/test_run_processes.py."""

from __future__ import annotations

import os

import torch
import torch.distributed as dist
from accelerate import PartialState

from aligntui.backend.train.run.figures import world
from aligntui.core.errors import UserError


def join_processes(device: str) -> None:
    """Meet the other processes of the run, where a launcher started several.

    Args:
        device: auto, cpu or cuda, as configured.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return
    on_cpu = device == "cpu" or not torch.cuda.is_available()
    PartialState(cpu=on_cpu, **({"backend": "gloo"} if on_cpu else {}))


def check_processes(asked: int) -> None:
    """Refuse to train with another number of processes than was asked for: a step would see less data than was meant.

    Args:
        asked: 0 takes what the launcher started.

    Raises:
        UserError: the launcher started another number.
    """
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if asked and started != asked:
        raise UserError(
            f"{asked} processes were asked for, and the launcher started {started}.",
            "Say `--multi_gpu` among the words for accelerate (it also starts processes on a CPU), or look at its configuration.",
        )


def meet() -> None:
    """Wait until all processes have come here."""
    if world() > 1:
        dist.barrier()


def agree(value: str) -> str:
    """The first process's value: what was measured may differ from process to process."""
    if world() == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box)
    return box[0]


def refuse_sharding() -> None:
    """Refuse what would split the output head, before anything is loaded.

    Raises:
        UserError: FSDP, or DeepSpeed beyond the sharing of optimiser states.
    """
    names = {"ACCELERATE_USE_FSDP": "FSDP", "ACCELERATE_USE_DEEPSPEED": "DeepSpeed"}
    for variable, name in names.items():
        if os.environ.get(variable, "").lower() not in ("true", "1"):
            continue
        stage = os.environ.get("ACCELERATE_DEEPSPEED_ZERO_STAGE", "3")
        if name == "DeepSpeed" and stage.isdigit() and int(stage) < 3:
            continue
        raise UserError(
            f"{name} was asked for: it shards the output head over the processes, and the training step needs all of it "
            "on each.",
            "Use data parallelism: `accelerate launch --multi_gpu`, or torchrun.",
        )
