"""Numbers drawn with block characters: shares, shares of a whole, intervals. All of them can be read without colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from aligntui.tui.turn_text import MUTED

_EIGHTHS = " ▏▎▍▌▋▊▉█"


def share_bar(share: float, width: int) -> str:
    """A share, 0 to 1, as a bar of `width` cells, to an eighth of a cell; above 0 there is always something to see."""
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    if share > 0:
        eighths = max(1, eighths)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(width)


@dataclass(frozen=True)
class Part:
    """A piece of a whole."""

    amount: float
    sign: str
    """One cell; different pieces need different ones, since there may be no colour."""
    style: str = ""


def stacked_bar(parts: Sequence[Part], width: int) -> Content:
    """A whole of `width` cells in its parts; what is not 0 has at least a cell where there are cells enough."""
    total = sum(part.amount for part in parts)
    if total <= 0 or width <= 0:
        return Content(" " * max(0, width))
    exact = [part.amount / total * width for part in parts]
    cells = [max(int(length), int(part.amount > 0)) for length, part in zip(exact, parts, strict=True)]
    while sum(cells) > width:
        cells[max(range(len(cells)), key=cells.__getitem__)] -= 1
    while sum(cells) < width:
        cells[max(range(len(cells)), key=lambda place: exact[place] - cells[place])] += 1
    return Content.assemble(
        *((part.sign * count, part.style) for part, count in zip(parts, cells, strict=True) if count)
    )


@dataclass(frozen=True)
class Axis:
    """What a bar's cells stand for."""

    start: float = 0.0
    end: float = 1.0
    tick: float | None = None
    """The value that means nothing is there: chance, 0 for a difference."""

    def cell(self, value: float, width: int) -> int:
        """Where a value falls; one outside stands at the edge."""
        share = (value - self.start) / (self.end - self.start)
        return min(width - 1, max(0, round(share * (width - 1))))


def interval_bar(
    value: float | None, low: float | None, high: float | None, width: int, axis: Axis, style: str = ""
) -> Content:
    """An estimate and its interval on an axis: `┈┈┊┈├──●──┤┈┈`, where `┊` is the tick of the axis, `┼` inside the interval.

    Args:
        value: None draws the axis alone.
        low: lower end; None where it is open, drawn as an arrow, or where there is no interval at all.
        high: upper end, likewise.
        width: cells.
        axis: what they stand for.
        style: of point and interval.
    """
    cells = ["┈"] * width
    inside: tuple[int, int] = (width, -1)
    if value is not None:
        at = axis.cell(value, width)
        if low is not None or high is not None:
            first = 0 if low is None else axis.cell(low, width)
            last = width - 1 if high is None else axis.cell(high, width)
            inside = (first, last)
            for place in range(first, last + 1):
                cells[place] = "─"
            cells[first] = "◀" if low is None else "├"
            cells[last] = "▶" if high is None else "┤"
        else:
            inside = (at, at)
    tick = None if axis.tick is None else axis.cell(axis.tick, width)
    if tick is not None:
        cells[tick] = "┼" if cells[tick] == "─" else "┊" if cells[tick] == "┈" else cells[tick]
    if value is not None:
        cells[axis.cell(value, width)] = "●"
    first, last = inside
    pieces = [
        (sign, style if first <= place <= last else "bold" if place == tick else MUTED)
        for place, sign in enumerate(cells)
    ]
    return Content.assemble(*pieces)
