"""A table as CSV, safe to open in a spreadsheet and ready to compute with."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from aligntui.score.reporting.document import Cell, Table, Value

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula, or strips before one."""


def csv_text(table: Table) -> str:
    """Head and rows, RFC 4180, UTF-8.

    A figure is written as the number that it is, with all its digits; an interval takes two columns, `low` and `high`; where
    there is none the cell is empty. A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    wide = [max((_width(row[at]) for row in table.rows), default=1) for at in range(len(table.head))]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    head = [
        [name] if size == 1 else [f"{name} low", f"{name} high"] for name, size in zip(table.head, wide, strict=True)
    ]
    writer.writerow([_safe(name) for names in head for name in names])
    for row in table.rows:
        writer.writerow([text for cell, size in zip(row, wide, strict=True) for text in _written(cell, size)])
    return out.getvalue()


def _width(cell: Cell) -> int:
    return len(cell.numbers) if isinstance(cell, Value) else 1


def _written(cell: Cell, size: int) -> Iterator[str]:
    if isinstance(cell, Value):
        yield from ("" if one is None else repr(one) for one in cell.numbers)
        yield from [""] * (size - len(cell.numbers))
    else:
        yield _safe(cell)
        yield from [""] * (size - 1)


def _safe(text: str) -> str:
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{SYMBOL FOR NULL}")
    return f"'{text}" if text.startswith(_FORMULA) and text != "-" else text
