"""Starting a run: a process of its own, in its own session, that no closed terminal and no lost line ends.

The process is never forked from a program that has threads, gets no standard input, and prints to the run's
`console.log`. `launch.json` names it from the moment it exists, long before its libraries are loaded and it writes
`process.json` itself. Pinned in tests/jobs/test_starting.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from aligntui.config.child_environment import child_environment
from aligntui.config.paths import Workspace
from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.core.files import write_text_atomic
from aligntui.jobs.file_lock import locked
from aligntui.jobs.folders import RunFolder, list_run_folders, read_json, write_json
from aligntui.jobs.launcher import asked_processes, launcher_words
from aligntui.jobs.liveness import ProcessRecord
from aligntui.wire.run_events import ENDINGS, read_events

LEAVING_S = 30.0
"""How long a process that has said its last word is waited for before another one is started."""
MODULE = "aligntui.backend.train.run"
"""What is run; nobody imports it."""
VARIABLE = "ALIGNTUI_TRAINER_ARGV"
"""For tests only, and therefore in no help: a JSON list that is run in place of the real trainer."""


@dataclass(frozen=True)
class Started:
    """A run that was started by this process."""

    process: subprocess.Popen[bytes]
    record: ProcessRecord
    at: float
    """A moment before it existed, Unix seconds: its events are later, and those of earlier processes are not."""

    def leave(self) -> None:
        """Let the run go on by itself; nobody waits for it here."""
        reap_later(self.process)


def process_command(
    folder: RunFolder, *, resume: bool = False, preview: bool = False, accelerate: Sequence[str] | None = None
) -> list[str]:
    """The command line of a run's process.

    Args:
        folder: of the run, which need not exist.
        resume: go on from the last checkpoint.
        preview: only print the first batch.
        accelerate: words for `accelerate launch`, below which it then runs; None for one process.

    Raises:
        UserError: a test's own trainer is no JSON list of texts.
    """
    flags = ["--resume"] * resume + ["--preview"] * preview
    own = _own_trainer()
    if own is not None:
        return [*own, str(folder.path), *flags]
    if accelerate is None or preview:
        return [sys.executable, "-m", MODULE, str(folder.path), *flags]
    asked = asked_processes(accelerate)
    flags += ["--processes", str(asked)] if asked else []
    launcher = ["-m", "accelerate.commands.launch", *launcher_words(accelerate)]
    return [sys.executable, *launcher, "-m", MODULE, str(folder.path), *flags]


def accelerate_words(folder: RunFolder) -> list[str] | None:
    """What was given to `accelerate launch` when the run was submitted; None for a run of one process."""
    words = read_json(folder.path / "start.json").get("accelerate")
    return [str(word) for word in words] if isinstance(words, list) else None


def start_run(folder: RunFolder, *, resume: bool = False, entry: str = "") -> Started:
    """Start the process of a submitted run.

    Args:
        folder: of the run.
        resume: go on from its last checkpoint.
        entry: id of the entry of the queue for which it is started; empty without a queue.

    Raises:
        UserError: it runs already, was never submitted, or its folder may not be written.
        EnvironmentProblem: no process could be started.
    """
    if not folder.is_there:
        raise UserError(f"The run {folder.name} has no {folder.config.name}.", "Submit it with `aligntui train`.")
    with locked(folder.path / "launch.lock"):
        running = _after_its_end(folder)
        if running is not None:
            raise UserError(
                f"The run {folder.name} is running already (process {running.pid}).",
                f"`aligntui runs tail {folder.name} -f` follows it.",
            )
        # a wish that was meant for an earlier process would stop this one at its first step
        for request in ("stop", "checkpoint"):
            with contextlib.suppress(OSError):
                (folder.requests / request).unlink(missing_ok=True)
        argv = process_command(folder, resume=resume, accelerate=accelerate_words(folder))
        at = time.time()  # before the process exists: whatever it says is later, whatever was said before is earlier
        process = _spawn(folder, argv)
        try:
            record = ProcessRecord.of(process.pid)
        except psutil.NoSuchProcess:
            record = ProcessRecord(process.pid, time.time(), "")
        written = {**record.as_dict(), "argv": argv, "resume": resume, "entry": entry, "at": at}
        write_json(folder.launch, written)
    return Started(process, record, at)


def note_failed_start(folder: RunFolder, message: str, hint: str, entry: str = "") -> None:
    """Leave word in a run's folder that it could not be started; its own event log stays its own."""
    with contextlib.suppress(UserError, EnvironmentProblem):
        write_json(folder.launch, {"problem": message, "hint": hint, "entry": entry, "at": time.time()})


