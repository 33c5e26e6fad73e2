"""Scoring runs without a screen: a base is loaded, runs begun or gone on with, filled, judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from aligntui.config.options import Layer, Settings, Source
from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.core.generation import AT_ONCE, GenerationRun, RunKind
from aligntui.core.prompt_format import Mode
from aligntui.engine.servers.address import ServerWish
from aligntui.workbench.generation.benches import bench_for, bench_of_run
from aligntui.workbench.generation.cells import Asking
from aligntui.workbench.generation.progress import CellEvent, RunProgress
from aligntui.workbench.opening import Workbench
from aligntui.workbench.scoring.plan import ScorePlan, ScoreWish, check_score_wish
from aligntui.workbench.scoring.running import begin_run, fill_run
from aligntui.workbench.scoring.scored import Progress, Scored, score_answers, stored_answers
from aligntui.workbench.store_thread import StoreThread

Ended = tuple[GenerationRun, RunProgress]
"""A run and how its filling went."""


def for_scoring(settings: Settings) -> Settings:
    """Settings of a scoring run: greedy unless somebody set a temperature, and without the chat's instruction."""
    nobody = settings.sources.get("temperature", Source(Layer.DEFAULT)).layer is Layer.DEFAULT
    return replace(settings, instruction="", temperature=0.0 if nobody else settings.temperature)


async def score_runs(
    workspace: Workspace,
    settings: Settings,
    wishes: Sequence[ScoreWish],
    on_loading: Callable[[Workbench], None],
    on_begun: Callable[[GenerationRun], None],
    emit: Callable[[CellEvent], None],
    *,
    on_ended: Callable[[GenerationRun, RunProgress], None] = lambda run, progress: None,
    at_once: int = AT_ONCE,
    engine_argv: Sequence[str] | None = None,
    servers: ServerWish | None = None,
) -> list[Ended]:
    """Begin a run for each suite and fill it. What can be refused without the base is refused before it is loaded.

    Args:
        workspace: where they are stored.
        settings: model, adapters, sampling, mode; as `for_scoring` makes them.
        wishes: what is scored, in order.
        on_loading: told while the base is loaded.
        on_begun: given each run once it is stored.
        emit: told of everything that happens.
        on_ended: given each run and its counts when it is filled, or stopped.
        at_once: rows decoded at the same time.
        engine_argv: command of the engine process; None is the real one.
        servers: asked in place of a model that is loaded here.

    Raises:
        UserError: base, adapter or a wish cannot be used.
        EngineError: the engine went away; what was finished is stored.
        StoreError: the database takes no more answers.
    """
    asking = Asking(settings.sampling, Mode(settings.mode), settings.injection_every)
    for wish in wishes:
        check_score_wish(wish, asking)
        if servers is None and not any(settings.adapter) and not (wish.with_base or wish.suite.for_base):
            raise UserError(
                f"{wish.suite.title} is asked of adapters, and none is named.",
                "Name one with --adapter, or have the base scored with --base.",
            )
    ended: list[Ended] = []
    async with bench_for(workspace, settings, on_loading, engine_argv, servers) as bench:
        for wish in wishes:
            run = await begin_run(bench.chat, wish)
            on_begun(run)
            progress = await fill_run(bench.chat, run, emit, at_once=at_once)
            on_ended(run, progress)
            ended.append((run, progress))
    return ended


async def resume_run(
    workspace: Workspace,
    settings: Settings,
    run: GenerationRun,
    on_loading: Callable[[Workbench], None],
    on_begun: Callable[[GenerationRun], None],
    emit: Callable[[CellEvent], None],
    *,
    at_once: int = AT_ONCE,
    engine_argv: Sequence[str] | None = None,
    servers: ServerWish | None = None,
) -> RunProgress:
    """Go on with a run: its base and its adapters are loaded, whatever the settings name.

    Args:
        workspace: where it is stored.
        settings: device and threads.
        run: begun before.
        on_loading: told while the base is loaded.
        on_begun: given the run once it goes on.
        emit: told of everything that happens in it.
        at_once: rows decoded at the same time.
        engine_argv: command of the engine process; None is the real one.
        servers: asked in place of a model that is loaded here.

    Raises:
        UserError: base or adapters are gone, or are not what they were.
        EngineError, StoreError: as `score_runs`.
    """
    plan = ScorePlan.from_dict(run.plan)
    async with bench_of_run(workspace, settings, plan.base, plan.sides, on_loading, engine_argv, servers) as bench:
        on_begun(run)
        return await fill_run(bench.chat, run, emit, at_once=at_once)


async def read_scores(workspace: Workspace, key: str, progress: Progress | None = None) -> Scored:
    """The scores of a stored run; no model is loaded.

    Args:
        workspace: where it is stored.
        key: id, beginning of an id, or name.
        progress: told how many of how many answers are judged.

    Raises:
        UserError: none or several fit, or nothing is answered yet.
        EnvironmentProblem: a checker lacks its data.
    """
    database = StoreThread(workspace.database)
    try:
        run = await database.run(lambda store: store.get_run(key, RunKind.SCORE))
        return score_answers(run, await stored_answers(database, run), progress)
    finally:
        await database.close()
