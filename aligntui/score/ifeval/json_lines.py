"""Files of one JSON object a line, with the line of everything that is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aligntui.core.errors import UserError

_BOM = b"\xef\xbb\xbf"


def read_objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a file in UTF-8, one after the other; blank lines are passed over.

    Returns:
        Where the object stands, as `FILE, line N`, and the object.

    Raises:
        UserError: the file cannot be read, or a line is not UTF-8, not JSON or not an object.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                place = f"{path}, line {number}"
                content = line.removeprefix(_BOM) if number == 1 else line
                if content.strip():
                    yield place, _object(content, place)
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem.strerror or problem}.") from problem


def _object(line: bytes, place: str) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as problem:
        raise UserError(
            f"{place}: the text is not in UTF-8 (byte {problem.start + 1} of the line).", "Save the file as UTF-8."
        ) from problem
    except (ValueError, RecursionError) as problem:
        raise UserError(f"{place}: not one JSON object a line ({problem}).") from problem
    if not isinstance(value, dict):
        raise UserError(f"{place}: wanted a JSON object, found {type(value).__name__}.")
    return value
