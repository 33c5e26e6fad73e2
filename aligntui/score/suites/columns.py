"""Columns of a table of results: the answers of one side under one delivery, with their verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aligntui.core.errors import UserError
from aligntui.score.intervals import clustered_rate
from aligntui.score.results import LEVEL, Coverage, Rate, coverage
from aligntui.score.suites.suite import Item, Marks, Suite

At = tuple[str, int]
"""Id of an item, and seed."""


@dataclass(frozen=True)
class Column:
    """What one side said, judged."""

    name: str
    """Unique in a table."""
    side: str
    """`base`, or the adapter; the file, where answers come from one."""
    delivery: str
    """How an instruction reached the model: a value of `Delivery`; empty where nobody knows."""
    answers: Mapping[At, str]
    marks: Mapping[At, Marks]
    """Of the same answers."""
    seeds: tuple[int, ...] = (0,)
    """Seeds that every item was asked under."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What is known of how the answers were made, JSON-ready."""

    @property
    def empty(self) -> int:
        """Answers with nothing to read; they count as failures."""
        return sum(marks.empty for marks in self.marks.values())


Pick = Callable[[Item, Marks], Sequence[bool | None]]
"""The verdicts of an answer that a row of the table is about; None where one could not be checked."""


def judged(
    suite: Suite,
    answers: Mapping[At, str],
    name: str,
    side: str = "",
    delivery: str = "",
    *,
    seeds: Sequence[int] = (0,),
    about: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Column:
    """A column from answers.

    Args:
        suite: that was asked.
        answers: by item and seed.
        name: of the column.
        side: what answered; the name where it is empty.
        delivery: how an instruction reached it.
        seeds: that every item was asked under.
        about: how the answers were made.
        progress: told how many of how many answers are judged.

    Raises:
        UserError: an answer belongs to no item.
        EnvironmentProblem: a checker lacks its data.
    """
    marks: dict[At, Marks] = {}
    for at, text in answers.items():
        item = suite.by_id.get(at[0])
        if item is None:
            raise UserError(f"{suite.title} has no item {at[0]!r}, and there is an answer to it.")
        marks[at] = suite.judge(item, text)
        if progress:
            progress(len(marks), len(answers))
    return Column(name, side or name, delivery, dict(answers), marks, tuple(seeds), about or {})


def whole(loose: bool) -> Pick:
    """The one verdict on the whole answer."""
    return lambda item, marks: [marks.follows_all(loose=loose)] if marks.parts else []


def parts(loose: bool, category: str | None = None) -> Pick:
    """The verdict on each demand, or on those of one category."""
    return lambda item, marks: [
        part.loose if loose else part.passed for part in marks.parts if category in (None, part.category)
    ]


def adjusted(suite: Suite, pick: Pick) -> Pick:
    """The same over the items that belong to the adjusted rates."""
    return lambda item, marks: pick(item, marks) if suite.is_adjusted(item) else []


def verdicts(suite: Suite, column: Column, pick: Pick) -> Iterator[tuple[At, Sequence[bool | None]]]:
    """The picked verdicts of each answer, in the order of the items; those without any are passed over."""
    for item in suite.items:
        for seed in column.seeds:
            at = (item.id, seed)
            if at in column.marks:
                picked = pick(item, column.marks[at])
                if picked:
                    yield at, picked


def rate(suite: Suite, column: Column, pick: Pick, level: float = LEVEL) -> Rate:
    """The share that passes, of what could be checked; the interval counts whole items. Quick enough to be asked live."""
    return clustered_rate(
        (
            (at[0], float(value))
            for at, picked in verdicts(suite, column, pick)
            for value in picked
            if value is not None
        ),
        level=level,
    )


def covered(suite: Suite, column: Column) -> Coverage:
    """How many of the answers that the whole suite would have are there and could be judged."""
    wanted = suite.total * len(column.seeds)
    asked = len(suite.items) * len(column.seeds)
    unchecked = sum(any(part.passed is None for part in marks.parts) for marks in column.marks.values())
    answered = len(column.marks)
    return coverage(
        answered - unchecked,
        {"not asked": wanted - asked, "no answer": asked - answered, "could not be checked": unchecked},
    )


def is_whole(suite: Suite, column: Column) -> bool:
    """Whether every item of the whole suite was answered and judged."""
    cover = covered(suite, column)
    return cover.used == cover.total
