"""What an instruction is given with it: read from a data set's `kwargs` into the fields of a checker."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from aligntui.core.errors import nearest


class Relation(StrEnum):
    """How a count is held against its threshold."""

    LESS_THAN = "less than"
    AT_LEAST = "at least"

    def holds(self, count: int, threshold: int) -> bool:
        """Whether `count` stands in this relation to `threshold`."""
        return count < threshold if self is Relation.LESS_THAN else count >= threshold


class BadArgument(ValueError):
    """An argument that cannot be used; the message is a clause that goes on after "needs"."""


Reader = Callable[[Any], Any]
"""From what a data set has to a field's value; raises `BadArgument`."""


def read_arguments(checker: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Values for a checker's fields.

    None, 0 and empty values count as not given: the hub's table writes None for every argument that an instruction does
    not have, and the reference drops all of them and draws at random what is then missing. Here a missing one is refused.

    Args:
        checker: a dataclass whose fields are annotated with their `Reader`, such as `CountArgument`.
        given: arguments by name, as the data set has them.

    Raises:
        BadArgument: one is missing, unknown or of a wrong kind.
    """
    given = {name: value for name, value in given.items() if value}
    readers = _readers(checker)
    for name in given:
        if name not in readers:
            known = list(readers)
            raise BadArgument(
                f"no argument {name!r}. {nearest(name, known)}" if known else f"no argument, not {name!r}"
            )
    values: dict[str, Any] = {}
    for name, reader in readers.items():
        if name not in given:
            raise BadArgument(f"the argument {name!r}, which is missing, empty or 0")
        try:
            values[name] = reader(given[name])
        except BadArgument as problem:
            raise BadArgument(f"{name!r} to be {problem}, not {given[name]!r}") from None
    return values


def whole_number(value: Any) -> int:
    """A number from 1 up; `3.0` counts as one, as tables with empty cells write it."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1 or value < 1:
        raise BadArgument("a whole number from 1 up")
    return int(value)


def relation(value: Any) -> Relation:
    """One of the two relations."""
    if value not in list(Relation):
        raise BadArgument(" or ".join(repr(str(known)) for known in Relation))
    return Relation(value)


def text(value: Any) -> str:
    """A text that is not blank, as it stands."""
    if not isinstance(value, str) or not value.strip():
        raise BadArgument("a text that is not blank")
    return value


def stripped_text(value: Any) -> str:
    """A text without the whitespace around it."""
    return text(value).strip()


def letter(value: Any) -> str:
    """One character in lower case."""
    if not isinstance(value, str) or len(value) != 1 or value.isspace():
        raise BadArgument("one character")
    return value.lower()


def language(value: Any) -> str:
    """A code that langdetect can answer with."""
    if value not in known_languages():
        raise BadArgument(f"one of {', '.join(sorted(known_languages()))}")
    return value


def pattern(value: Any) -> re.Pattern[str]:
    """A keyword, which the reference takes as a regular expression without regard to case."""
    return compiled(stripped_text(value), re.IGNORECASE)


def patterns(value: Any) -> tuple[re.Pattern[str], ...]:
    """Keywords likewise, in alphabetical order, the whitespace around them kept."""
    return tuple(compiled(word, re.IGNORECASE) for word in sorted(_texts(value)))


def whole_words(value: Any) -> tuple[re.Pattern[str], ...]:
    """Keywords that have to begin and end at the edge of a word; repeated ones once, in alphabetical order."""
    return tuple(compiled(rf"\b{word}\b", re.IGNORECASE) for word in sorted(set(_texts(value))))


def compiled(source: str, flags: int = 0) -> re.Pattern[str]:
    """A regular expression out of a data set.

    Raises:
        BadArgument: it does not compile.
    """
    with warnings.catch_warnings():
        # of brackets that a later Python will read otherwise; on a screen it would be printed over the panes
        warnings.simplefilter("ignore", FutureWarning)
        try:
            return re.compile(source, flags)
        except re.error as problem:
            raise BadArgument(f"a regular expression that compiles ({problem})") from None


CountArgument = Annotated[int, whole_number]
RelationArgument = Annotated[Relation, relation]
TextArgument = Annotated[str, text]
StrippedTextArgument = Annotated[str, stripped_text]
LetterArgument = Annotated[str, letter]
LanguageArgument = Annotated[str, language]
KeywordArgument = Annotated[re.Pattern[str], pattern]
KeywordsArgument = Annotated[tuple[re.Pattern[str], ...], patterns]
WholeWordsArgument = Annotated[tuple[re.Pattern[str], ...], whole_words]


@cache
def known_languages() -> frozenset[str]:
    """Codes of the languages that langdetect has a profile of."""
    from langdetect.detector_factory import (
        PROFILES_DIRECTORY,
    )  # function-level: only needed where a language is asked for

    return frozenset(path.name for path in Path(PROFILES_DIRECTORY).iterdir() if not path.name.startswith("."))


@cache
def _readers(checker: type) -> dict[str, Reader]:
    hints = get_type_hints(checker, include_extras=True)
    return {field.name: hints[field.name].__metadata__[0] for field in fields(checker)}


def _texts(value: Any) -> list[str]:
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise BadArgument("a list of texts")
    return [text(item) for item in value]
