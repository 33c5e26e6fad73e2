"""The table of scores as a screen draws it: a line for each rate of one pair of columns, figures as texts.

Pinned in tests/workbench/test_scoring_result_rows.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from aligntui.core.errors import UserError
from aligntui.score.reporting.document import NONE, Value, estimate_cells, interval, p_cell, percent, points_cells
from aligntui.score.results import Estimate, Rate, Result
from aligntui.score.suites.table import Row
from aligntui.score.suites.versus import Versus
from aligntui.workbench.scoring.scored import Scored

SIGNS = {"better": "+", "worse": "-", "null": "=", "longer": "+", "shorter": "-"}
"""A finding where there is no colour; anything else is `?`."""


@dataclass(frozen=True)
class ResultRow(Result):
    """One line. Rates are in per cent, differences in percentage points; lengths in words."""

    group: str
    """`overall`, `tier`, `category` or `side effect`."""
    name: str
    tier: str
    """Empty where the suite has none."""
    first: str
    first_interval: str
    second: str
    """`-` where there is one column alone; so are the other figures of a comparison."""
    second_interval: str
    delta: str
    delta_interval: str
    p: str
    """After the correction over its family."""
    finding: str
    """`better`, `worse`, `null`, `unknown`, `longer`, `shorter`; empty where nothing is compared."""
    sign: str
    n: int
    """Verdicts of the first column."""
    value: float | None
    """What is drawn: the difference of the two, or the rate of one alone. Shares, or words."""
    low: float | None
    high: float | None
    unit: str
    """`rate` or `words`."""
    sentence: str
    """The comparison in words; empty where nothing is compared."""


def result_rows(scored: Scored, pair: int = 0, *, loose: bool = False) -> list[ResultRow]:
    """The lines of one pair of columns, in the order of the report.

    Args:
        scored: a run, or files.
        pair: place among the table's pairs; where there is none, that of a column, which stands alone.
        loose: the loose reading in place of the strict one, where the suite has both.

    Raises:
        UserError: there is no such pair.
    """
    table = scored.table
    if table.pairs and not 0 <= pair < len(table.pairs):
        raise UserError(f"There is no pair {pair + 1}; pairs of columns compared: {len(table.pairs)}.")
    if not table.pairs and not 0 <= pair < len(table.columns):
        raise UserError(f"There is no column {pair + 1}; columns: {len(table.columns)}.")
    reading = "loose" if loose else "strict"
    places = table.pairs[pair] if table.pairs else (pair, None)
    return [
        _row(row, places[0], places[1], row.versus[pair] if row.versus else None)
        for row in table.rows
        if row.reading in ("", reading)
    ]


def _row(row: Row, first: int, second: int | None, versus: Versus | None) -> ResultRow:
    one, one_interval = shown(row.values[first], row.unit)
    other, other_interval = (NONE, NONE) if second is None else shown(row.values[second], row.unit)
    delta, bounds = (NONE, NONE) if versus is None else _delta(versus, row.unit)
    value = row.values[first]
    alone = value.rate if isinstance(value, Rate) else value.value
    drawn = (
        (alone, value.low, value.high)
        if versus is None
        else (versus.difference.value, versus.difference.low, versus.difference.high)
    )
    return ResultRow(
        group=row.group,
        name=row.name,
        tier=row.tier,
        first=one,
        first_interval=one_interval,
        second=other,
        second_interval=other_interval,
        delta=delta,
        delta_interval=bounds,
        p=NONE if versus is None else str(p_cell(versus.p_corrected)),
        finding="" if versus is None else versus.finding,
        sign="" if versus is None else SIGNS.get(versus.finding, "?"),
        n=value.n,
        value=drawn[0],
        low=drawn[1],
        high=drawn[2],
        unit=row.unit,
        sentence="" if versus is None else versus.sentence,
    )


def shown(value: Rate | Estimate, unit: str = "rate") -> tuple[str, str]:
    """A value and its interval."""
    if isinstance(value, Rate):
        return str(percent(value.rate)), str(interval(value.low, value.high))
    cells: tuple[Value, Value] = (
        estimate_cells(value, 1) if unit == "words" else (percent(value.value), interval(value.low, value.high))
    )
    return str(cells[0]), str(cells[1])


def _delta(versus: Versus, unit: str) -> tuple[str, str]:
    if unit != "words":
        value, bounds = points_cells(versus.difference)
        return str(value), str(bounds)
    one = versus.difference
    if one.value is None or one.low is None or one.high is None:
        return NONE, one.note or NONE
    return f"{one.value:+.1f}", f"{one.low:+.1f} to {one.high:+.1f}"
