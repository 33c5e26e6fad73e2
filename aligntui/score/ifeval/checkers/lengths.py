"""How many words, sentences and paragraphs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aligntui.score.ifeval.answer_text import AnswerText
from aligntui.score.ifeval.checkers.arguments import BadArgument, CountArgument, RelationArgument, TextArgument
from aligntui.score.ifeval.checkers.checker import Checker, counted

_DIVIDER = re.compile(r"\s?\*\*\*\s?")
_ENDS_FIRST_WORD = re.compile("[.,?!'\"]")


@dataclass(frozen=True, slots=True)
class NumberOfWords(Checker):
    r"""Less than, or at least, so many words.

    A word is a run of letters, digits, underscores and the marks that belong to letters, as NLTK's pattern `\w+` finds
    them: `don't` and `3.5` are two words, and a text in Chinese or Thai has about as many words as it has gaps.
    """

    id = "length_constraints:number_words"

    relation: RelationArgument
    num_words: CountArgument

    def _passes(self, text: AnswerText) -> bool:
        return self.relation.holds(text.word_count, self.num_words)

    def _wanted(self) -> str:
        return f"{self.relation} {counted(self.num_words, 'word')}"

    def _found(self, text: AnswerText) -> str:
        return counted(text.word_count, "word")


@dataclass(frozen=True, slots=True)
class NumberOfSentences(Checker):
    """Less than, or at least, so many sentences.

    NLTK's Punkt with its English parameters decides, whatever the language. Only `.`, `?` and `!` end a sentence, a line
    break does not, and `Wow!!!` at the very end counts as two sentences.
    """

    id = "length_constraints:number_sentences"

    relation: RelationArgument
    num_sentences: CountArgument

    def _passes(self, text: AnswerText) -> bool:
        return self.relation.holds(len(text.sentences), self.num_sentences)

    def _wanted(self) -> str:
        return f"{self.relation} {counted(self.num_sentences, 'sentence')}"

    def _found(self, text: AnswerText) -> str:
        return counted(len(text.sentences), "sentence")


@dataclass(frozen=True, slots=True)
class NumberOfParagraphs(Checker):
    """Exactly so many paragraphs with `***` between them.

    A divider before the first or after the last paragraph is allowed. Two dividers with nothing between them fail at
    once, and so does `******`, which is two.
    """

    id = "length_constraints:number_paragraphs"

    num_paragraphs: CountArgument

    def _passes(self, text: AnswerText) -> bool:
        filled = self._filled(text)
        return all(filled[1:-1]) and sum(filled) == self.num_paragraphs

    def _wanted(self) -> str:
        return f"{counted(self.num_paragraphs, 'paragraph')} with *** between them"

    def _found(self, text: AnswerText) -> str:
        filled = self._filled(text)
        empty = "" if all(filled[1:-1]) else " and nothing between two ***"
        return f"{counted(sum(filled), 'paragraph')}{empty}"

    def _filled(self, text: AnswerText) -> list[bool]:
        return [bool(part.strip()) for part in _DIVIDER.split(text.text)]


@dataclass(frozen=True, slots=True)
class NthParagraphFirstWord(Checker):
    """Exactly so many paragraphs with an empty line between them, and one of them begins with a word.

    Blank paragraphs are not counted but keep their place: after three line breaks the next paragraph is one further on.
    Where the one that is asked for is blank, the answer fails. The first word ends at the first of `. , ? ! ' "`; quotation marks before it are taken
    off, single ones first, so that `'"Word` is `word` and `"'Word` is nothing.
    """

    id = "length_constraints:nth_paragraph_first_word"

    num_paragraphs: CountArgument
    nth_paragraph: CountArgument
    first_word: TextArgument

    def __post_init__(self) -> None:
        if self.nth_paragraph > self.num_paragraphs:
            raise BadArgument(f"'nth_paragraph' to be at most {self.num_paragraphs}, not {self.nth_paragraph}")

    def _passes(self, text: AnswerText) -> bool:
        count, word = self._read(text)
        return count == self.num_paragraphs and word == self.first_word.lower()

    def _wanted(self) -> str:
        return (
            f"{counted(self.num_paragraphs, 'paragraph')} with an empty line between them, "
            f"number {self.nth_paragraph} beginning with “{self.first_word}”"
        )

    def _found(self, text: AnswerText) -> str:
        count, word = self._read(text)
        begins = "nothing there" if word is None else f"number {self.nth_paragraph} beginning with “{word}”"
        return f"{counted(count, 'paragraph')}, {begins}"

    def _read(self, text: AnswerText) -> tuple[int, str | None]:
        """Paragraphs that are not blank, and the first word of the one asked for; None where there is no such one."""
        parts = [part.strip() for part in text.text.split("\n\n")]
        count = sum(map(bool, parts))
        if self.nth_paragraph > count or not parts[self.nth_paragraph - 1]:
            return count, None
        word = parts[self.nth_paragraph - 1].split(maxsplit=1)[0].lstrip("'").lstrip('"')
        # each character by itself: `lower` of a whole word writes a last Σ as ς
        return count, "".join(map(str.lower, _ENDS_FIRST_WORD.split(word, maxsplit=1)[0]))
