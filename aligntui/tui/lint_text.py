"""How lint looks: a rule on a line, a finding on a line, either of them in full. State in, styled text out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual.content import Content

from aligntui.core.pair import Verdict
from aligntui.core.printable import one_line, printable
from aligntui.core.turn import Answer
from aligntui.data.lint import RULES, Coverage, Finding, Fix, Severity, Waiver
from aligntui.tui.bars import Axis, interval_bar, share_bar
from aligntui.tui.turn_text import MUTED, packed
from aligntui.tui.widgets.lines import bar
from aligntui.workbench.curation.browser import counted
from aligntui.workbench.curation.lint_desk import BY_PATTERN, Drift, Standing, Tally

if TYPE_CHECKING:
    from aligntui.store import PairDetail

SHOWN_PAIRS = 4
"""Pairs of a finding whose texts stand in its detail; the others are named by their number."""
EXCERPT = 220
"""Characters of a prompt or an answer in the detail of a finding."""
BAR = 8
_COUNT = 7
_SHARE = frozenset({"count", "of", "share", "lower", "upper"})
"""Keys of a share with its interval in the figures of a rule."""

SIGNS = {
    Severity.ERROR: ("✖", "bold $text-error"),
    Severity.WARNING: ("▲", "$text-warning"),
    Severity.NOTICE: ("◦", "$text-primary"),
}
_STANDING = {Standing.FIXED: ("✓", "$text-success"), Standing.WAIVED: ("○", MUTED)}


def sign_of(tally: Tally) -> tuple[str, str]:
    """The mark of a rule, and its style: how bad the worst open finding is, else why there is none."""
    if tally.severity is not None:
        return SIGNS[tally.severity]
    if tally.unchecked:
        return ("?", "bold $text-warning")
    if tally.waived:
        return _STANDING[Standing.WAIVED]
    return ("✓", "$text-success")


def tally_head(width: int) -> Content:
    """The line above the rules."""
    name = _name_room(width)
    return Content.styled(f"   {'rule':<{name}}{'open':>{_COUNT}}{'waived':>{_COUNT}}  {'pairs':<{BAR}}", MUTED)


def _name_room(width: int) -> int:
    return max(10, width - 3 - 2 * _COUNT - BAR - 3)


def tally_line(tally: Tally, pairs: int, width: int) -> Content:
    """A rule, or below it a subject: mark, name, open and waived findings, share of the pairs that they name."""
    sign, style = sign_of(tally)
    subject = tally.topic.subject
    room = _name_room(width)
    name = f"  · {one_line(subject, room - 5)}" if subject else tally.topic.rule
    shown = one_line(name, room) if not subject else name
    faded = tally.severity is None
    count = f"{tally.open:,}" if tally.open or not tally.unchecked else "?"
    return Content.assemble(
        " ",
        (" " if subject else sign, style),
        " ",
        (f"{shown:<{room}}", MUTED if faded or subject else ""),
        (f"{count:>{_COUNT}}", MUTED if faded else "bold"),
        (f"{tally.waived or '':>{_COUNT}}", MUTED),
        "  ",
        (share_bar(tally.pairs / pairs if pairs else 0, BAR), style),
    )


def finding_line(finding: Finding, standing: Standing, width: int, *, named: bool) -> Content:
    """A finding on one line: mark, how many pairs, whether it can be fixed, what it is about, what was found.

    Args:
        finding: the finding.
        standing: what became of it.
        width: cells.
        named: whether all findings of the list have one subject, which then goes without saying.
    """
    sign, style = SIGNS[finding.severity] if standing is Standing.OPEN else _STANDING[standing]
    word = "" if standing is Standing.OPEN else f"{standing.value} · "
    pairs = f"{len(finding.pair_ids):,}" if finding.pair_ids else "all"
    about = "" if named or not finding.subject else f"{one_line(finding.subject, 26)}: "
    # of a pattern the message says nothing new, the text that it hit does
    message = _evidence(finding.evidence) if finding.rule == BY_PATTERN else finding.message
    text = one_line(message, max(8, width - 12 - len(about) - len(word)))
    faded = "" if standing is Standing.OPEN else MUTED
    return Content.assemble(
        (f" {sign} ", style), (f"{pairs:>4} ", MUTED), ("✂ " if finding.fix is not Fix.NONE else "  ", "$text-secondary"),
        (word, MUTED), (about, faded or "$text-accent"), (text, faded),
    )  # fmt: skip


# a rule in full -------------------------------------------------------------------------------------


def rule_content(tally: Tally, coverage: Coverage, figures: Mapping[str, Any], width: int) -> Content:
    """What a rule looks for, how many pairs it could check, its figures; by pattern where it has patterns."""
    rule = tally.topic.rule
    sign, style = sign_of(tally)
    head = [Content.assemble((f"{sign} {rule}", f"bold {style}" if "bold" not in style else style))]
    if tally.topic.subject:
        head.append(Content.styled(one_line(tally.topic.subject, 60), "$text-accent"))
    head.append(Content(f"{tally.open:,} open"))
    if tally.fixed:
        head.append(Content.styled(f"{tally.fixed:,} fixed since the run", "$text-success"))
    if tally.waived:
        head.append(Content.styled(f"{tally.waived:,} waived", MUTED))
    lines = [packed(head, width), Content(RULES[rule].summary if rule in RULES else ""), Content("")]
    lines += coverage_lines(coverage, width)
    if rule == BY_PATTERN:
        lines += ["", *_patterns(figures.get("counts", {}), width)]
    else:
        lines += ["", *_figures(figures, width)] if figures else []
    return Content("\n").join([Content(line) if isinstance(line, str) else line for line in lines])


def coverage_lines(coverage: Coverage, width: int) -> list[Content]:
    """How many pairs a rule checked and why not the others: one that could not be checked has not passed."""
    missed = sum(coverage.not_checked.values())
    total = coverage.checked + missed
    bar = share_bar(coverage.checked / total if total else 0, 10)
    first = Content.assemble(("checked ", MUTED), f"{coverage.checked:,} of {total:,} ", (f"▕{bar}▏", "$text-primary"))
    lines = [first]
    for reason, count in coverage.not_checked.most_common():
        style = "$text-warning" if not coverage.checked else MUTED
        lines.append(Content.assemble(("? ", f"bold {style}"), (f"{count:,} not checked: {one_line(reason)}", style)))
    lines += [Content.styled(one_line(note), "$text-warning") for note in coverage.notes]
    return [piece for line in lines for piece in line.wrap(max(20, width))]


def _patterns(counts: Mapping[str, Mapping[str, int]], width: int) -> list[Content]:
    found = {name: parts for name, parts in counts.items() if any(parts.values())}
    lines: list[Content] = []
    if found:
        name_room = max(12, min(30, width - 32))
        lines.append(Content.styled(f"{'pattern':<{name_room}}{'prompt':>8}{'chosen':>8}{'rejected':>10}", MUTED))
        for name, parts in sorted(found.items(), key=lambda item: -sum(item[1].values())):
            cells = "".join(
                f"{parts.get(p, 0) or '·':>{w}}" for p, w in (("prompt", 8), ("chosen", 8), ("rejected", 10))
            )
            lines.append(Content.assemble((f"{one_line(name, name_room - 1):<{name_room}}", "$text-accent"), cells))
        lines.append(Content(""))
    clean = [name for name in counts if name not in found]
    if clean:
        text = f"Looked for and not found, {len(clean)}: {', '.join(clean)}."
        lines += Content.styled(printable(text), MUTED).wrap(max(20, width))
    return lines


def _figures(figures: Mapping[str, Any], width: int, depth: int = 0) -> list[Content]:
    """Figures of a rule as lines: shares are drawn with their intervals, mappings go one step in."""
    lines: list[Content] = []
    for name, value in figures.items():
        label = f"{'  ' * depth}{one_line(str(name).replace('_', ' '), 30)}"
        if isinstance(value, Mapping) and set(value) >= _SHARE:
            lines.append(_share(label, value, width))
        elif isinstance(value, Mapping) and value and all(not isinstance(one, Mapping) for one in value.values()):
            text = ", ".join(f"{one_line(str(key), 24)} {_number(one)}" for key, one in value.items())
            lines += Content.assemble((f"{label}: ", MUTED), text).wrap(max(20, width))
        elif isinstance(value, Mapping):
            lines.append(Content.styled(f"{label}:", MUTED))
            lines += _figures(value, width, depth + 1)
        else:
            lines.append(Content.assemble((f"{label}: ", MUTED), _number(value)))
    return lines


def _share(label: str, value: Mapping[str, Any], width: int) -> Content:
    room = max(12, min(30, width - 52))
    numbers = (
        f" {value['share']:6.1%} ({value['lower']:.1%}–{value['upper']:.1%}) {value['count']:,} of {value['of']:,}"
    )
    bar = max(8, width - room - len(numbers) - 1)
    drawn = interval_bar(value["share"], value["lower"], value["upper"], bar, Axis(), "$text-primary")
    return Content.assemble((f"{label[: room - 1]:<{room}}", MUTED), drawn, numbers)


def _number(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list | tuple):
        return ", ".join(_number(one) for one in value)
    return one_line(str(value), 120)


# a finding in full ----------------------------------------------------------------------------------


def finding_content(
    finding: Finding,
    standing: Standing,
    waiver: Waiver | None,
    details: Sequence[PairDetail],
    width: int,
) -> Content:
    """A finding: what was found, what can be done, what it rests on, and the beginning of its pairs."""
    sign, style = SIGNS[finding.severity] if standing is Standing.OPEN else _STANDING[standing]
    head = [Content.styled(f"{sign} {finding.severity.value}", style), Content.styled(finding.rule, MUTED)]
    if finding.subject:
        head.append(Content.styled(one_line(finding.subject, 50), "$text-accent"))
    head.append(Content(counted(len(finding.pair_ids)) if finding.pair_ids else "the set as a whole"))
    lines = [packed(head, width), *Content.styled(one_line(finding.message), "bold").wrap(max(20, width))]
    lines += Content.styled(_fate(finding, standing, waiver), MUTED).wrap(max(20, width))
    for name, value in finding.evidence.items():
        lines += Content.assemble((f"{one_line(name.replace('_', ' '), 30)}: ", MUTED), _evidence(value)).wrap(
            max(20, width)
        )
    affected = set(finding.affected) if standing is Standing.OPEN else None
    for detail in details:
        lines += ["", *pair_excerpt(detail, width, _place(detail, finding, affected))]
    more = len(finding.pair_ids) - len(details)
    if details and more > 0:
        lines += ["", Content.styled(f"… and {counted(more)} more", MUTED)]
    return Content("\n").join([Content(line) if isinstance(line, str) else line for line in lines])


def _fate(finding: Finding, standing: Standing, waiver: Waiver | None) -> str:
    if waiver is not None:
        scope = "" if waiver.key == finding.key else " with all of its kind"
        who = f" by {one_line(waiver.who, 30)}" if waiver.who else ""
        return f"Waived{scope}{who} on {waiver.when[:10]}: {one_line(waiver.reason, 200)}"
    if standing is Standing.FIXED:
        return "Fixed: the pairs in question are deleted."
    affected = len(finding.affected)
    match finding.fix:
        case Fix.NONE:
            return "No machine can fix it: new or changed pairs are needed."
        case Fix.DROP_ALL_BUT_FIRST:
            return f"The fix ✂ keeps the first and deletes {counted(affected)}."
        case Fix.SWAP:
            return f"The fix exchanges chosen and rejected of {counted(affected)}."
    return f"The fix ✂ deletes {counted(affected)}."


def _evidence(value: Any) -> str:
    if isinstance(value, Mapping):
        return " · ".join(f"{one_line(str(name), 30)} {_evidence(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return " · ".join(_evidence(one) for one in value)
    return f"“{one_line(value, 160)}”" if isinstance(value, str) else _number(value)


def _place(detail: PairDetail, finding: Finding, affected: Iterable[str] | None) -> str:
    if detail.pair.undone:
        return "deleted"
    if affected is None or finding.fix is Fix.NONE:
        return ""
    return "✂ the fix deletes it" if detail.pair.id in affected else "stays"


def pair_excerpt(detail: PairDetail, width: int, place: str = "") -> list[Content]:
    """A pair in a few lines: who it is, prompt, and how each answer begins."""
    head = [Content.styled(one_line(detail.pair.id, 40), "$text-primary")]
    if place:
        head.append(Content.styled(place, "$text-warning" if place[0] == "✂" else MUTED))
    head.append(Content.styled(f"by {one_line(detail.pair.annotator or 'nobody', 24)}", MUTED))
    lines = [packed(head, width)]
    asked = detail.prompt[-1].content if detail.prompt else ""
    lines += Content.assemble(("▌ ", "$accent"), (one_line(asked, EXCERPT), "bold $text-accent")).wrap(max(20, width))
    for sign, style, answer in _sides(detail):
        lines += Content.assemble((f"{sign} ", style), _beginning(answer)).wrap(max(20, width))
    return lines


def _sides(detail: PairDetail) -> list[tuple[str, str, Answer]]:
    """Chosen first, then rejected; left and right where nothing was decided."""
    left, right = detail.left, detail.right
    if right is None:
        return [("•", "$text-primary", left)]
    if not detail.pair.verdict.decides:
        return [("·", MUTED, left), ("·", MUTED, right)]
    chosen, rejected = (right, left) if detail.pair.verdict is Verdict.RIGHT else (left, right)
    return [("★", "$text-success", chosen), ("✗", "$text-error", rejected)]


def _beginning(answer: Answer) -> str:
    return one_line(answer.text, EXCERPT) or "(empty answer)"


# the line on top ------------------------------------------------------------------------------------


def drift_text(drift: Drift) -> str:
    """How far the pairs have moved on, in words; empty where they have not."""
    parts = [f"{counted(drift.new)} new"] if drift.new else []
    parts += [f"{counted(drift.gone)} gone"] if drift.gone else []
    return f"stale: {', '.join(parts)} since, {{key:lint.run}} runs again" if parts else ""


def summary(pairs: int, tallies: Iterable[Tally]) -> list[Content]:
    """How many pairs were looked at, and how many findings of each weight are open."""
    whole = [tally for tally in tallies if not tally.topic.subject]
    counts = {severity: sum(tally.by_severity.get(severity, 0) for tally in whole) for severity in SIGNS}
    parts = [Content(counted(pairs))]
    for severity, count in counts.items():
        sign, style = SIGNS[severity]
        if count:
            parts.append(Content.styled(f"{sign} {count:,} {severity.value}{'s' * (count != 1)}", style))
    if pairs and not any(counts.values()):
        parts.append(Content.styled("✓ nothing open", "$text-success"))
    return parts


def standing_text(tally: Tally) -> str:
    """What stands behind the name of a topic over its findings."""
    parts = [f"{tally.open:,} open", counted(tally.pairs)]
    parts += [f"{tally.fixed:,} fixed"] if tally.fixed else []
    parts += [f"{tally.waived:,} waived"] if tally.waived else []
    return f" · {' · '.join(parts)}"


def progress(done: int, total: int) -> Content:
    """Where a run stands; pairs are read first, then some rules compare them all."""
    if not total:
        return Content.styled("◌ opening the database …", "$text-warning")
    if done >= total:
        return Content.styled(f"◌ comparing {counted(total)} with each other …", "$text-warning")
    return Content.assemble((f"◌ reading {done:,} of {counted(total)} ", "$text-warning"), bar(done, total))
