"""Scoring runs: begun, gone on with, filled.

Pinned in tests/workbench/test_scoring_desk.py.
"""

from __future__ import annotations

from collections.abc import Callable

from aligntui.core.generation import AT_ONCE, GenerationRun, RunKind
from aligntui.core.printable import one_line
from aligntui.workbench.chat import Chat
from aligntui.workbench.generation.base_and_sides import BaseModel, check_same, loaded_model, sides_of
from aligntui.workbench.generation.cells import Asking, check_loaded
from aligntui.workbench.generation.filling import Filler
from aligntui.workbench.generation.holding import held
from aligntui.workbench.generation.progress import CellEvent, RunProgress
from aligntui.workbench.loaded import loaded_engine
from aligntui.workbench.scoring.plan import ScorePlan, ScoreWish, check_score_wish, seeds_from, sides_to_score


async def begin_run(chat: Chat, wish: ScoreWish) -> GenerationRun:
    """Plan a run with the base, the columns and the settings of a chat, and store it.

    Raises:
        UserError: what is wished for is no run.
        EngineError: no base is loaded, or an adapter was not held against it.
        StoreError: it could not be written.
    """
    plan = plan_of(chat, wish)
    for side in plan.sides:
        check_loaded(side)
    part = "" if len(plan.suite.items) == plan.suite.total else f" ({len(plan.suite.items)} of {plan.suite.total})"
    name = wish.name or f"{plan.suite.name}{part}: {', '.join(side.name for side in plan.sides)}"
    return await chat.store.run(
        lambda store: store.begin_run(RunKind.SCORE, one_line(name, 200), plan.as_dict(), len(plan.cells))
    )


def plan_of(chat: Chat, wish: ScoreWish) -> ScorePlan:
    """What a run would ask with the base, the columns and the settings of a chat.

    Raises:
        UserError: what is wished for is no run.
        EngineError: no base is loaded.
    """
    model = loaded_model(chat)
    settings, state = chat.settings, chat.state
    asking = Asking(wish.sampling or settings.sampling, settings.mode, settings.injection_every)
    deliveries = check_score_wish(wish, asking)
    sides = sides_to_score(wish, sides_of(chat))
    names = {side.name for side in sides}
    adapters = {
        column.label: (column.trained_mode, state.adapter_warnings.get(column.adapter.path, ()))
        for column in state.columns
        if column.adapter is not None and column.label in names
    }
    return ScorePlan(
        suite=wish.suite,
        base=BaseModel.of(model),
        sides=sides,
        deliveries=deliveries,
        seeds=seeds_from(asking.sampling.seed, wish.seeds),
        asking=asking,
        instruction=wish.delivered,
        turn=wish.turn,
        trained={name: mode for name, (mode, _) in adapters.items() if mode},
        # what the engine says of modes is said by `format_notes`, which knows the deliveries
        warnings=tuple(
            f"{name}: {text}" for name, (_, texts) in adapters.items() for text in texts if "in the mode" not in text
        ),
        parameters=model.parameters,
    )


async def fill_run(
    chat: Chat,
    run: GenerationRun,
    emit: Callable[[CellEvent], None],
    *,
    at_once: int = AT_ONCE,
    on_filler: Callable[[Filler], None] = lambda filler: None,
) -> RunProgress:
    """Answer what is not answered yet.

    Args:
        chat: whose engine and database.
        run: begun before.
        emit: told of everything that happens.
        at_once: rows decoded at the same time.
        on_filler: given what can stop the run.

    Raises:
        UserError: base or adapters are not those of the run, or another process fills it.
        EngineError: the engine is busy or went away; what was finished is stored.
        StoreError: the database takes no more answers.
    """
    plan = ScorePlan.from_dict(run.plan)
    check_same(chat, plan.base, plan.sides)
    filler = Filler(chat.store, loaded_engine(chat), emit)
    on_filler(filler)
    with held(chat.store.path, run):
        return await filler.fill(run, plan.cells, plan.sides, plan.asking, at_once=at_once)
