"""The form of the answer: lists, marks, sections, JSON, a title, one of three answers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Annotated

from aligntui.score.ifeval.answer_text import AnswerText
from aligntui.score.ifeval.checkers.arguments import CountArgument, compiled, stripped_text
from aligntui.score.ifeval.checkers.checker import Checker, counted, excerpt, quoted

# the spaces before a bullet may not reach over line ends: that finds the same bullets and takes no quadratic time
_STAR_BULLET = re.compile(r"^[^\S\n]*\*[^*].*$", re.MULTILINE)
_DASH_BULLET = re.compile(r"^[^\S\n]*-", re.MULTILINE)
_HIGHLIGHT = re.compile(r"\*([^\n*]*)\*")
_DOUBLE_HIGHLIGHT = re.compile(r"\*\*([^\n*]*)\*\*")
_FENCES = ("```json", "```Json", "```JSON", "```")

ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")


@dataclass(frozen=True, slots=True)
class NumberOfBullets(Checker):
    """Exactly so many bullet points: lines that begin with one `*`, or with `-`.

    `-` counts wherever a line begins with it, so a rule `---` and a negative number are bullets. Lines that begin with `**`
    are none, and a `*` alone on its line takes the next line with it.
    """

    id = "detectable_format:number_bullet_lists"

    num_bullets: CountArgument

    def _passes(self, text: AnswerText) -> bool:
        return self._count(text) == self.num_bullets

    def _wanted(self) -> str:
        return f"exactly {counted(self.num_bullets, 'bullet point')}"

    def _found(self, text: AnswerText) -> str:
        return str(self._count(text))

    def _count(self, text: AnswerText) -> int:
        return len(_STAR_BULLET.findall(text.text)) + len(_DASH_BULLET.findall(text.text))


@dataclass(frozen=True, slots=True)
class ConstrainedResponse(Checker):
    """One of three given answers occurs.

    It only has to occur: what stands around it does no harm, nor does another of the three. Case and full stop matter.
    """

    id = "detectable_format:constrained_response"

    def _passes(self, text: AnswerText) -> bool:
        return any(answer in text.text for answer in ANSWERS)

    def _wanted(self) -> str:
        return quoted(list(ANSWERS), "or")

    def _found(self, text: AnswerText) -> str:
        return excerpt(text.text)


@dataclass(frozen=True, slots=True)
class NumberOfHighlights(Checker):
    """At least so many marked passages, `*like this*` or `**like this**`, each on one line.

    Both forms are counted by themselves, from the left and without overlap, so that `***both***` counts twice. Marks with
    nothing or only spaces between them do not count.
    """

    id = "detectable_format:number_highlighted_sections"

    num_highlights: CountArgument

    def _passes(self, text: AnswerText) -> bool:
        return self._count(text) >= self.num_highlights

    def _wanted(self) -> str:
        return f"at least {counted(self.num_highlights, 'marked passage')}"

    def _found(self, text: AnswerText) -> str:
        return str(self._count(text))

    def _count(self, text: AnswerText) -> int:
        inner = [*_HIGHLIGHT.findall(text.text), *_DOUBLE_HIGHLIGHT.findall(text.text)]
        return sum(bool(part.strip()) for part in inner)


def _section_mark(value: object) -> re.Pattern[str]:
    """The pattern of a section's beginning: the word and a number."""
    return compiled(rf"\s?{stripped_text(value)}\s?\d+\s?")


@dataclass(frozen=True, slots=True)
class MultipleSections(Checker):
    """At least so many beginnings of sections, such as `Section 1`.

    The word and a number, anywhere, also inside of a sentence; the numbers need not go up. Case matters. The word is a
    regular expression, and each group in it counts once more.
    """

    id = "detectable_format:multiple_sections"

    section_spliter: Annotated[re.Pattern[str], _section_mark]
    num_sections: CountArgument

    def _passes(self, text: AnswerText) -> bool:
        return self._count(text) >= self.num_sections

    def _wanted(self) -> str:
        word = self.section_spliter.pattern.removeprefix(r"\s?").removesuffix(r"\s?\d+\s?")
        return f"at least {counted(self.num_sections, 'section')} that begin with “{word}” and a number"

    def _found(self, text: AnswerText) -> str:
        return str(self._count(text))

    def _count(self, text: AnswerText) -> int:
        return len(self.section_spliter.split(text.text)) - 1


@dataclass(frozen=True, slots=True)
class JsonFormat(Checker):
    """The whole answer is JSON, a code fence around it allowed.

    A single number or text is JSON too, and so are `NaN` and `Infinity`, as Python reads them. Nesting deeper than Python
    can read, on which the reference ends with an exception, fails.
    """

    id = "detectable_format:json_format"

    def _passes(self, text: AnswerText) -> bool:
        return self._problem(text) is None

    def _wanted(self) -> str:
        return "JSON and nothing else"

    def _found(self, text: AnswerText) -> str:
        return f"{excerpt(text.text, 30)}: {self._problem(text)}"

    def _problem(self, text: AnswerText) -> str | None:
        body = text.stripped
        for fence in _FENCES:  # one after the other, each at most once, as the reference takes them off
            body = body.removeprefix(fence)
        try:
            json.loads(body.removesuffix("```").strip())
        except ValueError as problem:
            return str(problem)
        except RecursionError:
            return "nested too deep to be read"
        return None


@dataclass(frozen=True, slots=True)
class Title(Checker):
    """A title in double angular brackets, on one line.

    All from the first `<<` of a line to its last `>>` is one title, which fails where only brackets and spaces are in it.
    """

    id = "detectable_format:title"

    def _passes(self, text: AnswerText) -> bool:
        for line in text.text.split("\n"):
            opened = line.find("<<")
            # searched from both ends: a pattern takes quadratic time on brackets that never close
            closed = line.rfind(">>", opened + 3) if opened >= 0 else -1
            if closed >= 0 and line[opened : closed + 2].lstrip("<").rstrip(">").strip():
                return True
        return False

    def _wanted(self) -> str:
        return "a title in double angular brackets, such as <<this>>"

    def _found(self, text: AnswerText) -> str:
        return "none"
