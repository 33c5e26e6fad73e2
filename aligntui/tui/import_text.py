"""How an import looks before and after: what was recognised, what is wrong, the first records, what became of them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from aligntui.core.printable import one_line, printable
from aligntui.core.prompt_format import Message
from aligntui.data.pair_import import ImportedRecord, ImportReport, Preview, summary
from aligntui.tui.bars import Part, stacked_bar
from aligntui.tui.modals.reading import Block, Heading, Paragraph, Row
from aligntui.tui.turn_text import MUTED
from aligntui.workbench.curation.importing import Imported

SHOWN_BAD = 5
EXCERPT = 200
"""Characters of a message in the preview."""
_BAR = 24


def preview_blocks(preview: Preview) -> list[Block]:
    """What an import would do, seen in the first records."""
    plan, report = preview.plan, preview.report
    blocks: list[Block] = [
        _row("layout", Content.assemble((plan.layout, "bold $text-accent"), f"  {printable(plan.reason)}")),
        _row("mapping", Content(", ".join(_mapped(field, column) for field, column in plan.mapping.items()))),
    ]
    if plan.unused:
        blocks.append(_row("not read", Content.styled(", ".join(one_line(name, 40) for name in plan.unused), MUTED)))
    blocks.append(_row("records", counts(report, whole=preview.whole)))
    blocks += [_row("note", Content.styled(_named_here(text), "$text-warning")) for text in preview.warnings]
    blocks += _notes(report)
    blocks += bad_blocks(report)
    for number, record in enumerate(preview.records[:2], 1):
        blocks += _record(number, record)
    return blocks


def _named_here(text: str) -> str:
    """A warning that speaks of a flag of the command line, with the name that it has in the dialog."""
    return printable(text).replace("--map ", "the mapping ")


def counts(report: ImportReport, *, whole: bool) -> Content:
    """Good and bad records, drawn and in figures."""
    total = report.good + report.bad
    pairs = report.good - report.examples
    parts = (
        (pairs, "█", "$text-success", "pairs" if pairs != 1 else "pair"),
        (report.examples, "▒", "$text-primary", "examples" if report.examples != 1 else "example"),
        (report.bad, "░", "$text-error", "bad"),
    )
    bar = stacked_bar([Part(count, sign, style) for count, sign, style, _ in parts], _BAR)
    told = [(f"{sign} {count:,} {name}  ", style) for count, sign, style, name in parts if count or name == "bad"]
    of = f"of {total:,}" if whole else f"of the first {total:,}; there are more"
    return Content.assemble("▕", bar, "▏ ", *told, (of, MUTED))


def bad_blocks(report: ImportReport) -> list[Block]:
    """What is wrong with bad records: in figures, then the first ones by place and reason."""
    if not report.bad:
        return []
    blocks: list[Block] = [
        Heading(f"{report.bad:,} cannot be read: {summary(report)}"),
        *(
            _row(f"{one.place.unit} {one.line:,}", Content.styled(one_line(one.reason, 300), "$text-error"))
            for one in report.first_bad[:SHOWN_BAD]
        ),
    ]
    if report.bad > SHOWN_BAD:
        blocks.append(_row("", Content.styled(f"… and {report.bad - SHOWN_BAD:,} more", MUTED)))
    return blocks


def _notes(report: ImportReport) -> list[Block]:
    return [
        _row("note", Content.styled(f"{count:,} of them: {printable(note)}", "$text-warning"))
        for note, count in report.notes.most_common(4)
    ]


def _record(number: int, record: ImportedRecord) -> list[Block]:
    blocks: list[Block] = [Heading(f"Record {number} · {record.place.unit} {record.line:,}")]
    if record.instruction:
        text = f"{one_line(record.instruction, EXCERPT)}  ({record.mode.value})"
        blocks.append(_row("instruction", Content.styled(text, "$text-secondary")))
    blocks.append(_row("prompt", Content.styled(_said(record.prompt), "bold $text-accent")))
    blocks.append(_row("★ chosen", Content(_said(record.chosen)), "$text-success"))
    if record.rejected is None:
        blocks.append(_row("rejected", Content.styled("none: an example", MUTED)))
    else:
        blocks.append(_row("✗ rejected", Content(_said(record.rejected)), "$text-error"))
    if record.tags:
        blocks.append(_row("tags", Content.styled(" ".join(f"#{one_line(tag, 30)}" for tag in record.tags), MUTED)))
    return blocks


def _said(messages: Sequence[Message]) -> str:
    """The last message; how many stand before it where it is not alone."""
    before = f"({len(messages) - 1} before) " if len(messages) > 1 else ""
    return before + (one_line(messages[-1].content, EXCERPT) if messages else "")


def _mapped(field: str, column: str) -> str:
    if not column:
        return f"{field} left out"
    return field if field == column else f"{field} = {one_line(column, 40)}"


def outcome_blocks(done: Imported) -> list[Block]:
    """What became of the records."""
    outcome, report = done.outcome, done.report
    added = f"{outcome.added:,} pair{'s' * (outcome.added != 1)} added"
    blocks: list[Block] = [Paragraph(Content.styled(f"✓ {added}", "bold $text-success"))]
    if not outcome.added:
        blocks = [Paragraph(Content.styled("Nothing was added.", "bold $text-warning"))]
    rows = (
        ("examples", outcome.examples, "of those added have no rejected answer", ""),
        ("known", outcome.known - outcome.known_deleted, "stand in the database already", MUTED),
        (
            "deleted",
            outcome.known_deleted,
            "were imported before and deleted since; they stay deleted",
            "$text-warning",
        ),
        ("bad", report.bad, "could not be read and were left out", "$text-error"),
    )
    blocks += [_row(name, Content.styled(f"{count:,} {text}", style)) for name, count, text, style in rows if count]
    blocks.append(
        _row("read as", Content.assemble((done.plan.layout, "$text-accent"), f" from {one_line(done.source.name, 80)}"))
    )
    told = (
        f"counted with the tokenizer of {_tokenizer(done.tokenizer)}"
        if done.tokenizer
        else "not counted: no tokenizer is on this machine"
    )
    blocks.append(_row("tokens", Content.styled(told, MUTED)))
    blocks += bad_blocks(report)
    return blocks


def _tokenizer(name: str) -> str:
    return "the embedded model" if name == "embedded" else one_line(name, 40)


def _row(label: str, content: Content, style: str = MUTED) -> Row:
    return Row(Content.styled(label, style), content)
