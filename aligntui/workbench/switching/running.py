"""Runs of instruction switching: begun, gone on with, filled.

Pinned in tests/workbench/test_switching_running.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aligntui.core.errors import UserError
from aligntui.core.generation import AT_ONCE, GenerationRun, RunKind
from aligntui.core.prompt_format import Mode
from aligntui.core.sampling import Sampling
from aligntui.data.switch_cases import SwitchDataSet
from aligntui.data.switch_suites import OpposedSuite
from aligntui.workbench.chat import Chat
from aligntui.workbench.generation.base_and_sides import BaseModel, check_same, loaded_model, sides_of
from aligntui.workbench.generation.cells import Asking, check_loaded
from aligntui.workbench.generation.filling import Filler
from aligntui.workbench.generation.holding import held
from aligntui.workbench.generation.progress import CellEvent, RunProgress
from aligntui.workbench.loaded import loaded_engine
from aligntui.workbench.switching.plan import SwitchPlan, make_plan


@dataclass(frozen=True)
class SwitchWish:
    """What is to be measured, besides model, sides and sampling."""

    dataset: SwitchDataSet
    seeds: int = 1
    noise: bool = True
    suites: tuple[OpposedSuite, ...] = ()
    name: str = ""
    """Of the run; made from data set and sides when empty."""
    bare: bool = False
    """Whether every prompt is also asked without an instruction."""


def asking_of(chat: Chat) -> Asking:
    """The settings of a chat as a run takes them.

    Raises:
        UserError: as `asking_with`.
    """
    settings = chat.settings
    return asking_with(settings.sampling, settings.mode, settings.injection_every)


def asking_with(sampling: Sampling, mode: Mode, injection_every: int) -> Asking:
    """How a run is asked.

    Raises:
        UserError: the mode is `none`, in which no instruction reaches the model.
    """
    if mode is Mode.NONE:
        raise UserError("In mode none no instruction reaches the model.", "Choose --mode system, ita or injection.")
    return Asking(sampling, mode, injection_every)


async def begin_run(chat: Chat, wish: SwitchWish) -> GenerationRun:
    """Plan a run with the base, the columns and the settings of a chat, and store it.

    Raises:
        UserError: what is wished for is no run.
        EngineError: no base is loaded, or an adapter was not held against it.
        StoreError: it could not be written.
    """
    base, sides = BaseModel.of(loaded_model(chat)), sides_of(chat)
    for side in sides:
        check_loaded(side)
    plan = make_plan(
        wish.dataset,
        base,
        sides,
        asking_of(chat),
        seeds=wish.seeds,
        noise=wish.noise,
        suites=wish.suites,
        bare=wish.bare,
    )
    name = wish.name or f"switch {wish.dataset.name}: {', '.join(side.name for side in plan.sides)}"
    return await chat.store.run(lambda store: store.begin_run(RunKind.SWITCH, name, plan.as_dict(), len(plan.cells)))


async def fill_run(
    chat: Chat,
    run: GenerationRun,
    emit: Callable[[CellEvent], None],
    *,
    at_once: int = AT_ONCE,
    stream: bool = False,
    on_filler: Callable[[Filler], None] = lambda filler: None,
) -> RunProgress:
    """Answer what is not answered yet.

    Args:
        chat: whose engine and database.
        run: begun before.
        emit: told of everything that happens.
        at_once: rows decoded at the same time.
        stream: whether text is told as it comes.
        on_filler: given what can stop the run.

    Raises:
        UserError: base or adapters are not those of the run, or another process fills it.
        EngineError: the engine is busy or went away; what was finished is stored.
        StoreError: the database takes no more answers.
    """
    plan = SwitchPlan.from_dict(run.plan)
    check_same(chat, plan.base, plan.sides)
    filler = Filler(chat.store, loaded_engine(chat), emit)
    on_filler(filler)
    with held(chat.store.path, run):
        return await filler.fill(run, plan.cells, plan.sides, plan.asking, at_once=at_once, stream=stream)
