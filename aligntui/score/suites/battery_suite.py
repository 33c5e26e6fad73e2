"""A compliance battery as a suite."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from aligntui.score.battery.battery import Battery, Question
from aligntui.score.battery.checking import Outcome, Verdict, check
from aligntui.score.battery.reading import parse_battery
from aligntui.score.battery.terms import Term
from aligntui.score.suites.suite import Item, Marks, Suite, plain_marks


@dataclass(frozen=True)
class BatterySuite(Suite):
    """Questions with demands on their answers; made by `battery_suite`."""

    battery: Battery | None = field(default=None, repr=False)
    """With all of its questions, those that are not asked among them."""

    name: ClassVar[str] = "battery"
    title: ClassVar[str] = "Compliance battery"
    category_noun: ClassVar[str] = "kind"
    for_base: ClassVar[bool] = False

    @cached_property
    def questions(self) -> Mapping[str, Question]:
        """By id."""
        return {question.id: question for question in self._battery.questions}

    @property
    def rules(self) -> str:
        """The rules as a text."""
        return self._battery.system

    @property
    def doctrine(self) -> tuple[Term, ...]:
        """What only someone says who speaks of the rules."""
        return self._battery.doctrine

    def judge(self, item: Item, answer: str) -> Marks:
        """Whether every demand of the question is met; not checked where a regular expression ran out of time."""
        verdict = check(self.questions[item.id], answer)
        empty = verdict.outcome is Outcome.FAILED and verdict.reasons[0].part == "answer"
        return plain_marks(item.categories[0], verdict.passed, empty=empty)

    def reasons(self, item: Item, answer: str) -> tuple[str, ...]:
        """Every demand that was not met; of one that could not be checked file, line and reason."""
        question = self.questions[item.id]
        verdict = check(question, answer)
        text = "; ".join(reason.sentence for reason in verdict.reasons)
        return (self.unchecked(verdict) or text,)

    def unchecked(self, verdict: Verdict) -> str:
        """File, line and reason, where a regular expression kept a question from being judged; else empty."""
        if verdict.outcome is not Outcome.NOT_CHECKED:
            return ""
        line = self.questions[verdict.id].line
        return f"{self._battery.source}, line {line}: {verdict.reasons[0].sentence}; not checked"

    def records(self) -> list[dict[str, Any]]:
        """Questions as in the battery's file."""
        return [self.questions[item.id].as_record() for item in self.items]

    def as_dict(self) -> dict[str, Any]:
        """With the header, and the lines on which the questions stand."""
        header = {
            "battery": self._battery.name,
            "laws": list(self._battery.laws),
            "doctrine": [term.written for term in self.doctrine],
            **({"system": self.rules} if self.rules else {}),
        }
        lines = [self.questions[item.id].line for item in self.items]
        return {**super().as_dict(), "header": header, "lines": lines}

    @property
    def _battery(self) -> Battery:
        assert self.battery is not None, "made by battery_suite"
        return self.battery


def battery_suite(battery: Battery, total: int | None = None) -> BatterySuite:
    """The suite over a battery; `total` is the number of questions of the whole one, where this is a part."""
    items = tuple(Item(one.id, one.question, (one.kind,), one.id) for one in battery.questions)
    return BatterySuite(items, len(items) if total is None else total, battery.source, battery)


def battery_of(
    header: Mapping[str, Any], records: Sequence[Mapping[str, Any]], lines: Sequence[int], source: str
) -> Battery:
    """A battery from what `BatterySuite.as_dict` made.

    Raises:
        UserError: the records are no questions.
    """
    content = "\n".join(json.dumps(one) for one in (header, *records)).encode()
    made = parse_battery(content, Path(source))
    questions = tuple(replace(one, line=line) for one, line in zip(made.questions, lines, strict=True))
    return replace(made, source=source, questions=questions)
