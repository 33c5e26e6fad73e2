"""A document for a terminal: plain lines of a width, tables in columns, whole texts wrapped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size

from aligntui.core.printable import one_line, printable
from aligntui.score.reporting.document import Document, Table, Value

WIDTH = 110
"""Cells of a line, where nobody knows better."""
WIDEST = 44
"""Cells of a column of figures at most."""
LEAST = 8
"""Cells that a column of texts is cut down to at most."""
PROSE_ROWS = 6
"""Rows of whole texts that are shown; the files have all."""
GAP = "  "


def text_lines(document: Document, width: int = WIDTH) -> list[str]:
    """The document without its figures, made safe for a terminal; no line of it is wider than `width`, 40 or more."""
    width = max(40, width)
    lines = [*wrapped(document.title, width), "=" * min(width, cell_len(one_line(document.title)))]
    for section in document.sections:
        lines += ["", one_line(section.title), "-" * cell_len(one_line(section.title))]
        for part in section.parts:
            if isinstance(part, Table):
                lines += ["", *(wrapped(part.caption, width) if part.caption else [])]
                lines += list(_prose(part, width) if part.prose else _figures(part, width))
            elif isinstance(part, str):
                lines += wrapped(part, width)
    if document.commands:
        lines += ["", "Made by:", *(line for command in document.commands for line in wrapped(command, width, "  "))]
    return lines


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """A text on lines of at most `width` cells, broken between words where that can be."""
    lines = []
    for paragraph in printable(text).split("\n"):
        line = ""
        for word in paragraph.split():
            while cell_len(indent + word) > width:
                room = width - cell_len(indent)
                lines += [indent + line] if line else []
                cut = set_cell_size(word, room).rstrip()
                lines.append(indent + cut)
                line, word = "", word[len(cut) :]
            if line and cell_len(f"{indent}{line} {word}") > width:
                lines.append(indent + line)
                line = ""
            line = f"{line} {word}".strip()
        lines.append((indent + line).rstrip())
    return lines


def _figures(table: Table, width: int) -> Iterator[str]:
    """In columns, with heads on several lines where they are wide; else row by row."""
    if not table.rows:
        yield "(nothing)"
        return
    heads = [one_line(name) for name in table.head]
    rows = [[one_line(str(cell), WIDEST) for cell in row] for row in table.rows]
    if table.matrix and _total(heads, rows) > width:
        heads = [heads[0], *(str(number) for number in range(1, len(heads)))]
        names = [*(row[0] for row in rows), *table.head[len(rows) + 1 :]]
        rows = [[f"{number} {name}", *row[1:]] for number, (name, row) in enumerate(zip(names, rows, strict=False), 1)]
        others = [f"{number} {one_line(name)}" for number, name in enumerate(names, 1)][len(rows) :]
        yield from wrapped(f"Columns by the numbers of the rows{''.join(f'; {name}' for name in others)}.", width)
    widths = [max(cell_len(row[at]) for row in [heads, *rows]) for at in range(len(heads))]
    if _sum(widths) > width:  # heads on several lines
        words = [max(cell_len(word) for word in head.split()) if head.split() else 0 for head in heads]
        widths = [max(words[at], *(cell_len(row[at]) for row in rows)) for at in range(len(heads))]
    while _sum(widths) > width:  # texts are cut, the longest first
        texts = [at for at in range(len(heads)) if not table.is_figures(at) and widths[at] > LEAST]
        if not texts:
            yield from _records(heads, rows, width)
            return
        widths[max(texts, key=lambda at: widths[at])] -= 1
    right = [table.is_figures(at) for at in range(len(heads))]
    broken = [wrapped(head, max(1, size)) for head, size in zip(heads, widths, strict=True)]
    tall = max(len(lines) for lines in broken)
    for number in range(tall):
        yield _row([lines[number] if number < len(lines) else "" for lines in broken], widths, right)
    for row in rows:
        yield _row(row, widths, right)


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    shown = []
    for cell, size, is_right in zip(cells, widths, right, strict=True):
        text = cell if cell_len(cell) <= size else f"{set_cell_size(cell, size - 1).rstrip()}…"
        fill = " " * (size - cell_len(text))
        shown.append(fill + text if is_right else text + fill)
    return GAP.join(shown).rstrip()


def _records(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    for row in rows:
        yield from wrapped("; ".join(f"{name}: {cell}" for name, cell in zip(heads, row, strict=True)), width)


def _total(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    return _sum([max(cell_len(row[at]) for row in [heads, *rows]) for at in range(len(heads))])


def _sum(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _prose(table: Table, width: int) -> Iterator[str]:
    for row in table.rows[:PROSE_ROWS]:
        for name, cell in zip(table.head, row, strict=True):
            text = str(cell) if isinstance(cell, Value) else one_line(cell, 400)
            yield from wrapped(f"{one_line(name)}: {text}", width)
        yield ""
    if len(table.rows) > PROSE_ROWS:
        yield f"... and {len(table.rows) - PROSE_ROWS:,} more"
