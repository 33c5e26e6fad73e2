"""Switch runs without a screen: a base is loaded, a run begun or gone on with, filled, measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aligntui.config.options import Settings
from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.core.generation import AT_ONCE, GenerationRun, RunKind
from aligntui.engine.client import EngineClient
from aligntui.engine.servers.address import ServerWish
from aligntui.workbench.chat_state import Column
from aligntui.workbench.embedding import MODEL, Embedder
from aligntui.workbench.generation.benches import bench_for, bench_of_run
from aligntui.workbench.generation.progress import CellEvent, RunProgress
from aligntui.workbench.headless.curate import loaded_bench
from aligntui.workbench.opening import Workbench
from aligntui.workbench.store_thread import StoreThread
from aligntui.workbench.switching.comparing import RunsCompared, compare_runs
from aligntui.workbench.switching.judging import JUDGES, By, begin_judging, fill_judging, is_judging
from aligntui.workbench.switching.measuring import Measured, check_measurable, measure, read_answers, read_judge
from aligntui.workbench.switching.plan import SwitchPlan, check_wish
from aligntui.workbench.switching.running import SwitchWish, asking_with, begin_run, fill_run

if TYPE_CHECKING:
    from aligntui.store import Store


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
    servers: ServerWish | None = None,
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
        servers: asked in place of a model that is loaded here.

    Raises:
        UserError: base, adapter or wish cannot be used.
        EngineError: the engine went away; what was finished is stored.
        StoreError: the database takes no more answers.
    """
    check_wish(asking_with(settings.sampling, settings.mode, settings.injection_every), wish.seeds)
    settings = replace(settings, instruction="")  # the run has its own
    async with bench_for(workspace, settings, on_loading, engine_argv, servers) as bench:
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
        EngineError, StoreError: as `switch_run`.
    """
    plan = SwitchPlan.from_dict(run.plan)
    async with bench_of_run(workspace, settings, plan.base, plan.sides, on_loading, engine_argv, servers) as bench:
        on_begun(run)
        return await fill_run(bench.chat, run, emit, at_once=at_once)


async def measure_run(
    database: StoreThread,
    run: GenerationRun,
    on_progress: Callable[[int, int], None],
    *,
    embedding: str = MODEL,
    judge: str = "",
    engine_argv: Sequence[str] | None = None,
) -> Measured:
    """Measure a run; the base is not loaded, only the embedding model.

    Args:
        database: where it is.
        run: finished or not.
        on_progress: told how many of how many texts are embedded.
        embedding: model of the sentence embeddings: `minilm`, a folder or a hub id.
        judge: run of judgements by id, beginning of an id, or name; the last one where empty, `none` for none.
        engine_argv: command of the engine process; None is the real one.

    Raises:
        UserError: nothing is answered yet, a type says nothing of its answers, or there is no such embedding model.
        EnvironmentProblem: the embedding model cannot be had.
        EngineError: the engine went away.
    """
    answers, said = await read_answers(database, run), await read_judge(database, run, judge)
    check_measurable(run, answers)
    async with EngineClient(argv=engine_argv) as client:
        return await measure(run, answers, Embedder(client.request, on_progress, embedding), said)


async def compared_runs(
    database: StoreThread,
    keys: Sequence[str],
    on_progress: Callable[[int, int], None],
    *,
    engine_argv: Sequence[str] | None = None,
) -> RunsCompared:
    """Hold several runs against each other; no base is loaded, only the embedding model.

    Args:
        database: where they are.
        keys: ids, beginnings of ids, or names.
        on_progress: told how many of how many texts are embedded.
        engine_argv: command of the engine process; None is the real one.

    Raises:
        UserError: a run cannot be found or measured, or there is nothing to compare.
        EnvironmentProblem: the embedding model cannot be had.
    """
    runs = [await find_run(database, key) for key in keys]
    found = [(run, await read_answers(database, run)) for run in runs]
    for run, answers in found:
        check_measurable(run, answers)
    async with EngineClient(argv=engine_argv) as client:
        return await compare_runs(found, Embedder(client.request, on_progress))


async def find_run(database: StoreThread, key: str) -> GenerationRun:
    """A switch run by id, beginning of an id, or name.

    Raises:
        UserError: none or several fit, or it holds judgements of another one.
    """
    return await database.run(lambda store: answering_run(store, key))


def answering_run(store: Store, key: str) -> GenerationRun:
    """As `find_run`, from an open database."""
    found = store.get_run(key, RunKind.SWITCH)
    if is_judging(found):
        raise UserError(
            f"The run {found.id} holds the judgements of {found.plan[JUDGES]}, and no answers of its own.",
            f"Name the run that was judged: `aligntui switch report {found.plan[JUDGES]}`.",
        )
    return found


async def judge_run(
    workspace: Workspace,
    settings: Settings,
    run: GenerationRun,
    on_loading: Callable[[Workbench], None],
    on_begun: Callable[[GenerationRun], None],
    emit: Callable[[CellEvent], None],
    *,
    by: By = By.LOGPROB,
    sample: int | None = None,
    at_once: int = AT_ONCE,
    engine_argv: Sequence[str] | None = None,
) -> tuple[GenerationRun, RunProgress]:
    """Let a model name the instruction of each answer of a run, or go on with that.

    Args:
        workspace: where the run is stored.
        settings: the model, which judges without an adapter.
        run: whose answers are judged.
        on_loading: told while the model is loaded.
        on_begun: given the run of judgements once it is stored.
        emit: told of everything that happens in it.
        by: where the names come from.
        sample: only the answers to so many prompts.
        at_once: rows decoded at the same time.
        engine_argv: command of the engine process; None is the real one.

    Raises:
        UserError: there is nothing to judge, or the model cannot be used.
        EngineError: the engine went away; what was finished is stored.
        StoreError: the database takes no more replies.
    """
    settings = replace(settings, adapter=(), instruction="")
    async with loaded_bench(workspace, settings, on_loading, engine_argv, [Column()]) as bench:
        answers = await read_answers(bench.chat.store, run)
        judging = await begin_judging(bench.chat, run, answers, by, sample)
        on_begun(judging)
        return judging, await fill_judging(bench.chat, judging, run, answers, emit, at_once=at_once)
