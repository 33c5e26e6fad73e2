"""Prompts of evaluation suites out of files, so that lint can tell which of them stand in the training data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from aligntui.core.errors import UserError
from aligntui.data.pair_import import BadRecord, open_source

PROMPT_COLUMNS = ("prompt", "question", "instruction", "messages", "text")
"""Columns that are taken for the prompt, the first that a record has."""


def parse_suites(named: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Read `NAME=FILE` as a command line has them.

    Raises:
        UserError: one has no equals sign or no name, names a suite twice, or its file cannot be read.
        EnvironmentProblem: a file cannot be read.
    """
    suites: dict[str, tuple[str, ...]] = {}
    for one in named:
        name, equals, file = one.partition("=")
        if not equals or not name.strip() or not file:
            raise UserError(f"A suite is given as NAME=FILE, not {one!r}.")
        if name in suites:
            raise UserError(f"The suite {name!r} is given twice.", "Give each file a name of its own.")
        suites[name] = read_suite(file)
    return suites


def read_suite(file: str) -> tuple[str, ...]:
    """The prompts in a file: one a line in `.txt`, else a column of JSON lines, JSON, CSV or Parquet.

    Raises:
        UserError: there is no such file, it has no prompt, or a record of it cannot be read.
        EnvironmentProblem: it cannot be read.
    """
    prompts = tuple(_lines(file) if file.lower().endswith(".txt") else _column(file))
    if not prompts:
        raise UserError(f"{file} has no prompt.", "One with prompts of an evaluation suite is wanted.")
    return prompts


def _lines(file: str) -> Iterator[str]:
    try:
        text = Path(file).expanduser().read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 text.", "Save it as UTF-8.") from error
    except (OSError, RuntimeError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise UserError(f"{file} cannot be read: {reason}.") from error
    return (line.strip() for line in text.splitlines() if line.strip())


def _column(file: str) -> Iterator[str]:
    for row in open_source(file).rows():
        if isinstance(row, BadRecord):
            raise UserError(f"The suite cannot be read: {row}.", "Correct the file.")
        name = next((one for one in PROMPT_COLUMNS if row.values.get(one)), None)
        text = None if name is None else _text(row.values[name])
        if text is None:
            raise UserError(
                f"The suite cannot be read: {row.place} has no prompt.",
                f"It is looked for in {', '.join(PROMPT_COLUMNS)}.",
            )
        yield text


def _text(value: Any) -> str | None:
    """A prompt, or the last thing that the user says in a conversation."""
    if isinstance(value, list):
        asked = [one.get("content") for one in value if isinstance(one, dict) and one.get("role") == "user"]
        value = asked[-1] if asked else None
    return value if isinstance(value, str) else None
