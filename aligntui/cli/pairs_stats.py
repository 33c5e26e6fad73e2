"""`aligntui pairs stats`: what the verdicts say of who gave them, and of the sides that were judged."""

from __future__ import annotations

from typing import Any

import typer

from aligntui.cli import output
from aligntui.cli.counting_line import counting
from aligntui.cli.pair_flags import pair_filter, with_filters
from aligntui.cli.shared import Json, opened_store


@with_filters
def stats(ctx: typer.Context, filters: dict[str, Any], as_json: Json = False) -> None:
    """Measure annotators and sides by the verdicts.

    Agreement, position and length preference, win rates against the base and ratings, each with its interval. Intervals are of 95% and treat the verdicts on one prompt as one draw. Verdicts that came with a file say nothing of
    anybody here and are left out and counted; an annotator whose name begins with judge: is a model.
    """
    from aligntui.cli.stats_text import report_lines
    from aligntui.workbench.curation.statistics import verdict_report

    with opened_store(ctx) as store, counting("verdicts read") as line:
        report = verdict_report(store.judgements(pair_filter(store, filters)), line.show)
    if as_json:
        output.json_data(report.as_dict())
    elif report.verdicts:
        output.data("\n".join(report_lines(report)))
    if not report.verdicts and not as_json:
        output.say("There is no verdict over two sides that are known; `aligntui pairs list` shows what there is.")
    if report.imported:
        output.say(f"{output.counted(report.imported, 'verdict')} over imported answers left out")
