"""Two runs on the same items, compared item by item: pass rates, means, and the tests that belong to them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from math import comb, sqrt

from aligntui.score.bootstrap import RESAMPLES, SEED, cluster_bootstrap
from aligntui.score.intervals import clustered_rate, padded_variance, sign_test
from aligntui.score.power import detectable_mean, detectable_paired
from aligntui.score.results import LEVEL, Coverage, Estimate, Rate, Result, coverage

FLIPS = 9999
"""Random sign patterns of a randomisation test; the smallest p-value is 1 / (FLIPS + 1)."""
_ENUMERATED = 14
"""Prompts up to which every sign pattern is tried."""


@dataclass(frozen=True)
class McNemar(Result):
    """Test of two pass rates on the same prompts."""

    only_first: int
    only_second: int
    p_exact: float
    """Exact conditional test; keeps the level always, rejects less often than it could."""
    p_mid: float
    """Mid-p version; keeps the level in practice and finds more."""


@dataclass(frozen=True)
class PairedRates(Result):
    """Two pass rates on the same items. Differences are second minus first."""

    first: Rate
    second: Rate
    both: int
    only_first: int
    only_second: int
    neither: int
    difference: Estimate
    """In rate, -1 to 1."""
    p: float | None
    p_method: str
    """`mcnemar, exact`, or `sign flips over prompts` where a prompt has several items."""
    p_mid: float | None
    """McNemar's mid-p; None where a prompt has several items."""
    detectable: float | None
    """Smallest difference that this comparison finds with power 0.8 at level 0.05; None where it finds none."""
    coverage: Coverage


@dataclass(frozen=True)
class PairedMeans(Result):
    """Two means on the same items. Differences are second minus first."""

    first: float | None
    second: float | None
    difference: Estimate
    p: float | None
    p_method: str
    detectable: float | None
    """Smallest mean difference found with power 0.8 at level 0.05, in the unit of the values."""
    coverage: Coverage


def mcnemar(only_first: int, only_second: int) -> McNemar:
    """McNemar's test from the items on which two runs differ.

    Source: exact conditional and mid-p versions of Fagerland, Lydersen & Laake 2013 (BMC Medical Research Methodology
        13:91), whose examples and statsmodels pin them in tests/score/test_paired.py.
    """
    n = only_first + only_second
    p = sign_test(only_first, n)
    if n == 0 or only_first == only_second:
        # the two tails meet in the middle, so that half of the middle term is taken off, not one whole term
        return McNemar(only_first, only_second, p, 1.0 if n == 0 else 1.0 - comb(n, only_first) / 2 ** (n + 1))
    return McNemar(only_first, only_second, p, p - comb(n, only_first) / 2**n)


def compare_rates(
    first: Sequence[bool | None],
    second: Sequence[bool | None],
    prompts: Sequence[Hashable] | None = None,
    level: float = LEVEL,
) -> PairedRates:
    """Compare two pass rates item by item.

    Args:
        first: verdict on each item; None where it could not be checked.
        second: of the same items in the same order.
        prompts: prompt of each item; None where every item is a prompt of its own.
        level: confidence level.

    Returns:
        Rates over the items that both have a verdict on, and the difference with the interval of `clustered_rate`, into
        which it turns when a gain counts 1, a loss 0 and no change a half. Nothing is raised on empty input.

    Raises:
        ValueError: the sequences differ in length.
    """
    rows, left_out = _paired(first, second, prompts)
    clusters = [cluster for cluster, _, _ in rows]
    repeated = len(set(clusters)) < len(clusters)
    table = {
        (a, b): sum((bool(x), bool(y)) == (a, b) for _, x, y in rows) for a in (True, False) for b in (True, False)
    }
    gains = [(cluster, (1 + y - x) / 2) for cluster, x, y in rows]
    moved = table[True, False] + table[False, True]
    test = mcnemar(table[True, False], table[False, True])
    if repeated:
        totals = _totals(gains)
        p, p_mid, p_method = sign_flip([value - n / 2 for value, n in totals]), None, "sign flips over prompts"
        detectable = detectable_mean(2 * sqrt(padded_variance(totals)[0]), len(totals))
    else:
        p, p_mid, p_method = test.p_exact, test.p_mid, "mcnemar, exact"
        # one more discordant item of two, so that a run without any does not claim to see everything
        detectable = detectable_paired(len(rows), (moved + 1) / (len(rows) + 2)) if rows else None
    return PairedRates(
        first=clustered_rate(((cluster, float(x)) for cluster, x, _ in rows), level=level),
        second=clustered_rate(((cluster, float(y)) for cluster, _, y in rows), level=level),
        both=table[True, True],
        only_first=table[True, False],
        only_second=table[False, True],
        neither=table[False, False],
        difference=difference_of(clustered_rate(gains, 0.5, level)),
        p=p if rows else None,
        p_method=p_method if rows else "none",
        p_mid=p_mid if rows else None,
        detectable=detectable,
        coverage=coverage(len(rows), left_out),
    )


