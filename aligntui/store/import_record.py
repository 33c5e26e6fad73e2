"""What is given to an import, and what is known of it afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Message, Mode


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """A pair, or an example without a rejected side, as a file has it."""

    fingerprint: str
    """The same content gives the same one; a record whose fingerprint is known is not added again."""
    prompt: Sequence[Message]
    """User and assistant messages in turn, first and last from the user; no system message."""
    chosen: Sequence[Message]
    """What follows on the preferred side, first and last from the assistant."""
    rejected: Sequence[Message] | None
    """What follows on the other side, likewise; None for an example."""
    instruction: str = ""
    instruction_label: str = ""
    """Library name of the instruction, such as `concise/1`; empty where it has none."""
    mode: Mode = Mode.NONE
    injection_every: int | None = None
    """k of the injection mode, else None."""
    tags: Sequence[str] = ()
    reason: str = ""
    record_id: str = ""
    """The record's own id in its file; empty where it has none."""
    place: str = ""
    """Where it stands, such as `pairs.jsonl, line 17`."""
    prompt_tokens: int | None = None
    """Tokens of the rendered prompt; None where nobody counted."""
    chosen_tokens: int | None = None
    """Tokens of the whole chosen side."""
    rejected_tokens: int | None = None


@dataclass(frozen=True)
class ImportHead:
    """What is said of an import as a whole."""

    name: str
    """Name of the session that it becomes."""
    source: str
    """File or address, as the user named it."""
    source_sha256: str = ""
    layout: str = ""
    """How its records were read."""
    mapping: Mapping[str, Any] = field(default_factory=dict)
    """Which column was read as what; JSON values."""
    annotator: str = ""
    tokenizer: str = ""
    """What the token counts were made with; empty where there are none."""
    counts: Mapping[str, Any] = field(default_factory=dict)
    """What else was counted, such as records left out; JSON values, read after the last record."""


@dataclass(frozen=True)
class ImportOutcome:
    """What became of the records."""

    added: int
    examples: int
    """Of those added, how many have no rejected side."""
    known: int
    """Records that were imported before, or stood in this file before; they were not added again."""
    known_deleted: int
    """Of those, how many belong to a pair that was taken back or replaced since; it stays so."""
    session_id: str | None
    """The new session; None where nothing was added, and then nothing at all was written."""
    import_id: str | None


@dataclass(frozen=True)
class ImportEntry:
    """An import that was made."""

    id: str
    session_id: str
    source: str
    source_sha256: str
    layout: str
    mapping: Mapping[str, Any]
    annotator: str
    tokenizer: str
    created_at: str
    counts: Mapping[str, Any]
    """`added`, `examples`, `known`, `known_deleted` and what the caller counted."""


def check_turns(record: ImportRecord) -> None:
    """Refuse messages that do not take turns, or that begin or end with the wrong role.

    Raises:
        UserError: the record has such.
    """
    sides = [("prompt", "user", record.prompt), ("chosen side", "assistant", record.chosen)]
    if record.rejected is not None:
        sides.append(("rejected side", "assistant", record.rejected))
    for name, outer, messages in sides:
        inner = "assistant" if outer == "user" else "user"
        wanted = [outer if place % 2 == 0 else inner for place in range(len(messages))]
        if len(messages) % 2 == 0 or [message.role for message in messages] != wanted:
            raise UserError(
                f"The {name} of a record{record.place and f' ({record.place})'} has its messages out of turn.",
                f"It begins and ends with a message of the {outer}, and {outer} and {inner} take turns.",
            )
