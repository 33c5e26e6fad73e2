"""Intervals of shares, against published tables, scipy, statsmodels and simulation."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from aligntui.score.intervals import (
    clopper_pearson,
    clustered_rate,
    effective_n,
    rate_of,
    sign_test,
    wilson,
    z_value,
)

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))

# Newcombe 1998, Statistics in Medicine 17, table I
NEWCOMBE = [
    (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
    (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
    (0, 20, (0.0000, 0.1611), (0.0000, 0.1684)),
    (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
]


@pytest.mark.parametrize(("k", "n", "score", "exact"), NEWCOMBE)
def test_the_published_examples(k: int, n: int, score: tuple[float, float], exact: tuple[float, float]) -> None:
    assert wilson(k, n) == pytest.approx(score, abs=5e-5)
    assert clopper_pearson(k, n) == pytest.approx(exact, abs=5e-5)


@settings(deadline=None)
@given(counts, st.sampled_from([0.8, 0.95, 0.99]))
def test_statsmodels_and_scipy_say_the_same(count: tuple[int, int], level: float) -> None:
    k, n = count
    assert wilson(k, n, level) == pytest.approx(proportion_confint(k, n, 1 - level, "wilson"), abs=1e-12)
    exact = stats.binomtest(k, n).proportion_ci(level, "exact")
    assert clopper_pearson(k, n, level) == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert sign_test(k, n) == pytest.approx(stats.binomtest(k, n).pvalue, abs=1e-12)


@settings(deadline=None)
@given(counts, st.floats(0.01, 0.999))
def test_intervals_hold_the_share_and_mirror(count: tuple[int, int], level: float) -> None:
    k, n = count
    for interval in (wilson, clopper_pearson):
        low, high = interval(k, n, level)
        assert 0 <= low <= k / n <= high <= 1
        assert interval(n - k, n, level) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_the_known_margins_of_the_field() -> None:
    """The half-widths at one half that papers quote: 4.5 points at 480, 4.2 at 541 (normal approximation, a shade wider)."""
    for n, margin in ((480, 0.045), (541, 0.042)):
        low, high = wilson(n / 2, n)
        assert (high - low) / 2 == pytest.approx(margin, abs=5e-4)


@pytest.mark.parametrize("n", [5, 20, 100])
def test_wilson_covers_about_as_often_as_it_says(n: int) -> None:
    """Exact coverage, averaged over the share; Clopper-Pearson never falls below the level."""
    shares = np.linspace(0.01, 0.99, 197)
    chance = [[comb(n, k) * p**k * (1 - p) ** (n - k) for p in shares] for k in range(n + 1)]

    def coverage(interval: object) -> np.ndarray:
        bounds = [interval(k, n) for k in range(n + 1)]  # type: ignore[operator]
        inside = [[low <= p <= high for p in shares] for low, high in bounds]
        return (np.array(chance) * np.array(inside)).sum(0)

    assert 0.94 <= coverage(wilson).mean() <= 0.97
    assert coverage(clopper_pearson).min() >= 0.95


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0, 0), (1, 0)])
def test_impossible_counts(k: int, n: int) -> None:
    for interval in (wilson, clopper_pearson):
        with pytest.raises(ValueError, match="cannot be"):
            interval(k, n)


def test_impossible_levels() -> None:
    for level in (0, 1, 1.5):
        with pytest.raises(ValueError, match="between 0 and 1"):
            z_value(level)
    assert z_value() == pytest.approx(1.959963985)


def test_nothing_counted_is_no_error() -> None:
    for empty in (rate_of(0, 0, 0.5), clustered_rate([], 0.5)):
        assert (empty.n, empty.rate, empty.low, empty.high, empty.chance, empty.method) == (
            0,
            None,
            None,
            None,
            0.5,
            "none",
        )
    assert sign_test(0, 0) == 1


def test_json_has_the_keys_of_a_rate() -> None:
    plain = rate_of(3, 4, 0.5).as_dict()
    assert {"k": 3, "n": 4, "rate": 0.75, "chance": 0.5, "method": "wilson"}.items() <= plain.items()
    assert (plain["low"], plain["high"]) == wilson(3, 4)


def test_one_verdict_for_each_prompt_is_plain_wilson() -> None:
    rate = clustered_rate((f"p{i}", float(i < 7)) for i in range(10))
    assert (rate.low, rate.high, rate.method, rate.clusters) == (*wilson(7, 10), "wilson", None)


def test_the_same_verdict_twice_is_not_twice_the_evidence() -> None:
    once = clustered_rate((i, float(i < 14)) for i in range(20))
    twice = clustered_rate((i // 2, float(i // 2 < 14)) for i in range(40))
    assert twice.rate == once.rate
    assert twice.high - twice.low >= (once.high - once.low) * 0.98  # type: ignore[operator]
    assert twice.n_effective < 22  # type: ignore[operator]
    assert twice.method == "wilson, effective n"


def test_the_effective_number_by_hand() -> None:
    """Three prompts with two verdicts each: 2 of 2, 1 of 2, 0 of 2, and the two pseudo-verdicts 1 of 1 and 0 of 1.

    Middle 4/8; deviations 1, 0, -1, 0.5, -0.5, squares sum to 2.5; variance 2.5/64 * 5/4; .25 over it is 5.12, less 2,
    times (1.95996 / 4.30265)^2 for two degrees of freedom.
    """
    assert effective_n([(2, 2), (1, 2), (0, 2)]) == pytest.approx((5.12 - 2) * (1.959964 / 4.302653) ** 2, rel=1e-5)


def test_one_prompt_counts_as_one_verdict() -> None:
    rate = clustered_rate([("p", 1.0)] * 50)
    assert (rate.low, rate.high) == pytest.approx(wilson(1, 1))
    assert rate.rate == 1


def test_only_ties_leave_an_interval() -> None:
    rate = clustered_rate(((i, 0.5) for i in range(30)), 0.5)
    assert rate.k == 15
    assert 0.3 < rate.low < 0.5 < rate.high < 0.7  # type: ignore[operator]


def test_outcomes_beyond_a_share_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        clustered_rate([("p", 2.0)])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=60))
def test_clustered_intervals_hold_the_share_and_mirror(outcomes: list[tuple[int, float]]) -> None:
    rate = clustered_rate(outcomes)
    mirrored = clustered_rate((cluster, 1 - value) for cluster, value in outcomes)
    assert rate.rate is not None and rate.low is not None and rate.high is not None
    assert 0 <= rate.low <= rate.rate <= rate.high <= 1
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - rate.high, 1 - rate.low), abs=1e-9)


@pytest.mark.parametrize(
    ("prompts", "per_prompt", "win", "tie", "alike"),
    [
        (8, 3, 0.5, 0.0, 0.3),
        (8, 3, 0.9, 0.0, 0.3),
        (40, 3, 0.8, 0.0, 0.4),
        (40, 3, 0.3, 0.4, 0.3),
        (40, 1, 0.4, 0.3, 0.0),
    ],
)
def test_clustered_intervals_cover(prompts: int, per_prompt: int, win: float, tie: float, alike: float) -> None:
    """400 simulated data sets; verdicts of a prompt share its own chances, drawn around the true ones."""
    rng = np.random.default_rng(7)
    truth, hits = win + tie / 2, 0
    chances = np.array([win, tie + 1e-9, 1 - win - tie])
    for _ in range(400):
        outcomes = []
        for prompt in range(prompts):
            own = rng.dirichlet(chances * (1 - alike) / alike) if alike else chances / chances.sum()
            size = 1 + rng.poisson(per_prompt - 1)
            outcomes += [(prompt, float(v)) for v in rng.choice([1.0, 0.5, 0.0], size=size, p=own)]
        rate = clustered_rate(outcomes)
        hits += rate.low <= truth <= rate.high  # type: ignore[operator]
    assert 0.92 <= hits / 400 <= 0.995