def living_process(folder: RunFolder) -> ProcessRecord | None:
    """The process that trains here now: the training process, or the one that was started and is on its way."""
    for path in (folder.process, folder.launch):
        record = ProcessRecord.read(path)
        if record is not None and record.is_alive:
            return record
    return None


def living_runs(workspace: Workspace) -> list[tuple[RunFolder, ProcessRecord]]:
    """Every run of the workspace at which a process is now, with that process."""
    found = ((folder, living_process(folder)) for folder in list_run_folders(workspace))
    return [(folder, process) for folder, process in found if process is not None]


def is_leaving(folder: RunFolder) -> bool:
    """Whether the process that trains here has said its last word: it takes seconds to leave with its libraries."""
    events, _ = read_events(folder.events)
    launched = float(read_json(folder.launch).get("at") or 0)
    return bool(events) and isinstance(events[-1].event, ENDINGS) and events[-1].time >= launched


def _after_its_end(folder: RunFolder) -> ProcessRecord | None:
    """The process that trains here, once one that is on its way out has left."""
    end = time.monotonic() + LEAVING_S
    while (running := living_process(folder)) is not None and is_leaving(folder) and time.monotonic() < end:
        time.sleep(0.05)
    return running


def process_elsewhere(folder: RunFolder) -> ProcessRecord | None:
    """The process of a run that was started last on another machine, whose life cannot be told from here."""
    launch = ProcessRecord.read(folder.launch)
    record = ProcessRecord.read(folder.process) or launch
    return record if record is not None and not record.is_here and (launch is None or not launch.is_here) else None


def spawn_detached(argv: Sequence[str], log: Path, cwd: Path) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, with no input and its output at the end of `log`.

    Raises:
        UserError: the log cannot be written.
        EnvironmentProblem: no process could be started.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{log} cannot be written: {reason}.", "Choose a workspace that you may write to.") from error
    try:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=child_environment(),
            cwd=cwd,
            start_new_session=True,
        )
    except OSError as error:
        raise EnvironmentProblem(
            f"No process could be started ({' '.join(argv)}): {(error.strerror or str(error)).lower()}.",
            "Check that this Python and the memory of the machine are in order.",
        ) from error
    finally:
        os.close(output)


def reap_later(process: subprocess.Popen[bytes]) -> None:
    """Let a child live on, and collect it when it ends while this process is still there, so that no zombie stays."""
    if process.poll() is None:
        threading.Thread(target=process.wait, name=f"reap-{process.pid}", daemon=True).start()


def _spawn(folder: RunFolder, argv: Sequence[str]) -> subprocess.Popen[bytes]:
    # the workspace, so that relative paths of its configuration mean the same wherever the run was submitted from
    return spawn_detached(argv, folder.console_log, folder.adapter.parent.parent)


def _own_trainer() -> list[str] | None:
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        argv = json.loads(text)
    except ValueError:
        argv = None
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        raise UserError(f"{VARIABLE} must be a JSON list of texts, not {text!r}.", "Unset it.")
    return argv


def request(folder: RunFolder, what: str) -> None:
    """Leave a wish for the training process, which looks at each step.

    Args:
        folder: of the run.
        what: `stop` or `checkpoint`.

    Raises:
        UserError: the folder may not be written.
        EnvironmentProblem: the disk is full.
    """
    write_text_atomic(folder.requests / what, "", make_folder=True)
