"""Down to every prompt: both answers, what failed in them and why, those first on which two columns differ.

Pinned in tests/workbench/test_scoring_drill.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from aligntui.score.results import Result
from aligntui.workbench.scoring.scored import Scored

LOST, GAINED = "lost", "gained"
"""What a flip is: only the first passes, only the second does."""


@dataclass(frozen=True)
class DrillRow(Result):
    """One item under one seed, in two columns or in one."""

    item: str
    seed: int
    prompt: str
    categories: tuple[str, ...]
    answers: tuple[str | None, ...]
    """One for each column; None where there is none."""
    passed: tuple[bool | None, ...]
    """None where nothing is known."""
    flip: str
    """`lost`, `gained`, or empty; of one demand or of several."""


@dataclass(frozen=True)
class Failure(Result):
    """A demand that an answer did not meet."""

    category: str
    reason: str
    passes_loosely: bool


@dataclass(frozen=True)
class DrillFilter:
    """Which rows are shown."""

    first: bool | None = None
    """Only those that the first column passes, or fails."""
    second: bool | None = None
    flips: bool = False
    """Only those on which the columns differ."""
    failed: bool = False
    """Only those that at least one column fails."""
    category: str = ""
    """Only those with this demand, and flips of it alone."""


def drill_rows(
    scored: Scored, first: str = "", second: str = "", wanted: DrillFilter = DrillFilter()
) -> list[DrillRow]:
    """The rows of two columns: what was lost, then what was gained, then the rest in the order of the suite.

    Args:
        scored: a run, or files.
        first: name of a column; empty for the first of the first pair, or the first one.
        second: likewise; empty for the second of that pair, or for none where there is one column.
        wanted: which rows.

    Raises:
        UserError: there is no such column.
    """
    columns = [scored.column(name) for name in column_names(scored, first, second)]
    rows: list[DrillRow] = []
    for item in scored.suite.items:
        if wanted.category and wanted.category not in item.categories:
            continue
        for seed in columns[0].seeds:
            at = (item.id, seed)
            marks = [column.marks.get(at) for column in columns]
            verdicts = [
                ()
                if one is None
                else tuple(part.passed for part in one.parts if wanted.category in ("", part.category))
                for one in marks
            ]
            row = DrillRow(
                item.id,
                seed,
                item.prompt,
                item.categories,
                tuple(column.answers.get(at) for column in columns),
                tuple(_all(one) for one in verdicts),
                _flip(verdicts),
            )
            if _is_wanted(row, wanted):
                rows.append(row)
    rows.sort(key=lambda row: (LOST, GAINED, "").index(row.flip))
    return rows


def failures(scored: Scored, row: DrillRow, first: str = "", second: str = "") -> tuple[tuple[Failure, ...], ...]:
    """For each column of a row what its answer did not meet, and why; worked out on each call."""
    item = scored.suite.by_id[row.item]
    found: list[tuple[Failure, ...]] = []
    for name, answer in zip(column_names(scored, first, second), row.answers, strict=True):
        marks = scored.column(name).marks.get((row.item, row.seed))
        if marks is None or answer is None or all(part.passed for part in marks.parts):
            found.append(())
            continue
        reasons = zip(marks.parts, scored.suite.reasons(item, answer), strict=True)
        found.append(
            tuple(Failure(part.category, reason, bool(part.loose)) for part, reason in reasons if not part.passed)
        )
    return tuple(found)


def column_names(scored: Scored, first: str = "", second: str = "") -> list[str]:
    """Names of the columns that a drill-down is about: those asked for, else those of the first pair."""
    names = [column.name for column in scored.columns]
    pair = scored.table.pairs[0] if scored.table.pairs else (0,)
    usual = [names[place] for place in pair]
    chosen = [first or usual[0]]
    if second:
        chosen.append(second)
    elif not first and len(usual) > 1:
        chosen.append(usual[1])
    return chosen


def _all(verdicts: tuple[bool | None, ...]) -> bool | None:
    return None if not verdicts or None in verdicts else all(verdicts)


def _flip(verdicts: list[tuple[bool | None, ...]]) -> str:
    if len(verdicts) < 2 or not verdicts[0] or not verdicts[1]:
        return ""
    pairs = list(zip(verdicts[0], verdicts[1], strict=True))
    if any(a is True and b is False for a, b in pairs):
        return LOST
    return GAINED if any(a is False and b is True for a, b in pairs) else ""


def _is_wanted(row: DrillRow, wanted: DrillFilter) -> bool:
    if wanted.flips and not row.flip:
        return False
    if wanted.failed and False not in row.passed:
        return False
    for place, value in enumerate((wanted.first, wanted.second)):
        if value is not None and (place >= len(row.passed) or row.passed[place] is not value):
            return False
    return True
