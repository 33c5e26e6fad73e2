"""Words and letters that have to be there, or must not be."""

from __future__ import annotations

from dataclasses import dataclass

from aligntui.score.ifeval.answer_text import AnswerText
from aligntui.score.ifeval.checkers.arguments import (
    CountArgument,
    KeywordArgument,
    KeywordsArgument,
    LetterArgument,
    RelationArgument,
    WholeWordsArgument,
)
from aligntui.score.ifeval.checkers.checker import Checker, counted, quoted


@dataclass(frozen=True, slots=True)
class KeywordsExist(Checker):
    """Every keyword occurs.

    A keyword is a regular expression and also counts inside of longer words: `cat` is found in `concatenate`.
    """

    id = "keywords:existence"

    keywords: KeywordsArgument

    def _passes(self, text: AnswerText) -> bool:
        return all(keyword.search(text.text) for keyword in self.keywords)

    def _wanted(self) -> str:
        return quoted([keyword.pattern for keyword in self.keywords])

    def _found(self, text: AnswerText) -> str:
        return f"no {quoted([k.pattern for k in self.keywords if not k.search(text.text)], 'and no')}"


@dataclass(frozen=True, slots=True)
class KeywordFrequency(Checker):
    """One keyword occurs less than, or at least, so many times.

    As in `KeywordsExist`, occurrences inside of longer words count. They are counted without overlap.
    """

    id = "keywords:frequency"

    keyword: KeywordArgument
    frequency: CountArgument
    relation: RelationArgument

    def _passes(self, text: AnswerText) -> bool:
        return self.relation.holds(self._count(text), self.frequency)

    def _wanted(self) -> str:
        return f"“{self.keyword.pattern}” {self.relation} {counted(self.frequency, 'time')}"

    def _found(self, text: AnswerText) -> str:
        return counted(self._count(text), "time")

    def _count(self, text: AnswerText) -> int:
        return len(self.keyword.findall(text.text))


@dataclass(frozen=True, slots=True)
class ForbiddenWords(Checker):
    r"""None of the words occurs as a whole word.

    The edge of a word is that of Python's `\b`: between a letter, digit or underscore and anything else. So `can` is
    found in `can't` and in `can-do`, not in `can_do`, and a forbidden word that ends in a sign such as `C#` is found
    only where a letter follows the sign.
    """

    id = "keywords:forbidden_words"

    forbidden_words: WholeWordsArgument

    def _passes(self, text: AnswerText) -> bool:
        return not any(word.search(text.text) for word in self.forbidden_words)

    def _wanted(self) -> str:
        return f"no {quoted([word.pattern.removeprefix(_EDGE).removesuffix(_EDGE) for word in self.forbidden_words], 'or')}"

    def _found(self, text: AnswerText) -> str:
        return quoted([match[0] for word in self.forbidden_words if (match := word.search(text.text))])


@dataclass(frozen=True, slots=True)
class LetterFrequency(Checker):
    """One character occurs less than, or at least, so many times in the answer in lower case.

    Two prompts of the data set ask for `!` and for `#`. The reference replaces anything but a to z by a letter that it
    draws at random, once for the strict and once for the loose verdict, so that its verdicts on these two prompts differ
    from run to run and loose may fail where strict passes. Here the character that the prompt names is counted.
    """

    id = "keywords:letter_frequency"

    letter: LetterArgument
    let_frequency: CountArgument
    let_relation: RelationArgument

    def _passes(self, text: AnswerText) -> bool:
        return self.let_relation.holds(text.lower.count(self.letter), self.let_frequency)

    def _wanted(self) -> str:
        return f"the character “{self.letter}” {self.let_relation} {counted(self.let_frequency, 'time')}"

    def _found(self, text: AnswerText) -> str:
        return counted(text.lower.count(self.letter), "time")


_EDGE = r"\b"
