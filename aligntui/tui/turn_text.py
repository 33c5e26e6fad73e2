"""How a turn looks: state in, styled text out. Pure, so that every state can be tested without a screen.

Model text is always shown as plain text (never markup) and through `printable`. Heat is drawn with colour and, for
terminals without any, with bold (the adapter likes the token more) and underline (less).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from textual.content import Content

from aligntui.core.pair import Pair, Verdict
from aligntui.core.printable import one_line, printable
from aligntui.core.turn import Finish
from aligntui.core.word_diff import word_diff
from aligntui.workbench.chat_state import AnswerState, Exchange, Take

MUTED = "$foreground-muted"
STEPS = ((3.0, 45), (1.5, 30), (0.5, 15))
"""Heat: gap in nats at or above which a token gets this much of the colour, percent."""


class View(StrEnum):
    """What is laid over the answers."""

    PLAIN = "plain"
    DIFF = "diff"
    GAP = "gap"


@dataclass(frozen=True)
class TurnLook:
    """Everything besides the exchange that decides how a turn looks in one pane."""

    view: View = View.PLAIN
    hidden: bool = False
    """Blind: sides are unnamed."""
    selected: bool = False
    other: AnswerState | None = None
    """The answer beside it, for the diff."""
    numbers: tuple[int, ...] = ()
    """The columns on screen; a verdict against an answer of another column, or one of several, names it."""
    width: int = 0
    """Cells of a line, 0 where it is not known yet."""
    rerun_key: str = "F5"
    """Key that answers a turn again."""


def turn_content(exchange: Exchange, take: Take | None, answer: AnswerState | None, look: TurnLook) -> Content:
    """One exchange as one pane shows it: the prompt, a line about the answer, the answer."""
    bar = "▌ " if look.selected else "│ "
    prompt_style = "bold $text-accent" if look.selected else "$text-accent"
    lines = printable(exchange.text).rstrip("\n").split("\n")
    prompt = Content("\n").join(Content.assemble((bar, "$accent"), (line, prompt_style)) for line in lines)
    if take is None or answer is None:
        why = "no answer in this column for this take" if take else "interrupted before an answer was stored"
        lines_below = [Content.styled(f"{why} · {look.rerun_key} answers again", MUTED)]
    else:
        lines_below = [meta_line(exchange, take, answer, look), body(answer, look)]
    if exchange.below:
        branches = "one branch goes" if exchange.below == 1 else f"{exchange.below} branches go"
        lines_below.append(Content.styled(f"▾ {branches} on from here · }} shows the newest", "$text-primary"))
    return Content("\n").join([prompt, *lines_below])


def meta_line(exchange: Exchange, take: Take, answer: AnswerState, look: TurnLook) -> Content:
    """Verdict, instruction, seed, take, length, speed and end of an answer, on one line."""
    parts: list[Content] = []
    mark = verdict_mark(take, answer, look.numbers)
    if mark.plain:
        parts.append(mark)
    if take.shuffle and not look.hidden:
        parts.append(Content.styled(one_line(answer.side, 28), "bold $text-accent"))
    mode = answer.conditions.mode if answer.conditions else ""
    label = "none" if mode == "none" else answer.instruction.label
    if label == "own text":
        label = f"“{one_line(answer.instruction.text, 28)}”"
    if mode not in ("", "none", "system") and label != "none":
        label = f"{label} as {mode}"
    parts.append(Content.styled(label, "$text-secondary"))
    if answer.finish is Finish.EDITED:
        parts.append(Content.styled("edited by hand", "$text-warning"))
    else:
        parts.append(Content.styled(f"seed {answer.seed}", MUTED))
    if len(exchange.takes) > 1:
        parts.append(Content.styled(f"take {exchange.at + 1}/{len(exchange.takes)}", "$text-primary"))
    if len(exchange.siblings) > 1 and exchange.id in exchange.siblings:
        parts.append(
            Content.styled(
                f"branch {exchange.siblings.index(exchange.id) + 1}/{len(exchange.siblings)}", "$text-primary"
            )
        )
    versions = take.versions.get(answer.column, [])
    if len(versions) > 1 and answer in versions:
        parts.append(Content.styled(f"version {versions.index(answer) + 1}/{len(versions)}", "$text-primary"))
    if not look.hidden and (side := exchange.goes_on_from(answer)):
        parts.append(Content.styled(f"after {one_line(side, 28)}’s answer", "$text-warning"))
    if answer.tokens:
        parts.append(Content.styled(f"{answer.tokens} tok", MUTED))
    if answer.tokens_per_s:
        parts.append(Content.styled(f"{answer.tokens_per_s:.0f} tok/s", MUTED))
    parts.append(finish_text(answer))
    if look.other is not None and not answer.edited_from:
        different = take.unintended_differences(answer.column, look.other.column)
        if "rendered_prompt" in different:
            different[different.index("rendered_prompt")] = "history"
        if different:
            parts.append(Content.styled(f"≠ {', '.join(different)}", "$text-warning"))
    if answer.finish is not None and not answer.stored:
        parts.append(Content.styled("! not stored yet", "$text-error"))
    return packed(parts, look.width)


def packed(parts: list[Content], width: int, separator: str = " · ") -> Content:
    """Parts on as few lines as hold them, each whole on one line where it fits; one line where the width is 0."""
    lines: list[list[Content]] = [[]]
    used = 0
    for part in parts:
        needed = part.cell_length + (len(separator) if lines[-1] else 0)
        if width and lines[-1] and used + needed > width:
            lines.append([])
            used, needed = 0, part.cell_length
        lines[-1].append(part)
        used += needed
    return Content("\n").join(Content(separator).join(line) for line in lines)


def verdict_mark(take: Take, answer: AnswerState, numbers: tuple[int, ...] = ()) -> Content:
    """What the newest standing verdict over an answer says of it.

    The answer that it was held against is named where that is not simply the one beside it.
    """
    standing: Pair | None = next(
        (pair for pair in reversed(take.judged) if not pair.undone and answer.id in (pair.left_id, pair.right_id)), None
    )
    if standing is None:
        return Content("")
    against = take.find(standing.right_id if standing.left_id == answer.id else standing.left_id)
    name = ""
    if against is not None and against.column == answer.column:
        name = "its original" if answer.edited_from == against.id else "its edit"
    elif against is not None and numbers and (len(numbers) > 2 or against.column not in numbers):
        name = one_line(against.side, 24)
    elif against is not None and take.shown(against.column) is not against:
        name = f"another version of {one_line(against.side, 24)}"
    if standing.verdict.decides:
        if standing.chosen_id == answer.id:
            return Content.styled(f"★ chosen{name and f' over {name}'}", "bold $text-success")
        return Content.styled(f"✗ rejected{name and f' for {name}'}", "$text-error")
    text = {Verdict.TIE: "= tie", Verdict.BAD: "✗ both bad", Verdict.SKIP: "– skipped", Verdict.EXAMPLE: "• example"}[
        standing.verdict
    ]
    return Content.styled(f"{text}{name and f' with {name}'}", "$text-warning")


def finish_text(answer: AnswerState) -> Content:
    """Why and whether an answer ended."""
    match answer.finish:
        case None if not answer.started:
            return Content.styled("… reading the prompt", MUTED)
        case None:
            return Content.styled("● streaming", "$text-success")
        case Finish.STOP:
            return Content.styled("end", MUTED)
        case Finish.EDITED:
            return Content.styled("kept beside the original", MUTED)
        case Finish.IMPORTED:
            return Content.styled("from a file", MUTED)
        case Finish.LENGTH:
            return Content.styled("⋯ length limit", "$text-warning")
        case Finish.CONTEXT:
            return Content.styled("⋯ context full", "$text-warning")
        case Finish.CANCELLED:
            return Content.styled("■ stopped, partial", "$text-warning")
        case Finish.FAILED:
            return Content.styled("✖ engine failed, partial", "$text-error")


def body(answer: AnswerState, look: TurnLook) -> Content:
    """The answer's text under the view in force."""
    if not answer.text:
        if answer.live:
            return Content("")
        return Content.styled("(empty answer)", MUTED)
    if answer.live:
        return Content.assemble(printable(answer.text), ("▍", "$accent"))
    if look.view is View.DIFF and look.other is not None and look.other.text:
        return diff_body(answer, look.other)
    if look.view is View.GAP and not look.hidden:
        return gap_body(answer, look.other, selected=look.selected)
    return Content(printable(answer.text).rstrip())


