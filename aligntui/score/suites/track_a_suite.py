"""Track A as a suite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from aligntui.score.suites.suite import Item, Marks, Suite, in_order, plain_marks
from aligntui.score.track_a.checking import Outcome, check_answer
from aligntui.score.track_a.prompt import PARAMETERS, ConstraintType, Params, Prompt


@dataclass(frozen=True)
class TrackA(Suite):
    """Prompts with one constraint each; made by `track_a_suite`."""

    prompts: Mapping[str, Prompt] = field(default_factory=dict, repr=False)
    """By id."""

    name: ClassVar[str] = "tracka"
    title: ClassVar[str] = "Track A"
    category_noun: ClassVar[str] = "constraint type"

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """Constraint types that occur, in the order in which they are reported."""
        return in_order(map(str, ConstraintType), (item.categories[0] for item in self.items))

    def judge(self, item: Item, answer: str) -> Marks:
        """Whether the constraint is kept. What the rule says nothing of counts as not kept, as in the source."""
        verdict = check_answer(self.prompts[item.id], answer)
        return plain_marks(item.categories[0], verdict.passed, empty=verdict.empty)

    def reasons(self, item: Item, answer: str) -> tuple[str, ...]:
        """What was wanted and found; whether the rule says anything of such an answer."""
        verdict = check_answer(self.prompts[item.id], answer)
        unchecked = "could not be checked: " if verdict.outcome is Outcome.COULD_NOT_CHECK else ""
        return (f"{unchecked}{verdict.reason}",)

    def records(self) -> list[dict[str, Any]]:
        """Rows as in the file of the suite."""
        return [_record(self.prompts[item.id]) for item in self.items]


def track_a_suite(prompts: Iterable[Prompt], source: str, total: int | None = None) -> TrackA:
    """The suite over these prompts; `total` is that of the whole suite, where these are some of it."""
    known = {prompt.id: prompt for prompt in prompts}
    items = tuple(Item(one.id, one.prompt, (str(one.type),), one.id) for one in known.values())
    return TrackA(items, len(items) if total is None else total, source, known)


def prompts_of(records: Iterable[Mapping[str, Any]]) -> list[Prompt]:
    """Prompts from records that `TrackA.records` made."""
    return [
        Prompt(one["id"], ConstraintType(one["type"]), one["prompt"], Params(**one["params"]), one["subject"])
        for one in records
    ]


def _record(prompt: Prompt) -> dict[str, Any]:
    params = {name: getattr(prompt.params, name) for name in PARAMETERS[prompt.type]}
    return {**prompt.as_dict(), "params": params}
