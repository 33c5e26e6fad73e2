"""Whether the engine of a console has room beside the trainings that run when it opens.

Pinned in tests/workbench/test_training_opening.py.
"""

from __future__ import annotations

from aligntui.config.paths import Workspace
from aligntui.jobs.starting import living_runs
from aligntui.workbench.engine_link import EngineLink, ModelWish
from aligntui.workbench.memory.measuring import Device
from aligntui.workbench.memory.referee import Referee, Ruling
from aligntui.workbench.training.fit import IMPORTS_BYTES, NF4_BYTES
from aligntui.workbench.training.model_shape import find_shape

CACHE_SHARE = 0.2
"""Keys and values, and what a forward pass holds for a moment, as a share of the weights."""


def engine_need(wish: ModelWish, device: Device) -> int | None:
    """Bytes that an engine takes with the base loaded; None where the shape of the base is not known here.

    In float32, which `auto` may become on a CPU; a GPU takes two bytes a number.
    """
    shape = find_shape(wish.model)
    if shape is None:
        return None
    number = 2 if wish.dtype in ("bfloat16", "float16") or (wish.dtype == "auto" and device.kind == "gpu") else 4
    linear = NF4_BYTES if wish.quantisation == "nf4" else number
    weights = shape.linear_parameters * linear + shape.other_parameters * number
    return int(weights * (1 + CACHE_SHARE) + (IMPORTS_BYTES if device.kind == "ram" else 0))


def opening_ruling(link: EngineLink, budget: int, workspace: Workspace) -> Ruling | None:
    """What stands against loading the base now; None where nothing is being trained, or nobody can say what it needs.

    A training is never asked to go, so a ruling that does not fit means that the engine waits.

    Args:
        link: the engine, not started.
        budget: of memory for all processes of ours, in bytes; 0 is what the machine has.
        workspace: whose trainings.
    """
    living = [(folder.name, process.pid) for folder, process in living_runs(workspace)]
    device = Device.wished(link.wish.device)
    need = engine_need(link.wish, device)
    if not living or need is None:
        return None
    referee = Referee(link, budget, lambda: living)
    holders = referee.holders(device)
    return Ruling("the chat's engine", need, referee.room(device, holders), device, (), tuple(holders))
