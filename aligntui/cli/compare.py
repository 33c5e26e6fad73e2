"""`aligntui compare`: score runs or files of answers side by side, item by item."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aligntui.cli import output
from aligntui.cli.app import single
from aligntui.cli.counting_line import counting
from aligntui.cli.shared import Json, workspace_of
from aligntui.core.errors import UserError

if TYPE_CHECKING:
    from aligntui.workbench.scoring.comparing import Source

app = single()


@app.command()
def compare(
    ctx: typer.Context,
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="A B...",
            help="Score runs (id, beginning of an id, or name) or files of answers, in the order of versions.",
        ),
    ],
    suite: Annotated[
        str,
        typer.Option(metavar="SUITE", help="Suite of the files; that of the runs without it.", show_default=False),
    ] = "",
    prompts: Annotated[
        str, typer.Option(metavar="FILE", help="Prompts of that suite; the usual ones without it.", show_default=False)
    ] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write report.md, report.html, tables as CSV and report.json.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare score runs or files of answers, item by item.

    Columns of one suite are paired: against the first one, and each against the one before. Runs of several suites make the
    table of models.
    """
    from aligntui.workbench.scoring.comparing import compare as compared
    from aligntui.workbench.scoring.comparison_document import comparison_lines, write_comparison

    if len(what) < 2:
        raise UserError("A comparison needs at least two runs or files.", "aligntui compare A B")
    if out is not None and out.is_file():
        raise UserError(f"{out} is a file, and a report is a folder.", "Give another name.")
    found = compared(_sources(ctx, what, suite, prompts))
    if out is not None:
        more = [*(["--suite", suite] if suite else []), *(["--prompts", prompts] if prompts else [])]
        for path in write_comparison(found, out, f"aligntui compare {shlex.join([*what, *more])}"):
            output.say(f"written: {path}")
    if as_json:
        output.json_data(found.as_dict())
    else:
        output.data("\n".join(comparison_lines(found)))


def _sources(ctx: typer.Context, what: Sequence[str], suite: str, prompts: str) -> list[Source]:
    """What was typed, read and judged.

    Raises:
        UserError: a run or file is not there or cannot be used, one stands twice, or nothing tells the suite of a file.
    """
    from aligntui.workbench.headless.score import read_scores
    from aligntui.workbench.scoring.comparing import Source
    from aligntui.workbench.scoring.scored import Scored, score_responses
    from aligntui.workbench.scoring.suites import LoadedSuite, load_suite

    twice = next((one for one in what if what.count(one) > 1), None)
    if twice is not None:
        raise UserError(f"{twice} stands there twice.", "Name each run and file once.")
    files = [one for one in what if Path(one).is_file()]
    runs: dict[str, Scored] = {}
    with counting("answers judged") as line:
        for key in what:
            if key not in files:
                runs[key] = asyncio.run(read_scores(workspace_of(ctx), key, lambda done, _total: line.show(done)))
        loaded: LoadedSuite | None = None
        if files:
            suites = {one.suite.name: one.suite for one in runs.values()}
            if suite or prompts:
                loaded = load_suite(suite or "ifeval", prompts)
            elif len(suites) == 1:
                (only,) = suites.values()
                loaded = LoadedSuite(only, only)
            else:
                raise UserError("Nothing tells which suite the files are answers to.", "Name it: --suite ifeval.")
        sources: list[Source] = []
        for key in what:
            if key in runs:
                sources.append(Source(key, runs[key]))
            else:
                assert loaded is not None, "there is a file"
                judged = score_responses(loaded, [Path(key)], lambda done, _total: line.show(done))
                sources.append(Source(Path(key).stem, judged))
    return sources
