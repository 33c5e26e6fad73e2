"""Switch runs without a screen: a base is loaded, a run begun or gone on with, filled, measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from aligntui.config.options import Settings
from aligntui.config.paths import Workspace
from aligntui.core.generation import GenerationRun, RunKind
from aligntui.engine.client import EngineClient
from aligntui.workbench.chat_state import Column
from aligntui.workbench.embedding import MODEL, Embedder
from aligntui.workbench.generation.filling import AT_ONCE
from aligntui.workbench.generation.progress import CellEvent, RunProgress
from aligntui.workbench.headless.curate import loaded_bench
from aligntui.workbench.opening import Workbench
from aligntui.workbench.store_thread import StoreThread
from aligntui.workbench.switching.measuring import Measured, check_measurable, measure, read_answers
from aligntui.workbench.switching.plan import SwitchPlan, check_wish
from aligntui.workbench.switching.running import SwitchWish, asking_with, begin_run, fill_run


async def switch_run(
    workspace: Workspace,
    settings: Settings,
    wish: SwitchWish,
    on_loading: Callable[[Workbench], None],
    on_begun: Callable[[GenerationRun], None],
    emit: Callable[[CellEvent], None],
    *,
    at_once: int = AT_ONCE,
    engine_argv: Sequence[str] | None = None,
) -> tuple[GenerationRun, RunProgress]:
    """Begin a run and fill it. What can be refused without the base is refused before it is loaded.

    Args:
        workspace: where it is stored.
        settings: model, adapters, sampling, mode.
        wish: what is asked.
        on_loading: told while the base is loaded.
        on_begun: given the run once it is stored.
        emit: told of everything that happens in it.
        at_once: rows decoded at the same time.
        engine_argv: command of the engine process; None is the real one.

    Raises:
        UserError: base, adapter or wish cannot be used.
        EngineError: the engine went away; what was finished is stored.
        StoreError: the database takes no more answers.
    """
    check_wish(asking_with(settings.sampling, settings.mode, settings.injection_every), wish.seeds)
    settings = replace(settings, instruction="")  # the run has its own
    async with loaded_bench(workspace, settings, on_loading, engine_argv) as bench:
        run = await begin_run(bench.chat, wish)
        on_begun(run)
        return run, await fill_run(bench.chat, run, emit, at_once=at_once)


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

    Raises:
        UserError: base or adapters are gone, or are not what they were.
        EngineError, StoreError: as `switch_run`.
    """
    plan = SwitchPlan.from_dict(run.plan)
    base = plan.base
    settings = replace(
        settings, model=base.model, dtype=base.dtype, quantisation=base.quantisation or "", adapter=(), instruction=""
    )
    columns = [Column(side.adapter, side.strength) for side in plan.sides]
    async with loaded_bench(workspace, settings, on_loading, engine_argv, columns) as bench:
        on_begun(run)
        return await fill_run(bench.chat, run, emit, at_once=at_once)


async def measure_run(
    database: StoreThread,
    run: GenerationRun,
    on_progress: Callable[[int, int], None],
    *,
    embedding: str = MODEL,
    engine_argv: Sequence[str] | None = None,
) -> Measured:
    """Measure a run; the base is not loaded, only the embedding model.

    Args:
        database: where it is.
        run: finished or not.
        on_progress: told how many of how many texts are embedded.
        embedding: model of the sentence embeddings: `minilm`, a folder or a hub id.
        engine_argv: command of the engine process; None is the real one.

    Raises:
        UserError: nothing is answered yet, a type says nothing of its answers, or there is no such embedding model.
        EnvironmentProblem: the embedding model cannot be had.
        EngineError: the engine went away.
    """
    answers = await read_answers(database, run)
    check_measurable(run, answers)
    async with EngineClient(argv=engine_argv) as client:
        return await measure(run, answers, Embedder(client.request, on_progress, embedding))


async def find_run(database: StoreThread, key: str) -> GenerationRun:
    """A switch run by id, beginning of an id, or name.

    Raises:
        UserError: none or several fit.
    """
    return await database.run(lambda store: store.get_run(key, RunKind.SWITCH))
