"""Whether a noisy curve rises or falls: its beginning against its end. Pinned in tests/workbench/test_training_reading.py."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from aligntui.jobs.story import Point

FEWEST_STEPS = 10
"""Below so many steps a curve says nothing."""


@dataclass(frozen=True)
class Trend:
    """How a curve goes from its beginning to its end."""

    first: float
    """Mean of the first fifth."""
    last: float
    error: float
    """Standard error of the difference."""

    @classmethod
    def of(cls, points: Sequence[Point]) -> Trend | None:
        """The trend of a curve; None where it is too short to have one."""
        values = [value for _, value in points if math.isfinite(value)]
        if len(values) < FEWEST_STEPS:
            return None
        size = max(3, len(values) // 5)
        first, last = values[:size], values[-size:]
        error = math.sqrt((statistics.variance(first) + statistics.variance(last)) / size)
        return cls(statistics.fmean(first), statistics.fmean(last), error)

    @property
    def change(self) -> float:
        """Last less first."""
        return self.last - self.first

    @property
    def rises(self) -> bool:
        """Whether it ends clearly higher than it began."""
        return self.change > 2 * self.error and self.change > 1e-9

    @property
    def falls(self) -> bool:
        """Whether it ends clearly lower than it began."""
        return -self.change > 2 * self.error and -self.change > 1e-9
