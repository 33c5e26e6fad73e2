"""`aligntui switch`: measure whether answers follow the instruction, base and adapters under equal conditions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from aligntui.cli import output
from aligntui.cli.app import group
from aligntui.cli.counting_line import counting
from aligntui.cli.engine_argv import engine_argv
from aligntui.cli.loading import LoadingLine
from aligntui.cli.option_flags import options_of, value_of, with_options
from aligntui.cli.output import counted
from aligntui.cli.progress_line import ProgressLine, progress_text
from aligntui.cli.shared import Json, opened_store, settings_of, workspace_of
from aligntui.config.options import Option
from aligntui.core.errors import AligntuiError, UserError
from aligntui.core.printable import one_line

if TYPE_CHECKING:
    from aligntui.core.generation import GenerationRun
    from aligntui.workbench.generation.progress import CellEvent, RunProgress
    from aligntui.workbench.opening import Workbench
    from aligntui.workbench.switching.measuring import Measured

T = TypeVar("T")
app = group("Measure whether answers follow the instruction: run, list and report.")

_FLAGS = [name for name in options_of("model", "answer", "instruction") if name != "instruction"]
_ON_RESUME = ("device", "threads", "trust_remote_code")
"""Options that a run which is gone on with takes from the command line; the others are its own."""
_SAMPLE = Option("sample", 1, "So many prompts, of the beginning of the data set; all without it.", "run", low=1)
_SEEDS = Option("seeds", 1, "Answers to each case, each under a seed of its own.", "run", low=1, high=100)
_AT_ONCE = Option("at-once", 20, "Answers decoded at the same time.", "run", low=1, high=512)
INCOMPLETE = 3
Run = Annotated[str, typer.Argument(metavar="RUN", help="Id, beginning of an id, or name of a run.")]


@app.command("run")
@with_options(_FLAGS)
def run(
    ctx: typer.Context,
    flags: dict[str, Any],
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
    name: Annotated[str, typer.Option(metavar="NAME", help="Of the run.", show_default=False)] = "",
    resume: Annotated[
        str, typer.Option(metavar="RUN", help="Go on with a run, under its own settings.", show_default=False)
    ] = "",
    at_once: Annotated[int, typer.Option("--at-once", metavar="N", parser=value_of(_AT_ONCE), help=_AT_ONCE.help)] = 20,
    as_json: Json = False,
) -> int:
    """Ask every prompt under every instruction, base and adapters alike, and store each answer as it is finished.

    Answers that were made under the same conditions before are taken from the cache. An interrupted run goes on with
    --resume; exit code 3 says that answers are missing.
    """
    from aligntui.core.generation import RunKind
    from aligntui.data.switch_suites import load_suites
    from aligntui.workbench.headless.switch import resume_run, switch_run
    from aligntui.workbench.switching.data_sets import load_data_set
    from aligntui.workbench.switching.running import SwitchWish

    face = _Face()
    workspace = workspace_of(ctx)
    more: dict[str, Any] = {"at_once": at_once, "engine_argv": engine_argv()}
    if resume:
        _refuse_with_resume(ctx)
        with opened_store(ctx) as store:
            begun = store.get_run(resume, RunKind.SWITCH)
        settings = settings_of(workspace, flags)
        done = face.wait(resume_run(workspace, settings, begun, face.loading, face.begun, face.on_event, **more))
    else:
        found = load_data_set(workspace, dataset, _names(instructions))
        found = found if sample is None else found.sample(sample)
        asked = load_suites(None if suites.strip() == "all" else _names(suites), sample)
        wish = SwitchWish(found, seeds, noise, asked, name)
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
    if as_json:
        output.json_data({"run": begun.id, "name": begun.name, "session": begun.session_id, **_counts(done)})
    else:
        output.say(f"{begun.id}: {progress_text(done)}")
        output.say(f"decoded as {'; '.join(done.paths)}" if done.paths else "nothing had to be decoded")
        output.data(begun.id)
    if done.refused:
        output.say(f"{counted(done.refused, 'answer')} refused, the first because: {done.refusal}")
    if not done.left:
        return 0
    output.say(f"{counted(done.left, 'answer')} missing: `aligntui switch run --resume {begun.id}`")
    return INCOMPLETE


@app.command("list")
def list_runs(ctx: typer.Context, as_json: Json = False) -> None:
    """List the runs, newest first."""
    from aligntui.core.generation import RunKind

    with opened_store(ctx) as store:
        runs = store.list_runs(RunKind.SWITCH)
    if as_json:
        output.json_data([_described(one) for one in runs])
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
    as_json: Json = False,
) -> None:
    """Measure a run, whether or not it has ended."""
    from aligntui.workbench.headless.switch import find_run, measure_run
    from aligntui.workbench.store_thread import StoreThread
    from aligntui.workbench.switching.report_files import report_lines, write_report

    async def measured_run(on_progress: Callable[[int, int], None]) -> Measured:
        database = StoreThread(workspace_of(ctx).database)
        try:
            found = await find_run(database, run)
            return await measure_run(database, found, on_progress, embedding=embedding, engine_argv=engine_argv())
        finally:
            await database.close()

    with counting("texts embedded") as line:
        measured = asyncio.run(measured_run(lambda done, _total: line.show(done)))
    if out is not None:
        for path in write_report(measured, out):
            output.say(f"written: {path}")
    if as_json:
        output.json_data({"run": _described(measured.run), **measured.report.as_dict()})
    else:
        output.data("\n".join(report_lines(measured)))


class _Face:
    """What the user sees of a run."""

    def __init__(self) -> None:
        self._loading = LoadingLine()
        self._line = ProgressLine()
        self._run: GenerationRun | None = None

    def loading(self, bench: Workbench) -> None:
        """Told while the base is loaded."""
        self._loading.show(bench.chat.state.engine)

    def begun(self, run: GenerationRun) -> None:
        """The run is in the database."""
        self._loading.clear()
        self._run = run
        output.say(f"{run.id}: {one_line(run.name)}, {counted(run.cells, 'answer')}")

    def on_event(self, event: CellEvent) -> None:
        """Something happened in it."""
        from aligntui.workbench.generation.progress import RunMoved

        if isinstance(event, RunMoved):
            self._line.show(event.progress)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it to its end, whatever that is; where it breaks off say how to go on."""
        try:
            return asyncio.run(work)
        except (AligntuiError, KeyboardInterrupt):
            self._clear()
            if self._run is not None:
                output.say(f"what was finished is stored; go on with `aligntui switch run --resume {self._run.id}`")
            raise
        finally:
            self._clear()

    def _clear(self) -> None:
        self._loading.clear()
        self._line.clear()


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if text.strip() and not all(names):
        raise UserError(f"A name is missing in {text!r}.", "Write them with commas between: concise,creative.")
    return [name for name in names if name]


def _counts(progress: RunProgress) -> dict[str, Any]:
    return {
        "cells": progress.cells,
        "done": progress.done,
        "cached": progress.cached,
        "made": progress.made,
        "failed": progress.failed,
        "refused": progress.refused,
        "tokens": progress.tokens,
        "tokens_per_s": progress.tokens_per_s,
        "computed_tokens": progress.computed_tokens,
        "padding_tokens": progress.padding_tokens,
        "padding_share": progress.padding_share,
        "paths": list(progress.paths),
    }


def _described(run: GenerationRun) -> dict[str, Any]:
    return {
        "id": run.id,
        "name": run.name,
        "created_at": run.created_at,
        "session": run.session_id,
        "cells": run.cells,
        "done": run.done,
        "cached": run.cached,
    }
