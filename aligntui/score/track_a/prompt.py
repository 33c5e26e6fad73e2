"""A prompt of Track A and the constraint that its answer has to keep."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from aligntui.score.results import Result
from aligntui.score.track_a.languages import LANGUAGES
from aligntui.score.track_a.words import why_no_word

WORD_TOLERANCE = 2
"""Words by which `word_count_exact` may be missed either way."""


class ConstraintType(StrEnum):
    """The eight types, in the order in which they are reported.

    Source: table of the types in section 4.3 of the AISF study (methods reference, section 3).
    """

    WORD_COUNT = "word_count_exact"
    SENTENCE_COUNT = "sentence_count_exact"
    FORBIDDEN_WORD = "forbidden_word"
    REQUIRED_WORD = "required_word"
    NO_COMMA = "no_comma"
    LANGUAGE = "language_target"
    WORD_FREQUENCY = "word_frequency"
    SINGLE_SENTENCE = "single_sentence"


PARAMETERS: dict[ConstraintType, tuple[str, ...]] = {
    ConstraintType.WORD_COUNT: ("count",),
    ConstraintType.SENTENCE_COUNT: ("count",),
    ConstraintType.FORBIDDEN_WORD: ("word",),
    ConstraintType.REQUIRED_WORD: ("word",),
    ConstraintType.NO_COMMA: (),
    ConstraintType.LANGUAGE: ("language",),
    ConstraintType.WORD_FREQUENCY: ("word", "count"),
    ConstraintType.SINGLE_SENTENCE: (),
}
"""What each type has to be told; it takes nothing else."""


@dataclass(frozen=True)
class Params(Result):
    """What a constraint has to be told. A field that the type does not take is 0 or empty."""

    count: int = 0
    """Words, sentences or uses of the word."""
    word: str = ""
    """One word of a script that puts spaces between words; case and width do not matter."""
    language: str = ""
    """A code of `LANGUAGES`."""


@dataclass(frozen=True)
class Prompt(Result):
    """One prompt.

    Raises:
        ValueError: the parameters are not those of the type, or one of them cannot be checked; says which and why.
    """

    id: str
    type: ConstraintType
    prompt: str
    """What the model is asked, the constraint included."""
    params: Params
    subject: str

    def __post_init__(self) -> None:
        taken = PARAMETERS[self.type]
        count, word, language = self.params.count, self.params.word, self.params.language
        for name, value in (("count", count), ("word", word), ("language", language)):
            if value and name not in taken:
                raise ValueError(f"{self.type} takes no {name!r}")
        if "count" in taken and count < 1:
            raise ValueError(f"'count' must be at least 1, not {count}")
        if "word" in taken and (reason := why_no_word(word)):
            raise ValueError(f"'word' {reason}")
        if "language" in taken and language not in LANGUAGES:
            raise ValueError(f"'language' must be a code that langdetect tells, such as 'fr', not {language!r}")
