"""The figures of a switch report, as PNG and SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aligntui.core.printable import one_line
from aligntui.workbench.switching.report_document import CONFUSION, RATES, WORDINGS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from aligntui.score.results import Rate
    from aligntui.score.switching.report import Column

COLOURS = ("#4c6a92", "#c46a2b", "#4b8b57", "#8d5a97", "#8a7a2f")
MARKS = ("o", "s", "^", "D", "v")
"""Sides are told apart without colour, too."""
DPI = 150
ALL = "all"
"""Row of the rate over all instructions."""
_SETTINGS: dict[Any, Any] = {
    # names may hold dollar signs, which stand for themselves; the salt makes the ids in an SVG the same every time
    "text.parse_math": False,
    "svg.hashsalt": "aligntui",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def write_figures(column: Column, folder: Path, mark: str = "") -> list[Path]:
    """Draw the rates and the confusion matrices; the same measures give the same SVG, byte by byte.

    Args:
        column: one recogniser's.
        folder: where they go.
        mark: at the end of the files' names.

    Raises:
        EnvironmentProblem: they cannot be written.
    """
    from matplotlib import rc_context

    from aligntui.score.reporting.files import writing

    paths = []
    with rc_context(_SETTINGS):
        for name, figure in _figures(column):
            for ending in ("png", "svg"):
                path = folder / f"{name}{mark}.{ending}"
                with writing(path):
                    figure.savefig(path, dpi=DPI, metadata={"Date": None} if ending == "svg" else None)
                paths.append(path)
    return paths


def _figures(column: Column) -> Iterator[tuple[str, Figure]]:
    yield RATES, rates_figure(column)
    yield CONFUSION, confusion_figure(column)
    yield WORDINGS, wordings_figure(column)


def rates_figure(column: Column) -> Figure:
    """Switch rate by instruction, one mark a side, intervals as bars, chance as a dotted line."""
    types = list(dict.fromkeys(one.instruction for one in column.instructions))
    rates: dict[tuple[str, str], Rate] = {(one.side, one.instruction): one.rate for one in column.instructions}
    rates |= {(one.side, ALL): one.rate for one in column.sides}
    return _rows_figure(column, f"Switch rate by {column.recogniser}", [ALL, *types], rates)


def wordings_figure(column: Column) -> Figure:
    """Switch rate by kind of wording, drawn as that by instruction."""
    kinds = list(dict.fromkeys(one.wording for one in column.wordings))
    rates = {(one.side, one.wording): one.rate for one in column.wordings}
    return _rows_figure(column, f"Following against aligning, by {column.recogniser}", kinds, rates)


def _rows_figure(column: Column, title: str, rows: list[str], rates: Mapping[tuple[str, str], Rate]) -> Figure:
    """Rates by side and row name as marks with intervals."""
    from matplotlib.figure import Figure

    sides = [side.side for side in column.sides]
    figure = Figure(figsize=(8, 1.8 + (0.3 + 0.14 * len(sides)) * max(1, len(rows))), layout="constrained")
    axes = figure.subplots()
    step = min(0.22, 0.7 / max(1, len(sides)))
    handles, labels = [], []
    for number, side in enumerate(sides):
        found = [(place, rates.get((side, name))) for place, name in enumerate(rows)]
        drawn = [
            (place, 100 * rate.rate, 100 * rate.low, 100 * rate.high)
            for place, rate in found
            if rate is not None and rate.rate is not None and rate.low is not None and rate.high is not None
        ]
        offset = (number - (len(sides) - 1) / 2) * step
        if drawn:
            bars = axes.errorbar(
                [value for _, value, _, _ in drawn],
                [place + offset for place, *_ in drawn],
                xerr=[[value - low for _, value, low, _ in drawn], [high - value for _, value, _, high in drawn]],
                fmt=MARKS[number % len(MARKS)],
                color=COLOURS[number % len(COLOURS)],
                capsize=3,
                linestyle="none",
                clip_on=False,
            )
            handles.append(bars)
            labels.append(one_line(side, 40))
    chance = column.sides[0].rate.chance if column.sides else None
    if chance is not None:
        handles.append(axes.axvline(100 * chance, linestyle=":", color="#555"))
        labels.append(f"chance, {chance:.0%}")
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("answers whose instruction was recognised, % (95% interval, whole prompts)")
    if ALL in rows:
        axes.axhline(0.5, color="#ccc", linewidth=0.8)
    axes.xaxis.grid(visible=True, color="#eee")
    axes.set_axisbelow(True)
    axes.set_title(one_line(title, 80), fontsize=10)
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


def confusion_figure(column: Column) -> Figure:
    """Share of the answers under each instruction that were taken for each, one square a side."""
    import numpy as np
    from matplotlib.figure import Figure

    count = max(1, len(column.confusion))
    figure = Figure(figsize=(5.8 * count, 5.4), layout="constrained")
    squares = figure.subplots(1, count, squeeze=False)[0]
    for axes, one in zip(squares, column.confusion, strict=False):
        rows = np.array(one.rows)  # (M, M + 1)
        rows = rows if rows[:, -1].any() else rows[:, :-1]  # the column `none`, where nothing was named at least once
        names = [*one.types, "none"][: rows.shape[1]]
        totals = rows.sum(1, keepdims=True)
        shares = rows / np.where(totals > 0, totals, 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for y, x in np.ndindex(*shares.shape):
            if shares[y, x] >= 0.005:
                axes.text(
                    x, y, f"{100 * shares[y, x]:.0f}", ha="center", va="center", fontsize=8,
                    color="white" if shares[y, x] > 0.55 else "black", fontweight="bold" if x == y else "normal",
                )  # fmt: skip
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(one.types)), one.types)
        axes.set_xlabel("recognised")
        axes.set_ylabel("intended")
        axes.set_title(f"{one_line(one.side, 40)}: % of the answers of each row", fontsize=10)
    figure.suptitle(f"Recognised by {one_line(column.recogniser, 60)}", fontsize=11)
    return figure
