"""The grid of the switch screen: a row for each instruction, a column for each side, a cursor, a pin."""

from __future__ import annotations

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from aligntui.tui.switch_text import LABEL_CELLS, cell_lines, head_line, row_label, shown_sides
from aligntui.workbench.switching.grid import Grid

TALL = 3
"""Lines of a cell at most."""
LEAST_BESIDE = 12
"""Lines that what stands below the grid keeps before cells grow above one line."""
LEAST_BELOW = 6
"""Lines that it keeps in any case."""


def lines_for(rows: int, room: int) -> tuple[int, int]:
    """Lines of a cell, and of the grid with its head, where it shares `room` lines with the cell that is read."""
    tall = max(1, min(TALL, (room - LEAST_BESIDE - 1) // rows))
    return tall, max(2, min(rows * tall + 1, room - LEAST_BELOW))


class SwitchGrid(Static, can_focus=True):
    """Draws a `Grid`; the keys are those of the screen."""

    DEFAULT_CSS = """
    SwitchGrid { width: 1fr; padding: 0 1; background: $background; text-wrap: nowrap; overflow: hidden; }
    """

    class Moved(Message):
        """The cursor stands on another cell."""

    class Opened(Message):
        """A click on the cell under the cursor."""

    def __init__(self, grid: Grid) -> None:
        super().__init__("", markup=False)
        self.grid = grid
        self._first = 0
        self._tall = 1

    def show(self, grid: Grid, room: int) -> None:
        """Draw a grid, perhaps another one.

        Args:
            grid: what to draw.
            room: lines that it shares with what stands below it.
        """
        self.grid = grid
        self._tall, height = lines_for(len(grid.rows), room)
        if self.styles.height is None or self.styles.height.value != height:
            self.styles.height = height
        self.draw()

    def move(self, rows: int, sides: int) -> None:
        """Move the cursor, as far as there are cells."""
        row, side = self.grid.cursor
        self.grid.move_to(row + rows, side + sides)
        self.draw()
        self.post_message(self.Moved())

    def on_resize(self) -> None:
        """Fit the new size."""
        self.draw()

    def on_focus(self) -> None:
        """The cursor shows."""
        self.draw()

    def on_blur(self) -> None:
        """The cursor shows less."""
        self.draw()

    def draw(self) -> None:
        """Draw what fits: the rows around the cursor."""
        width, room = self.size.width, self.size.height - 1
        if width < LABEL_CELLS + 8 or room < 1:
            return
        grid = self.grid
        count = len(grid.rows)
        fitting = max(1, room // self._tall)
        row = grid.cursor[0]
        self._first = max(0, min(max(self._first, row - fitting + 1), row, count - fitting))
        last = min(count, self._first + fitting)
        sides = shown_sides(grid, width)
        lines = [head_line(grid, sides, width, (self._first, count - last))]
        for number in range(self._first, last):
            lines += self._row(number, sides, (width - LABEL_CELLS) // len(sides))
        self.update(Content("\n").join(lines), layout=False)

    def _row(self, row: int, sides: range, width: int) -> list[Content]:
        grid, focused = self.grid, self.has_focus
        label = row_label(grid, row, focused=focused)
        blank = Content(" " * LABEL_CELLS)
        cells = [
            cell_lines(grid, grid.cells[row, side], width, self._tall, focused=focused, no_color=self.app.no_color)
            for side in sides
        ]
        return [
            Content.assemble(label if line == 0 else blank, *(cell[line] for cell in cells))
            for line in range(self._tall)
        ]

    def on_click(self, event: Click) -> None:
        """Put the cursor on the cell under the pointer; on the current one, open it."""
        at = event.get_content_offset(self)
        if at is None:
            return
        sides = shown_sides(self.grid, self.size.width)
        row = self._first + (at.y - 1) // self._tall
        column = (at.x - LABEL_CELLS) // max(1, (self.size.width - LABEL_CELLS) // len(sides))
        inside = at.y >= 1 and at.x >= LABEL_CELLS and row < len(self.grid.rows) and column < len(sides)
        if inside and (row, sides[column]) == self.grid.cursor and self.has_focus:
            self.post_message(self.Opened())
        elif inside:
            self.grid.move_to(row, sides[column])
            self.draw()
            self.post_message(self.Moved())
        self.focus()
