"""A message of the console, kept for those who look later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

KEPT = 50
"""Messages that are kept, in memory only; the oldest makes room."""


@dataclass(frozen=True)
class PastMessage:
    """What was said, and when."""

    at: datetime
    """Local time."""
    text: str
    """Message and hint as they were; make them printable before they are shown."""
    severity: str = "information"
    """`information`, `warning` or `error`."""
