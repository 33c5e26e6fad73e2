"""Completion of file names in a line of text."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from textual.suggester import Suggester

LOOKED_AT = 5000
"""Entries of a folder that are looked at; a folder of a million names must not hold the console up."""


class PathSuggester(Suggester):
    """Suggests the first file or folder whose name goes on from what is typed; folders end with a slash.

    Args:
        suffixes: files that may be meant; others are suggested only where none of these fits.
    """

    def __init__(self, suffixes: tuple[str, ...] = ()) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._suffixes = suffixes

    async def get_suggestion(self, value: str) -> str | None:
        """The whole path, as it was begun; None where nothing fits."""
        return await asyncio.to_thread(self._find, value) if value.strip() else None

    def _find(self, value: str) -> str | None:
        folder, _, begun = value.rpartition("/")
        place = Path(f"{folder}/" if folder or value.startswith("/") else ".")
        fitting: list[tuple[bool, str]] = []
        try:
            with os.scandir(place.expanduser()) as entries:
                for _, entry in zip(range(LOOKED_AT), entries, strict=False):
                    if entry.name.startswith(begun) and (begun or not entry.name.startswith(".")):
                        name = f"{entry.name}/" if entry.is_dir() else entry.name
                        fits = name.endswith("/") or name.lower().removesuffix(".gz").endswith(self._suffixes)
                        fitting.append((not fits, name))
        except (OSError, RuntimeError, ValueError):  # no such folder, no such home, a NUL in the name
            return None
        if not fitting:
            return None
        name = min(fitting)[1]
        return name if not folder and not value.startswith("/") else f"{folder}/{name}"
