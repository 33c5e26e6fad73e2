"""Structural markers: how an answer has to be laid out, apart from what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from unicodedata import normalize

import regex

from aligntui.score.battery.terms import LIMIT_S, Answer, compiled, search

KINDS = ["starts_with", "ends_with", "lines", "regex"]


@dataclass(frozen=True)
class Marker:
    """One demand on the layout of an answer; made by `marker`. Case and spaces count, those around a line do not."""

    kind: str
    """`starts_with`, `ends_with`, `lines` (lines that begin so, in this order, others between them) or `regex`."""
    texts: tuple[str, ...]
    """One, but for `lines`."""
    pattern: regex.Pattern[str] | None = field(default=None, compare=False, repr=False)

    def missed_by(self, answer: Answer, limit_s: float = LIMIT_S) -> str:
        """Why the answer does not keep to it, in half a sentence; empty where it does.

        Raises:
            OutOfTime: the regular expression could not tell within the limit.
        """
        text = answer.text.strip()
        if self.kind == "starts_with":
            return (
                "" if text.startswith(self.texts[0]) else f"does not begin with {self.texts[0]!r} but {_head(text)!r}"
            )
        if self.kind == "ends_with":
            return "" if text.endswith(self.texts[0]) else f"does not end with {self.texts[0]!r} but {_tail(text)!r}"
        if self.kind == "lines":
            return self._missing_line(text)
        if self.pattern is None:
            raise ValueError(f"There is no structural marker {self.kind!r}.")
        found = search(self.pattern, answer.text, limit_s)
        return "" if found is not None else f"nothing in it matches {self.texts[0]!r}"

    def _missing_line(self, text: str) -> str:
        lines = iter(text.split("\n"))
        previous = ""
        for wanted in self.texts:
            if not any(line.strip().startswith(wanted) for line in lines):
                return f"has no line that begins with {wanted!r}" + (f" after {previous!r}" if previous else "")
            previous = wanted
        return ""


def marker(written: Any) -> Marker:
    """A marker from its object in a file: `{"starts_with": TEXT}`, `{"lines": [TEXT, ...]}` and so on.

    Raises:
        ValueError: it is no such object, or its regular expression is wrong.
    """
    if not isinstance(written, dict) or len(written) != 1:
        raise ValueError(f"a marker is an object with one of {', '.join(KINDS)}, not {written!r}")
    kind, value = next(iter(written.items()))
    if kind not in KINDS:
        raise ValueError(f"there is no marker {kind!r}, only {', '.join(KINDS)}")
    if kind == "lines":
        if not isinstance(value, list) or not value:
            raise ValueError(f"the marker 'lines' has a list of texts, not {value!r}")
        return Marker(kind, tuple(_text(kind, one) for one in value))
    text = _text(kind, value)
    return Marker(kind, (text,), compiled(text) if kind == "regex" else None)


def _text(kind: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"the marker {kind!r} has a text, not {value!r}")
    if kind != "regex" and ("\n" in value.strip() or "\r" in value.strip()):
        raise ValueError(f"the text of the marker {kind!r} is one line; 'lines' takes several")
    return value if kind == "regex" else normalize("NFC", value.strip())


def _head(text: str) -> str:
    return text.split("\n", 1)[0][:40]


def _tail(text: str) -> str:
    return text.rsplit("\n", 1)[-1][-40:]
