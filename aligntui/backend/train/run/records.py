"""The records of a run as they were frozen at its submission. Pinned in tests/backend/test_run_encoding.py."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.core.prompt_format import Message

_ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class Record:
    """One line of `train.jsonl` or `eval.jsonl`."""

    id: str
    instruction: str
    """Alignment instruction; empty for none."""
    history: tuple[Message, ...]
    """User and assistant messages in turn, the last one from the user."""
    chosen: str
    rejected: str | None
    pair: str | None = None

    @property
    def prompt(self) -> str:
        """The user's last message."""
        return self.history[-1].content


def read_records(path: Path, *, needs_rejected: bool, method: str) -> list[Record]:
    """Read and check a data file.

    Args:
        path: JSON Lines.
        needs_rejected: whether every record must have a rejected answer.
        method: named in errors.

    Raises:
        UserError: no records, a line that is none, or answers are missing.
        EnvironmentProblem: the file cannot be read.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError as error:
        raise UserError(
            f"The run has no data: {path} is missing.", "Submit it again with `aligntui train --data`."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentProblem(f"The data {path} cannot be read: {error}.", "Submit the run again.") from error
    records = [_record(line, number, path) for number, line in enumerate(lines, 1) if line.strip()]
    if not records:
        raise UserError(f"The data set is empty: {path.name} holds no records.", "Name data with at least one pair.")
    _require("chosen", [r for r in records if not r.chosen.strip()], len(records), method)
    if needs_rejected:
        _require("rejected", [r for r in records if not (r.rejected or "").strip()], len(records), method)
    return records


def _require(side: str, lacking: Sequence[Record], count: int, method: str) -> None:
    if not lacking:
        return
    names = ", ".join(record.id for record in lacking[:5]) + (", ..." if len(lacking) > 5 else "")
    hint = "Leave them out, or write what is missing."
    if side == "rejected":
        hint = "Leave them out, or train with sft, which reads chosen answers only."
    raise UserError(
        f"{method} needs a {side} answer in every record; {len(lacking):,} of {count:,} have none: {names}.", hint
    )


def _record(line: str, number: int, path: Path) -> Record:
    where = f"{path.name}, line {number}"
    try:
        values = json.loads(line)
    except ValueError as error:
        raise UserError(f"{where} is not JSON: {error}.", "Submit the run again.") from error
    if not isinstance(values, dict):
        raise UserError(f"{where} is no record.", "Submit the run again.")
    system, history = _history(values.get("prompt"), where)
    instruction = _text(values, "instruction", where)
    return Record(
        id=str(values.get("id") or f"line-{number}"),
        instruction="\n\n".join(text for text in (instruction, system) if text.strip()),
        history=history,
        chosen=_text(values, "chosen", where),
        rejected=None if values.get("rejected") is None else _text(values, "rejected", where),
        pair=None if values.get("pair") is None else str(values["pair"]),
    )


def _text(values: dict[str, Any], name: str, where: str) -> str:
    value = values.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UserError(f"{where}: {name} must be a text, not {value!r:.80}.", "Submit the run again.")
    return value


def _history(prompt: Any, where: str) -> tuple[str, tuple[Message, ...]]:
    """The system message and the others."""
    if isinstance(prompt, str):
        messages = [Message("user", prompt)]
    elif isinstance(prompt, list) and all(
        isinstance(m, dict) and m.get("role") in _ROLES and isinstance(m.get("content"), str) for m in prompt
    ):
        messages = [Message(m["role"], m["content"]) for m in prompt]
    else:
        raise UserError(f"{where}: the prompt must be a text or messages, not {prompt!r:.80}.", "Submit the run again.")
    system = "\n\n".join(m.content for m in messages if m.role == "system")
    history = tuple(m for m in messages if m.role != "system")
    if not history or history[-1].role != "user" or not history[-1].content.strip():
        raise UserError(f"{where}: a prompt ends with what the user said; this one does not.", "Leave the record out.")
    return system, history
