"""Whether a process that once wrote its name down still lives.

A process id alone does not tell: ids are given out again. So the start time is written down beside it, and a process
of the same id that started at another time is another one. Pinned in tests/jobs/test_liveness.py.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from aligntui.jobs.folders import read_json

SAME_START_S = 2.0
"""How far two readings of one start time may lie apart: they rest on the time of boot, which clock changes move."""


@dataclass(frozen=True)
class ProcessRecord:
    """A process, named so that no other is taken for it."""

    pid: int
    started: float
    """When it started, Unix seconds, as psutil's `create_time` says."""
    host: str

    @classmethod
    def of(cls, pid: int | None = None) -> ProcessRecord:
        """The record of a running process, of this one by default.

        Raises:
            psutil.NoSuchProcess: it has ended.
        """
        pid = os.getpid() if pid is None else pid
        return cls(pid, psutil.Process(pid).create_time(), socket.gethostname())

    @classmethod
    def read(cls, path: Path) -> ProcessRecord | None:
        """The record in a JSON file, None where there is none that could be read."""
        return cls.parse(read_json(path))

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> ProcessRecord | None:
        """The record in a JSON object that may hold more than it, None where it is incomplete."""
        pid, host = value.get("pid"), value.get("host", "")
        started = value.get("started", value.get("create_time", value.get("start_time")))
        if not isinstance(pid, int) or isinstance(pid, bool) or pid < 1 or not isinstance(started, int | float):
            return None
        return cls(pid, float(started), str(host))

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready mapping."""
        return asdict(self)

    @property
    def is_here(self) -> bool:
        """Whether it ran on this machine, so that its life can be told at all."""
        return self.host in ("", socket.gethostname())

    @property
    def is_alive(self) -> bool:
        """Whether this very process runs; of another machine's always False, see `is_here`.

        A zombie, which has ended and was not waited for, does not run.
        """
        if not self.is_here:
            return False
        try:
            process = psutil.Process(self.pid)
            return (
                abs(process.create_time() - self.started) <= SAME_START_S and process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:  # another user's: it is there, and nobody reuses an id within its own life
            return True
