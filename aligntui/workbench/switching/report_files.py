"""A switch report in a folder, and on a terminal."""

from __future__ import annotations

from pathlib import Path

from aligntui.score.reporting.files import write_document
from aligntui.score.reporting.text import WIDTH, text_lines
from aligntui.workbench.switching.measuring import Measured
from aligntui.workbench.switching.report_document import report_document
from aligntui.workbench.switching.report_judge import MARK

DRAWN_FROM = 100
"""Cells of a line from which on rates are drawn beside their numbers."""


def report_lines(measured: Measured, width: int = WIDTH) -> list[str]:
    """The report for a terminal of so many cells a line; rates are drawn where there is room."""
    return text_lines(report_document(measured, drawn=width >= DRAWN_FROM), width)


def write_report(measured: Measured, folder: Path) -> list[Path]:
    """Write Markdown, HTML, JSON, CSV and figures; returns the files.

    Raises:
        EnvironmentProblem: the disk is full or the folder cannot be written.
    """
    from aligntui.workbench.switching.report_figures import write_figures

    run = measured.run
    data = {
        "run": {"id": run.id, "name": run.name, "created_at": run.created_at, "cells": run.cells, "done": run.done},
        "dataset": measured.plan.dataset,
        **measured.report.as_dict(),
    }
    paths = write_document(folder, report_document(measured, figures=True), report_document(measured, whole=True), data)
    paths += write_figures(measured.report.nearest, folder)
    judge = measured.report.judge
    return paths if judge is None else [*paths, *write_figures(judge, folder, MARK)]
