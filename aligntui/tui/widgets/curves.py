"""Curves over the steps of a run, drawn with braille dots.

Every line has a sign and a name at its end, so that it can be told from the others without colour. Lines are rastered by textual-hires-canvas, ticks are found by textual-plot; the frame of its own plot widget takes more rows
than a panel of a terminal has. Pinned in tests/tui/test_train_curves.py.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from textual.color import Color, ColorParseError
from textual.containers import Grid
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual_hires_canvas import Canvas, HiResMode
from textual_plot.axis_formatter import NumericAxisFormatter

from aligntui.tui.cells import fit
from aligntui.workbench.training.screen_curves import Series

SIGNS = "●▲■◆✚○△□◇+"
"""One for each line of a panel."""
COLOURS = ("primary", "accent", "success", "warning", "secondary", "error")
"""Of the theme, one for each line."""
MARK_CELLS = 18
"""Cells between two signs on a line."""
NAME_CELLS = 14
"""Cells that a name at the end of a line takes at most."""
MIN_HEIGHT = 9
MIN_WIDTH = 46
"""Below this a panel is hard to read, so fewer of them are shown."""
MOST_PANELS = 8


@dataclass(frozen=True)
class Drawing:
    """What a panel shows."""

    title: str = ""
    series: tuple[Series, ...] = ()
    unit: str = ""
    limits: tuple[float, float] | None = None
    steps: int = 0
    """Steps that there will be; the axis goes as far as there are figures."""


def number(value: float) -> str:
    """A figure in few characters: 0.612, 12.4, 1,240, 2e-05."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    size = abs(value)
    if size < 0.001:
        return f"{value:.1e}".replace("e-0", "e-")
    return f"{value:,.0f}" if size >= 1000 else f"{value:.3g}"


