"""What comes out of a file: rows as they stand there, records that were understood, and those that were not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aligntui.core.prompt_format import Message, Mode
from aligntui.data.pair_layouts import PreferencePair


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands."""

    file: str
    """The file as the user named it, or its address on the hub."""
    number: int
    """Counted from 1; of a record of several lines, the line on which it begins."""
    unit: str = "line"
    """`line` in texts, `row` in Parquet."""

    def __str__(self) -> str:
        return f"{self.file}, {self.unit} {self.number}"


@dataclass(frozen=True, slots=True)
class RawRow:
    """One record of a file, column name to value, before anyone asked what it means."""

    place: Place
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that cannot be imported."""

    place: Place
    kind: str
    """What is wrong with it, in one word for counting; see `KINDS`."""
    reason: str
    """The same as half a sentence, which goes on after "the record cannot be read:"."""

    @property
    def file(self) -> str:
        """The file it stands in."""
        return self.place.file

    @property
    def line(self) -> int:
        """The line it begins on, or its row in Parquet."""
        return self.place.number

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


KINDS = {
    "encoding": "not in UTF-8",
    "syntax": "not JSON or CSV",
    "size": "too long",
    "missing": "without a column",
    "type": "with a value of a wrong type",
    "roles": "with messages out of turn",
    "empty": "with an empty prompt or answer",
    "prompt": "without a common prompt",
    "duplicate": "with an id used before",
}
"""Kinds of bad records, and how a summary goes on after their number."""


class Refused(ValueError):
    """A record cannot be understood; becomes a `BadRecord`.

    Args:
        kind: one of `KINDS`.
        reason: half a sentence.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ImportedRecord:
    """A pair, or an example without a rejected side, as `PreferencePair` has them, with its origin."""

    instruction: str
    """Text of the alignment instruction; empty when none."""
    mode: Mode
    """How the instruction stood in the record; `none` without one. Injection is not told apart: its text stays in the
    user turns, unless a column says that it is meant."""
    prompt: tuple[Message, ...]
    """User and assistant messages in turn, first and last from the user; no system message."""
    chosen: tuple[Message, ...]
    """What follows on the preferred side, first and last from the assistant."""
    rejected: tuple[Message, ...] | None
    """What follows on the other side, likewise; None for an example."""
    place: Place
    id: str | None = None
    """The record's own id, where the file gives one."""
    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What was decided while reading it that could have been read otherwise, each half a sentence."""
    fingerprint: str = field(init=False)
    """`PreferencePair.fingerprint`: the same content gives the same one, whatever file, line, id and tags."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fingerprint", self.as_pair().fingerprint)

    @property
    def file(self) -> str:
        """The file it came from."""
        return self.place.file

    @property
    def line(self) -> int:
        """The line it begins on, or its row in Parquet."""
        return self.place.number

    def as_pair(self) -> PreferencePair:
        """What `aligntui.data.pair_layouts` lays out."""
        rejected = None if self.rejected is None else list(self.rejected)
        return PreferencePair(self.instruction, self.mode, list(self.prompt), list(self.chosen), rejected)
