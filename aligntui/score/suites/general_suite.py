"""General questions, whose answers are measured for themselves: their length, doctrine in them, loops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aligntui.core.errors import UserError
from aligntui.score.answers.bleed import Bleeding, bleed
from aligntui.score.answers.repetition import repetition
from aligntui.score.battery.terms import Term, terms
from aligntui.score.suites.suite import Item, Marks, Suite, plain_marks

WORDS = "words per answer"
"""Headline of verbosity."""


@dataclass(frozen=True)
class Verbosity(Suite):
    """How long answers are; there is nothing to pass."""

    name: ClassVar[str] = "verbosity"
    title: ClassVar[str] = "Verbosity"
    headline: ClassVar[str] = WORDS

    def judge(self, item: Item, answer: str) -> Marks:
        """No verdict: an answer has a length and nothing else."""
        return Marks((), not answer.strip())

    def reasons(self, item: Item, answer: str) -> tuple[str, ...]:
        """None: nothing can fail."""
        return ()

    def records(self) -> list[dict[str, Any]]:
        """Ids and questions."""
        return [{"id": item.id, "question": item.prompt} for item in self.items]


@dataclass(frozen=True)
class Repetition(Verbosity):
    """Whether answers end or go round in a loop."""

    name: ClassVar[str] = "repetition"
    title: ClassVar[str] = "Degenerate repetition"
    headline: ClassVar[str] = "prompt level"

    def judge(self, item: Item, answer: str) -> Marks:
        """Passed where the answer is sound. An empty one repeats nothing."""
        return plain_marks("sound answer", not repetition(answer).is_degenerate, empty=not answer.strip())

    def reasons(self, item: Item, answer: str) -> tuple[str, ...]:
        """Which signs of a loop there are."""
        found = repetition(answer)
        shown = found.loop or found.line
        return (", ".join(found.signs) + (f": {shown[:80]!r}" if shown else ""),)


@dataclass(frozen=True)
class Bleed(Verbosity):
    """Whether answers speak of rules although nobody asked; made by `general_suite`."""

    known: tuple[Term, ...] = field(default=(), repr=False)

    name: ClassVar[str] = "bleed"
    title: ClassVar[str] = "Meta-chatter bleed"
    headline: ClassVar[str] = "prompt level"

    @property
    def doctrine(self) -> tuple[Term, ...]:
        """The terms that are looked for."""
        return self.known

    def judge(self, item: Item, answer: str) -> Marks:
        """Passed where no term of the doctrine is in the answer that is not in its question."""
        return plain_marks("clean answer", _not(self._look(item, answer).bleeds), empty=not answer.strip())

    def reasons(self, item: Item, answer: str) -> tuple[str, ...]:
        """The terms that are there."""
        found = self._look(item, answer).terms
        if found is None:
            return ("a regular expression of the doctrine ran out of time",)
        return (f"speaks of {', '.join(map(repr, found))}" if found else "",)

    def _look(self, item: Item, answer: str) -> Bleeding:
        return bleed(self.known, {item.id: answer}, {item.id: item.prompt}).answers[0]

    def as_dict(self) -> dict[str, Any]:
        """With the terms."""
        return {**super().as_dict(), "doctrine": [term.written for term in self.known]}


GENERAL: dict[str, type[Verbosity]] = {suite.name: suite for suite in (Verbosity, Bleed, Repetition)}
"""Suites over general questions, by name."""


def general_suite(
    name: str,
    rows: Iterable[tuple[str, Mapping[str, Any]]],
    source: str,
    doctrine: Iterable[str] = (),
    total: int | None = None,
) -> Verbosity:
    """A suite over general questions.

    Args:
        name: `verbosity`, `bleed` or `repetition`.
        rows: where each stands, and its columns: `question` or `prompt`, and perhaps `id` or `key`.
        source: of the whole, for errors.
        doctrine: terms as written, for `bleed`.
        total: questions of the whole suite, where these are some of it.

    Raises:
        UserError: there is no question, a row is none, or repeats an id; or `bleed` has no terms to look for.
    """
    items: dict[str, Item] = {}
    for number, (place, row) in enumerate(rows, 1):
        text = next((row[column] for column in ("question", "prompt") if column in row), None)
        if not isinstance(text, str) or not text.strip():
            raise UserError(f'{place}: wanted a text as "question" or "prompt", found {text!r}.')
        key = row.get("id", row.get("key", str(number)))
        if isinstance(key, bool) or not isinstance(key, str | int) or not str(key).strip():
            raise UserError(f'{place}: wanted a text or a number as "id", found {key!r}.')
        if str(key) in items:
            raise UserError(f"{place}: the id {key!r} was there before.", "Every question needs an id of its own.")
        items[str(key)] = Item(str(key), text, _categories(name), key)
    if not items:
        raise UserError(f"{source} has no question.", 'Write one {"id", "question"} a line.')
    found = tuple(items.values())
    total = len(found) if total is None else total
    if name != Bleed.name:
        return GENERAL[name](found, total, source)
    try:
        known = terms(doctrine)
    except ValueError as error:
        raise UserError(f"The doctrine holds a term that cannot be used: {error}.") from error
    if not known:
        raise UserError(
            "Nothing says which terms belong to the doctrine, so no answer could bleed.",
            'Give a battery whose first line has "doctrine": --battery FILE.',
        )
    return Bleed(found, total, source, known)


def _categories(name: str) -> tuple[str, ...]:
    return {Bleed.name: ("clean answer",), Repetition.name: ("sound answer",)}.get(name, ())


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value
