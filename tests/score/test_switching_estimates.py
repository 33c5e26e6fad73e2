"""Estimates from sums over prompts."""

from __future__ import annotations

import numpy as np
import pytest

from aligntui.score.paired import compare_means
from aligntui.score.results import Estimate
from aligntui.score.switching.estimates import BOOTSTRAP, estimates, word_level
from aligntui.score.wording import Finding


def mean(totals: np.ndarray) -> np.ndarray:
    return totals[:, :1] / totals[:, 1:]


def test_a_mean_has_the_interval_and_the_detectable_difference_of_paired_means() -> None:
    """The difference from nothing is the value itself. `compare_means` knows the standard error in closed form."""
    values = np.random.default_rng(6).normal(1, 2, 12)
    (ours,), (detectable,) = estimates(np.stack([values, np.ones(12)], 1), mean, (0,), "", resamples=20_000)
    theirs = compare_means([0.0] * 12, values.tolist(), resamples=20_000)
    assert (ours.value, ours.low, ours.high) == pytest.approx(
        (theirs.difference.value, theirs.difference.low, theirs.difference.high)
    )
    assert (ours.n, ours.clusters, ours.method) == (12, 12, BOOTSTRAP)
    assert theirs.detectable is not None
    assert detectable == pytest.approx(theirs.detectable, rel=0.02)


def test_nothing_one_and_undefined() -> None:
    (nothing,), (detectable,) = estimates([], mean, (0.5,), "no prompt")
    assert (nothing.value, nothing.n, nothing.null, nothing.note, detectable) == (None, 0, 0.5, "no prompt", None)
    (one,), (detectable,) = estimates([[3.0, 4.0]], mean, (0,), "")
    assert (one.value, one.low, one.note, detectable) == (0.75, None, "one prompt has no spread", None)

    def never(totals: np.ndarray) -> np.ndarray:
        return np.full((len(totals), 1), np.nan)

    (undefined,), _ = estimates([[1.0], [2.0]], never, (0,), "nothing to divide by")
    assert (undefined.value, undefined.n, undefined.note) == (None, 2, "nothing to divide by")


def test_too_many_undefined_resamples_are_named() -> None:
    def of_rare(totals: np.ndarray) -> np.ndarray:
        return np.where(totals[:, :1] > 0, totals[:, 1:], np.nan)

    (rare,), (detectable,) = estimates([[1.0, 5.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]], of_rare, (0,), "")
    assert rare.value == 8 and rare.low is None and detectable is None
    assert rare.note == f"undefined in {rare.undefined} of 2000 resamples"


def test_values_without_spread_have_no_detectable_difference() -> None:
    (same,), (detectable,) = estimates([[2.0, 1.0]] * 5, mean, (0,), "")
    assert (same.value, same.low, same.high, detectable) == (2, 2, 2, None)


def test_levels_are_higher_or_lower() -> None:
    def of(value: float, low: float, high: float) -> Estimate:
        return Estimate(value, low, high, 40, 0.0, BOOTSTRAP)

    up = word_level(of(0.2, 0.1, 0.3), "the shift of base", "the shift of tuned", unit="")
    assert up.finding is Finding.BETTER
    assert (
        up.sentence == "the shift of tuned is higher than the shift of base: +0.2 (95% interval +0.1 to +0.3, n = 40)."
    )
    down = word_level(of(-0.2, -0.3, -0.1), "the rate of a", "the rate of b")
    assert down.sentence.startswith("the rate of b is lower than the rate of a: -20.0 pp")
    null = word_level(of(0.0, -0.1, 0.1), "a", "b", detectable=0.2)
    assert null.finding is Finding.NULL and "below 20.0 pp could have stayed unseen" in null.sentence
    assert word_level(of(0.2, 0.1, 0.3), "a", "b", p_corrected=0.3).finding is Finding.NULL
