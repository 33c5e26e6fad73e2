"""A report as plain values: what it says, before anybody decided what it looks like.

Every text in it may come from a model or from a user and is shown as it is: the renderers escape it for their format.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from aligntui.score.results import Coverage, Estimate, Rate

NONE = "-"
"""What stands where there is no figure."""


@dataclass(frozen=True)
class Value:
    """A figure: as it is read, and as numbers for those who go on with it."""

    text: str
    numbers: tuple[float | int | None, ...]
    """One, or the two ends of an interval; None where there is none. Rates are shares, 0 to 1."""

    def __str__(self) -> str:
        return self.text


Cell = str | Value


@dataclass(frozen=True)
class Table:
    """Rows of texts and figures under a head."""

    name: str
    """Kebab-case; names the file of its CSV."""
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    prose: bool = False
    """Whether its cells hold whole texts, which wrap, and not figures."""
    matrix: bool = False
    """Whether the columns after the first one stand for its rows, in their order, perhaps with others after them."""

    def __post_init__(self) -> None:
        if len(set(self.head)) < len(self.head):
            raise ValueError(f"two columns of the table {self.name} have one name: {', '.join(self.head)}")
        for row in self.rows:
            if len(row) != len(self.head):
                raise ValueError(f"a row of the table {self.name} has {len(row)} cells, its head {len(self.head)}")

    def is_figures(self, column: int) -> bool:
        """Whether a column holds figures alone."""
        return bool(self.rows) and all(isinstance(row[column], Value) for row in self.rows)


@dataclass(frozen=True)
class Figure:
    """A picture in a file beside the report."""

    file: str
    """Name without its ending; there is a `.png` and a `.svg`."""
    alt: str
    """What it shows, in words."""


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it, in order."""

    title: str
    parts: tuple[str | Table | Figure, ...]


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    sections: tuple[Section, ...]
    commands: tuple[str, ...] = field(default=())
    """Commands that make it again."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table, in order."""
        return tuple(part for section in self.sections for part in section.parts if isinstance(part, Table))


def percent(value: float | None, digits: int = 1) -> Value:
    """`62.5%`; `-` where there is none."""
    return Value(NONE if value is None else f"{value:.{digits}%}", (value,))


def interval(low: float | None, high: float | None) -> Value:
    """`41.0 to 80.1`, in percent; `-` where there is none."""
    return Value(NONE if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f}", (low, high))


def count(value: float) -> Value:
    """`1,200`; a count that ties split keeps one digit, `2.5`."""
    return Value(f"{value:,.0f}" if value == int(value) else f"{value:,.1f}", (value,))


def rate_cells(rate: Rate) -> tuple[Value, Value, Value]:
    """Share, interval in percent, and count of a rate."""
    clusters = "" if rate.clusters in (None, rate.n) else f" to {rate.clusters:,} prompt{'s' * (rate.clusters != 1)}"
    return percent(rate.rate), interval(rate.low, rate.high), Value(f"{rate.n:,}{clusters}", (rate.n,))


def number(value: float | None, digits: int = 3) -> Value:
    """`0.123`; `-` where there is none."""
    return Value(NONE if value is None else f"{value:.{digits}f}", (value,))


def estimate_cells(one: Estimate, digits: int = 3) -> tuple[Value, Value]:
    """Value and interval of an estimate; why there is none, where there is none."""
    if one.value is None or one.low is None or one.high is None:
        return number(one.value, digits), Value(one.note or NONE, (one.low, one.high))
    return number(one.value, digits), Value(f"{one.low:.{digits}f} to {one.high:.{digits}f}", (one.low, one.high))


def points_cells(one: Estimate) -> tuple[Value, Value]:
    """A difference of rates and its interval, in percentage points with their sign."""
    value, low, high = (None if end is None else 100 * end for end in (one.value, one.low, one.high))
    shown = Value(NONE if value is None else f"{value:+.1f}", (value,))
    if value is None or low is None or high is None:
        return shown, Value(one.note or NONE, (low, high))
    return shown, Value(f"{low:+.1f} to {high:+.1f}", (low, high))


def p_cell(p: float | None) -> Value:
    """`0.031`, `< 0.001`; `-` where there was no test."""
    return Value(NONE if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}", (p,))


def coverage_text(cover: Coverage, what: str) -> str:
    """How much could be used, and why not the rest: `4,000 of 4,010 answers used; left out: 10 empty answer`."""
    text = f"{cover.used:,} of {cover.total:,} {what} used"
    reasons = ", ".join(f"{left:,} {reason}" for reason, left in cover.left_out)
    return f"{text}; left out: {reasons}." if reasons else f"{text}."
