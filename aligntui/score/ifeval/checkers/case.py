"""Capital and small letters."""

from __future__ import annotations

from dataclasses import dataclass

from aligntui.score.ifeval.answer_text import AnswerText
from aligntui.score.ifeval.checkers.arguments import CountArgument, RelationArgument
from aligntui.score.ifeval.checkers.checker import Checker, counted, excerpt

_ENGLISH = (None, "en")
"""What langdetect may say of an English text: an answer without letters that it knows passes."""


@dataclass(frozen=True, slots=True)
class EnglishCapital(Checker):
    """English, with no small letter and at least one capital one.

    langdetect leaves out words in capitals, all but their ends, so it often takes such a text for another language.
    """

    id = "change_case:english_capital"

    def _passes(self, text: AnswerText) -> bool:
        return text.text.isupper() and text.language in _ENGLISH

    def _wanted(self) -> str:
        return "English in capital letters"

    def _found(self, text: AnswerText) -> str:
        return _found(text, text.text.isupper(), "small letter", [char for char in text.text if char.islower()])


@dataclass(frozen=True, slots=True)
class EnglishLowercase(Checker):
    """English, with no capital letter and at least one small one."""

    id = "change_case:english_lowercase"

    def _passes(self, text: AnswerText) -> bool:
        return text.text.islower() and text.language in _ENGLISH

    def _wanted(self) -> str:
        return "English in small letters"

    def _found(self, text: AnswerText) -> str:
        return _found(text, text.text.islower(), "capital letter", [char for char in text.text if char.isupper()])


@dataclass(frozen=True, slots=True)
class CapitalWordFrequency(Checker):
    """Less than, or at least, so many words in capital letters.

    Words as NLTK's `word_tokenize` cuts them: `I` is one, a hyphenated word is one, `USA's` is one and a rest, `A/B` is
    one, and a word counts whose letters with case are all capital, such as `B2` or `ΑΒ`.
    """

    id = "change_case:capital_word_frequency"

    capital_frequency: CountArgument
    capital_relation: RelationArgument

    def _passes(self, text: AnswerText) -> bool:
        return self.capital_relation.holds(len(text.capital_words), self.capital_frequency)

    def _wanted(self) -> str:
        return f"{self.capital_relation} {counted(self.capital_frequency, 'word')} in capital letters"

    def _found(self, text: AnswerText) -> str:
        words = text.capital_words
        return f"{len(words)} ({excerpt(' '.join(words), 40)})" if words else "none"


def _found(text: AnswerText, right: bool, other: str, others: list[str]) -> str:
    if right:
        return f"the language {text.language}"
    return f"{counted(len(others), other)}, the first “{others[0]}”" if others else "no letter that has a case"
