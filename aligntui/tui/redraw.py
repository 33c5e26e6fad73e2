"""Drawing what changes more often than anybody can see."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.timer import Timer
from textual.widget import Widget

FLUSH_S = 0.06
"""What changes all the time is drawn at most this often: a repaint costs more than a token."""


class Redraw:
    """Calls `draw` at once where the last call is a while ago, else soon; never twice for changes that lie together.

    Args:
        owner: whose timer it is; once it is gone nothing is drawn any more.
        draw: draws everything.
    """

    def __init__(self, owner: Widget, draw: Callable[[], None]) -> None:
        self._owner = owner
        self._draw = draw
        self._drawn_at = float("-inf")
        self._pending: Timer | None = None

    def __call__(self) -> None:
        """Something changed."""
        if self._pending is not None or not self._owner.is_attached:
            return
        wait = self._drawn_at + FLUSH_S - time.monotonic()
        if wait <= 0:
            self.now()
        else:
            self._pending = self._owner.set_timer(wait, self.now)

    def now(self) -> None:
        """Draw."""
        if self._pending is not None:
            self._pending.stop()
        self._pending, self._drawn_at = None, time.monotonic()
        if self._owner.is_attached:
            self._draw()
