"""Punctuation marks."""

from __future__ import annotations

from dataclasses import dataclass

from aligntui.score.ifeval.answer_text import AnswerText
from aligntui.score.ifeval.checkers.checker import Checker, counted, excerpt


@dataclass(frozen=True, slots=True)
class NoComma(Checker):
    """No comma; those of other scripts, such as `、` and `،`, are allowed."""

    id = "punctuation:no_comma"

    def _passes(self, text: AnswerText) -> bool:
        return "," not in text.text

    def _wanted(self) -> str:
        return "no comma"

    def _found(self, text: AnswerText) -> str:
        place = text.text.find(",")
        return f"{counted(text.text.count(','), 'comma')}, the first in {excerpt(text.text[max(0, place - 20) : place + 20])}"
