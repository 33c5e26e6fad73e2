"""The queue of a workspace: which submitted runs are started next, one after the other.

`adapters/.queue/queue.json` holds names only; what a run is lies frozen in its own folder since it was submitted.
Every change is one file replaced whole under a lock, so that what is on disk is right whenever anything is killed. An
entry stays in the queue while its run lives, marked `running`, and leaves it when that has ended.
Pinned in tests/jobs/test_queue.py.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError, nearest
from aligntui.core.ids import new_id, now_utc
from aligntui.jobs.file_lock import is_locked, locked, try_lock
from aligntui.jobs.folders import find_run, read_json, write_json
from aligntui.jobs.liveness import ProcessRecord
from aligntui.jobs.starting import is_leaving, living_process

MOST_AT_ONCE = 64


@dataclass(frozen=True)
class Entry:
    """A run that waits for its turn, or has it."""

    name: str
    id: str
    added_at: str
    """ISO 8601, UTC."""
    resume: bool = False
    """Go on from the last checkpoint."""
    running: bool = False
    """Whether its turn has come."""


@dataclass
class _Content:
    entries: list[Entry] = field(default_factory=list)
    at_once: int = 1


class Queue:
    """The queue of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.folder = workspace.adapters / ".queue"

    @property
    def worker_lock(self) -> Path:
        """Held by the worker as long as it lives."""
        return self.folder / "worker.lock"

    @property
    def worker_record(self) -> Path:
        """Names the process that is, or was last, the worker."""
        return self.folder / "worker.json"

    @property
    def worker_log(self) -> Path:
        """What the worker did."""
        return self.folder / "worker.log"

    def entries(self) -> list[Entry]:
        """In the order in which they come; those that run stand first.

        Raises:
            UserError: the file of the queue is damaged.
        """
        return self._read().entries

    @property
    def at_once(self) -> int:
        """How many runs of the workspace the worker lets live together."""
        return self._read().at_once

    def set_at_once(self, number: int) -> None:
        """Change it; runs that live already are left alone.

        Raises:
            UserError: it is below 1 or far above what a machine can do.
        """
        if not 1 <= number <= MOST_AT_ONCE:
            raise UserError(f"A queue runs 1 to {MOST_AT_ONCE} runs at once, not {number}.")
        with self._changed() as content:
            content.at_once = number

    def add(self, name: str, *, resume: bool = False) -> Entry:
        """Put a submitted run at the end.

        Raises:
            UserError: there is no such run, it waits already, or it runs.
        """
        folder = find_run(self.workspace, name)
        with self._changed() as content:
            if any(entry.name == name for entry in content.entries):
                raise UserError(f"The run {name} is in the queue already.", "`aligntui runs queue list` shows it.")
            process = living_process(folder)
            if process is not None and not is_leaving(folder):
                raise UserError(f"The run {name} is running already (process {process.pid}).")
            entry = Entry(name, new_id("queued"), now_utc(), resume)
            content.entries.append(entry)
        return entry

    def remove(self, name: str) -> Entry:
        """Take a waiting run out; its folder stays.

        Raises:
            UserError: it does not wait.
        """
        with self._changed() as content:
            entry = self._waiting(content, name)
            content.entries.remove(entry)
        return entry

    def move(self, name: str, place: int) -> list[Entry]:
        """Put a waiting run at a place among those that wait, 1 being the next; the order that follows.

        Raises:
            UserError: it does not wait, or there is no such place.
        """
        with self._changed() as content:
            entry = self._waiting(content, name)
            waiting = [one for one in content.entries if not one.running]
            if not 1 <= place <= len(waiting):
                raise UserError(f"A place in the queue is 1 to {len(waiting)}, not {place}.")
            waiting.remove(entry)
            waiting.insert(place - 1, entry)
            content.entries = [one for one in content.entries if one.running] + waiting
        return content.entries

    def claim(self) -> Entry | None:
        """Mark the next waiting run as running; None where none waits."""
        with self._changed() as content:
            for place, entry in enumerate(content.entries):
                if not entry.running:
                    claimed = replace(entry, running=True)
                    content.entries[place] = claimed
                    return claimed
        return None

    def put_back(self, entry: Entry) -> None:
        """Let a claimed run that was never started wait again, as the next."""
        with self._changed() as content:
            if entry in content.entries:
                running = [one for one in content.entries if one.running and one != entry]
                waiting = [one for one in content.entries if not one.running]
                content.entries = [*running, replace(entry, running=False), *waiting]

    def finish(self, entry: Entry) -> None:
        """Take out a run whose turn is over."""
        with self._changed() as content:
            content.entries = [one for one in content.entries if one.id != entry.id]

    def take_worker_lock(self) -> int | None:
        """Become the worker, for as long as the returned descriptor stays open; None where there is one."""
        with locked(self.folder / "queue.lock"):
            handle = try_lock(self.worker_lock)
            if handle is not None:
                write_json(self.worker_record, ProcessRecord.of().as_dict())
            return handle

    def has_worker(self) -> bool:
        """Whether a worker is at the queue.

        Asking takes the worker's lock for a moment; that happens under the lock of the queue, as everything about the
        worker's lock, so that a question is never taken for a worker.
        """
        with locked(self.folder / "queue.lock"):
            return is_locked(self.worker_lock)

    @contextlib.contextmanager
    def held(self) -> Iterator[list[Entry]]:
        """The entries, which nobody changes meanwhile."""
        with locked(self.folder / "queue.lock"):
            yield self._read().entries

    @contextlib.contextmanager
    def _changed(self) -> Iterator[_Content]:
        with locked(self.folder / "queue.lock"):
            content = self._read()
            before = repr(content)
            yield content
            if repr(content) != before:
                entries = [asdict(entry) for entry in content.entries]
                write_json(self._file, {"format": 1, "at_once": content.at_once, "entries": entries})

    @property
    def _file(self) -> Path:
        return self.folder / "queue.json"

    def _read(self) -> _Content:
        if not self._file.exists():
            return _Content()
        value = read_json(self._file)
        try:
            entries = [_entry(one) for one in value["entries"]]
            return _Content(entries, int(value["at_once"]))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"The queue in {self._file} is damaged.", "Remove the file; the runs in it can be added again."
            ) from error

    @staticmethod
    def _waiting(content: _Content, name: str) -> Entry:
        found = next((entry for entry in content.entries if entry.name == name), None)
        if found is None:
            known: Sequence[str] = [entry.name for entry in content.entries]
            raise UserError(
                f"The run {name} is not in the queue.", nearest(name, list(known)) if known else "It is empty."
            )
        if found.running:
            raise UserError(f"The run {name} is running.", f"`aligntui runs stop {name}` stops it safely.")
        return found


def _entry(value: Any) -> Entry:
    return Entry(
        str(value["name"]), str(value["id"]), str(value["added_at"]), bool(value["resume"]), bool(value["running"])
    )
