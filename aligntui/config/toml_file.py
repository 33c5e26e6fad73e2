"""Reading a configuration file so that every complaint can name file, key and line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aligntui.core.errors import EnvironmentProblem, UserError, nearest

TABLES = ("options", "keys")
"""Tables that a configuration file may have."""


@dataclass(frozen=True)
class ConfigFile:
    """One TOML file as it was read. Values are not checked here."""

    path: Path
    text: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    keys: Mapping[str, Any] = field(default_factory=dict)
    """Action id to what the file says; `board.tie = "3"` and `"board.tie" = "3"` mean the same."""

    def where(self, table: str, name: str) -> str:
        """`FILE, line N: name`, the beginning of an error about that key."""
        return f"{self.path}, line {self.line(table, name)}: {name}"

    def line(self, table: str, name: str) -> int:
        """Line on which the key stands, counted from 1; 0 when the file does not have it."""
        return line_of(self.text, table, name)


def read_config(path: Path, *, known_options: list[str], required: bool = False) -> ConfigFile:
    """Read a file and refuse tables and options that there are not.

    Args:
        path: the file; a missing one counts as empty.
        known_options: names that may stand in `[options]`.
        required: whether a missing file is an error, because the user named it.

    Raises:
        UserError: not TOML, not UTF-8, or an unknown table or option; names file and line.
        EnvironmentProblem: the file is there and cannot be read.
    """
    text = _text(path, required)
    if not text.strip():
        return ConfigFile(path, text)
    tables = _parse(path, text)
    for name, value in tables.items():
        if name in TABLES and isinstance(value, dict):
            continue
        place = f"{path}, line {line_of(text, name)}"
        if name in TABLES:
            raise UserError(f"{place}: {name} must be a table, not {value!r}.", f"Write [{name}] on a line of its own.")
        if name in known_options:
            raise UserError(f"{place}: the option {name} stands outside a table.", "Put it under a line [options].")
        raise UserError(f"{place}: there is no table [{name}].", nearest(name, list(TABLES)))
    file = ConfigFile(path, text, tables.get("options", {}), _flat(tables.get("keys", {})))
    for name in file.options:
        if name not in known_options:
            where = f"{path}, line {file.line('options', name)}"
            raise UserError(f"{where}: there is no option {name!r}.", nearest(name, known_options))
    return file


def line_of(text: str, table: str, name: str = "") -> int:
    """The line of TOML on which `table`, or the key `name` in it, is first set; 0 when it is not.

    tomllib does not tell positions. The shortest beginning of the file that parses and has the key ends with
    the statement that set it, whatever form that has (dotted, quoted, inline table, several lines). Files are
    short and this runs for complaints and for `config show` only.
    """
    import tomllib  # costs 5 ms, and most starts have no file to read

    lines = text.split("\n")
    start = 1
    for number in range(1, len(lines) + 1):
        try:
            tables = tomllib.loads("\n".join(lines[:number]).replace("\r", ""))
        except tomllib.TOMLDecodeError:
            continue
        found = tables.get(table)
        if found is not None and (not name or (isinstance(found, dict) and name in {**found, **_flat(found)})):
            return start
        start = number + 1
    return 0


def _text(path: Path, required: bool) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        if required:
            raise UserError(
                f"There is no configuration file {path}.", "Make it, or take ALIGNTUI_CONFIG out of the environment."
            ) from None
        return ""
    except NotADirectoryError:
        return ""
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UserError(f"{path}, line {line}: the file is not UTF-8 text.", "Save it as UTF-8.") from error
    except OSError as error:
        raise EnvironmentProblem(
            f"The configuration file {path} cannot be read: {error.strerror or error}.", "Correct its permissions."
        ) from error


def _parse(path: Path, text: str) -> dict[str, Any]:
    import re
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = re.search(r" \(at line (\d+), column \d+\)$", message)
        line = int(at[1]) if at else text.count("\n") + 1
        reason = re.sub(r" \(at .*\)$", "", message)
        raise UserError(
            f"{path}, line {line}: not valid TOML: {reason[:1].lower()}{reason[1:]}.",
            'Options look like `seed = 3`, texts stand in quotes: `mode = "ita"`.',
        ) from error


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    # `board.tie = "3"` is a table in a table to TOML; to a person it is an action id
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat
