"""`aligntui switch`: measure whether answers follow the instruction, base and adapters under equal conditions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.app import group
from aligntui.cli.counting_line import counting
from aligntui.cli.engine_argv import engine_argv
from aligntui.cli.option_flags import options_of, value_of, with_options
from aligntui.cli.output import counted
from aligntui.cli.run_face import ROWS, RunFace, say_counts
from aligntui.cli.server_flags import with_servers
from aligntui.cli.shared import Json, opened_store, settings_of, workspace_of
from aligntui.cli.switch_compare import compare
from aligntui.cli.switch_face import INCOMPLETE, counts_of, described, how_to_go_on, names_in
from aligntui.cli.switch_judge import Run, judge_answers
from aligntui.config.options import Option
from aligntui.core.errors import UserError
from aligntui.core.generation import AT_ONCE
from aligntui.core.printable import one_line

if TYPE_CHECKING:
    from aligntui.core.generation import GenerationRun
    from aligntui.workbench.generation.progress import RunProgress
    from aligntui.workbench.switching.measuring import Measured

app = group("Measure whether answers follow the instruction: run, judge, list, report and compare.")

_FLAGS = [name for name in options_of("model", "answer", "instruction") if name != "instruction"]
_ON_RESUME = ("device", "threads", "trust_remote_code", "server", "served", "server_api", "server_timeout")
"""Options that a run which is gone on with takes from the command line; the others are its own."""
_SAMPLE = Option("sample", 1, "So many prompts, of the beginning of the data set; all without it.", "run", low=1)
_SEEDS = Option("seeds", 1, "Answers to each case, each under a seed of its own.", "run", low=1, high=100)


@app.command("run")
@with_servers
@with_options(_FLAGS)
def run(
    ctx: typer.Context,
    flags: dict[str, Any],
    servers: Any,
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE", help="A built data set, a file of cases or prompts, or isd, the bundled one."
        ),
    ] = "isd",
    sample: Annotated[
        int | None, typer.Option(metavar="N", parser=value_of(_SAMPLE), help=_SAMPLE.help, show_default=False)
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="K", parser=value_of(_SEEDS), help=_SEEDS.help)] = 1,
    instructions: Annotated[
        str, typer.Option(metavar="TYPE,...", help="Only these instruction types.", show_default=False)
    ] = "",
    suites: Annotated[
        str,
        typer.Option(
            metavar="NAME,...|all",
            help="Also suites of opposed instructions: honest-confident, strict-permissive, concise-detailed.",
            show_default=False,
        ),
    ] = "",
    noise: Annotated[bool, typer.Option(help="Measure what sampling alone changes, on one prompt in ten.")] = True,
    without_instruction: Annotated[
        bool,
        typer.Option(
            "--without-instruction", help="Also ask every prompt without any, which says what the instruction adds."
        ),
    ] = False,
    name: Annotated[str, typer.Option(metavar="NAME", help="Of the run.", show_default=False)] = "",
    resume: Annotated[
        str, typer.Option(metavar="RUN", help="Go on with a run, under its own settings.", show_default=False)
    ] = "",
    at_once: Annotated[int, typer.Option("--at-once", metavar="N", parser=value_of(ROWS), help=ROWS.help)] = AT_ONCE,
    as_json: Json = False,
) -> int:
    """Ask every prompt under every instruction, base and adapters alike, and store each answer as it is finished.

    Answers that were made under the same conditions before are taken from the cache. An interrupted run goes on with
    --resume; exit code 3 says that answers are missing.
    """
    from aligntui.data.switch_suites import load_suites
    from aligntui.workbench.headless.switch import answering_run, resume_run, switch_run
    from aligntui.workbench.switching.data_sets import load_data_set
    from aligntui.workbench.switching.running import SwitchWish

    face = RunFace(how_to_go_on)
    workspace = workspace_of(ctx)
    more: dict[str, Any] = {"at_once": at_once, "engine_argv": engine_argv(), "servers": servers}
    if resume:
        _refuse_with_resume(ctx)
        with opened_store(ctx) as store:
            begun = answering_run(store, resume)
        settings = settings_of(workspace, flags)
        done = face.wait(resume_run(workspace, settings, begun, face.loading, face.begun, face.on_event, **more))
    else:
        found = load_data_set(workspace, dataset, names_in(instructions))
        found = found if sample is None else found.sample(sample)
        asked = load_suites(None if suites.strip() == "all" else names_in(suites), sample)
        wish = SwitchWish(found, seeds, noise, asked, name, without_instruction)
        settings = settings_of(workspace, flags)
        begun, done = face.wait(switch_run(workspace, settings, wish, face.loading, face.begun, face.on_event, **more))
    return _tell(begun, done, as_json)


def _refuse_with_resume(ctx: typer.Context) -> None:
    """Refuse what a run that is gone on with would not heed."""
    heeded = ("resume", "at_once", "as_json", *_ON_RESUME)
    for param in ctx.command.params:
        given = param.name and ctx.get_parameter_source(param.name)
        if given and given.name == "COMMANDLINE" and param.name not in heeded:
            raise UserError(
                f"{param.opts[0]} is of no use with --resume: the run goes on as it was begun.",
                "Leave it out, or begin a new run; answers that were made before are taken from the cache.",
            )


def _tell(begun: GenerationRun, done: RunProgress, as_json: bool) -> int:
    say_counts(begun, done)
    if as_json:
        output.json_data({"run": begun.id, "name": begun.name, "session": begun.session_id, **counts_of(done)})
    else:
        output.data(begun.id)
    if not done.left:
        return 0
    output.say(f"{counted(done.left, 'answer')} missing: `{how_to_go_on(begun)}`")
    return INCOMPLETE


@app.command("list")
def list_runs(ctx: typer.Context, as_json: Json = False) -> None:
    """List the runs, newest first."""
    from aligntui.workbench.switching.judging import switch_runs

    with opened_store(ctx) as store:
        runs = switch_runs(store)
    if as_json:
        output.json_data([described(one) for one in runs])
        return
    rows: list[tuple[object, ...]] = [
        (one.id, one.created_at[:16].replace("T", " "), f"{one.done:,} of {one.cells:,}", one_line(one.name, 60))
        for one in runs
    ]
    output.table(("run", "begun (UTC)", "answers", "name"), rows)


@app.command("report")
def report(
    ctx: typer.Context,
    run: Run,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write report.md, report.html, tables as CSV, figures and report.json."),
    ] = None,
    embedding: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Model of the sentence embeddings: minilm (all-MiniLM-L6-v2), a local folder or a hub id.",
        ),
    ] = "minilm",
    judge: Annotated[
        str,
        typer.Option(
            metavar="RUN|none",
            help="Judgements to show beside the nearest prototype, by the id that `switch judge` printed; the last ones "
            "without it, none for none.",
            show_default=False,
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Measure a run, whether or not it has ended, by the nearest prototype and by the model that judged it."""
    from aligntui.workbench.headless.switch import find_run, measure_run
    from aligntui.workbench.store_thread import StoreThread
    from aligntui.workbench.switching.report_files import report_lines, write_report

    async def measured_run(on_progress: Callable[[int, int], None]) -> Measured:
        database = StoreThread(workspace_of(ctx).database)
        try:
            found = await find_run(database, run)
            return await measure_run(
                database, found, on_progress, embedding=embedding, judge=judge, engine_argv=engine_argv()
            )
        finally:
            await database.close()

    with counting("texts embedded") as line:
        measured = asyncio.run(measured_run(lambda done, _total: line.show(done)))
    if out is not None:
        for path in write_report(measured, out):
            output.say(f"written: {path}")
    if as_json:
        output.json_data({"run": described(measured.run), **measured.report.as_dict()})
    else:
        output.data("\n".join(report_lines(measured)))


app.command("judge")(judge_answers)
app.command("compare")(compare)
