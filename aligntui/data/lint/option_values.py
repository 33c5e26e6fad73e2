"""Reading options from tables, and the ranges of their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from aligntui.core.errors import UserError, nearest
from aligntui.data.lint.finding import Severity
from aligntui.data.lint.patterns import patterns_from


def read_options(cls: Any, mapping: Any, where: str) -> Any:
    """A dataclass of options from a table.

    Args:
        cls: the dataclass.
        mapping: the table.
        where: its name for the sentences of errors; empty for the outermost.

    Raises:
        UserError: as `LintOptions.from_mapping` says.
    """
    if not isinstance(mapping, Mapping):
        raise UserError(f"The lint option {where!r} is a table, not {mapping!r}.")
    hints = get_type_hints(cls)
    known = [one.name for one in fields(cls)]
    values: dict[str, Any] = {}
    for name, value in mapping.items():
        path = f"{where}.{name}" if where else name
        if name not in known:
            raise UserError(f"There is no lint option {path!r}.", nearest(name, known))
        values[name] = _convert(hints[name], value, path)
    return cls(**values)


def _convert(kind: Any, value: Any, path: str) -> Any:
    if is_dataclass(kind):
        return read_options(kind, value, path)
    if path == "contamination.own":
        return patterns_from(value)
    if path == "doctrine.terms":
        return {str(name): _strings(terms, f"{path}.{name}") for name, terms in _table(value, path).items()}
    if path == "severities":
        return {name: _severity(word, f"{path}.{name}") for name, word in _table(value, path).items()}
    if path == "languages.wanted":
        return {name: _number(share, f"{path}.{name}") for name, share in _table(value, path).items()}
    if path in ("rules", "contamination.skip"):
        return _strings(value, path)
    if kind is float:
        return _number(value, path)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UserError(f"The lint option {path!r} is a whole number, not {value!r}.")
    return value


def _table(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UserError(f"The lint option {path!r} is a table, not {value!r}.")
    return value


def _strings(value: Any, path: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) and one.strip() for one in value):
        raise UserError(f"The lint option {path!r} is a list of words, not {value!r}.")
    return tuple(value)


def _number(value: Any, path: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise UserError(f"The lint option {path!r} is a number, not {value!r}.")
    return float(value)


def _severity(value: Any, path: str) -> Severity:
    try:
        return Severity(value)
    except ValueError:
        raise UserError(f"{path!r} is no severity: {value!r}.", "Known: " + ", ".join(Severity) + ".") from None


def check_share(path: str, value: float) -> None:
    """Refuse what is no share."""
    if not 0 <= value <= 1:
        raise UserError(f"The lint option {path!r} lies between 0 and 1, not at {value!r}.")


def check_confidence(path: str, value: float) -> None:
    """Refuse what is no confidence."""
    if not 0 < value < 1:
        raise UserError(f"The lint option {path!r} lies between 0 and 1 and is neither, not {value!r}.")


def check_at_least(path: str, value: float | None, least: float) -> None:
    """Refuse what is below the least; None passes."""
    if value is not None and not value >= least:
        raise UserError(f"The lint option {path!r} is at least {least:g}, not {value!r}.")
