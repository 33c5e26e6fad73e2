"""Small files of records for the tests of imports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aligntui.core.prompt_format import Message
from aligntui.data.pair_import import BadRecord, ImportedRecord, make_plan, open_source, read


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str) -> Message:
    return Message("assistant", text)


def chat(*texts: str, system: str = "") -> list[dict[str, str]]:
    """Messages of user and assistant in turn, the user first."""
    turns = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)]
    return [{"role": "system", "content": system}, *turns] if system else turns


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def jsonl(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def plain_row(**changes: Any) -> dict[str, Any]:
    return {"prompt": "Why?", "chosen": "Because.", "rejected": "Dunno."} | changes


def read_all(
    path: Path | str, layout: str = "auto", mapping: dict[str, str] | None = None, **options: Any
) -> list[ImportedRecord | BadRecord]:
    source = open_source(path, **options)
    return list(read(source, make_plan(source, layout, mapping)))


def good(found: list[ImportedRecord | BadRecord]) -> list[ImportedRecord]:
    return [one for one in found if isinstance(one, ImportedRecord)]


def bad(found: list[ImportedRecord | BadRecord]) -> list[BadRecord]:
    return [one for one in found if isinstance(one, BadRecord)]
