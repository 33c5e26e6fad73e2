"""The resampling of whole prompts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aligntui.score.bootstrap import cluster_bootstrap, expanded_tail


def ratio(totals: np.ndarray) -> np.ndarray:
    return totals[:, :1] / totals[:, 1:]


def test_the_expanded_tail_by_hand() -> None:
    """10 clusters: t(.975, 9) = 2.262157 times sqrt(10/9) is 2.384517, whose lower normal tail is 0.00855."""
    assert expanded_tail(10) == pytest.approx(0.00855, abs=5e-6)
    assert expanded_tail(100_000) == pytest.approx(0.025, abs=1e-5)


def test_scipy_finds_the_same_distribution() -> None:
    rng = np.random.default_rng(3)
    data = rng.exponential(size=60)
    ours = cluster_bootstrap(np.stack([data, np.ones(60)], 1), ratio, resamples=20_000)
    level = 1 - 2 * expanded_tail(60)
    theirs = stats.bootstrap((data,), np.mean, n_resamples=20_000, confidence_level=level, method="percentile", rng=1)
    spread = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert ours.low[0] == pytest.approx(theirs.confidence_interval.low, abs=0.03 * spread)
    assert ours.high[0] == pytest.approx(theirs.confidence_interval.high, abs=0.03 * spread)
    assert ours.draws.std(ddof=1) == pytest.approx(theirs.standard_error, rel=0.03)


def test_clusters_move_together() -> None:
    """Ten copies of each outcome in a prompt leave the interval as it is with one."""
    outcomes = np.array([1.0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0])
    single = cluster_bootstrap(np.stack([outcomes, np.ones(12)], 1), ratio)
    tenfold = cluster_bootstrap(np.stack([outcomes * 10, np.full(12, 10.0)], 1), ratio)
    assert (tenfold.low, tenfold.high) == (single.low, single.high)


def test_the_seed_decides() -> None:
    sums = np.random.default_rng(0).normal(size=(30, 2)) + np.array([0.0, 9.0])
    first, again, other = (cluster_bootstrap(sums, ratio, seed=seed) for seed in (5, 5, 6))
    assert np.array_equal(first.draws, again.draws)
    assert not np.array_equal(first.draws, other.draws)


def test_many_clusters_are_drawn_in_pieces() -> None:
    sums = np.stack([np.arange(3000) % 2, np.ones(3000)], 1)
    drawn = cluster_bootstrap(sums, ratio, resamples=2000)
    assert drawn.draws.shape == (2000, 1)
    assert drawn.draws.std() == pytest.approx(0.5 / np.sqrt(3000), rel=0.1)


def test_one_cluster_has_no_interval_and_none_is_refused() -> None:
    one = cluster_bootstrap([[3.0, 4.0]], ratio)
    assert one.value[0] == 0.75
    assert np.isnan(one.low[0]) and np.isnan(one.high[0])
    with pytest.raises(ValueError, match="at least one"):
        cluster_bootstrap(np.empty((0, 2)), ratio)


def test_too_many_undefined_resamples_leave_no_interval() -> None:
    def of_rare(totals: np.ndarray) -> np.ndarray:
        return np.where(totals[:, :1] > 0, totals[:, 1:], np.nan)

    rare = cluster_bootstrap([[1.0, 5.0]] + [[0.0, 1.0]] * 3, of_rare)
    assert rare.undefined[0] > 200
    assert np.isnan(rare.low[0])
    common = cluster_bootstrap([[1.0, 5.0]] * 3 + [[0.0, 1.0]], of_rare)
    assert 0 < common.undefined[0] < 200
    assert common.low[0] <= common.value[0] <= common.high[0]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.floats(-9, 9), st.integers(1, 4)), min_size=2, max_size=20))
def test_the_interval_holds_the_value(rows: list[tuple[float, int]]) -> None:
    drawn = cluster_bootstrap(rows, ratio, resamples=200)
    assert drawn.low[0] <= drawn.value[0] <= drawn.high[0]


@pytest.mark.parametrize(("prompts", "skewed"), [(10, False), (40, False), (40, True)])
def test_the_interval_of_a_mean_covers(prompts: int, skewed: bool) -> None:
    """200 simulated data sets; three values a prompt that share the prompt's own level."""
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(200):
        own = rng.gamma(2, 1, prompts) if skewed else rng.normal(2, 1.5, prompts)
        values = own[:, None] + rng.normal(size=(prompts, 3))
        drawn = cluster_bootstrap(np.stack([values.sum(1), np.full(prompts, 3.0)], 1), ratio, resamples=500)
        hits += drawn.low[0] <= 2 <= drawn.high[0]
    assert 0.90 <= hits / 200 <= 0.99
