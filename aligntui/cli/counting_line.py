"""How many records were read so far, on one line of a terminal; elsewhere nothing is shown."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator

_EVERY_S = 0.1


class CountingLine:
    """A line on stderr that is drawn over.

    Args:
        noun: what is counted, in the plural.
    """

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._drawn_at = 0.0
        # a dumb terminal cannot go back to the beginning of a line and clear it
        self._is_terminal = sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")

    def show(self, done: int) -> None:
        """Draw the count, at most ten times a second."""
        now = time.monotonic()
        if self._is_terminal and now - self._drawn_at >= _EVERY_S:
            self._drawn_at = now
            self._write(f"\r\x1b[K{done:,} {self._noun} ...")

    def clear(self) -> None:
        """Take the line away."""
        if self._drawn_at:
            self._write("\r\x1b[K")
            self._drawn_at = 0.0

    @staticmethod
    def _write(text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()


@contextlib.contextmanager
def counting(noun: str) -> Iterator[CountingLine]:
    """A line that is gone when its work is done, or has failed."""
    line = CountingLine(noun)
    try:
        yield line
    finally:
        line.clear()
