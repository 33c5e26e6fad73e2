"""Which column of a file is which field of a record, and values taken out of rows by name or path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aligntui.core.errors import UserError, nearest
from aligntui.data.pair_import.records import Refused
from aligntui.data.pair_import.text_rows import kind_of
from aligntui.data.pair_layouts import whole_characters

FIELDS = {
    "prompt": "what was asked: a text or messages",
    "chosen": "the preferred answer, or the conversation that ends with it",
    "rejected": "the other answer, likewise",
    "completion": "the answer of an example",
    "instruction": "the alignment instruction; of Alpaca, the instruction block",
    "input": "the input block of Alpaca",
    "output": "the answer of Alpaca",
    "system": "a system prompt: the alignment instruction in the system slot",
    "mode": "how the instruction reaches the model: system, ita, injection or none",
    "id": "a name of the record, once in a file",
    "tags": "a list of tags, or texts with commas between",
}
"""Fields that a column can be mapped to."""
MISSING: Any = object()
"""Stands for a value that a row does not have; null is a value."""

ColumnMapping = Mapping[str, str]
"""Field to column, or to a path such as `conversations.0.value`; an empty path leaves the field out."""


def parse_mapping(pairs: Iterable[str]) -> dict[str, str]:
    """Read `field=column` as a command line has them.

    Raises:
        UserError: one has no equals sign, names no field, or names one twice.
    """
    mapping: dict[str, str] = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if not equals:
            raise UserError(f"A column is mapped as field=column, and {pair!r} has no equals sign.")
        if field in mapping:
            raise UserError(f"The field {field!r} is mapped twice.", "Map each field once.")
        mapping[field] = column
    return check_fields(mapping)


def check_fields(mapping: ColumnMapping) -> dict[str, str]:
    """The mapping itself.

    Raises:
        UserError: it names a field that there is not.
    """
    for field in mapping:
        if field not in FIELDS:
            raise UserError(f"There is no field {field!r} to map a column to.", nearest(field, list(FIELDS)))
    return dict(mapping)


def check_columns(mapping: ColumnMapping, columns: Sequence[str], name: str) -> None:
    """See that every path begins with a column.

    Args:
        mapping: what was asked for.
        columns: the columns that were seen.
        name: of the file, for the message.

    Raises:
        UserError: a column is not among them; the hint has the nearest name and all that were found.
    """
    for field, path in mapping.items():
        if path and path not in columns and path.split(".")[0] not in columns:
            found = f"Found: {', '.join(columns) or 'none'}."
            near = nearest(path.split(".")[0], list(columns)) if columns else ""
            hint = found if near.startswith("Known") else f"{near} {found}".strip()
            raise UserError(f"{name} has no column {path!r} for the field {field!r}.", hint)


@dataclass(frozen=True, slots=True)
class Fields:
    """One row, seen through a mapping."""

    values: Mapping[str, Any]
    mapping: ColumnMapping

    def name(self, field: str) -> str:
        """The column or path that stands for a field."""
        return self.mapping.get(field, field)

    def get(self, field: str) -> Any:
        """The value of a field, or `MISSING`."""
        path = self.mapping.get(field, field)
        return value_at(self.values, path) if path else MISSING

    def has(self, field: str) -> bool:
        """Whether there is a value that is not null."""
        value = self.get(field)
        return value is not MISSING and value is not None

    def or_none(self, field: str) -> Any:
        """The value of a field that some files have no column for; None where it has none.

        Raises:
            Refused: the file has the column, and this row lacks it: a prompt that is missing must not pass for one
                that the layout leaves implicit.
        """
        if self.has(field):
            return self.get(field)
        return self.wanted(field) if self.mapping.get(field) else None

    def wanted(self, field: str) -> Any:
        """The value of a field that a record cannot do without.

        Raises:
            Refused: it is missing or null.
        """
        value = self.get(field)
        if value is MISSING or value is None:
            what = "is missing" if value is MISSING else "is null"
            raise Refused("missing", f"the column {self.name(field)!r} {what}")
        return value

    def text(self, field: str) -> str:
        """A field that may be missing or null, which is the empty text.

        Raises:
            Refused: it is something else than a text.
        """
        return text_value(self.get(field), self.name(field)) if self.has(field) else ""

    def filled(self, field: str) -> str:
        """A text that is not blank.

        Raises:
            Refused: it is missing, null, no text or blank.
        """
        return filled_text(self.wanted(field), self.name(field))


def value_at(values: Mapping[str, Any], path: str) -> Any:
    """The value that a column name or a dotted path leads to, or `MISSING`; numbers count list entries from 0."""
    if path in values:
        return values[path]
    found: Any = values
    for part in path.split("."):
        if isinstance(found, Mapping):
            found = found.get(part, MISSING)
        elif isinstance(found, list) and re.fullmatch("-?[0-9]{1,9}", part):
            index = int(part)
            found = found[index] if -len(found) <= index < len(found) else MISSING
        else:
            return MISSING
    return found


def text_value(value: Any, name: str) -> str:
    """A text, with whole characters only.

    Raises:
        Refused: it is none.
    """
    if not isinstance(value, str):
        raise Refused("type", f"the column {name!r} holds {kind_of(value)} where a text is wanted")
    return whole_characters(value)


def filled_text(value: Any, name: str) -> str:
    """A text that is not blank.

    Raises:
        Refused: it is no text, or blank.
    """
    text = text_value(value, name)
    if not text.strip():
        raise Refused("empty", f"the column {name!r} is empty")
    return text


def id_of(fields: Fields) -> str | None:
    """The record's own id; a whole number counts as a text.

    Raises:
        Refused: it is neither.
    """
    value = fields.get("id")
    if value is MISSING or value is None or value == "":
        return None
    return (
        str(value) if isinstance(value, int) and not isinstance(value, bool) else text_value(value, fields.name("id"))
    )


def tags_of(fields: Fields) -> tuple[str, ...]:
    """The record's tags, each once, in their order.

    Raises:
        Refused: it is neither a list of texts nor a text.
    """
    value = fields.get("tags")
    if value is MISSING or value is None:
        return ()
    name = fields.name("tags")
    found = value if isinstance(value, list) else text_value(value, name).split(",")
    return tuple(dict.fromkeys(tag for one in found if (tag := text_value(one, name).strip())))
