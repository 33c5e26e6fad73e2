"""Texts to read: headings, paragraphs and rows of label and text, wrapped so that what goes on stays under its beginning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

LABELS = 18
"""Cells for labels at most; a longer one wraps in its column."""
GAP = 2


@dataclass(frozen=True)
class Heading:
    """A line that begins a part; a blank line stands before it."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """Running text; a blank line stands after it."""

    content: Content


@dataclass(frozen=True)
class Row:
    """A label and what is said of it, side by side."""

    label: Content
    content: Content


Block = Heading | Paragraph | Row


def lay_out(blocks: Sequence[Block], width: int) -> Content:
    """Wrap the blocks to a width.

    Args:
        blocks: what to show, from the top. Texts must be printable.
        width: cells of a line; below 2 counts as 2. Where a third of it is less than `LABELS`, labels get that.
    """
    width = max(width, 2)
    rows = [block for block in blocks if isinstance(block, Row)]
    widest = max((row.label.cell_length for row in rows), default=0)
    labels = max(1, min(widest, LABELS, width // 3))
    lines: list[Content] = []
    for block in blocks:
        match block:
            case Heading(text):
                if lines and lines[-1].plain:
                    lines.append(Content(""))
                lines += Content.styled(text, "bold $text-accent").wrap(width)
            case Paragraph(content):
                lines += [*content.wrap(width), Content("")]
            case Row(label, content):
                lines += _beside(label, content, labels, width)
    while lines and not lines[-1].plain:
        lines.pop()
    return Content("\n").join(lines)


def _beside(label: Content, content: Content, labels: int, width: int) -> list[Content]:
    left = label.wrap(labels)
    right = content.wrap(max(2, width - labels - GAP))
    blank = Content("")
    lines = []
    for number in range(max(len(left), len(right))):
        begin = left[number] if number < len(left) else blank
        end = right[number] if number < len(right) else blank
        lines.append(Content.assemble(begin.pad_right(labels - begin.cell_length + GAP), end) if end.plain else begin)
    return lines


class ReadingText(Widget):
    """Blocks laid out for the width that there is."""

    DEFAULT_CSS = "ReadingText { height: auto; }"

    def __init__(self, blocks: Sequence[Block]) -> None:
        super().__init__()
        self._blocks = tuple(blocks)
        self._laid_out: tuple[int, Content] = (0, Content(""))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Lines at this width."""
        return self._at(width).plain.count("\n") + 1

    def render(self) -> Content:
        """The text at the width that the widget has."""
        return self._at(self.content_size.width)

    def _at(self, width: int) -> Content:
        if self._laid_out[0] != width:
            self._laid_out = (width, lay_out(self._blocks, width))
        return self._laid_out[1]
