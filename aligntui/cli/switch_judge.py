"""`aligntui switch judge`: a model as the second recogniser of a run."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.engine_argv import engine_argv
from aligntui.cli.option_flags import value_of, with_options
from aligntui.cli.output import counted
from aligntui.cli.progress_line import progress_text
from aligntui.cli.run_face import ROWS, RunFace
from aligntui.cli.shared import Json, opened_store, settings_of, workspace_of
from aligntui.cli.switch_face import INCOMPLETE, counts_of
from aligntui.config.options import Option
from aligntui.core.generation import AT_ONCE

MODEL_FLAGS = ("model", "dtype", "quantisation", "device", "threads", "trust_remote_code")
_SAMPLE = Option("sample", 1, "Judge the answers to so many prompts, of the beginning of the data set.", "judge", low=1)
_BY = Option(
    "by",
    "logprob",
    "Name the likeliest letter (logprob, one question an instruction) or the letter that is written (letter, one an answer).",
    "judge",
    choices=("logprob", "letter"),
)
Run = Annotated[str, typer.Argument(metavar="RUN", help="Id, beginning of an id, or name of a run.")]


@with_options(MODEL_FLAGS)
def judge_answers(
    ctx: typer.Context,
    run: Run,
    flags: dict[str, Any],
    sample: Annotated[
        int | None, typer.Option(metavar="N", parser=value_of(_SAMPLE), help=_SAMPLE.help, show_default=False)
    ] = None,
    by: Annotated[str, typer.Option(metavar="<logprob|letter>", parser=value_of(_BY), help=_BY.help)] = "logprob",
    at_once: Annotated[int, typer.Option("--at-once", metavar="N", parser=value_of(ROWS), help=ROWS.help)] = AT_ONCE,
    as_json: Json = False,
) -> int:
    """Let a model name the instruction of each answer, from the answer alone; without --model the run's own base judges.

    It sees an answer and the instructions with what their answers are like, in an order drawn for each answer. What it
    says is stored; the same command goes on where it was stopped, and `aligntui switch report RUN` shows both
    recognisers. Exit code 3 says that replies are missing.
    """
    from aligntui.workbench.headless.switch import answering_run, judge_run
    from aligntui.workbench.switching.judging import By
    from aligntui.workbench.switching.plan import SwitchPlan

    workspace = workspace_of(ctx)
    with opened_store(ctx) as store:
        judged = answering_run(store, run)
    base = SwitchPlan.from_dict(judged.plan).base
    if "model" not in flags:
        flags = {"model": base.model, "dtype": base.dtype, "quantisation": base.quantisation or "", **flags}
    face = RunFace(lambda _run: f"aligntui switch judge {judged.id} ...")
    begun, done = face.wait(
        judge_run(
            workspace, settings_of(workspace, flags), judged, face.loading, face.begun, face.on_event,
            by=By(by), sample=sample, at_once=at_once, engine_argv=engine_argv(),
        )
    )  # fmt: skip
    if as_json:
        output.json_data({"run": begun.id, "judges": judged.id, "name": begun.name, "by": by, **counts_of(done)})
    else:
        output.say(f"{begun.id}: {progress_text(done)}")
        output.data(begun.id)
        output.say(f"read both recognisers with `aligntui switch report {judged.id}`")
    if done.refused:
        output.say(f"{counted(done.refused, 'reply', 'replies')} refused, the first because: {done.refusal}")
    if not done.left:
        return 0
    output.say(f"{counted(done.left, 'reply', 'replies')} missing: the same command asks them")
    return INCOMPLETE
