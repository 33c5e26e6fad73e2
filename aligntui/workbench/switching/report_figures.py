"""The figures of a switch report, as PNG and SVG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from aligntui.core.printable import one_line
from aligntui.workbench.switching.report_document import CONFUSION, RATES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from aligntui.score.results import Rate
    from aligntui.score.switching.report import Column

COLOURS = ("#4c6a92", "#c46a2b", "#4b8b57", "#8d5a97", "#8a7a2f")
MARKS = ("o", "s", "^", "D", "v")
"""Sides are told apart without colour, too."""
DPI = 150
_SETTINGS: dict[Any, Any] = {
    # names may hold dollar signs, which stand for themselves; the salt makes the ids in an SVG the same every time
    "text.parse_math": False,
    "svg.hashsalt": "aligntui",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def write_figures(column: Column, folder: Path) -> list[Path]:
    """Draw the rates and the confusion matrices; the same measures give the same SVG, byte by byte.

    Raises:
        EnvironmentProblem: they cannot be written.
    """
    from matplotlib import rc_context

    from aligntui.score.reporting.files import writing

    paths = []
    with rc_context(_SETTINGS):
        for name, figure in ((RATES, rates_figure(column)), (CONFUSION, confusion_figure(column))):
            for ending in ("png", "svg"):
                path = folder / f"{name}.{ending}"
                with writing(path):
                    figure.savefig(path, dpi=DPI, metadata={"Date": None} if ending == "svg" else None)
                paths.append(path)
    return paths


def rates_figure(column: Column) -> Figure:
    """Switch rate by instruction, one mark a side, intervals as bars, chance as a dotted line."""
    from matplotlib.figure import Figure

    types = list(dict.fromkeys(one.instruction for one in column.instructions))
    rates: dict[tuple[str, str], Rate] = {(one.side, one.instruction): one.rate for one in column.instructions}
    rates |= {(one.side, ""): one.rate for one in column.sides}
    figure = Figure(figsize=(8, 1.5 + (0.3 + 0.14 * len(column.sides)) * (len(types) + 1)), layout="constrained")
    axes = figure.subplots()
    step = min(0.22, 0.7 / max(1, len(column.sides)))
    handles, labels = [], []
    for number, side in enumerate(column.sides):
        found = [(place, rates.get((side.side, name))) for place, name in enumerate(["", *types])]
        drawn = [
            (place, 100 * rate.rate, 100 * rate.low, 100 * rate.high)
            for place, rate in found
            if rate is not None and rate.rate is not None and rate.low is not None and rate.high is not None
        ]
        offset = (number - (len(column.sides) - 1) / 2) * step
        if drawn:
            bars = axes.errorbar(
                [value for _, value, _, _ in drawn],
                [place + offset for place, *_ in drawn],
                xerr=[[value - low for _, value, low, _ in drawn], [high - value for _, value, _, high in drawn]],
                fmt=MARKS[number % len(MARKS)],
                color=COLOURS[number % len(COLOURS)],
                capsize=3,
                linestyle="none",
            )
            handles.append(bars)
            labels.append(one_line(side.side, 40))
    chance = column.sides[0].rate.chance if column.sides else None
    if chance is not None:
        handles.append(axes.axvline(100 * chance, linestyle=":", color="#555"))
        labels.append(f"chance, {chance:.0%}")
    axes.set_yticks(range(len(types) + 1), ["all", *types])
    axes.set_ylim(len(types) + 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("answers whose instruction was recognised, % (95% interval, whole prompts)")
    axes.axhline(0.5, color="#ccc", linewidth=0.8)
    axes.xaxis.grid(visible=True, color="#eee")
    axes.set_axisbelow(True)
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
    return figure