def diff_body(answer: AnswerState, other: AnswerState) -> Content:
    """Words that the other answer does not have stand out; the first of them is marked."""
    spans, _ = word_diff(printable(answer.text).rstrip(), printable(other.text).rstrip())
    out = Content("")
    first = True
    for span in spans:
        if span.same:
            out = out.append(Content.styled(span.text, MUTED))
        else:
            if first:
                out = out.append(Content.styled("▸", "bold $text-warning"))
                first = False
            out = out.append(Content.styled(span.text, "bold on $primary 30%"))
    against = "its original" if answer.edited_from == other.id else "the answer beside it"
    if first:
        return out.append(Content.styled(f"\n(the same text as {against})", MUTED))
    return out.append(Content.styled(f"\n(marked: words that {against} does not have there)", MUTED))


def first_difference(a: AnswerState, b: AnswerState) -> int | None:
    """Index of the first token in which two answers part; None where they do not, or token ids are unknown."""
    left = a.record.token_ids if a.record else ()
    right = b.record.token_ids if b.record else ()
    if not left or not right:
        return None
    for index, (x, y) in enumerate(zip(left, right, strict=False)):
        if x != y:
            return index
    return min(len(left), len(right)) if len(left) != len(right) else None


def gap_style(nats: float) -> str:
    """Style of a token by log pi_adapter - log pi_base: green and bold where the adapter likes it more, red and underlined where less."""
    for limit, percent in STEPS:
        if abs(nats) >= limit:
            colour, mark = (
                ("$success", "bold" if percent > STEPS[-1][1] else "")
                if nats > 0
                else ("$error", "underline" if percent > STEPS[-1][1] else "")
            )
            return f"{mark} on {colour} {percent}%".strip()
    return ""


