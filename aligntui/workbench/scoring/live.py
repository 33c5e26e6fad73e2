"""Partial scores while a run goes on: every answer judged once, as it comes.

Pinned in tests/workbench/test_scoring_live.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aligntui.core.turn import Answer
from aligntui.score.answers.words import count_words
from aligntui.score.battery.delivery import Delivery
from aligntui.score.results import Rate, Result
from aligntui.score.suites.columns import At, Column, parts, rate, whole
from aligntui.score.suites.suite import Marks
from aligntui.workbench.scoring.plan import ScorePlan


@dataclass(frozen=True)
class LiveRate(Result):
    """What is known of one column so far."""

    column: str
    answered: int
    wanted: int
    """Answers of the whole run; while `answered` is below it the rates are of a part."""
    passed: Rate
    """At prompt level, strict; empty where a suite has nothing to pass."""
    parts: Rate | None
    """At the level of single demands, where items have several."""
    words: float | None
    """Mean length of the answers."""


class LiveScores:
    """A fold over the stored answers of a run, quick enough to be asked after every answer.

    Args:
        plan: of the run.
        answers: those that are stored already, by key of their cell.
    """

    def __init__(self, plan: ScorePlan, answers: Mapping[str, Answer] | None = None) -> None:
        self._plan = plan
        self._marks: dict[tuple[int, Delivery], dict[At, Marks]] = {
            (number, delivery): {} for delivery in plan.deliveries for number in range(len(plan.sides))
        }
        self._columns = {
            (number, delivery): Column(
                plan.column_name(plan.sides[number].name, delivery),
                plan.sides[number].name,
                str(delivery),
                {},
                marks,
                plan.seeds,
            )
            for (number, delivery), marks in self._marks.items()
        }
        self._words: dict[str, int] = dict.fromkeys((column.name for column in self._columns.values()), 0)
        for key, answer in (answers or {}).items():
            self.take(key, answer)

    def take(self, key: str, answer: Answer) -> bool:
        """Judge an answer; one that was taken before is passed over. Returns whether it was new and of this run."""
        place = self._plan.places.get(key)
        if place is None:
            return False
        column, at = self._columns[place.side, place.delivery], (place.item.id, place.seed)
        if at in column.marks:
            return False
        self._marks[place.side, place.delivery][at] = self._plan.suite.judge(place.item, answer.text)
        self._words[column.name] += count_words(answer.text)
        return True

    def rates(self) -> tuple[LiveRate, ...]:
        """Of every column, whether or not it has an answer."""
        suite = self._plan.suite
        wanted = len(suite.items) * len(self._plan.seeds)
        return tuple(
            LiveRate(
                column.name,
                len(column.marks),
                wanted,
                rate(suite, column, whole(False)),
                rate(suite, column, parts(False)) if suite.part_noun else None,
                self._words[column.name] / len(column.marks) if column.marks else None,
            )
            for column in self._columns.values()
        )
