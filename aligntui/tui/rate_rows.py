"""Rates and coefficients as rows: a label, the interval drawn on an axis, the numbers; at any width in the same columns."""

from __future__ import annotations

from math import tanh

from textual.content import Content

from aligntui.core.printable import one_line
from aligntui.score.results import Coverage, Estimate, Rate
from aligntui.tui.bars import Axis, interval_bar
from aligntui.tui.turn_text import MUTED

WIDE = 100
"""From this many cells on numbers are written out."""
NEUTRAL = "$text-primary"

Lines = list[Content]


class Columns:
    """Where label, bar and numbers stand at a width.

    Args:
        width: cells of a line.
    """

    def __init__(self, width: int) -> None:
        self.width = max(62, width)
        self.wide = self.width >= WIDE
        self.label = 30 if self.wide else 19
        self.numbers = 50 if self.wide else 31
        self.bar = self.width - self.label - self.numbers

    def row(self, label: str, bar: Content, numbers: str, style: str = "") -> Content:
        """One line."""
        return Content.assemble(
            (f"{one_line(label, self.label - 1):<{self.label}}", style or MUTED),
            bar,
            " ",
            (one_line(numbers, self.numbers - 1), style),
        )

    def rate(self, label: str, rate: Rate, style: str = "") -> Content:
        """A share on an axis from 0 to 1, its chance level marked."""
        drawn = interval_bar(rate.rate, rate.low, rate.high, self.bar, Axis(tick=rate.chance), style or NEUTRAL)
        return self.row(label, drawn, self._rate_numbers(rate), style if "bold" in style else "")

    def _rate_numbers(self, rate: Rate) -> str:
        if rate.rate is None:
            return "no verdict to count"
        low, high = rate.low or 0.0, 1.0 if rate.high is None else rate.high
        share = self.share(rate.rate, low, high)
        of = f"{rate.k:,.10g} of {rate.n:,}" if self.wide else f"{rate.k:,.10g}/{rate.n:,}"
        return f"{share} {of}{self.chance(rate.chance)}"

    def share(self, value: float, low: float, high: float) -> str:
        """A share and its interval, in percent."""
        if self.wide:
            return f"{value:.1%} ({low:.1%}–{high:.1%})"
        return f"{value:.0%} ({100 * low:.0f}–{100 * high:.0f})"

    def chance(self, chance: float | None) -> str:
        """What chance would give; empty where guessing has no meaning."""
        if chance is None:
            return ""
        return f"  chance {chance:.0%}" if self.wide else f" ┊{100 * chance:.0f}"

    def log_odds(self, label: str, estimate: Estimate) -> Content:
        """Log-odds as the share that they mean, on the axis of the shares."""
        value, low, high = (_share(end) for end in (estimate.value, estimate.low, estimate.high))
        drawn = interval_bar(value, low, high, self.bar, Axis(tick=0.5), NEUTRAL)
        if value is None or low is None or high is None:
            return self.row(label, drawn, estimate.note or "not defined")
        return self.row(label, drawn, f"{self.share(value, low, high)} n {estimate.n:,}{self.chance(0.5)}")

    def estimate(self, label: str, estimate: Estimate, start: float = -1.0, end: float = 1.0) -> Content:
        """A coefficient on its axis, the value that means nothing marked."""
        drawn = interval_bar(
            estimate.value, estimate.low, estimate.high, self.bar, Axis(start, end, estimate.null), NEUTRAL
        )
        if estimate.value is None:
            return self.row(label, drawn, estimate.note or "not defined")
        ends = (
            "no interval"
            if estimate.low is None or estimate.high is None
            else f"{estimate.low:+.2f}…{estimate.high:+.2f}"
        )
        null = f"  chance {estimate.null:g}" if self.wide else f" ┊{estimate.null:g}"
        return self.row(label, drawn, f"{estimate.value:+.2f} ({ends}) n {estimate.n:,}{null}")

    def scale(self) -> Content:
        """The axis of the shares, over their bars."""
        half = self.bar // 2
        text = f"0%{'50%':>{half}}{'100%':>{self.bar - half - 2}}"
        key = "● estimate  ├┤ 95% interval  ┊ chance" if self.wide else "├●┤ 95% interval  ┊ chance"
        return Content.styled(f"{' ' * self.label}{text} {key}", MUTED)

    def covered(self, coverage: Coverage, what: str = "used") -> Lines:
        """How much could be used, and why not the rest."""
        left = ", ".join(f"{count:,} {reason}" for reason, count in coverage.left_out)
        text = f"{what} {coverage.used:,} of {coverage.total:,}" + (f"; left out: {left}" if left else "")
        return self.text(text)

    def text(self, text: str, style: str = MUTED) -> Lines:
        """Running text, a step in."""
        return [
            Content.assemble("  ", piece)
            for piece in Content.styled(one_line(text), style).wrap(max(20, self.width - 2))
        ]


def heading(text: str, rest: str = "") -> Content:
    """The line that begins a part."""
    return Content.assemble((one_line(text, 60), "bold $text-accent"), (rest, MUTED))


def _share(log_odds: float | None) -> float | None:
    return None if log_odds is None else (1 + tanh(log_odds / 2)) / 2  # no overflow, however far out
