"""How a pair looks: as a line of the table and as a whole. State in, styled text out, as in turn_text.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from textual.content import Content

from aligntui.core.conditions import SIDE_FIELDS, unintended
from aligntui.core.pair import Verdict
from aligntui.core.printable import one_line, printable
from aligntui.core.turn import Answer, Finish
from aligntui.core.word_diff import word_diff
from aligntui.tui.cells import column, fit
from aligntui.tui.turn_text import MUTED, packed

if TYPE_CHECKING:
    from aligntui.store import PairDetail, PairRow


class Columns(NamedTuple):
    """Cells of the columns of a line."""

    when: int
    """Characters of date and time."""
    sides: int
    instruction: int


COLUMNS = (
    (96, Columns(11, 20, 17)),
    (64, Columns(5, 19, 13)),
    (52, Columns(0, 19, 12)),
    (0, Columns(0, 13, 11)),
)
"""From so many cells on a line has these."""

_SIGNS = {
    Verdict.LEFT: ("★", "bold $text-success"),
    Verdict.RIGHT: ("★", "bold $text-success"),
    Verdict.TIE: ("=", "$text-warning"),
    Verdict.BAD: ("✗", "$text-error"),
    Verdict.SKIP: ("–", MUTED),
    Verdict.EXAMPLE: ("•", "$text-primary"),
}
_SHOWN = ("model", "adapter", "instruction", "mode", "sampling", "seed", "computed")
"""Conditions that a pair is shown with; the chat has all of them."""
_IN_FILE = ("chosen", "rejected")
"""What a file called its answers, by their column; nobody knows what made them."""
_WORDS = {
    Verdict.LEFT: "left is better",
    Verdict.RIGHT: "right is better",
    Verdict.TIE: "tie",
    Verdict.BAD: "both bad",
    Verdict.SKIP: "skipped",
    Verdict.EXAMPLE: "example, no rejected answer",
}


def row_line(row: PairRow, width: int, *, marked: bool) -> Content:
    """A pair on one line: mark, verdict, when, which side over which, instruction, prompt, tags."""
    sign, style = _SIGNS[row.verdict]
    room_for = next(columns for least, columns in COLUMNS if width >= least)
    when = row.created_at[5:16].replace("T", " ")[: room_for.when]
    parts: list[tuple[str, str]] = [
        ("▐ " if marked else "  ", "bold $text-accent"),
        (f"{sign} ", f"{style} strike" if row.undone else style),
        (f"{when}  " if when else "", MUTED),
        (column(sides(row), room_for.sides), "$text-accent"),
        (column(_instruction(row), room_for.instruction), "$text-secondary"),
    ]
    tags = Content.styled("".join(f" #{fit(tag, 12)}" for tag in row.tags), MUTED)
    room = max(8, width - sum(cell_len(text) for text, _ in parts))
    if row.tags and tags.cell_length > room // 2:  # the prompt tells pairs apart; many tags are read in the pair itself
        first = "".join(fit(tag, 8) for tag in row.tags[:1])
        tags = Content.styled(f" {len(row.tags)} tags" if len(row.tags) > 1 else f" #{first}", MUTED)
    prompt = fit(row.prompt, room - tags.cell_length)
    gap = " " * max(0, room - tags.cell_length - cell_len(prompt))
    return Content.assemble(*parts, (prompt, "strike" if row.undone else ""), gap, tags)


def head_line(width: int) -> Content:
    """The names of the columns, over the lines."""
    room_for = next(columns for least, columns in COLUMNS if width >= least)
    when = f"{'judged':<{room_for.when}}  " if room_for.when else ""
    names = f"    {when}{column('sides', room_for.sides)}{column('instruction', room_for.instruction)}prompt"
    return Content.styled(fit(names, width) if cell_len(names) > width else names, MUTED)


def _instruction(row: PairRow) -> str:
    """The name of an instruction, as a filter takes it: of one without a label the beginning of its text."""
    return row.instruction_label or (f"“{row.instruction}”" if row.instruction else "none")


def sides(row: PairRow) -> str:
    """Which side was preferred over which, or how they compare."""
    left, right = row.left_side or _IN_FILE[row.left_column > 0], row.right_side or _IN_FILE[row.right_column != 0]
    match row.verdict:
        case Verdict.EXAMPLE:
            return "imported" if row.imported else left
        case Verdict.LEFT:
            return f"{left} > {right}"
        case Verdict.RIGHT:
            return f"{right} > {left}"
        case _:
            return f"{left} = {right}" if row.verdict is Verdict.TIE else f"{left} | {right}"


def detail_content(detail: PairDetail, width: int, *, diff: bool) -> Content:
    """Everything about a pair: verdict, prompt, both answers (with their differences marked), conditions, origin, history."""
    pair = detail.pair
    sign, style = _SIGNS[pair.verdict]
    head = [Content.styled(f"{sign} {_WORDS[pair.verdict]}", style)]
    if pair.undone:
        head.append(Content.styled("deleted", "bold $text-error"))
    if pair.blind:
        head.append(Content.styled("blind", "$text-warning"))
    if pair.repeat_of:
        head.append(Content.styled("asked again: measures the annotator, is not trained on", "$text-warning"))
    head.append(Content.styled(f"by {one_line(pair.annotator or 'nobody', 30)}", MUTED))
    head.append(Content.styled(f"{pair.created_at[:16].replace('T', ' ')} UTC", MUTED))
    if pair.scope == "conversation":
        head.append(Content.styled("over the whole conversation", "$text-warning"))
    lines = [packed(head, width)]
    if pair.tags:
        lines.append(Content.styled(" ".join(f"#{one_line(tag, 30)}" for tag in pair.tags), "$text-secondary"))
    if pair.reason:
        lines.append(Content.assemble(("why: ", MUTED), one_line(pair.reason)))
    left = detail.left
    instruction = left.conditions.instruction if left.conditions.mode != "none" else ""
    label = f"{left.instruction_label} · " if left.instruction_label else ""
    lines.append(
        Content.assemble(
            ("instruction ", MUTED),
            (f"{label}{left.conditions.mode} · ", "$text-secondary"),
            printable(instruction) or "none",
        )
    )
    lines.append(Content(""))
    for message in detail.prompt:
        who = "▌ " if message.role == "user" else "  "
        lines.append(
            Content.assemble(
                (who, "$accent"), (printable(message.content), "bold $text-accent" if message.role == "user" else MUTED)
            )
        )
    for title, answer, other in _answers(detail):
        lines.append(Content(""))
        lines.append(_answer_head(title, answer, width))
        lines.append(_text(answer, other, diff=diff))
    lines.append(Content(""))
    lines.append(_comparable(detail))
    lines += _conditions(detail)
    if detail.origin is not None:
        lines.append(Content.styled(f"from {one_line(detail.origin.place or detail.origin.source, 80)}", MUTED))
    lines.append(
        Content.styled(f"session {one_line(detail.session_name, 50)} · turn {left.id} · pair {pair.id}", MUTED)
    )
    for event in detail.history:
        lines.append(
            Content.styled(
                f"{event.created_at[:16].replace('T', ' ')} {event.kind} by {one_line(event.annotator, 30)}", MUTED
            )
        )
    return Content("\n").join(lines)


def _answers(detail: PairDetail) -> list[tuple[str, Answer, Answer | None]]:
    """Chosen first, then rejected; left and right where nothing was decided."""
    left, right = detail.left, detail.right
    match detail.pair.verdict:
        case Verdict.RIGHT if right is not None:
            return [("★ chosen", right, left), ("✗ rejected", left, right)]
        case Verdict.LEFT if right is not None:
            return [("★ chosen", left, right), ("✗ rejected", right, left)]
        case Verdict.EXAMPLE:
            return [("• example", left, None)]
    return [("left", left, right), *([("right", right, left)] if right is not None else [])]


def _answer_head(title: str, answer: Answer, width: int) -> Content:
    style = "bold $text-success" if title.startswith("★") else "$text-error" if title.startswith("✗") else "bold"
    parts = [Content.styled(title, style)]
    if answer.finish is Finish.IMPORTED:
        parts.append(Content.styled("imported", MUTED))
    else:
        parts.append(Content.styled(fit(answer.side or "imported", 30), "$text-accent"))
        parts.append(Content.styled(answer.finish.value, "$text-warning" if answer.finish.partial else MUTED))
    if answer.token_ids:
        parts.append(Content.styled(f"{len(answer.token_ids)} tok", MUTED))
    parts.append(Content.styled(_length(answer.text), MUTED))
    return packed(parts, width)


def _length(text: str) -> str:
    """How long an answer is: in words, in characters where few spaces part them."""
    words, chars = len(text.split()), len(text)
    if chars > 20 * max(1, words):
        return f"{chars:,} character{'s' * (chars != 1)}"
    return f"{words:,} word{'s' * (words != 1)}"


def _text(answer: Answer, other: Answer | None, *, diff: bool) -> Content:
    text = printable(answer.text).rstrip()
    if not text:
        return Content.styled("(empty answer)", MUTED)
    if not diff or other is None:
        return Content(text)
    spans, _ = word_diff(text, printable(other.text).rstrip())
    return Content("").join(
        [Content(span.text) if span.same else Content.styled(span.text, "bold on $primary 30%") for span in spans]
    )


def _conditions(detail: PairDetail) -> list[Content]:
    """What the answers were made under: one value where they share it, both where they do not, chosen first."""
    answers = [answer for _, answer, _ in _answers(detail) if answer.finish is not Finish.IMPORTED]
    lines = []
    for name in _SHOWN:
        values = list(dict.fromkeys(_condition(answer, name) for answer in answers))
        if values and values != ["none"]:
            style = "" if len(values) == 1 else "$text-warning"
            lines.append(Content.assemble((f"{name:<12}", MUTED), (one_line(" ≠ ".join(values)), style)))
    return lines


def _condition(answer: Answer, name: str) -> str:
    c = answer.conditions
    match name:
        case "model":
            return f"{c.model} {c.weights_sha256[:10]}"
        case "adapter":
            return "none" if c.adapter is None else f"{c.adapter} {(c.adapter_sha256 or '')[:10]} x{c.strength:g}"
        case "instruction":
            return c.instruction.strip() or "none"
        case "sampling":
            return f"temperature {c.temperature:g}, top_p {c.top_p:g}, at most {c.max_new_tokens} tokens"
        case "seed":
            return str(c.seed)
        case "computed":
            return f"{c.dtype}{f' {c.quantisation}' if c.quantisation else ''} on {c.device}, {c.engine}"
        case _:
            return f"{c.mode}, template {c.template_sha256[:10]}"


def _comparable(detail: PairDetail) -> Content:
    left, right = detail.left, detail.right
    if right is None:
        return Content.styled("one answer: nothing to compare", MUTED)
    if Finish.IMPORTED in (left.finish, right.finish):
        return Content.styled("conditions unknown: the answers came from a file", "$text-warning")
    meant = SIDE_FIELDS
    names = sorted(unintended(left.conditions, right.conditions, meant))
    names = ["history" if name == "rendered_prompt" else name for name in names]
    if not names:
        return Content.styled("✓ equal conditions but for the weights", "$text-success")
    return Content.styled(f"≠ {', '.join(names)}", "$text-warning")
