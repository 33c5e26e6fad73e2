"""Sampling and judging by a model without a screen: an engine is started, used, and ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aligntui.config.options import Settings
from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import Column
from aligntui.workbench.columns import Columns
from aligntui.workbench.curation.model_judge import JudgeProgress, ModelJudge
from aligntui.workbench.curation.queue import propose
from aligntui.workbench.curation.sampling import SamplePlan, SampleProgress, Sampler
from aligntui.workbench.curation.tokens import counter_for
from aligntui.workbench.opening import Workbench, attach_engine, open_workbench

if TYPE_CHECKING:
    from aligntui.store import PairFilter


@dataclass(frozen=True)
class Proposed:
    """What sampling brought."""

    progress: SampleProgress
    pairs: int
    """Pairs put into the judging queue."""


@asynccontextmanager
async def loaded_bench(
    workspace: Workspace,
    settings: Settings,
    on_loading: Callable[[Workbench], None],
    engine_argv: Sequence[str] | None = None,
    columns: Sequence[Column] | None = None,
) -> AsyncIterator[Workbench]:
    """A workbench with its base and all its adapters loaded and checked; closed at the end.

    Args:
        workspace: where it works.
        settings: model, adapters and the rest.
        on_loading: told while the base is loaded.
        engine_argv: command of the engine process; None is the real one.
        columns: in place of those that the settings name.

    Raises:
        UserError: the base or an adapter cannot be used.
        EnvironmentProblem: no room, no memory, no network.
    """
    holder: list[Workbench] = []

    def changed(_change: object) -> None:
        if holder:
            on_loading(holder[0])

    bench = open_workbench(workspace, settings, changed)
    if bench.problems:
        raise bench.problems[0]
    if columns is not None:
        bench.chat.state.columns.clear()
        for column in columns:
            bench.chat.state.add_column(column)
    attach_engine(bench, engine_argv)
    holder.append(bench)
    try:
        checking = Columns(bench.chat)
        await checking.load_base()
        for column in list(bench.chat.state.columns):
            await checking.check(column)
        yield bench
    finally:
        await bench.chat.close()


async def sample_pairs(
    bench: Workbench,
    plan: SamplePlan,
    per_prompt: int | None,
    on_progress: Callable[[SampleProgress], None],
) -> Proposed:
    """Sample answers to prompts and put the pairs that differ most into the judging queue.

    Raises:
        UserError: the plan is no plan.
        EngineError: the engine went away; what was stored stays.
    """
    progress = await Sampler(bench.chat).run(plan, on_progress)
    pairs = await bench.chat.store.run(lambda store: propose(store, progress.exchange_ids, "", per_prompt))
    return Proposed(progress, pairs)


async def judge_pairs(
    chat: Chat, model: str, filter: PairFilter, most: int | None, on_progress: Callable[[JudgeProgress], None]
) -> tuple[str, JudgeProgress]:
    """Have the last column of a chat judge pairs; returns the judge's name among annotators, and what it did.

    Raises:
        UserError: the model's tokenizer is not on this machine, or has no tokens for the letters.
        EngineError: the engine went away; what was judged stays.
    """
    counter = counter_for(model)
    if counter is None:
        raise UserError(
            f"The tokenizer of {model} is not on this machine as a tokenizer.json.",
            "A judge needs it to find the tokens of its two letters: fetch the model with `aligntui models pull`.",
        )
    judge = ModelJudge(chat, chat.state.columns[-1], counter)
    return judge.annotator, await judge.run(filter, most, on_progress)