class CurveChart(Canvas):
    """One panel: title with the latest values, axis, lines."""

    DEFAULT_CSS = "CurveChart { width: 1fr; height: 1fr; background: transparent; }"
    can_focus = False

    def __init__(self) -> None:
        super().__init__(1, 1)
        self._drawing = Drawing()

    @property
    def drawing(self) -> Drawing:
        """What it shows."""
        return self._drawing

    def show(self, drawing: Drawing) -> None:
        """Draw something else, or the same as it is now."""
        self._drawing = drawing
        self._draw()

    def on_resize(self, event: Resize) -> None:
        """Draw for the new size."""
        self.reset(event.size, refresh=False)
        self._draw()

    def render_line(self, y: int) -> Strip:
        """A line of cells; below the canvas, where it has not followed a new size yet, a blank one that has a style."""
        strip = super().render_line(y)
        return strip if strip.cell_length else Strip.blank(self.size.width, self.rich_style)

    # drawing ----------------------------------------------------------------------------------------

    def _draw(self) -> None:
        width, height = self.size
        if width < 12 or height < 4:
            return
        with self.batch_refresh():
            self.reset(Size(width, height))
            series = self._drawing.series
            self._write_title(width)
            if not series:
                text = "no figures yet"
                self._write((width - len(text)) // 2, height // 2, text, self._style("foreground-muted"))
                return
            self._draw_lines(width, height, series)

    def _draw_lines(self, width: int, height: int, series: Sequence[Series]) -> None:
        low, high = self._limits(series)
        ticks, labels = _ticks(low, high, max(2, (height - 2) // 2))
        left = max(map(len, labels), default=1) + 1
        named = len(series) > 1
        right = min(NAME_CELLS, max(len(one.label) for one in series) + 2) + 1 if named else 1
        first, last = (
            min(float(one.steps[0]) for one in series),
            max(float(one.steps[-1]) for one in series),
        )
        box = _Box(left + 1, 1, width - left - 1 - right, height - 2, first, max(last, first + 1), low, high)
        if box.width < 4:
            return
        self._draw_axes(box, ticks, labels, left)
        for place, one in enumerate(series):
            points = [box.at(x, y) for x, y in zip(one.steps, one.values, strict=True)]
            lines = [(*a, *b) for a, b in itertools.pairwise(points)]
            self.draw_hires_lines(lines, HiResMode.BRAILLE, self._line_style(place))
        if named or any(len(one.steps) == 1 for one in series):
            self._draw_marks(box, series)
        if named:
            self._write_names(box, series)

    def _draw_axes(self, box: _Box, ticks: Sequence[float], labels: Sequence[str], left: int) -> None:
        axis, muted = self._style("surface-lighten-3"), self._style("foreground-muted")
        for y in range(box.y, box.y + box.height):
            self.set_pixel(box.x - 1, y, "│", axis)
        for tick, label in zip(ticks, labels, strict=True):
            y = box.row(tick)
            self.set_pixel(box.x - 1, y, "┤", axis)
            self._write(left - 1 - len(label), y, label, muted)
        bottom = box.y + box.height
        self._write(box.x - 1, bottom, "└" + "─" * box.width, axis)
        end = 0
        for tick, label in zip(*_steps(box.first, box.last, box.width), strict=True):
            x = round(box.at(tick, box.low)[0]) - len(label) // 2
            x = min(max(x, box.x), box.x + box.width - len(label))
            if x > end:
                self._write(x, bottom, label, muted)
                end = x + len(label)

    def _draw_marks(self, box: _Box, series: Sequence[Series]) -> None:
        for place, one in enumerate(series):
            sign, style = SIGNS[place % len(SIGNS)], self._line_style(place)
            # each line has its signs in columns of its own, so that lines that lie on one another both show theirs
            begin = box.x + (place * MARK_CELLS // len(series)) % MARK_CELLS + 1
            wanted = range(begin, box.x + box.width, MARK_CELLS)
            columns = {round(box.at(x, box.low)[0]) for x in one.steps} if len(one.steps) <= 8 else set(wanted)
            for column in columns:
                step = box.step(column)
                if one.steps[0] <= step <= one.steps[-1] or len(one.steps) <= 8:
                    at = int(abs(one.steps - step).argmin())
                    x, y = box.at(float(one.steps[at]), float(one.values[at]))
                    self.set_pixel(min(int(x), box.x + box.width - 1), min(int(y), box.y + box.height - 1), sign, style)

    def _write_names(self, box: _Box, series: Sequence[Series]) -> None:
        """Names at the ends of the lines, pushed apart where they would lie on one another."""
        wanted = sorted((box.row(one.last), place) for place, one in enumerate(series))
        rows: list[int] = []
        for row, _ in wanted:
            rows.append(max(row, rows[-1] + 1 if rows else box.y))
        over = max(0, rows[-1] - (box.y + box.height - 1))
        for at in range(len(rows) - 1, -1, -1):
            limit = box.y + box.height - 1 if at == len(rows) - 1 else rows[at + 1] - 1
            rows[at] = min(rows[at], limit) if over else rows[at]
        for row, (_, place) in zip(rows, wanted, strict=True):
            if row < box.y:
                continue
            text = f"{SIGNS[place % len(SIGNS)]} {series[place].label}"
            self._write(box.x + box.width + 1, row, fit(text, NAME_CELLS), self._line_style(place))

    def _write_title(self, width: int) -> None:
        drawing = self._drawing
        title = f"{drawing.title}{f', {drawing.unit}' if drawing.unit else ''}"
        self._write(0, 0, fit(title, width), self._style("foreground", bold=True))
        x = len(title) + 2
        for place, one in enumerate(drawing.series):
            sign = f"{SIGNS[place % len(SIGNS)]} {one.label} " if len(drawing.series) > 1 else ""
            value = number(one.last)
            if x + len(sign) + len(value) > width:
                break
            self._write(x, 0, sign, self._line_style(place))
            self._write(x + len(sign), 0, value, self._style("foreground", bold=True))
            x += len(sign) + len(value) + 2

    def _write(self, x: int, y: int, text: str, style: str) -> None:
        for offset, char in enumerate(text):
            self.set_pixel(x + offset, y, char, style)

    def _limits(self, series: Sequence[Series]) -> tuple[float, float]:
        low = min(float(one.values.min()) for one in series)
        high = max(float(one.values.max()) for one in series)
        if self._drawing.limits is not None:
            low, high = min(low, self._drawing.limits[0]), max(high, self._drawing.limits[1])
        if high - low < 1e-12 * max(1.0, abs(high)) or high == low:
            room = abs(high) * 0.1 or 1.0
            return low - room, high + room
        room = 0.0 if self._drawing.limits is not None else 0.04 * (high - low)
        return low - room, high + room

    def _line_style(self, place: int) -> str:
        return self._style(COLOURS[place % len(COLOURS)])

    def _style(self, name: str, *, bold: bool = False) -> str:
        """A colour of the theme as Rich writes it; without colour, and in the terminal's own, what Rich makes of it."""
        value = self.app.theme_variables.get(name, "")
        try:
            colour = Color.parse(value).rich_color
        except ColorParseError:
            colour = None
        return str(Style(color=colour, bold=bold or None)) if colour is not None or bold else "none"


@dataclass(frozen=True)
class _Box:
    """Where the lines are: cells of the canvas, and what they stand for."""

    x: int
    y: int
    width: int
    height: int
    first: float
    last: float
    low: float
    high: float

    def at(self, step: float, value: float) -> tuple[float, float]:
        """A point, in cells."""
        across = (float(step) - self.first) / (self.last - self.first)
        down = (self.high - float(value)) / (self.high - self.low)
        # just inside: a dot at the very edge would fall into the next cell
        return self.x + across * (self.width - 0.51), self.y + min(max(down, 0.0), 1.0) * (self.height - 0.26)

    def row(self, value: float) -> int:
        """The row in which a value falls."""
        return int(self.at(self.first, value)[1])

    def step(self, column: int) -> float:
        """The step at a column."""
        return self.first + (column - self.x) / (self.width - 0.51) * (self.last - self.first)


class CurveGrid(Grid):
    """As many panels as can be read, in one column or two."""

    DEFAULT_CSS = "CurveGrid { grid-gutter: 1 2; height: 1fr; width: 1fr; }"

    class Resized(Message):
        """There is room for another number of panels."""

    def on_resize(self) -> None:
        """Let the owner choose anew what is shown."""
        self.post_message(self.Resized())

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(*(CurveChart() for _ in range(MOST_PANELS)), id=id)

    @property
    def charts(self) -> list[CurveChart]:
        """All charts, shown or not."""
        return list(self.query(CurveChart))

    def room(self) -> int:
        """How many panels can be read."""
        columns, rows = self._shape()
        return min(MOST_PANELS, columns * rows)

    def show(self, drawings: Sequence[Drawing]) -> None:
        """Draw panels, at most as many as there is room for."""
        columns, rows = self._shape()
        count = max(1, min(len(drawings), columns * rows))
        columns = min(columns, count)
        self.styles.grid_size_columns = columns
        self.styles.grid_size_rows = max(1, math.ceil(count / columns))
        for place, chart in enumerate(self.charts):
            chart.display = place < min(count, len(drawings))
            if chart.display:
                chart.show(drawings[place])

    def _shape(self) -> tuple[int, int]:
        width, height = self.size
        columns = 2 if width >= 2 * MIN_WIDTH + 2 else 1
        return columns, max(1, (height + 1) // (MIN_HEIGHT + 1))


def _ticks(low: float, high: float, most: int) -> tuple[list[float], list[str]]:
    """Round values between two ends, at most so many, with what is written beside them."""
    ticks = [tick for tick in NumericAxisFormatter().get_ticks(low, high, 8) if low <= tick <= high]
    unit = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else abs(high - low)
    ticks = ticks[:: max(1, math.ceil(len(ticks) / most))]
    return ticks, [_tick_label(tick, unit) for tick in ticks]


def _tick_label(tick: float, unit: float) -> str:
    tick = 0.0 if abs(tick) < unit * 1e-6 else tick
    if max(abs(tick), unit) < 0.001:
        return number(tick)
    return f"{tick:,.{max(0, -math.floor(math.log10(unit) + 1e-9))}f}" if unit < 1 else f"{tick:,.0f}"


def _steps(first: float, last: float, width: int) -> tuple[list[float], list[str]]:
    ticks = sorted({round(tick) for tick in NumericAxisFormatter().get_ticks(first, last, 8)} | {round(last)})
    ticks = [tick for tick in ticks if first <= tick <= last]
    most = max(2, width // 9)
    kept = ticks[:: max(1, math.ceil(len(ticks) / most))]
    return [float(tick) for tick in kept], [f"{tick:,}" for tick in kept]
