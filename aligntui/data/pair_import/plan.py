"""How a source will be read: its layout, its columns, and why; decided from the first records or by the user."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from aligntui.core.errors import UserError, nearest
from aligntui.data.pair_import import blocks
from aligntui.data.pair_import.columns import FIELDS, ColumnMapping, Fields, check_columns, check_fields, value_at
from aligntui.data.pair_import.layouts import IMPORT_LAYOUTS
from aligntui.data.pair_import.messages import is_conversation
from aligntui.data.pair_import.records import BadRecord, RawRow
from aligntui.data.pair_import.source import Source

SAMPLE_ROWS = 100
"""Records that are looked at before a layout is named."""
AUTO = "auto"
_OTHER_NAMES = {
    "prompt": ("question", "query", "conversations", "conversation", "messages"),
    "system": ("system_prompt",),
}
"""Columns that are taken for a field when nothing of the field's own name is there; the plan says so."""
_LISTS = frozenset({"prompt", "chosen", "rejected", "completion"})
_WANTED = {
    "trl": ("chosen", "rejected"),
    "eba": ("prompt", "chosen", "rejected"),
    "ita": ("prompt",),
    "contrastive-ita": ("prompt", "completion"),
    "alpaca": ("instruction",),
    "alpaca-task": ("instruction",),
}


@dataclass(frozen=True)
class Plan:
    """What a file is read as."""

    layout: str
    """One of `IMPORT_LAYOUTS`."""
    reason: str
    """Why this layout, one sentence."""
    mapping: dict[str, str]
    """Field to column or path, of every field that is read; an empty path is a field that was left out on purpose."""
    columns: tuple[str, ...]
    """Columns of the first records, in the order in which they appear."""
    unused: tuple[str, ...]
    """Columns that nothing is taken from."""
    json_cells: tuple[str, ...] = ()
    """Fields whose cells are JSON lists of messages inside a text, as CSV has them."""
    warnings: tuple[str, ...] = ()
    """What could have been meant otherwise, each a sentence."""

    def fields(self, row: RawRow) -> Fields:
        """A row as this plan sees it."""
        values = row.values
        if self.json_cells:
            values = dict(values)
            for name in self.json_cells:
                column = self.mapping.get(name, name)
                values[column] = _opened(value_at(row.values, column))
        return Fields(values, self.mapping)


@dataclass
class _Seen:
    """The first records of a source."""

    name: str
    rows: list[Fields]
    columns: tuple[str, ...]
    mapping: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def has(self, name: str) -> bool:
        return any(row.has(name) for row in self.rows)

    def column(self, name: str) -> bool:
        """Whether there is a column for this field, whatever it holds in the first records."""
        path = self.mapping.get(name, name)
        return path in self.columns or path.split(".")[0] in self.columns


def make_plan(source: Source, layout: str = AUTO, mapping: ColumnMapping | None = None) -> Plan:
    """Decide how to read a source, from its first `SAMPLE_ROWS` records.

    Args:
        source: the files.
        layout: one of `IMPORT_LAYOUTS`, or `auto` to find out.
        mapping: fields from other columns; see `columns.FIELDS`.

    Raises:
        UserError: there is no such layout, field or column, no record can be read, or the layout cannot be told from
            the columns.
        EnvironmentProblem: the files cannot be read.
    """
    if layout != AUTO and layout not in IMPORT_LAYOUTS:
        raise UserError(f"There is no layout {layout!r}.", nearest(layout, [AUTO, *IMPORT_LAYOUTS]))
    asked = check_fields(mapping or {})
    seen = _look(source, asked)
    _find_columns(seen, asked, layout)
    if layout == AUTO:
        layout, reason = _layout_of(seen)
    else:
        reason = "The layout was asked for."
        missing = [name for name in _WANTED[layout] if not seen.column(name)]
        if missing:
            raise _no_layout(seen, f"the layout {layout} wants the column {missing[0]!r}")
    _settle_mapping(seen, layout, asked)
    json_cells = tuple(name for name in sorted(_LISTS) if _all_json(seen, name))
    if json_cells:
        seen.notes.append(f"Cells of {', '.join(json_cells)} hold JSON and are read as messages.")
    taken = {part for path in seen.mapping.values() for part in (path, path.split(".")[0])}
    unused = tuple(column for column in seen.columns if column not in taken)
    return Plan(layout, reason, seen.mapping, seen.columns, unused, json_cells, tuple(seen.notes))


def _look(source: Source, asked: dict[str, str]) -> _Seen:
    rows, bad = [], []
    for row in islice(source.rows(), SAMPLE_ROWS):
        (bad if isinstance(row, BadRecord) else rows).append(row)
    if not rows:
        if bad:
            raise UserError(
                f"No record of {source.name} can be read; the first: {bad[0]}.", "Correct the file, or name its format."
            )
        raise UserError(f"{source.name} has no records.", "A file with at least one record is wanted.")
    columns = tuple(dict.fromkeys(str(name) for row in rows for name in row.values))
    check_columns(asked, columns, source.name)
    mapping = dict(asked)
    return _Seen(source.name, [Fields(row.values, mapping) for row in rows], columns, mapping)


def _find_columns(seen: _Seen, asked: dict[str, str], layout: str) -> None:
    """Put usual other names of fields into the mapping where the field's own name is not there."""
    if layout in ("alpaca", "alpaca-task") or (layout == AUTO and seen.column("instruction") and seen.column("output")):
        return
    for name, others in _OTHER_NAMES.items():
        other = next((one for one in others if one in seen.columns and one not in asked.values()), None)
        if name in asked or seen.column(name) or other is None:
            continue
        if name == "prompt" and other == "messages" and seen.column("chosen"):
            continue  # UltraFeedback's messages are the chosen side once more
        if name == "prompt" and _sides_hold_the_prompt(seen):
            continue
        seen.mapping[name] = other
        if name == "prompt":
            seen.notes.append(f"The column {other!r} is taken as the prompt; --map prompt= leaves it out.")


