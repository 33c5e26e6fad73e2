"""Resampling whole prompts: the interval of any statistic that is a function of sums over prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING

from aligntui.score.results import LEVEL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

RESAMPLES = 2000
SEED = 0
MAX_UNDEFINED = 0.1
"""Share of resamples without a value from which on there is no interval."""
_CELLS = 4_000_000
"""Draws held in memory at once."""


@dataclass(frozen=True)
class Resampled:
    """Statistics of the data and their intervals. Shapes: S statistics, R resamples."""

    value: Floats
    """(S,), of the data itself; NaN where undefined."""
    low: Floats
    """(S,), NaN where there is no interval."""
    high: Floats
    """(S,)"""
    undefined: NDArray[np.int64]
    """(S,), resamples without a value."""
    draws: Floats
    """(R, S)"""


def expanded_tail(clusters: int, level: float = LEVEL) -> float:
    """Tail of the bootstrap distribution to cut on each side so that few clusters do not make the interval too narrow.

    Source: the expanded percentile interval, Hesterberg 2015 (The American Statistician 69, 371-386), equal to
        `ExpandProbs` of the R package resample. Pinned by hand in tests/score/test_bootstrap.py.
    """
    from scipy.special import stdtrit  # function-level: scipy would slow the console's start

    t = float(stdtrit(clusters - 1, (1 + level) / 2))
    return NormalDist().cdf(-t * sqrt(clusters / (clusters - 1)))


def cluster_bootstrap(
    sums: ArrayLike,
    statistic: Callable[[Floats], Floats],
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Resampled:
    """Interval of statistics of sums, by drawing whole clusters with replacement.

    The interval is the expanded percentile one. Plain percentiles are too narrow with few prompts; BCa needs a skewness
    that the coarse statistics of few verdicts do not give it, and covered no better in simulation. The bounds are widened
    to the value itself where a skewed statistic would leave it outside. The same input and seed give the same bounds.

    Shapes: C clusters, D sums of each, R resamples, S statistics.

    Args:
        sums: (C, D), what each cluster adds.
        statistic: from (R, D) totals to (R, S); NaN where a total has no value.
        level: confidence level.
        resamples: R.
        seed: of the draw.

    Returns:
        Values and bounds. One cluster, or a statistic that is undefined for the data or for more than `MAX_UNDEFINED` of
        the resamples, has no bounds (NaN).

    Raises:
        ValueError: there are no clusters.
    """
    import numpy as np  # function-level: numpy would slow the console's start

    data = np.asarray(sums, dtype=np.float64)  # (C, D)
    if data.ndim != 2 or not len(data):
        raise ValueError("A bootstrap needs at least one cluster of sums.")
    clusters = len(data)
    value = statistic(data.sum(0, keepdims=True))[0]  # (S,)
    rng = np.random.default_rng(seed)
    pieces: list[Floats] = []
    rows = max(1, _CELLS // clusters)
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        picked = rng.integers(clusters, size=(size, clusters)) + np.arange(size)[:, None] * clusters  # (size, C)
        counts = np.bincount(picked.ravel(), minlength=size * clusters).reshape(size, clusters)
        pieces.append(statistic(counts @ data))
    draws = np.concatenate(pieces)  # (R, S)
    undefined = np.isnan(draws).sum(0)
    low, high = np.full_like(value, np.nan), np.full_like(value, np.nan)
    if clusters > 1:
        tail = expanded_tail(clusters, level)
        for s in range(len(value)):
            if np.isnan(value[s]) or undefined[s] > MAX_UNDEFINED * resamples:
                continue
            bounds = np.nanquantile(draws[:, s], (tail, 1 - tail))
            low[s], high[s] = min(bounds[0], value[s]), max(bounds[1], value[s])
    return Resampled(value, low, high, undefined, draws)
