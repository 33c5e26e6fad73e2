"""One cell of the switch grid in full: instruction, text, conditions; the pinned one below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from aligntui.core.printable import one_line, printable
from aligntui.tui.modals.readers import Reader
from aligntui.tui.modals.reading import Block, Heading, Paragraph, Row
from aligntui.tui.switch_text import cell_detail, row_name

if TYPE_CHECKING:
    from aligntui.workbench.switching.grid import Grid, GridCell

WIDTH = 62
"""Cells that the facts about a cell are packed into: they fit in a dialog on 80 columns."""


class CellReader(Reader):
    """A cell to read, with what the engine computed it from."""

    HELP = (
        "**A cell of the grid.** Its text, where a cell is pinned with the words marked that the other does not say, and every "
        "condition that it was computed under. `Esc`, `q` and `Enter` close it."
    )

    def __init__(self, grid: Grid, cell: GridCell, pinned: GridCell | None) -> None:
        super().__init__(one_line(_title(grid, cell), 90), cell_blocks(grid, cell, pinned))


def cell_blocks(grid: Grid, cell: GridCell, pinned: GridCell | None) -> list[Block]:
    """What is read of a cell."""
    other = pinned if pinned is not None and pinned.place != cell.place else None
    blocks: list[Block] = [Paragraph(cell_detail(grid, cell, other, WIDTH))]
    if other is not None:
        blocks += [Heading("Pinned"), Paragraph(cell_detail(grid, other, cell, WIDTH))]
    if cell.answer is not None:
        conditions = {"prompt": cell.answer.conditions.rendered_prompt, **cell.answer.conditions.as_dict()}
        blocks.append(Heading("Computed from"))
        blocks += [
            _row(name, value) for name, value in conditions.items() if name not in ("rendered_prompt", "instruction")
        ]
    return blocks


def _row(name: str, value: object) -> Row:
    text = ", ".join(f"{key} {one}" for key, one in value.items()) if isinstance(value, dict) else str(value)
    shown = "none" if value is None else printable(text).strip("\n")
    return Row(Content.styled(name.replace("_", " "), "bold"), Content(shown))


def _title(grid: Grid, cell: GridCell) -> str:
    return f"{grid.sides[cell.side].name} under {row_name(grid, cell.row)}"
