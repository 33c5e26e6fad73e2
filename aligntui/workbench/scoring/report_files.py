"""A score report in a folder, and on a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from aligntui.core.files import write_text_atomic
from aligntui.score.battery.delivery import Delivery
from aligntui.score.lm_eval_results import lm_eval_results
from aligntui.score.reporting.files import write_document, writing
from aligntui.score.reporting.text import WIDTH, text_lines
from aligntui.score.suites.columns import Column
from aligntui.score.suites.suite import Suite
from aligntui.workbench.scoring.report_document import report_document
from aligntui.workbench.scoring.scored import Scored


def report_lines(scored: Scored, width: int = WIDTH, *, brief: bool = False) -> list[str]:
    """The report for a terminal of so many cells a line."""
    return text_lines(report_document(scored, brief=brief, narrow=True), width)


def write_report(scored: Scored, folder: Path) -> list[Path]:
    """Write Markdown, HTML, JSON, CSV, figures and, for each column, results in the shape of lm-evaluation-harness.

    Raises:
        EnvironmentProblem: the disk is full or the folder cannot be written.
    """
    from aligntui.workbench.scoring.report_figures import write_figures

    documents = report_document(scored, figures=True), report_document(scored, whole=True)
    paths = write_document(folder, *documents, scored.as_dict())
    paths += write_figures(scored.table, folder)
    for column in scored.columns:
        results = lm_eval_results(scored.suite, column, _made(scored, column))
        path = folder / f"results_{results['model_name_sanitized']}.json"
        with writing(path):
            write_text_atomic(path, json.dumps(results, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
        paths.append(path)
    return paths


def write_verdicts(scored: Scored, path: Path) -> list[Path]:
    """Write one `{"key", "strict": [..], "loose": [..]}` a line, one boolean for each demand in the item's order.

    What could not be checked is null. With one column the file is `path`; with several each has its own, with the column's
    name before the ending. Items without an answer have no line; under several seeds a line also has `seed`.

    Raises:
        UserError: the file may not be written there.
        EnvironmentProblem: the disk is full.
    """
    paths: list[Path] = []
    for column in scored.columns:
        name = "".join(c if c.isalnum() or c in "-." else "_" for c in column.name)
        place = path if len(scored.columns) == 1 else path.with_name(f"{path.stem}-{name}{path.suffix}")
        write_text_atomic(place, _verdicts(scored.suite, column))
        paths.append(place)
    return paths


def _verdicts(suite: Suite, column: Column) -> Iterator[str]:
    for item in suite.items:
        for seed in column.seeds:
            marks = column.marks.get((item.id, seed))
            if marks is None:
                continue
            line: dict[str, Any] = {
                "key": item.key,
                "strict": [part.passed for part in marks.parts],
                "loose": [part.loose for part in marks.parts],
            }
            if len(column.seeds) > 1:
                line["seed"] = seed
            yield json.dumps(line, ensure_ascii=False) + "\n"


def _made(scored: Scored, column: Column) -> dict[str, Any]:
    plan, run = scored.plan, scored.run
    limit = len(scored.suite.items) if len(scored.suite.items) < scored.suite.total else None
    if plan is None or run is None:
        return {"limit": limit}
    sampling = plan.asking.sampling
    return {
        "model": plan.base.model,
        "date": datetime.fromisoformat(run.created_at).timestamp(),
        "gen_kwargs": {
            "do_sample": sampling.temperature > 0,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_gen_toks": sampling.max_new_tokens,
        },
        "system_instruction": plan.instruction.text
        if column.delivery in (str(Delivery.SYSTEM), str(Delivery.BOTH))
        else "",
        "limit": limit,
    }
