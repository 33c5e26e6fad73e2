"""Instructions about the answer as a whole: the prompt repeated, two answers."""

from __future__ import annotations

from dataclasses import dataclass

from aligntui.score.ifeval.answer_text import AnswerText
from aligntui.score.ifeval.checkers.arguments import StrippedTextArgument
from aligntui.score.ifeval.checkers.checker import Checker, counted, excerpt

_DIVIDER = "******"


@dataclass(frozen=True, slots=True)
class RepeatPrompt(Checker):
    """The answer begins with the prompt, word for word but in any case."""

    id = "combination:repeat_prompt"

    prompt_to_repeat: StrippedTextArgument

    def _passes(self, text: AnswerText) -> bool:
        return text.stripped.lower().startswith(self.prompt_to_repeat.lower())

    def _wanted(self) -> str:
        return f"the request repeated first, {excerpt(self.prompt_to_repeat)}"

    def _found(self, text: AnswerText) -> str:
        return excerpt(text.stripped)


@dataclass(frozen=True, slots=True)
class TwoResponses(Checker):
    """Two different answers with `******` between them.

    A divider before the first or after the second is allowed; of seven asterisks the last belongs to the answer after them.
    """

    id = "combination:two_responses"

    def _passes(self, text: AnswerText) -> bool:
        parts = self._parts(text)
        answers = [part for part in parts if part]
        return all(parts[1:-1]) and len(answers) == 2 and answers[0] != answers[1]

    def _wanted(self) -> str:
        return f"two different answers with {_DIVIDER} between them"

    def _found(self, text: AnswerText) -> str:
        parts = self._parts(text)
        if not all(parts[1:-1]):
            return f"nothing between two {_DIVIDER}"
        answers = [part for part in parts if part]
        return "the same answer twice" if len(answers) == 2 else counted(len(answers), "answer")

    def _parts(self, text: AnswerText) -> list[str]:
        return [part.strip() for part in text.text.split(_DIVIDER)]