def gap_body(answer: AnswerState, other: AnswerState | None, *, selected: bool = True) -> Content:
    """Every token coloured by how much more (or less) likely the adapter finds it than the base."""
    gap = answer.gap
    if gap is None:
        if answer.gap_pending:
            return Content.assemble(
                (printable(answer.text).rstrip(), MUTED), ("\nmeasuring log-probabilities …", "$text-warning")
            )
        if answer.finish is Finish.EDITED:
            reason = "no token log-probabilities: edited by hand"
        elif not selected and not answer.gap_tried:
            reason = "not measured yet: select this turn, by a click or J and K"
        else:
            reason = "no gap measured: it needs an adapter column and a running engine"
        return Content.assemble(printable(answer.text).rstrip(), (f"\n({reason})", MUTED))
    parts_at = first_difference(answer, other) if other is not None else None
    values = [a - b for a, b in zip(gap.adapter_logprobs, gap.base_logprobs, strict=True)]
    pieces: list[Content] = []
    for index, (piece, nats) in enumerate(zip(gap.pieces, values, strict=True)):
        if index == parts_at:
            pieces.append(Content.styled("▸", "bold $text-warning"))
        if piece:
            style = gap_style(nats)
            text = printable(piece)
            pieces.append(Content.styled(text, style) if style else Content(text))
    total = sum(values)
    where = f" · parts at token {parts_at + 1}" if parts_at is not None else ""
    most = max(range(len(values)), key=lambda i: abs(values[i]), default=None)
    peak = ""
    if most is not None:
        piece = one_line(gap.pieces[most], 14)
        last = most == len(values) - 1
        peak = f" · most at {f'“{piece}”' if piece else 'its end' if last else f'token {most + 1}'} {values[most]:+.1f}"
    legend = f"\nlog π {answer.gap_against or 'adapter'} − log π base: {total:+.1f} nats, {total / max(1, len(values)):+.2f} a token{where}{peak}"
    return Content("").join([*pieces, Content.styled(legend, MUTED)])


def dial(strength: float, width: int = 10) -> str:
    """A strength from 0 to 2 as a bar; a tick stands at 1."""
    filled = round(strength / 2 * width)
    cells = ["█" if i < filled else "░" for i in range(width)]
    return "▕" + "".join(cells) + "▏"
