"""`aligntui pairs sample` and `judge`: what a model does for curation."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.engine_argv import engine_argv
from aligntui.cli.loading import LoadingLine
from aligntui.cli.option_flags import options_of, value_of, with_options
from aligntui.cli.pair_flags import pair_filter, with_filters
from aligntui.cli.shared import Json, settings_of, workspace_of
from aligntui.config.options import Option
from aligntui.core.errors import UserError

if TYPE_CHECKING:
    from aligntui.workbench.opening import Workbench

_SIDES = options_of("model")
_SAMPLED = options_of("model", "answer", "instruction")
_ANSWERS = Option("answers", 3, "Answers of each side to each prompt.", "sample", low=1, high=20)
_PER_PROMPT = Option("per-prompt", 2, "Pairs to propose of each prompt, at most.", "sample", low=1, high=100)
_MOST = Option("limit", 1, "At most so many pairs, the newest first.", "judge", low=1)


@with_options(_SAMPLED)
def sample(
    ctx: typer.Context,
    flags: dict[str, Any],
    prompts: Annotated[
        Path, typer.Option(metavar="FILE", help="One prompt a line, or JSON lines with the field prompt.")
    ],
    answers: Annotated[int, typer.Option(metavar="K", parser=value_of(_ANSWERS), help=_ANSWERS.help)] = 3,
    per_prompt: Annotated[int, typer.Option(metavar="N", parser=value_of(_PER_PROMPT), help=_PER_PROMPT.help)] = 2,
    name: Annotated[str, typer.Option(metavar="NAME", help="Of the session that the answers are stored in.")] = "",
    as_json: Json = False,
) -> None:
    """Let every side answer a list of prompts several times, and put the pairs that differ most into the judging queue."""
    from aligntui.workbench.curation.sampling import SamplePlan, SampleProgress, read_prompts
    from aligntui.workbench.headless.curate import loaded_bench, sample_pairs

    workspace = workspace_of(ctx)
    settings = settings_of(workspace, flags)
    plan = SamplePlan(read_prompts(prompts), answers, name)
    plan.check(settings.temperature)
    line = LoadingLine()

    def sampled(progress: SampleProgress) -> None:
        _tell(f"sampled {progress.answers_done} of {progress.answers} answers")

    async def work():
        async with loaded_bench(workspace, settings, _shown(line), engine_argv()) as bench:
            line.clear()
            return await sample_pairs(bench, plan, per_prompt, sampled)

    try:
        done = asyncio.run(work())
    finally:
        line.clear()
        _tell("")
    progress = done.progress
    if as_json:
        output.json_data(
            {
                "session": progress.session_id,
                "prompts": progress.prompts_done,
                "answers": progress.answers_done,
                "proposed": done.pairs,
            }
        )
    else:
        output.say(
            f"{output.counted(progress.answers_done, 'answer')} to {output.counted(progress.prompts_done, 'prompt')} stored "
            f"in {progress.session_id}; {output.counted(done.pairs, 'pair')} proposed. Judge them in the console: Ctrl+G, then Q."
        )


def propose(
    ctx: typer.Context,
    session: Annotated[str, typer.Argument(metavar="SESSION", help="Name or id of a session.")],
    per_prompt: Annotated[int, typer.Option(metavar="N", parser=value_of(_PER_PROMPT), help=_PER_PROMPT.help)] = 2,
    as_json: Json = False,
) -> None:
    """Put the answers of a session that differ most into the judging queue.

    For answers that are stored already: of a sampling that was interrupted, of a chat, of a switch run. What stands in the
    queue is not put there twice.
    """
    from aligntui.cli.shared import opened_store
    from aligntui.workbench.curation.queue import propose as propose_pairs

    with opened_store(ctx) as store:
        found = store.get_session(session)
        exchanges = [exchange.id for exchange in store.exchanges(found.id)]
        added = propose_pairs(store, exchanges, "", per_prompt)
    if as_json:
        output.json_data({"session": found.id, "prompts": len(exchanges), "proposed": added})
    else:
        output.say(
            f"{output.counted(added, 'pair')} of {output.counted(len(exchanges), 'prompt')} proposed. "
            "Judge them in the console: Ctrl+G, then Q."
        )


@with_filters
@with_options(_SIDES)
def judge(
    ctx: typer.Context,
    flags: dict[str, Any],
    filters: dict[str, Any],
    limit: Annotated[int | None, typer.Option(metavar="N", parser=value_of(_MOST), help=_MOST.help)] = None,
    as_json: Json = False,
) -> None:
    """Have a model judge pairs in both orders: the base, or with --adapter that adapter.

    Its verdicts are those of an annotator judge:NAME and are never exported unless asked for by that name;
    `aligntui pairs stats` holds them against yours.
    """
    from aligntui.cli.shared import opened_store
    from aligntui.workbench.curation.model_judge import JudgeProgress
    from aligntui.workbench.headless.curate import judge_pairs, loaded_bench

    workspace = workspace_of(ctx)
    flags.setdefault("adapter", [""])
    settings = settings_of(workspace, flags)
    with opened_store(ctx) as store:
        wanted = pair_filter(store, filters)
        if not store.count_pair_rows(wanted, at_most=1):
            raise UserError(
                "There is no pair under these filters to be judged.", "`aligntui pairs list` lists what there is."
            )
    line = LoadingLine()

    def judged(progress: JudgeProgress) -> None:
        _tell(f"judged {progress.done}, passed over {progress.passed} of {progress.pairs}")

    async def work():
        async with loaded_bench(workspace, settings, _shown(line), engine_argv()) as bench:
            line.clear()
            return await judge_pairs(bench.chat, settings.model, wanted, limit, judged)

    try:
        annotator, progress = asyncio.run(work())
    finally:
        line.clear()
        _tell("")
    if as_json:
        output.json_data({"annotator": annotator, "judged": progress.done, "passed_over": progress.passed})
    else:
        output.say(
            f"{annotator}: {output.counted(progress.done, 'pair')} judged in both orders, {progress.passed} passed over (judged by it before, examples, or equal answers). "
            "`aligntui pairs stats` compares."
        )


def _shown(line: LoadingLine):
    def show(bench: Workbench) -> None:
        line.show(bench.chat.state.engine)

    return show


def _tell(text: str) -> None:
    """Progress on one line of a terminal; nothing elsewhere."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
