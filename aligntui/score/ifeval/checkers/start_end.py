"""How the answer begins and ends."""

from __future__ import annotations

from dataclasses import dataclass

from aligntui.score.ifeval.answer_text import AnswerText
from aligntui.score.ifeval.checkers.arguments import StrippedTextArgument
from aligntui.score.ifeval.checkers.checker import Checker, ending


@dataclass(frozen=True, slots=True)
class EndPhrase(Checker):
    """The last words are a given phrase, in any case.

    Whitespace and then double quotation marks around the answer are taken off first, so `… phrase." ` passes and
    `… phrase ."` does not.
    """

    id = "startend:end_checker"

    end_phrase: StrippedTextArgument

    def _passes(self, text: AnswerText) -> bool:
        return text.stripped.strip('"').lower().endswith(self.end_phrase.lower())

    def _wanted(self) -> str:
        return f"the end “{self.end_phrase}”"

    def _found(self, text: AnswerText) -> str:
        return ending(text.stripped)


@dataclass(frozen=True, slots=True)
class Quotation(Checker):
    """Double quotation marks around the whole answer; typographic ones do not count."""

    id = "startend:quotation"

    def _passes(self, text: AnswerText) -> bool:
        answer = text.stripped
        return len(answer) > 1 and answer[0] == answer[-1] == '"'

    def _wanted(self) -> str:
        return 'double quotation marks (") around the whole answer'

    def _found(self, text: AnswerText) -> str:
        return f"“{text.stripped[0]}” at the beginning and “{text.stripped[-1]}” at the end"