def _settle_mapping(seen: _Seen, layout: str, asked: dict[str, str]) -> None:
    """Keep the fields that the layout reads, and say which column is the alignment instruction."""
    reads = _reads(layout)
    for name in asked:
        if name not in reads:
            raise UserError(f"The layout {layout} reads no field {name!r}.", f"It reads {', '.join(reads)}.")
    for name in FIELDS:
        if name not in reads:
            seen.mapping.pop(name, None)
        elif name in seen.columns:
            seen.mapping.setdefault(name, name)
    for name in ("instruction", "system"):
        column = seen.mapping.get(name)
        if column and (name == "system" or "output" not in reads):
            seen.notes.append(f"The column {column!r} is the alignment instruction; --map {name}= leaves it out.")


def _reads(layout: str) -> tuple[str, ...]:
    """Fields that a layout takes something from."""
    pair, example = ("prompt", "chosen", "rejected", "instruction"), ("prompt", "completion", "instruction")
    blocks_of = ("instruction", "input", "output", "chosen", "rejected")
    own = {"trl": pair, "eba": pair, "ita": example, "contrastive-ita": example}.get(layout, blocks_of)
    return (*own, "system", "mode", "id", "tags")


def _sides_hold_the_prompt(seen: _Seen) -> bool:
    chosen = [row.get("chosen") for row in seen.rows if row.has("chosen")]
    return any(isinstance(value, list) and len(value) > 1 for value in chosen)


def _layout_of(seen: _Seen) -> tuple[str, str]:
    if seen.column("chosen") and seen.column("rejected"):
        if not seen.column("prompt") and seen.column("instruction"):
            return "alpaca", "It has the columns instruction, chosen and rejected, and no prompt."
        return _preference_layout(seen)
    if seen.column("instruction") and seen.column("output"):
        if any(row.has("input") and str(row.get("input")).strip() for row in seen.rows):
            seen.notes.append(
                "An input that is not empty becomes the prompt and its instruction the alignment instruction; "
                "the layout alpaca-task makes one prompt of both."
            )
        return "alpaca", "It has the columns instruction and output."
    if seen.column("prompt") and seen.column("completion"):
        if any(blocks.has_rejected_block(text) for text in _asked(seen)):
            return "contrastive-ita", "It has prompt and completion, and prompts show a rejected answer."
        blocked = any(blocks.has_ita_heading(text) for text in _asked(seen))
        return "ita", f"It has prompt and completion{', and prompts are ITA blocks' * blocked}."
    talks = [row for row in seen.rows if isinstance(row.get("prompt"), list)]
    if talks and not seen.column("chosen"):
        return "ita", "It has conversations and no second answer: the last answer of each is learnt."
    raise _no_layout(seen, "its layout cannot be told from its columns")


def _preference_layout(seen: _Seen) -> tuple[str, str]:
    talks = any(is_conversation(row.get("chosen")) for row in seen.rows)
    shape = "messages" if talks else "texts"
    if not seen.column("prompt"):
        others = [name for name in ("input", "instruction") if seen.column(name)]
        if others and not talks:
            raise _no_layout(seen, f"it has no prompt, and {others[0]!r} may be it")
        if not talks:
            seen.notes.append("The prompt is what both texts begin with, as TRL has it: it may end within a sentence.")
        return "trl", f"It has chosen and rejected, which are {shape} and begin with the prompt."
    if not talks and any(blocks.has_ita_heading(text) for text in _asked(seen)):
        return "eba", "It has prompt, chosen and rejected, which are texts, and prompts begin with an ITA heading."
    return "trl", f"It has prompt, chosen and rejected, which are {shape}."


def _asked(seen: _Seen) -> list[str]:
    """The last user turn of each prompt, where it is a text."""
    found: list[Any] = []
    for row in seen.rows:
        prompt = row.get("prompt")
        if isinstance(prompt, list) and prompt and isinstance(prompt[-1], dict):
            found.append(prompt[-1].get("content", prompt[-1].get("value")))
        else:
            found.append(prompt)
    return [text for text in found if isinstance(text, str)]


def _all_json(seen: _Seen, name: str) -> bool:
    """Whether each text of this field in the first records is a JSON list of objects."""
    cells = [row.get(name) for row in seen.rows if row.has(name)]
    return bool(cells) and all(isinstance(cell, str) and isinstance(_opened(cell), list) for cell in cells)


def _opened(cell: Any) -> Any:
    """The messages that a text holds as JSON, else the value itself."""
    if not isinstance(cell, str) or not cell.lstrip().startswith("["):
        return cell
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    talks = isinstance(value, list) and all(isinstance(one, dict) and ("role" in one or "from" in one) for one in value)
    return value if talks and value else cell


def _no_layout(seen: _Seen, reason: str) -> UserError:
    wants = "; ".join(f"{name}: {_wish(name)}" for name in ("trl", "eba", "ita", "contrastive-ita", "alpaca"))
    return UserError(
        f"{seen.name} cannot be imported: {reason}. It has the columns {', '.join(seen.columns)}.",
        f"Map columns to fields, as in prompt=question. {wants}.",
    )


def _wish(layout: str) -> str:
    more: dict[str, Sequence[str]] = {"ita": ("completion",), "alpaca": ("output",)}
    return ", ".join((*_WANTED[layout], *more.get(layout, ())))
