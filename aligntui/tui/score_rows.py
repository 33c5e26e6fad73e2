"""Results as lines of lists: a rate and what separates two columns in it, a prompt and its verdicts.

Pinned in tests/tui/test_score_text.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from textual.content import Content

from aligntui.core.printable import one_line, printable
from aligntui.tui.bars import Axis, interval_bar
from aligntui.tui.cells import column, fit
from aligntui.tui.turn_text import MUTED
from aligntui.workbench.scoring.drill import GAINED, LOST, DrillFilter, DrillRow, Failure
from aligntui.workbench.scoring.result_rows import ResultRow

WIDE = 100
"""From this many cells on the p-value and the finding in words stand in the line, too."""
FINDINGS = {
    "better": "bold $text-success",
    "worse": "bold $text-error",
    "longer": "bold $text-warning",
    "shorter": "bold $text-warning",
}
"""Styles of what was found; the sign says the same without colour."""
HEADINGS = {
    "overall": "Overall",
    "tier": "Tiers",
    "category": "By category",
    "side effect": "Side effects",
}
PASSED = {True: ("✔", "$text-success"), False: ("✘", "$text-error"), None: ("·", MUTED)}
FLIPS = {LOST: ("▼", "bold $text-error"), GAINED: ("▲", "bold $text-success"), "": (" ", "")}
_NUMBER, _DELTA, _BOUNDS, _P, _TIER = 8, 8, 17, 8, 4


@dataclass(frozen=True)
class Line:
    """A line of the table: a heading, or a rate."""

    heading: str
    row: ResultRow | None = None


def table_lines(rows: Sequence[ResultRow], category_noun: str) -> list[Line]:
    """The rows with a heading before each group."""
    lines: list[Line] = []
    for place, row in enumerate(rows):
        if place == 0 or rows[place - 1].group != row.group:
            name = f"By {category_noun}" if row.group == "category" else HEADINGS[row.group]
            lines.append(Line(name))
        lines.append(Line("", row))
    return lines


@dataclass(frozen=True)
class Ruler:
    """Where everything stands in the table of scores, and what its bars measure."""

    width: int
    """Cells of a line."""
    span: float
    """Share at the ends of the axis of differences."""
    paired: bool
    """Whether two columns are compared."""
    tiers: bool
    """Whether there is a column for them."""

    @classmethod
    def of(cls, rows: Sequence[ResultRow], width: int) -> Ruler:
        """For these rows."""
        ends = [abs(end) for row in rows if row.unit == "rate" for end in (row.value, row.low, row.high) if end]
        span = max(0.05, ceil(20 * max(ends, default=0.0)) / 20)
        paired = any(row.finding for row in rows)
        return cls(width, span, paired, any(row.tier and row.group != "tier" for row in rows))

    @property
    def wide(self) -> bool:
        """Whether p and the finding in words have room."""
        return self.width >= WIDE

    @property
    def fixed(self) -> int:
        """Cells that hold figures."""
        cells = _NUMBER + _BOUNDS + (_TIER if self.tiers else 0)
        if self.paired:
            cells += _NUMBER + _DELTA + 2 + (_P + 8 if self.wide else 0)
        return cells

    @property
    def name(self) -> int:
        """Cells of the name."""
        left = self.width - self.fixed
        return max(12, min(34, left * 11 // 20 if self.wide else left * 7 // 10))

    @property
    def bar(self) -> int:
        """Cells of the bar; one more stands free behind it."""
        return max(5, self.width - self.fixed - self.name - 1)

    def axis(self, row: ResultRow) -> Axis:
        """What the bar of a row measures."""
        if row.unit == "words":
            ends = [abs(end) for end in (row.value, row.low, row.high) if end is not None]
            most = max([1.0, *ends])
            return Axis(-most, most, 0.0) if row.finding else Axis(0.0, most)
        return Axis(-self.span, self.span, 0.0) if row.finding else Axis()

    def head(self, first: str, second: str) -> Content:
        """The line over the table."""
        parts = [column("measure", self.name), "tier" if self.tiers else ""]
        parts.append(_right(first, _NUMBER))
        if self.paired:
            parts += [_right(second, _NUMBER), f"{'delta':>{_DELTA - 1}} ", "  "]
        parts += [f"{self._scale():<{self.bar}} ", f"{'95% interval':<{_BOUNDS}}"]
        if self.paired and self.wide:
            parts += [f"{'p':<{_P}}", "found"]
        return Content.styled("".join(parts), MUTED)

    def _scale(self) -> str:
        """The ends of the axis over the bars, and its middle where there is room."""
        if not self.paired:
            return f"0%{'100%':>{self.bar - 2}}"
        low, high = f"-{100 * self.span:g}", f"+{100 * self.span:g} pp"
        between = self.bar - len(low) - len(high)
        return f"{low}{'0':^{between}}{high}" if between >= 3 else fit(f"±{high[1:]}", self.bar).center(self.bar)

    def line(self, one: Line) -> Content:
        """One line of the table."""
        row = one.row
        if row is None:
            return Content.styled(one.heading, "bold $text-accent")
        style = FINDINGS.get(row.finding, "")
        name = row.name.rpartition(":")[2] if row.group == "category" else _without_reading(row.name)
        drawn = interval_bar(row.value, row.low, row.high, self.bar, self.axis(row), style or "$text-primary")
        parts: list[Content | str | tuple[str, str]] = [
            f" {column(name, self.name - 1)}",
            (column(row.tier if row.group != "tier" else "", _TIER), "$text-secondary") if self.tiers else "",
            f"{row.first:>{_NUMBER - 1}} ",
        ]
        if self.paired:
            parts += [
                f"{row.second:>{_NUMBER - 1}} ",
                (f"{row.delta:>{_DELTA - 1}} ", style),
                (f"{row.sign or ' '} ", style or MUTED),
            ]
        bounds = row.delta_interval if self.paired else row.first_interval
        parts += [drawn, " ", (column(bounds, _BOUNDS), MUTED)]
        if self.paired and self.wide:
            parts += [(f"{row.p:<{_P}}", MUTED), (row.finding, style or MUTED)]
        return Content.assemble(*parts)


def _without_reading(name: str) -> str:
    """The reading stands over the table once, and not in each of its lines."""
    return name.replace(", strict", "").replace(", loose", "")


def _right(text: str, cells: int) -> str:
    cut = fit(text, cells - 1)
    return f"{cut:>{cells - 1}} "


def spoken(row: ResultRow, first: str, second: str) -> Content:
    """A rate in full, for the lines below the table: both values with their intervals, and the comparison in words."""
    unit = " words" if row.unit == "words" else ""
    parts = [f"{one_line(first, 40)} {row.first}{unit} ({row.first_interval})"]
    if row.finding:
        parts.append(f"{one_line(second, 40)} {row.second}{unit} ({row.second_interval})")
    name = f"{row.name}{f' · {row.tier}' if row.tier and row.group != 'tier' else ''}"
    verdicts = f"n {row.n:,}"
    tested = f" · p {row.p}" if row.finding and row.p != "-" else ""
    head = Content.assemble((name, "bold"), f"  {' · '.join(parts)} · {verdicts}{tested}")
    if not row.sentence:
        return head
    return Content.assemble(head, "\n", (f"{row.sign} {one_line(row.sentence)}", FINDINGS.get(row.finding, "")))


# prompts --------------------------------------------------------------------------------------------


def prompt_head(columns: int, width: int, *, seeds: bool) -> Content:
    """The line over the list of prompts."""
    verdicts = "L R" if columns > 1 else "L"
    item = f"{'item':<{_item_cells(width, seeds)}}"
    return Content.styled(f"  {verdicts:<4}{item}{'demand':<{_demand_cells(width)}}prompt", MUTED)


def prompt_line(row: DrillRow, width: int, *, seeds: bool) -> Content:
    """A prompt: flip, a verdict for each column, item, demands, text."""
    flip, style = FLIPS[row.flip]
    verdicts: list[tuple[str, str] | str] = []
    for passed in row.passed:
        sign, colour = PASSED[passed]
        verdicts += [(sign, colour), " "]
    item, demand = _item_cells(width, seeds), _demand_cells(width)
    name = f"{row.item}/{row.seed}" if seeds else row.item
    names = ", ".join(name.rpartition(":")[2] for name in row.categories)
    parts: list[Content | str | tuple[str, str]] = [
        (f"{flip} ", style),
        *verdicts,
        " " * (4 - 2 * len(row.passed)),
        (column(name, item), "$text-secondary"),
        (column(names, demand) if demand else "", MUTED),
    ]
    return Content.assemble(*parts, fit(row.prompt, max(4, width - 6 - item - demand)))


def _item_cells(width: int, seeds: bool) -> int:
    return min(20, max(10, width // 7)) + 2 * seeds


def _demand_cells(width: int) -> int:
    return 0 if width < 40 else min(24, max(12, width * 3 // 10))


def prompt_text(row: DrillRow, names: Sequence[str]) -> Content:
    """What was asked, and what kind of flip it is."""
    kinds = {
        LOST: f"lost: a demand that only {one_line(names[0], 40)} meets",
        GAINED: f"gained: a demand that only {one_line(names[-1], 40)} meets",
    }
    sign, style = FLIPS[row.flip]
    head: list[Content | str | tuple[str, str]] = [(one_line(row.item, 60), "bold")]
    if row.flip:
        head.append((f"  {sign} {kinds[row.flip]}", style))
    head.append((f"\n{', '.join(row.categories)}" if row.categories else "", MUTED))
    return Content.assemble(*head, "\n\n", (printable(row.prompt), "$text-primary"))


def answer_text(
    name: str, answer: str | None, passed: bool | None, failed: Sequence[Failure] | None, *, judged: bool
) -> Content:
    """An answer: whose, its verdict, what it failed and why, the text.

    Args:
        name: of the column.
        answer: None where there is none.
        passed: the verdict on all its demands.
        failed: None while the reasons are being worked out.
        judged: whether the suite has verdicts at all.
    """
    sign, style = PASSED[passed]
    word = {True: "passes", False: "fails", None: "no verdict"}[passed] if judged else ""
    parts: list[Content | str | tuple[str, str]] = [(one_line(name, 60), "bold reverse")]
    if judged:
        parts.append((f" {sign} {word}", style))
    if failed is None:
        parts.append(("\n◌ working out why", MUTED))
    for one in failed or ():
        loosely = " (passes loosely)" if one.passes_loosely else ""
        parts.append((f"\n✘ {one.category}: {printable(one.reason)}{loosely}", "$text-error"))
    if answer is None:
        return Content.assemble(*parts, "\n\n", ("no answer yet", MUTED))
    if not answer.strip():
        return Content.assemble(*parts, "\n\n", ("(empty answer)", "$text-warning"))
    return Content.assemble(*parts, "\n\n", printable(answer))


def filter_words(wanted: DrillFilter, names: Sequence[str]) -> str:
    """What a filter asks for; empty where it asks for nothing."""
    parts = [f"only {wanted.category}"] if wanted.category else []
    if wanted.flips:
        parts.append("flips")
    if wanted.failed:
        parts.append("failed by one at least")
    for value, name in ((wanted.first, names[0]), (wanted.second, names[-1])):
        if value is not None:
            parts.append(f"{one_line(name, 30)} {'passes' if value else 'fails'}")
    return ", ".join(parts)
