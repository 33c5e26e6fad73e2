"""Texts measured in cells of the terminal: a character of Chinese or an emoji takes two."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from aligntui.core.printable import one_line


def fit(text: str, cells: int) -> str:
    """`text` on one printable line of at most so many cells, cut with an ellipsis.

    Pinned in tests/tui/test_cells.py.
    """
    line = one_line(text)
    if cell_len(line) <= cells:
        return line
    return f"{set_cell_size(line, cells - 1).rstrip()}…" if cells > 0 else ""


def column(text: str, cells: int) -> str:
    """`text` cut to fit and filled with spaces, so that it takes exactly so many cells, the last one a space."""
    cut = fit(text, cells - 1)
    return cut + " " * (cells - cell_len(cut))
