"""Intervals of shares and means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist


def wilson(hits: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval of a share.

    Returns:
        Lower and upper end, within 0 and 1; (0, 1) where `of` is 0.

    Source: Wilson 1927, without continuity correction. Pinned against scipy's `binomtest(...).proportion_ci("wilson")`
        in tests/data/test_lint_intervals.py.
    """
    if of == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    lower = 0.0 if hits == 0 else max(0.0, middle - half)
    upper = 1.0 if hits == of else min(1.0, middle + half)
    return lower, upper


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean with its interval from Student's t.

    Returns:
        Mean, lower and upper end; the ends are infinite where fewer than two values say nothing about the spread.

    Raises:
        ValueError: there is no value.

    Source: the one-sample t interval. Pinned against `scipy.stats.t.interval` in tests/data/test_lint_intervals.py.
    """
    if not values:
        raise ValueError("the mean of nothing")
    from scipy.special import stdtrit  # 0.2 s and numpy: only where an interval is asked for

    count = len(values)
    mean = math.fsum(values) / count
    if count == 1:
        return mean, -math.inf, math.inf
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    half = float(stdtrit(count - 1, (1 + confidence) / 2)) * spread / math.sqrt(count)
    return mean, mean - half, mean + half


def share_figures(hits: int, of: int, confidence: float = 0.95) -> dict[str, float | int]:
    """A share with its counts and interval, for statistics."""
    lower, upper = wilson(hits, of, confidence)
    return {"count": hits, "of": of, "share": hits / of if of else 0.0, "lower": lower, "upper": upper}
