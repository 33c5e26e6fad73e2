"""What a checker is: one instruction with its arguments, held against an answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from aligntui.score.ifeval.answer_text import AnswerText
from aligntui.score.results import Result


@dataclass(frozen=True)
class Reason(Result):
    """Why an answer failed an instruction."""

    instruction: str
    """`group:name`."""
    wanted: str
    found: str

    def __str__(self) -> str:
        return f"wanted {self.wanted}, found {self.found}"


@dataclass(frozen=True, slots=True)
class Checker(ABC):
    """One instruction. Its fields are the arguments, by the names that the data set gives them.

    Source: Zhou et al. 2023 (arXiv:2311.07911), table 1, read as lm-evaluation-harness 0.4.13 does
        (lm_eval/tasks/ifeval). Where the two differ, the harness holds; each checker says what a reader would not
        expect. Pinned against its verdicts in tests/score/test_ifeval_reference.py and test_ifeval_quirks.py.
    """

    id: ClassVar[str]
    """`group:name`, as in the data set."""

    def passes(self, text: AnswerText) -> bool:
        """Whether the answer follows the instruction; a blank one follows none, not even one that forbids something."""
        return bool(text.stripped) and self._passes(text)

    def reason(self, text: AnswerText) -> Reason:
        """What was wanted and what was found in an answer that fails."""
        return Reason(self.id, self._wanted(), self._found(text) if text.stripped else "an empty answer")

    @abstractmethod
    def _passes(self, text: AnswerText) -> bool:
        """Whether an answer that is not blank follows the instruction. Never raises, whatever the text."""

    @abstractmethod
    def _wanted(self) -> str:
        """What the instruction asks for, as the end of "wanted …"."""

    @abstractmethod
    def _found(self, text: AnswerText) -> str:
        """What an answer that fails and is not blank has of it, as the end of "found …"."""


def quoted(words: Sequence[str], last: str = "and") -> str:
    """Words in quotation marks as an enumeration."""
    marked = [f"“{word}”" for word in words] or ["nothing"]
    return marked[0] if len(marked) == 1 else f"{', '.join(marked[:-1])} {last} {marked[-1]}"


def counted(number: int, one: str) -> str:
    """A number with its noun: `1 word`, `2 words`."""
    return f"{number} {one}{'' if number == 1 else 's'}"


def excerpt(text: str, length: int = 60) -> str:
    """The beginning of a text on one line, in quotation marks."""
    line = " ".join(text[: 4 * length].split())
    return f"“{line}”" if len(line) <= length else f"“{line[:length].rstrip()}…”"


def ending(text: str, length: int = 60) -> str:
    """The end of a text on one line, in quotation marks."""
    line = " ".join(text[-4 * length :].split())
    return f"“{line}”" if len(line) <= length else f"“…{line[-length:].lstrip()}”"
