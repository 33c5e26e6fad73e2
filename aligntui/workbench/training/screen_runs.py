"""The runs of a workspace as a screen lists them, kept up with at little cost: what has ended and not changed is not read again.

Pinned in tests/workbench/test_training_desk.py.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path

from aligntui.config.paths import Workspace
from aligntui.config.training import TrainingConfig, load_config
from aligntui.core.errors import AligntuiError
from aligntui.jobs.folders import RunFolder, list_run_folders
from aligntui.jobs.queue import Queue
from aligntui.jobs.state import Run


@dataclass
class Row:
    """One run of the list."""

    run: Run
    config: TrainingConfig | None = None
    """None where it cannot be read."""
    place: int = 0
    """In the queue, 1 being the next; 0 for a run that does not wait."""
    problem: str = ""
    """Why its folder cannot be read."""
    _seen: object = None

    @property
    def name(self) -> str:
        """Of the adapter that it trains."""
        return self.run.name

    @property
    def total(self) -> int:
        """Steps in all; 0 where that is not known yet."""
        if self.run.story.total_steps:
            return self.run.story.total_steps
        return self.config.steps.max_steps * max(1, len(self.config.stages)) if self.config else 0

    @property
    def lives(self) -> bool:
        """Whether a process is at it."""
        return self.run.state.lives

    @property
    def since(self) -> float:
        """When something last happened, Unix seconds."""
        if self.run.story.last_event:
            return self.run.story.last_event
        with contextlib.suppress(OSError):
            return self.run.folder.config.stat().st_mtime
        return 0.0

    @property
    def order(self) -> tuple[int, float, str]:
        """Its place in the list: what lives first, then the queue in its order, then the last active one."""
        if self.lives:
            return 0, -self.since, self.name
        return (1, float(self.place), self.name) if self.place else (2, -self.since, self.name)


class RunWatch:
    """Looks at the runs of a workspace.

    Args:
        workspace: whose runs.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.queue = Queue(workspace)
        self.rows: list[Row] = []
        """What lives first, then the queue in its order, then the last active one."""
        self.loaded = False
        """Whether the list has been read once."""
        self.queue_problem = ""
        """Why the queue cannot be read."""
        self._known: dict[str, Row] = {}
        self._looking = asyncio.Lock()

    async def look(self) -> bool:
        """Read on what was written since the last look; whether anything is different now."""
        async with self._looking:
            rows, changed = await asyncio.to_thread(self._look)
            if changed or not self.loaded:
                self.rows, self.loaded = rows, True
        return changed

    @property
    def active(self) -> bool:
        """Whether anything lives or waits, so that looking often is worth it."""
        return any(row.lives or row.place for row in self.rows)

    def row(self, name: str) -> Row | None:
        """The run of a name."""
        return next((row for row in self.rows if row.name == name), None)

    def _look(self) -> tuple[list[Row], bool]:
        waiting = self._waiting()
        found: dict[str, Row] = {}
        changed = False
        for folder in list_run_folders(self.workspace):
            row = self._known.get(folder.name) or Row(Run(folder))
            changed |= self._look_at(row, waiting.get(folder.name, 0))
            found[folder.name] = row
        changed |= found.keys() != self._known.keys()
        self._known = found
        return sorted(found.values(), key=lambda row: row.order), changed

    def _look_at(self, row: Row, place: int) -> bool:
        # a run that has ended and whose files are as they were costs a few looks at the folder and no reading
        seen = (place, *(_stamp(path) for path in _files(row.run.folder)))
        if seen == row._seen and not row.lives:
            return False
        before = (row.run.state, row.run.note, row.problem, row.place, row.run.story.sequence)
        row.place, row.problem = place, ""
        try:
            if row.config is None:
                row.config = load_config(row.run.folder.config)
        except AligntuiError as error:
            row.problem = str(error)
        try:
            row.run.refresh({row.name} if place else ())
        except AligntuiError as error:
            row.problem = str(error)
        row._seen = seen
        return before != (row.run.state, row.run.note, row.problem, row.place, row.run.story.sequence)

    def _waiting(self) -> dict[str, int]:
        try:
            waiting = [entry for entry in self.queue.entries() if not entry.running]
            self.queue_problem = ""
        except AligntuiError as error:
            waiting, self.queue_problem = [], str(error)
        return {entry.name: place for place, entry in enumerate(waiting, 1)}


def _files(folder: RunFolder) -> tuple[Path, ...]:
    return folder.events, folder.launch, folder.process, folder.config, folder.requests


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
