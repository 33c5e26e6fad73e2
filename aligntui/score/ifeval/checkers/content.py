"""Parts that the answer has to have: placeholders, a postscript."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from aligntui.score.ifeval.answer_text import AnswerText
from aligntui.score.ifeval.checkers.arguments import CountArgument, compiled, stripped_text
from aligntui.score.ifeval.checkers.checker import Checker, counted

_KNOWN_MARKERS = {"P.S.": re.compile(r"p\.\s?s\."), "P.P.S": re.compile(r"p\.\s?p\.\s?s")}


@dataclass(frozen=True, slots=True)
class NumberOfPlaceholders(Checker):
    """At least so many texts in square brackets.

    From an opening bracket to the next closing one on the same line; `[]` counts, and `[a [b]` is one.
    """

    id = "detectable_content:number_placeholders"

    num_placeholders: CountArgument

    def _passes(self, text: AnswerText) -> bool:
        return self._count(text) >= self.num_placeholders

    def _wanted(self) -> str:
        return f"at least {counted(self.num_placeholders, 'placeholder')} in square brackets"

    def _found(self, text: AnswerText) -> str:
        return str(self._count(text))

    def _count(self, text: AnswerText) -> int:
        count = 0
        for line in text.text.split("\n"):
            opened = line.find("[")
            # two searches forward instead of one pattern, which takes quadratic time on brackets that never close
            while opened >= 0 and (closed := line.find("]", opened)) >= 0:
                count += 1
                opened = line.find("[", closed)
        return count


def _postscript_marker(value: object) -> re.Pattern[str]:
    """The pattern of a marker, for a text in lower case."""
    marker = stripped_text(value)
    if marker in _KNOWN_MARKERS:
        return _KNOWN_MARKERS[marker]
    return compiled(rf"\s*{marker.lower()}.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Postscript(Checker):
    """A postscript with the marker that is asked for.

    The marker is found anywhere, inside of a line too, in any case, with at most one space after its dots. `P.P.S` needs
    no dot at its end, `P.S.` does. Any other marker is taken as a regular expression, so that its dots stand for any
    character.
    """

    id = "detectable_content:postscript"

    postscript_marker: Annotated[re.Pattern[str], _postscript_marker]

    def _passes(self, text: AnswerText) -> bool:
        return self.postscript_marker.search(text.lower) is not None

    def _wanted(self) -> str:
        names = {pattern: name for name, pattern in _KNOWN_MARKERS.items()}
        other = self.postscript_marker.pattern.removeprefix(r"\s*").removesuffix(".*$")
        return f"a postscript with “{names.get(self.postscript_marker, other)}”"

    def _found(self, text: AnswerText) -> str:
        return "none"
