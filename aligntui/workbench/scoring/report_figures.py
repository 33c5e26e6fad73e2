"""The figures of a score report, as PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aligntui.core.printable import one_line
from aligntui.score.results import Rate
from aligntui.score.suites.table import CATEGORY, OVERALL, TIER, Row, ScoreTable
from aligntui.workbench.scoring.report_document import CATEGORIES, RATES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#4c6a92", "#c46a2b", "#4b8b57", "#8d5a97", "#8a7a2f")
MARKS = ("o", "s", "^", "D", "v")
"""Columns are told apart without colour, too."""
DPI = 150
_SETTINGS: dict[Any, Any] = {
    # names may hold dollar signs, which stand for themselves; the salt makes the ids in an SVG the same every time
    "text.parse_math": False,
    "svg.hashsalt": "aligntui",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def write_figures(table: ScoreTable, folder: Path) -> list[Path]:
    """Draw the overall rates and those of the categories; the same scores give the same SVG, byte by byte.

    Raises:
        EnvironmentProblem: they cannot be written.
    """
    from matplotlib import rc_context

    from aligntui.score.reporting.files import writing

    wanted: dict[str, tuple[Row, ...]] = {
        RATES: (*table.group(OVERALL), *(row for row in table.group(TIER) if row.reading != "loose")),
        CATEGORIES: table.group(CATEGORY, "strict"),
    }
    paths: list[Path] = []
    with rc_context(_SETTINGS):
        for name, rows in wanted.items():
            if not rows:
                continue
            figure = rates_figure(table.columns, rows)
            for ending in ("png", "svg"):
                path = folder / f"{name}.{ending}"
                with writing(path):
                    figure.savefig(path, dpi=DPI, metadata={"Date": None} if ending == "svg" else None)
                paths.append(path)
    return paths


def rates_figure(columns: Sequence[str], rows: Sequence[Row]) -> Figure:
    """One line for each row, one mark for each column, intervals as bars."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 1.5 + (0.2 + 0.12 * len(columns)) * max(1, len(rows))), layout="constrained")
    axes = figure.subplots()
    step = min(0.22, 0.7 / max(1, len(columns)))
    handles, labels = [], []
    for number, name in enumerate(columns):
        drawn = [(place, *found) for place, row in enumerate(rows) if (found := _bounds(row, number)) is not None]
        offset = (number - (len(columns) - 1) / 2) * step
        if drawn:
            bars = axes.errorbar(
                [value for _, value, _, _ in drawn],
                [place + offset for place, *_ in drawn],
                xerr=[[value - low for _, value, low, _ in drawn], [high - value for _, value, _, high in drawn]],
                fmt=MARKS[(number + number // len(COLOURS)) % len(MARKS)],
                color=COLOURS[number % len(COLOURS)],
                capsize=3,
                linestyle="none",
            )
            handles.append(bars)
            labels.append(one_line(name, 40))
    axes.set_yticks(range(len(rows)), [_label(row) for row in rows])
    axes.set_ylim(max(1, len(rows)) - 0.5, -0.5)
    axes.set_xlim(-2, 102)  # marks at the ends stay whole
    axes.set_xlabel("share that passes, % (95% interval, whole prompts)")
    axes.xaxis.grid(visible=True, color="#eee")
    axes.set_axisbelow(True)
    if handles:
        figure.legend(handles, labels, loc="outside upper center", ncols=min(4, len(labels)), frameon=False)
    return figure


def _label(row: Row) -> str:
    tier = f" ({row.tier})" if row.group == CATEGORY and row.tier else ""
    return f"{'tier ' if row.group == TIER else ''}{row.name}{tier}"


def _bounds(row: Row, place: int) -> tuple[float, float, float] | None:
    """Value and interval in per cent."""
    found = row.values[place]
    value = found.rate if isinstance(found, Rate) else found.value
    if value is None or found.low is None or found.high is None:
        return None
    return 100 * value, 100 * found.low, 100 * found.high
