"""A text as the checkers ask about it; what is costly is worked out once, however many instructions ask."""

from __future__ import annotations

from functools import cached_property

from aligntui.score.ifeval import languages, tokens


class AnswerText:
    """An answer, or one of its loose variants.

    Args:
        text: as the model wrote it.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def stripped(self) -> str:
        """Without the whitespace around it."""
        return self.text.strip()

    @cached_property
    def lower(self) -> str:
        """In lower case."""
        return self.text.lower()

    @cached_property
    def word_count(self) -> int:
        """Runs of word characters."""
        return tokens.count_words(self.text)

    @cached_property
    def sentences(self) -> list[str]:
        """As Punkt cuts them."""
        return tokens.sentences_of(self.text)

    @cached_property
    def capital_words(self) -> list[str]:
        """Words in capital letters."""
        return [word for word in tokens.words_of(self.sentences) if word.isupper()]

    @cached_property
    def language(self) -> str | None:
        """Code of the language, `unknown`, or None where there is no letter to tell it by."""
        return languages.detect(self.text)
