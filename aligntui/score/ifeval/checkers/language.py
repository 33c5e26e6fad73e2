"""Which language the answer is in."""

from __future__ import annotations

from dataclasses import dataclass

from aligntui.score.ifeval.answer_text import AnswerText
from aligntui.score.ifeval.checkers.arguments import LanguageArgument
from aligntui.score.ifeval.checkers.checker import Checker


@dataclass(frozen=True, slots=True)
class ResponseLanguage(Checker):
    """The answer as a whole is in one language, as langdetect sees it.

    An answer in which langdetect finds no letter that it knows passes. See `aligntui.score.ifeval.languages` for the seed.
    """

    id = "language:response_language"

    language: LanguageArgument

    def _passes(self, text: AnswerText) -> bool:
        return text.language in (None, self.language)

    def _wanted(self) -> str:
        return f"the language {self.language}"

    def _found(self, text: AnswerText) -> str:
        return text.language or "no letters"