def compare_means(
    first: Sequence[float | None],
    second: Sequence[float | None],
    prompts: Sequence[Hashable] | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> PairedMeans:
    """Compare two means item by item; the interval of the difference resamples whole prompts.

    Args:
        first: value of each item, in any unit; None where there is none.
        second: of the same items in the same order, in the same unit.
        prompts: prompt of each item; None where every item is a prompt of its own.
        level: confidence level.
        resamples: of the bootstrap.
        seed: of the bootstrap and of the randomisation test.

    Returns:
        Means over the items that both have a value for; None and no interval where there are none.

    Raises:
        ValueError: the sequences differ in length.
    """
    rows, left_out = _paired(first, second, prompts)
    n = len(rows)
    if not n:
        nothing = Estimate(None, None, None, 0, 0.0, "none", level, note="there is no item with both values")
        return PairedMeans(None, None, nothing, None, "none", None, coverage(0, left_out))
    totals = _totals([(cluster, y - x) for cluster, x, y in rows])
    drawn = cluster_bootstrap(totals, lambda t: t[:, :1] / t[:, 1:], level=level, resamples=resamples, seed=seed)
    value = float(drawn.value[0])
    bounds = (float(drawn.low[0]), float(drawn.high[0])) if len(totals) > 1 else (None, None)
    difference = Estimate(
        value, *bounds, n, 0.0, "bootstrap over prompts" if len(totals) > 1 else "none", level, len(totals), resamples,
        note="" if len(totals) > 1 else "one prompt has no spread",
    )  # fmt: skip
    error = sqrt(sum((s - value * m) ** 2 for s, m in totals) * len(totals) / max(len(totals) - 1, 1)) / n
    return PairedMeans(
        first=sum(x for _, x, _ in rows) / n,
        second=sum(y for _, _, y in rows) / n,
        difference=difference,
        p=sign_flip([s for s, _ in totals], seed=seed),
        p_method="sign flips over prompts",
        detectable=detectable_mean(error, len(totals)),
        coverage=coverage(n, left_out),
    )


def difference_of(gain: Rate) -> Estimate:
    """A rate in which a gain counts 1, a loss 0 and no change a half, as a difference between -1 and 1."""
    if gain.rate is None or gain.low is None or gain.high is None:
        return Estimate(None, None, None, 0, 0.0, "none", gain.level, note="there is no item with both verdicts")
    value = 2 * gain.rate - 1
    return Estimate(
        value, 2 * gain.low - 1, 2 * gain.high - 1, gain.n, 0.0, gain.method, gain.level, clusters=gain.clusters
    )


def sign_flip(totals: Sequence[float], seed: int = SEED) -> float:
    """Two-sided p-value for totals of prompts that would be as likely negative as positive if nothing differed.

    Exact where all totals have one size (then it is the sign test) or where there are few; else from `FLIPS` random patterns.

    Args:
        totals: one for each prompt, such as wins minus losses; zeros say nothing and are passed over.
        seed: of the random patterns.

    Returns:
        0 to 1; 1 where no total differs from 0.

    Source: Fisher's randomisation test for paired data; pinned against full enumeration and scipy.stats.permutation_test
        in tests/score/test_paired.py.
    """
    moved = [total for total in totals if total]
    if len({abs(total) for total in moved}) < 2:
        return sign_test(sum(total > 0 for total in moved), len(moved))
    import numpy as np  # function-level: numpy would slow the console's start

    values = np.asarray(moved, dtype=np.float64)
    observed = abs(values.sum()) * (1 - 1e-9)
    if len(moved) <= _ENUMERATED:
        signs = 1 - 2 * ((np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved))) & 1)  # (2^m, m)
        return float((abs(signs @ values) >= observed).mean())
    rng = np.random.default_rng(seed)
    hits, rows = 0, max(1, 4_000_000 // len(moved))
    for start in range(0, FLIPS, rows):
        signs = 1 - 2 * rng.integers(2, size=(min(rows, FLIPS - start), len(moved)), dtype=np.int8)
        hits += int((abs(signs @ values) >= observed).sum())
    return (hits + 1) / (FLIPS + 1)


def _paired(
    first: Sequence[float | None], second: Sequence[float | None], prompts: Sequence[Hashable] | None
) -> tuple[list[tuple[Hashable, float, float]], dict[str, int]]:
    if len(first) != len(second) or (prompts is not None and len(prompts) != len(first)):
        raise ValueError("Paired runs need the same items in the same order.")
    clusters: Iterable[Hashable] = count() if prompts is None else prompts
    rows: list[tuple[Hashable, float, float]] = []
    left_out = {"first could not be checked": 0, "second could not be checked": 0, "neither could be checked": 0}
    for cluster, x, y in zip(clusters, first, second, strict=False):
        if x is not None and y is not None:
            rows.append((cluster, x, y))
        elif x is None and y is None:
            left_out["neither could be checked"] += 1
        else:
            left_out["first could not be checked" if x is None else "second could not be checked"] += 1
    return rows, left_out


def _totals(values: Iterable[tuple[Hashable, float]]) -> list[tuple[float, int]]:
    sums: dict[Hashable, tuple[float, int]] = {}
    for cluster, value in values:
        total, n = sums.get(cluster, (0.0, 0))
        sums[cluster] = (total + value, n + 1)
    return list(sums.values())
