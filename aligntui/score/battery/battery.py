"""A battery in memory: questions, what their answers must hold, and the doctrine they come from."""

from __future__ import annotations

from dataclasses import dataclass

from aligntui.core.ids import canonical_json, sha256_text
from aligntui.score.battery.markers import Marker
from aligntui.score.battery.terms import Term

UNSORTED = "unsorted"
"""Kind of a question that names none."""


@dataclass(frozen=True)
class Question:
    """One question and the demands on its answer. At least one demand can fail."""

    id: str
    question: str
    kind: str
    all: tuple[Term, ...] = ()
    """Each must be in the answer."""
    any: tuple[Term, ...] = ()
    """At least one must be, where there are some."""
    none: tuple[Term, ...] = ()
    """None may be."""
    structure: tuple[Marker, ...] = ()
    laws: tuple[str, ...] = ()
    """Rules of the doctrine that the question touches, by name."""
    line: int = 0
    """In the battery's file, from 1."""

    def as_record(self) -> dict[str, object]:
        """The question as it would stand in a file, with every field."""
        return {
            "id": self.id,
            "question": self.question,
            "kind": self.kind,
            "expect": {name: [one.written for one in getattr(self, name)] for name in ("all", "any", "none")},
            "structure": [
                {one.kind: list(one.texts) if one.kind == "lines" else one.texts[0]} for one in self.structure
            ],
            "laws": list(self.laws),
        }


@dataclass(frozen=True)
class Battery:
    """Questions that belong together; made by `reading.read_battery`."""

    name: str
    source: str
    """The file, for sentences."""
    questions: tuple[Question, ...]
    doctrine: tuple[Term, ...] = ()
    """What only someone says who speaks of the rules themselves: for the bleed of doctrine into general answers."""
    laws: tuple[str, ...] = ()
    """Names of the rules, first in rank first; empty where the battery does not name them."""
    system: str = ""
    """The rules as a text for the system slot or for injection; empty where the battery brings none."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of questions in the order in which they first come."""
        return tuple(dict.fromkeys(one.kind for one in self.questions))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the questions and their demands: two runs with the same one were asked and judged alike."""
        return sha256_text(canonical_json([one.as_record() for one in self.questions]))
