"""One process at a time fills a run: a lock beside the database, which dies with whoever holds it.

Two that fill the same run would ask every answer twice. Pinned in tests/workbench/test_generation_holding.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from aligntui.core.errors import UserError
from aligntui.core.generation import GenerationRun
from aligntui.jobs.file_lock import is_locked, try_lock

FOLDER = ".filling"
"""Beside the database; one empty file for each run that was ever filled."""


@contextlib.contextmanager
def held(database: Path, run: GenerationRun) -> Iterator[None]:
    """Hold a run while it is filled.

    Raises:
        UserError: another process fills it.
        EnvironmentProblem: the file system knows no locks.
    """
    file = _file(database, run)
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = try_lock(file)
    if handle is None:
        raise UserError(
            f"The run {run.name} is being answered by another process already.",
            "Wait for it, or stop it there; what it has answered can be looked at meanwhile.",
        )
    try:
        yield
    finally:
        os.close(handle)


async def filled_elsewhere(
    database: Path, runs: Sequence[GenerationRun], running: GenerationRun | None
) -> frozenset[str]:
    """Ids of the unfinished runs that another process fills now.

    Args:
        database: where they are stored.
        runs: all that are listed.
        running: the one that this process fills, None without one.
    """
    ours = running.id if running else ""
    unfinished = [run for run in runs if run.done < run.cells and run.id != ours]
    return await asyncio.to_thread(lambda: frozenset(run.id for run in unfinished if is_locked(_file(database, run))))


def _file(database: Path, run: GenerationRun) -> Path:
    return database.parent / FOLDER / f"{run.id}.lock"
