"""The worker of a queue: `python -m aligntui.jobs.worker WORKSPACE`, started on demand, gone when the queue is empty.

One per workspace, held by a lock that dies with it. It starts runs and waits for them, and does nothing else: runs are
sessions of their own, so they live on when it is killed, and the next worker waits for them where this one left off.
A run that failed, or could not even be started, is no reason to stop. Pinned in tests/jobs/test_worker.py.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aligntui.config.paths import Workspace
from aligntui.core.errors import AligntuiError
from aligntui.core.ids import now_utc
from aligntui.jobs.folders import RunFolder, read_json, run_folder
from aligntui.jobs.liveness import ProcessRecord
from aligntui.jobs.queue import Entry, Queue
from aligntui.jobs.starting import (
    Started,
    living_process,
    living_runs,
    note_failed_start,
    reap_later,
    spawn_detached,
    start_run,
)

POLL_S = 0.5
START_DEADLINE_S = 20.0


@dataclass
class _Turn:
    """An entry whose run lives, or has just ended."""

    entry: Entry
    folder: RunFolder
    started: Started | None
    """None for a run that an earlier worker started."""

    @property
    def is_over(self) -> bool:
        if self.started is not None:
            self.started.process.poll()  # waits for it, so that it is no zombie for others
        return living_process(self.folder) is None


class Worker:
    """Works one queue off.

    Args:
        queue: of the workspace.
        say: told what happens, a line each.
    """

    def __init__(self, queue: Queue, say: Callable[[str], None] = lambda _line: None) -> None:
        self.queue = queue
        self._say = say
        self._turns: list[_Turn] = []
        self.asked_to_leave = False

    def work(self) -> bool:
        """Run until the queue is empty; False where another worker is at it."""
        lock = self.queue.take_worker_lock()
        if lock is None:
            return False
        try:
            self._adopt()
            while not self.asked_to_leave:
                self._end_turns()
                self._start_turns()
                with self.queue.held() as entries:
                    if not entries:
                        # let go under the queue's own lock: whoever adds afterwards finds no worker and starts one
                        os.close(lock)
                        lock = -1
                        self._say("the queue is empty")
                        return True
                time.sleep(POLL_S)
            return True
        finally:
            if lock >= 0:
                os.close(lock)

    def _adopt(self) -> None:
        """Take over what an earlier worker had begun when it was killed."""
        for entry in reversed(self.queue.entries()):  # each that waits again becomes the next
            if not entry.running:
                continue
            folder = run_folder(self.queue.workspace, entry.name)
            if read_json(folder.launch).get("entry") == entry.id or living_process(folder) is not None:
                self._turns.insert(0, _Turn(entry, folder, None))
                self._say(f"{entry.name}: its turn had begun already")
            else:
                self.queue.put_back(entry)

    def _end_turns(self) -> None:
        for turn in [turn for turn in self._turns if turn.is_over]:
            self._turns.remove(turn)
            self.queue.finish(turn.entry)
            code = turn.started.process.returncode if turn.started else None
            self._say(f"{turn.entry.name}: ended" + (f" with exit code {code}" if code is not None else ""))

    def _start_turns(self) -> None:
        while not self.asked_to_leave and any(not entry.running for entry in self.queue.entries()):
            # runs that were started by hand need memory too, so they count
            living = len(living_runs(self.queue.workspace))
            if living >= self.queue.at_once:
                return
            entry = self.queue.claim()
            if entry is None:
                return
            self._start(entry)

    def _start(self, entry: Entry) -> None:
        folder = run_folder(self.queue.workspace, entry.name)
        try:
            started = start_run(folder, resume=entry.resume, entry=entry.id)
        except AligntuiError as error:
            self._say(f"{entry.name}: could not be started: {error}")
            if living_process(folder) is not None:
                self._turns.append(_Turn(entry, folder, None))
            else:
                note_failed_start(folder, error.message, error.hint, entry.id)
                self.queue.finish(entry)
            return
        self._say(f"{entry.name}: started as process {started.record.pid}")
        self._turns.append(_Turn(entry, folder, started))


def worker_of(queue: Queue) -> ProcessRecord | None:
    """The worker that is at this queue now, None where there is none."""
    record = ProcessRecord.read(queue.worker_record)
    return record if record is not None and record.is_alive else None


def ensure_worker(queue: Queue) -> None:
    """Start a worker where none is at the queue; returns when one is, or when the queue has been worked off already.

    Raises:
        EnvironmentProblem: no process could be started.
        AligntuiError: it did not begin to work.
    """
    if queue.has_worker():
        return
    argv = [sys.executable, "-m", "aligntui.jobs.worker", str(queue.workspace.root)]
    process = spawn_detached(argv, queue.worker_log, queue.workspace.root)
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline:
        if process.poll() == 0 or queue.has_worker():
            reap_later(process)
            return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise AligntuiError(f"The worker of the queue did not start; {queue.worker_log} has what it said.")


def main(argv: list[str] | None = None) -> int:
    """Entry point; the exit code."""
    words = sys.argv[1:] if argv is None else argv
    if len(words) != 1:
        print("usage: python -m aligntui.jobs.worker WORKSPACE", file=sys.stderr)  # noqa: T201  its log
        return 2
    worker = Worker(Queue(Workspace(Path(words[0]))), _log)

    def leave(*_: object) -> None:
        worker.asked_to_leave = True

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    try:
        worker.work()
    except AligntuiError as error:
        _log(str(error))
        return error.exit_code
    return 0


def _log(line: str) -> None:
    print(f"{now_utc()} {line}", flush=True)  # noqa: T201  standard output is its log


if __name__ == "__main__":
    sys.exit(main())
