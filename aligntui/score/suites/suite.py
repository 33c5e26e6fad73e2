"""What every scoring suite is: items to be answered, and verdicts on answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

from aligntui.core.ids import canonical_json, sha256_text
from aligntui.score.battery.terms import Term
from aligntui.score.results import Result


@dataclass(frozen=True)
class Item:
    """One prompt of a suite."""

    id: str
    """Unique in the suite."""
    prompt: str
    """What the model is asked."""
    categories: tuple[str, ...] = ()
    """Category of each demand on the answer, in order; empty where a suite makes none."""
    key: int | str = ""
    """As the suite's file has it, for files that go back there."""


@dataclass(frozen=True)
class Part(Result):
    """The verdict on one demand."""

    category: str
    passed: bool | None
    """None where it could not be checked."""
    loose: bool | None
    """Under the loose reading, the same as `passed` where a suite has none."""


@dataclass(frozen=True)
class Marks(Result):
    """The verdicts on one answer."""

    parts: tuple[Part, ...]
    empty: bool
    """Whether there is nothing to read, so that every demand failed."""

    def follows_all(self, *, loose: bool = False) -> bool | None:
        """Whether every demand is met; None where one could not be checked, or there is none."""
        verdicts = [part.loose if loose else part.passed for part in self.parts]
        return None if not verdicts or None in verdicts else all(verdicts)


@dataclass(frozen=True)
class Suite(ABC):
    """A suite, whole or the part of it that is asked."""

    items: tuple[Item, ...]
    """Those that are asked."""
    total: int
    """How many the whole suite has."""
    source: str
    """File or data set that they come from."""

    name: ClassVar[str]
    """Word of the command line: `ifeval`."""
    title: ClassVar[str]
    part_noun: ClassVar[str] = ""
    """What one demand is called, where an item has several."""
    category_noun: ClassVar[str] = "category"
    has_loose: ClassVar[bool] = False
    higher_is_better: ClassVar[bool] = True
    headline: ClassVar[str] = "prompt level"
    """Row that a run is known by."""
    for_base: ClassVar[bool] = True
    """Whether the base is scored without being asked for."""

    @property
    def rules(self) -> str:
        """Text of an instruction that the suite itself brings; empty where it brings none."""
        return ""

    @property
    def doctrine(self) -> tuple[Term, ...]:
        """What only someone says who speaks of rules; empty where nothing is known of any."""
        return ()

    @cached_property
    def by_id(self) -> Mapping[str, Item]:
        """The items by id."""
        return {item.id: item for item in self.items}

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """Those that occur, in the order of reports."""
        return tuple(dict.fromkeys(category for item in self.items for category in item.categories))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the items and their demands: two runs with the same one were asked and judged alike."""
        return sha256_text(canonical_json(self.records()))

    def tier_of(self, category: str) -> str:
        """Tier of a category; empty where the suite has none."""
        return ""

    def is_adjusted(self, item: Item) -> bool:
        """Whether the item belongs to the adjusted rates too."""
        return True

    def limited(self, count: int | None) -> Self:
        """The first so many items; all of them for None."""
        return self if count is None or count >= len(self.items) else self.only(self.items[:count])

    def only(self, items: Sequence[Item]) -> Self:
        """The suite with these of its items."""
        return replace(self, items=tuple(items))

    @abstractmethod
    def judge(self, item: Item, answer: str) -> Marks:
        """The verdicts on an answer. An empty one fails every demand."""

    @abstractmethod
    def reasons(self, item: Item, answer: str) -> tuple[str, ...]:
        """Why each demand was not met, empty where it was; worked out on each call."""

    @abstractmethod
    def records(self) -> list[dict[str, Any]]:
        """The items as they stand in a file, JSON-ready."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, whole enough to be read back without any file."""
        return {"suite": self.name, "source": self.source, "total": self.total, "records": self.records()}


def plain_marks(category: str, passed: bool | None, *, empty: bool) -> Marks:
    """Marks of an answer with one demand and one reading."""
    return Marks((Part(category, passed, passed),), empty)


def in_order(known: Iterable[str], found: Iterable[str]) -> tuple[str, ...]:
    """Those of `known` that were found, in the order of `known`."""
    there = set(found)
    return tuple(name for name in known if name in there)
