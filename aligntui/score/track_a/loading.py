"""Reading the prompts of Track A, those that come with aligntui or a file of the same shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aligntui.config.paths import bundled
from aligntui.core.errors import EnvironmentProblem, UserError, nearest
from aligntui.score.track_a.prompt import PARAMETERS, ConstraintType, Params, Prompt

_FIELDS = ("id", "type", "prompt", "params", "subject")


def bundled_prompts() -> Path:
    """File of the 480 prompts that come with aligntui."""
    return bundled("datasets", "track-a", "prompts.jsonl")


def load_prompts(path: Path | None = None) -> tuple[Prompt, ...]:
    """Read a suite of prompts, one JSON object a line.

    Args:
        path: the file; None is the one that comes with aligntui.

    Returns:
        The prompts in the order of the file, at least one.

    Raises:
        UserError: the file is missing, cannot be read, holds no prompt, or a line is no prompt that could be checked, or
            repeats an id or a prompt; names file, line and reason.
        EnvironmentProblem: the file that comes with aligntui is missing.
    """
    source = path or bundled_prompts()
    prompts: list[Prompt] = []
    ids: dict[str, int] = {}
    texts: dict[str, int] = {}
    for number, line in enumerate(_bytes(source, own=path is not None).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            prompt = _prompt(json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8")))
            # recorded answers are told apart by id or by the text of the prompt, so that both have to be unique
            for kind, seen, key in (("id", ids, prompt.id), ("prompt", texts, prompt.prompt.strip())):
                if (before := seen.setdefault(key, number)) != number:
                    raise ValueError(f"the {kind} {_short(key)} was there before, in line {before}")
        except UnicodeDecodeError:
            raise _bad_line(source, number, "the line is not UTF-8 text") from None
        except json.JSONDecodeError as error:
            raise _bad_line(source, number, f"not JSON ({error.msg.lower()} at column {error.colno})") from None
        except (ValueError, RecursionError) as error:
            raise _bad_line(source, number, str(error)) from None
        prompts.append(prompt)
    if not prompts:
        raise UserError(f"{source} holds no prompt.", "A suite has one JSON object a line, one for each prompt.")
    return tuple(prompts)


def _prompt(record: Any) -> Prompt:
    if not isinstance(record, dict):
        raise ValueError("the line is no JSON object")
    for key in record:
        if key not in _FIELDS:
            raise ValueError(f"there is no field {key!r}: {nearest(key, list(_FIELDS))}")
    for key in _FIELDS:
        if key not in record:
            raise ValueError(f"the field {key!r} is missing")
        if key != "params" and not (isinstance(record[key], str) and record[key].strip()):
            raise ValueError(f"{key!r} must be a text, not {_short(record[key])}")
    if record["type"] not in (known := [str(member) for member in ConstraintType]):
        raise ValueError(f"there is no constraint type {record['type']!r}: {nearest(record['type'], known)}")
    constraint = ConstraintType(record["type"])
    params = _params(constraint, record["params"])
    return Prompt(record["id"], constraint, record["prompt"], params, record["subject"])


def _params(constraint: ConstraintType, given: Any) -> Params:
    if not isinstance(given, dict):
        raise ValueError(f"'params' must be an object, not {_short(given)}")
    taken = PARAMETERS[constraint]
    for name in (*given, *taken):
        if name not in taken:
            raise ValueError(f"{constraint} takes no {name!r}; it takes {' and '.join(taken) or 'nothing'}")
        if name not in given:
            raise ValueError(f"{constraint} needs {name!r}")
        wanted, article = (int, "a whole number") if name == "count" else (str, "a text")
        if not isinstance(given[name], wanted) or isinstance(given[name], bool):
            raise ValueError(f"{name!r} must be {article}, not {_short(given[name])}")
    return Params(**given)


def _bytes(path: Path, *, own: bool) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        if not own:
            raise EnvironmentProblem(
                f"The prompts of Track A are missing: {path}.", "Install aligntui again."
            ) from error
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"The prompts {path} cannot be read: {reason}.", "Give a file that can be read.") from error


def _bad_line(path: Path, number: int, reason: str) -> UserError:
    return UserError(f"{path}, line {number}: {reason.rstrip('.')}.", "Correct the line; nothing was scored.")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
