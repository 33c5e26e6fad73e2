"""Appends events to `events.jsonl`: whole lines, numbered on over resumes. Pinned in tests/backend/test_run_folder.py."""

from __future__ import annotations

import os
import time
from pathlib import Path

from aligntui.wire.run_events import Event, encode_event, read_events


class EventLog:
    """The one writer of a run's events.

    Every line goes out by one write to a descriptor in append mode, so a killed process leaves at most one torn line, and
    that is cut off by the next one.
    """

    def __init__(self, path: Path | None) -> None:
        """A log without a path says nothing: that of all processes but the first."""
        self._handle = -1
        self._seq = 0
        if path is None:
            return
        events, whole = read_events(path)
        self._seq = max((stamped.seq for stamped in events), default=-1) + 1
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        if os.fstat(self._handle).st_size > whole:
            os.ftruncate(self._handle, whole)

    @property
    def speaks(self) -> bool:
        """Whether this process writes events."""
        return self._handle >= 0

    def add(self, event: Event) -> None:
        """Append an event.

        Raises:
            OSError: the disk is full or failed.
        """
        if self._handle < 0:
            return
        line = encode_event(self._seq, time.time(), event)
        written = os.write(self._handle, line)
        if written < len(line):  # the disk is full: leave no half of a line
            os.ftruncate(self._handle, os.fstat(self._handle).st_size - written)
            raise OSError(28, "No space left on device")
        self._seq += 1

    def close(self) -> None:
        """Give the descriptor back."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
