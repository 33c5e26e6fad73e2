"""Prompt banks: lists of prompts with an id each, such as the bundled one of the Instruction Switch Dataset.

JSON lines with a `prompt` and, where known, `id`, `domain` and `source`; any other text file has one prompt a line.
Pinned in tests/data/test_prompt_bank.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aligntui.config.paths import bundled
from aligntui.core.errors import EnvironmentProblem, UserError

ISD = "isd"
"""Name of the bundled bank."""
JSON_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class BankPrompt:
    """A prompt of a bank."""

    id: str
    """Unique in its bank."""
    text: str
    domain: str = ""
    source: str = ""


def read_bank(path: Path | None = None) -> tuple[BankPrompt, ...]:
    """Read a bank; the bundled one where no file is named.

    A prompt without an id gets that of its line: `p0001` in the first.

    Raises:
        UserError: there is no such file, it is not UTF-8, has no prompt, a line is malformed, or an id occurs twice; with
            file and line.
        EnvironmentProblem: it cannot be read.
    """
    path = path or bundled("datasets", ISD, "prompts.jsonl")
    is_json = path.suffix.lower() in JSON_LINES
    prompts: dict[str, BankPrompt] = {}
    lines: dict[str, int] = {}
    for number, line in _lines(path):
        prompt = _prompt(path, number, _object(path, number, line) if is_json else {"prompt": line})
        if prompt.id in prompts:
            raise UserError(
                f"{path}, line {number}: the id {prompt.id!r} stands in line {lines[prompt.id]} already.",
                "Give every prompt an id of its own.",
            )
        prompts[prompt.id], lines[prompt.id] = prompt, number
    if not prompts:
        raise UserError(f"{path} has no prompt.", 'Write one prompt a line, or JSON lines with "prompt".')
    return tuple(prompts.values())


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file of JSON lines, each with its line; blank lines are passed over.

    Raises:
        UserError: as `read_bank`.
        EnvironmentProblem: it cannot be read.
    """
    for number, line in _lines(path):
        yield number, _object(path, number, line)


def text_field(path: Path, number: int, record: dict[str, Any], name: str, *, required: bool = True) -> str:
    """A text of a record, without space around it; empty where it is missing, null or blank.

    Raises:
        UserError: it is empty where it is required, no text, or holds half a character.
    """
    value = record.get(name)
    value = "" if value is None else value
    if not isinstance(value, str):
        shown = json.dumps(value)[:60]
        raise UserError(f"{path}, line {number}: {name!r} has to be a text, not {shown}.", "Put it into quotes.")
    if required and not value.strip():
        what = "is missing" if record.get(name) is None else "is blank"
        raise UserError(f"{path}, line {number}: {name!r} {what}.", f'Every line needs a text under "{name}".')
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UserError(
            f"{path}, line {number}: {name!r} holds half a character (a lone surrogate), which no tokenizer can read.",
            "Correct the line.",
        ) from None
    return value.strip()


def _prompt(path: Path, number: int, record: dict[str, Any]) -> BankPrompt:
    return BankPrompt(
        text_field(path, number, record, "id", required=False) or f"p{number:04}",
        text_field(path, number, record, "prompt"),
        text_field(path, number, record, "domain", required=False),
        text_field(path, number, record, "source", required=False),
    )


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}, line {number}: this is not JSON ({error}).", "Correct the line.") from error
    if not isinstance(record, dict):
        raise UserError(f"{path}, line {number}: a line has to be a JSON object.", 'Write {"prompt": "..."}.')
    return record


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from error
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"There is no file {path}.", "Check its path.") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder, and a file is needed.", "Name a file in it.") from None
    except OSError as error:
        raise EnvironmentProblem(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line
