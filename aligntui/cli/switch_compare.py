"""`aligntui switch compare`: several runs side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aligntui.cli import output
from aligntui.cli.counting_line import counting
from aligntui.cli.engine_argv import engine_argv
from aligntui.cli.shared import Json, workspace_of

if TYPE_CHECKING:
    from aligntui.workbench.switching.comparing import RunsCompared


def compare(
    ctx: typer.Context,
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids, beginnings of ids, or names of runs.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write report.md, report.html, report.json and tables as CSV.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Hold the sides of runs against each other.

    Switch rate, M1 and shift of each, differences where prompts are shared, and the relative instruction-alignment
    efficiency, which says nothing outside the comparison.
    """
    from aligntui.score.reporting.files import write_document
    from aligntui.score.reporting.text import text_lines
    from aligntui.workbench.headless.switch import compared_runs
    from aligntui.workbench.store_thread import StoreThread
    from aligntui.workbench.switching.comparison_document import comparison_document

    async def compared(on_progress: Callable[[int, int], None]) -> RunsCompared:
        database = StoreThread(workspace_of(ctx).database)
        try:
            return await compared_runs(database, runs, on_progress, engine_argv=engine_argv())
        finally:
            await database.close()

    with counting("texts embedded") as line:
        found = asyncio.run(compared(lambda done, _total: line.show(done)))
    document = comparison_document(found)
    if out is not None:
        for path in write_document(out, document, document, found.as_dict()):
            output.say(f"written: {path}")
    if as_json:
        output.json_data(found.as_dict())
    else:
        output.data("\n".join(text_lines(document)))
