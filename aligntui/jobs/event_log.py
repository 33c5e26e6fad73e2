"""A run's `events.jsonl` as it grows, from where the last look ended. Pinned in tests/jobs/test_event_log.py."""

from __future__ import annotations

from pathlib import Path

from aligntui.core.errors import EnvironmentProblem
from aligntui.wire.run_events import Stamped, read_events


class EventLog:
    """Follows one file, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._file: tuple[int, int] | None = None

    def new(self) -> list[Stamped]:
        """The events that were written since the last call.

        Raises:
            EnvironmentProblem: the file cannot be read.
        """
        try:
            self._check_same()
            events, self._offset = read_events(self.path, self._offset)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise EnvironmentProblem(f"{self.path} cannot be read: {reason}.", "Look at its permissions.") from error
        return events

    def _check_same(self) -> None:
        """Begin again where another file has taken the place, as with a run that was submitted anew."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return
        file = (status.st_dev, status.st_ino)
        if file != self._file or status.st_size < self._offset:
            self._file, self._offset = file, 0
