"""The first batch as the model is fed it: what is trained stands on its own ground and between marks, what is masked is pale."""

from __future__ import annotations

from textual.content import Content

from aligntui.core.printable import printable
from aligntui.tui.modals.readers import Reader
from aligntui.tui.modals.reading import Block, Heading, Paragraph
from aligntui.tui.turn_text import MUTED
from aligntui.workbench.training.screen_batch import Batch, BatchRow

OPEN, CLOSE = "⟦", "⟧"
"""Around each stretch of trained tokens, so that it is told without colour."""


class BatchReader(Reader):
    """The batch in a scroll.

    Args:
        batch: as the trainer made it.
    """

    HELP = (
        "**The first batch.** Each record as the chat template renders it. Tokens between ⟦ and ⟧ are trained: the loss looks at "
        "them; the others are masked. Where an answer is cut at the longest length, it is said."
    )
    CSS = """
    BatchReader > .dialog-box { width: 96%; max-width: 120; max-height: 96%; }
    BatchReader VerticalScroll { max-height: 78vh; }
    """

    def __init__(self, batch: Batch) -> None:
        super().__init__("The first batch as fed", batch_blocks(batch))


def batch_blocks(batch: Batch) -> list[Block]:
    """The batch as text to read."""
    trained = sum(sum(row.trained) for row in batch.rows)
    tokens = sum(len(row.trained) for row in batch.rows)
    said = f"{len(batch.rows)} rows, {tokens:,} tokens, {trained:,} of them trained"
    said += (
        f"; {batch.truncated:,} of all records cut, {batch.dropped:,} left out."
        if batch.truncated or batch.dropped
        else "."
    )
    blocks: list[Block] = [
        Paragraph(Content(said)),
        Paragraph(
            Content.assemble(
                (f"{OPEN}trained{CLOSE}", "bold $text-success"), "  ", ("masked", MUTED), "  ↵ end of a line"
            )
        ),
    ]
    for row in batch.rows:
        cut = ", cut at the longest length" if row.truncated else ""
        blocks.append(
            Heading(f"{printable(row.id)}, {row.side}: {len(row.trained):,} tokens, {sum(row.trained):,} trained{cut}")
        )
        blocks.append(Paragraph(row_content(row)))
    return blocks


def row_content(row: BatchRow) -> Content:
    """One row with its trained stretches marked."""
    parts: list[tuple[str, str]] = []
    before = False
    for token, trained in zip(row.tokens, row.trained, strict=True):
        if trained != before:
            parts.append((OPEN if trained else CLOSE, "bold $text-success"))
        parts.append((printable(token).replace("\n", "↵\n"), "$text-success" if trained else MUTED))
        before = trained
    if before:
        parts.append((CLOSE, "bold $text-success"))
    return Content.assemble(*parts)
