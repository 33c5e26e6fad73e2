"""The folder of a run: where its files lie, who holds it, what viewers ask of it.

Pinned in tests/backend/test_run_folder.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil

from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.core.files import write_text_atomic

REQUESTS = ("stop", "checkpoint")


class RunFolder:
    """`adapters/NAME/run/`."""

    def __init__(self, path: Path) -> None:
        """Raises UserError when there is no such folder."""
        self.path = path.absolute()
        if not self.path.is_dir():
            raise UserError(
                f"There is no run folder {path}.", "`aligntui train` makes one; `aligntui runs list` shows all."
            )
        self.config = self.path / "config.yaml"
        self.train_data = self.path / "data" / "train.jsonl"
        self.eval_data = self.path / "data" / "eval.jsonl"
        self.manifest = self.path / "data" / "manifest.json"
        self.lineage = self.path / "lineage.json"
        self.events = self.path / "events.jsonl"
        self.process = self.path / "process.json"
        self.requests = self.path / "requests"
        self.checkpoints = self.path / "checkpoints"
        self.stages = self.path / "stages"
        self.reports = self.path / "reports"
        self.failed_batches = self.path / "failed"
        self.conditions = self.path / "config.json"
        """What the adapter's conditions are: read by whoever lists adapters."""

    @property
    def adapter(self) -> Path:
        """Where the finished adapter goes: the folder around this one."""
        return self.path.parent

    @property
    def name(self) -> str:
        """The adapter's name."""
        return self.adapter.name

    def relative(self, path: Path) -> str:
        """A path inside the folder, as events name it."""
        return path.relative_to(self.path).as_posix()

    def write_process(self) -> None:
        """Say which process trains: a recycled pid has another start time.

        Raises:
            EnvironmentProblem: the disk is full or failed.
        """
        pid = os.getpid()
        body = {"pid": pid, "create_time": psutil.Process(pid).create_time(), "host": socket.gethostname()}
        write_text_atomic(self.process, json.dumps(body) + "\n")

    def take_requests(self) -> set[str]:
        """What viewers have asked for since the last call."""
        asked = set()
        for name in REQUESTS:
            with contextlib.suppress(OSError):
                (self.requests / name).unlink()
                asked.add(name)
        return asked

    def read_json(self, path: Path) -> dict:
        """A JSON object of the folder; empty where it is missing or damaged."""
        try:
            value = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder's lock, so that two processes never train one folder.

        The system gives it back when the process dies, however it dies.

        Raises:
            EnvironmentProblem: another process holds it.
        """
        with (self.path / "lock").open("a+") as lock:
            try:
                import fcntl
            except ImportError:  # no file locks on this system: the liveness of process.json is all there is
                yield
                return
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                pid = self.read_json(self.process).get("pid", "unknown")
                raise EnvironmentProblem(
                    f"Another process (pid {pid}) is training in {self.path}.",
                    "Watch it with `aligntui runs tail`, or stop it with `aligntui runs stop`.",
                ) from error
            yield
