"""Opposed pairs of the demo data set, expanded to contrastive examples.

A record holds one prompt with the answers written for two instruction types. It gives two examples that share the
prompt and prefer opposite answers, so nothing but the instruction tells which answer is wanted (methods.md, section 4).
Pinned in tests/backend/test_demo_records.py.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aligntui.config.paths import bundled
from aligntui.core.errors import UserError
from aligntui.core.instruction import InstructionType

HELD_OUT_OF = 10
"""One record in about ten is held out."""


@dataclass(frozen=True)
class Record:
    """One prompt answered under two instruction types."""

    id: str
    prompt: str
    answers: tuple[tuple[str, str], tuple[str, str]]
    """(type, answer) twice."""


@dataclass(frozen=True)
class Example:
    """One preference: under this instruction the first answer is wanted and the second is not."""

    record: str
    type: str
    phrasing: int
    """1-based, as everywhere."""
    instruction: str
    prompt: str
    chosen: str
    rejected: str


def read_library(file: Path) -> dict[str, InstructionType]:
    """The instruction types of a JSON Lines file, by name."""
    library = {}
    for values in _read_lines(file):
        kind = InstructionType(
            values["type"],
            values["title"],
            values["summary"],
            tuple(values["phrasings"]),
            tuple(values.get("characteristics", ())),
        )
        library[kind.type] = kind
    return library


def read_records(files: Sequence[Path], library: dict[str, InstructionType]) -> list[Record]:
    """The records of all files in their order.

    Raises:
        UserError: a record does not have two answers of known types, or a prompt occurs twice.
    """
    records: list[Record] = []
    seen: dict[str, str] = {}
    for file in files:
        for values in _read_lines(file):
            answers = list(values["answers"].items())
            unknown = [name for name, _ in answers if name not in library]
            if len(answers) != 2 or unknown:
                raise UserError(f"{file.name}, record {values['id']}: two answers of known types are expected.")
            key = values["prompt"].strip().lower()
            if key in seen:
                raise UserError(f"{file.name}: records {seen[key]} and {values['id']} have the same prompt.")
            seen[key] = values["id"]
            records.append(Record(values["id"], values["prompt"], (answers[0], answers[1])))
    return records


def data_sha256(files: Sequence[Path]) -> str:
    """SHA-256 over the names and bytes of the files that training reads."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\n" + file.read_bytes())
    return digest.hexdigest()


def bundled_records() -> tuple[dict[str, InstructionType], list[Record], list[Record], str]:
    """Instruction types, training records, held-out records, and the SHA-256 of the files they come from.

    Raises:
        UserError: the bundled data are missing or damaged.
    """
    library_file = bundled("datasets", "instructions", "canonical.jsonl")
    files = sorted(bundled("datasets", "opposed-demo").glob("part-*.jsonl"))
    if not files:
        raise UserError("The bundled opposed pairs are missing.", "They travel with aligntui: install it again.")
    library = read_library(library_file)
    train, held_out = split(read_records(files, library))
    return library, train, held_out, data_sha256([library_file, *files])


def split(records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """Training records and held-out ones.

    The prompt's own hash decides, so a record stays on its side when others come or go.
    """
    train: list[Record] = []
    held_out: list[Record] = []
    for record in records:
        number = int.from_bytes(hashlib.sha256(record.prompt.encode()).digest()[:4], "big")
        (held_out if number % HELD_OUT_OF == 0 else train).append(record)
    return train, held_out


def expand(records: Sequence[Record], library: dict[str, InstructionType], rotation: int = 0) -> list[Example]:
    """Two opposed examples for each record, next to each other.

    The phrasings of a type take turns over its examples; `rotation` shifts the turn, so that over three epochs each
    example is seen under each phrasing.
    """
    turns: Counter[str] = Counter()
    examples = []
    for record in records:
        for (wanted, chosen), (_, rejected) in (record.answers, record.answers[::-1]):
            phrasings = library[wanted].phrasings
            at = (turns[wanted] + rotation) % len(phrasings)
            turns[wanted] += 1
            examples.append(Example(record.id, wanted, at + 1, phrasings[at], record.prompt, chosen, rejected))
    return examples


def _read_lines(file: Path) -> list[dict[str, Any]]:
    values = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            values.append(json.loads(line))
        except ValueError as error:
            raise UserError(f"{file}, line {number} is not JSON: {error}.") from error
    return values
