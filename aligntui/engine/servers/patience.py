"""How long to wait before a question is asked again.

Pinned in tests/engine/test_servers_patience.py.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class Patience:
    """Retries of one question on one server."""

    attempts: int = 6
    """Times that a question is asked, the first one included."""
    first_s: float = 0.5
    """Wait before the second attempt."""
    most_s: float = 30.0
    """Longest wait of our own choice."""
    most_asked_s: float = 120.0
    """Longest wait that a server may ask for with Retry-After; one that asks for more is given up."""
    connect_s: float = 10.0
    """How long a connection may take."""

    def wait_s(self, attempt: int, draw: Callable[[], float] = random.random) -> float:
        """Seconds to wait after an attempt: doubled each time, and anywhere between half of that and all of it.

        The jitter keeps questions that were turned away together from coming back together.

        Args:
            attempt: counted from 0.
            draw: uniform in [0, 1).
        """
        return min(self.most_s, self.first_s * 2**attempt) * (0.5 + draw() / 2)


def retry_after_s(header: str | None, now: Callable[[], float] = time.time) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or a date. None where it says nothing that can be read.

    Source: RFC 9110, section 10.2.3.
    """
    if not header:
        return None
    try:
        return max(0.0, float(header)) if header.strip().replace(".", "", 1).isdecimal() else _until(header, now)
    except (ValueError, TypeError, OverflowError):
        return None


def _until(date: str, now: Callable[[], float]) -> float:
    return max(0.0, parsedate_to_datetime(date).timestamp() - now())
