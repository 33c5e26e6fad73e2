"""Writing a report: a folder with Markdown, HTML, JSON and the tables as CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aligntui.core.errors import EnvironmentProblem
from aligntui.core.files import write_text_atomic
from aligntui.core.printable import printable
from aligntui.score.reporting.csv_table import csv_text
from aligntui.score.reporting.document import Document, Table
from aligntui.score.reporting.html import html
from aligntui.score.reporting.markdown import markdown


def write_document(folder: Path, document: Document, whole: Document, data: Mapping[str, Any]) -> list[Path]:
    """Write `report.md`, `report.html`, `report.json` and a CSV for each table.

    Args:
        folder: made where it is missing; files of these names are replaced.
        document: to be read.
        whole: the same with every row, for the tables.
        data: JSON-ready, everything that was measured.

    Raises:
        EnvironmentProblem: the disk is full or the folder cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "report.md": markdown(document),
        "report.html": html(document),
        "report.json": json.dumps(dict(data), ensure_ascii=False, indent=2, allow_nan=False) + "\n",
        **{f"{name}.csv": csv_text(table) for name, table in _named(whole.tables)},
    }
    paths = []
    for name, text in texts.items():
        path = folder / name
        with writing(path):
            write_text_atomic(path, text if name.endswith((".csv", ".json")) else printable(text))
        paths.append(path)
    return paths


def _named(tables: Sequence[Table]) -> Iterator[tuple[str, Table]]:
    """Tables with names of their own, wherever upper and lower case are one: of two alike the second gets a number."""
    taken: set[str] = set()
    for table in tables:
        name, number = table.name, 1
        while name.casefold() in taken:
            number += 1
            name = f"{table.name}-{number}"
        taken.add(name.casefold())
        yield name, table


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says against writing there into a sentence."""
    try:
        yield
    except OSError as error:
        raise EnvironmentProblem(
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}.",
            "Make room, or choose another folder with --out.",
        ) from error
