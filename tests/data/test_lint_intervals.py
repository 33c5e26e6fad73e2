"""Intervals against scipy's own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aligntui.data.lint.intervals import mean_interval, share_figures, wilson

CONFIDENCE = st.floats(0.5, 0.999)


@given(st.integers(1, 5000), st.data(), CONFIDENCE)
def test_wilson_is_scipys(of: int, data: st.DataObject, confidence: float) -> None:
    hits = data.draw(st.integers(0, of))
    theirs = stats.binomtest(hits, of).proportion_ci(confidence, method="wilson")
    assert wilson(hits, of, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=30), CONFIDENCE)
def test_the_mean_is_scipys(values: list[float], confidence: float) -> None:
    mean, lower, upper = mean_interval(values, confidence)
    assert mean == pytest.approx(math.fsum(values) / len(values))
    error = stats.sem(values)
    if error > 1e-9:
        theirs = stats.t.interval(confidence, len(values) - 1, loc=mean, scale=error)
        assert (lower, upper) == pytest.approx(theirs, rel=1e-6, abs=1e-9)


def test_too_little_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert mean_interval([2.0]) == (2.0, -math.inf, math.inf)
    with pytest.raises(ValueError, match="nothing"):
        mean_interval([])
    assert share_figures(0, 0) == {"count": 0, "of": 0, "share": 0.0, "lower": 0.0, "upper": 1.0}
