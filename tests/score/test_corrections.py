"""Corrected p-values."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from aligntui.score.corrections import corrected

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30)

# Benjamini & Hochberg 1995, section 3.2: fifteen endpoints
ENDPOINTS = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459,
    0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0,
]  # fmt: skip


def test_the_example_of_the_paper() -> None:
    """Four findings by Benjamini-Hochberg, three when no false one is allowed."""
    assert sum(p <= 0.05 for p in corrected(ENDPOINTS, "benjamini-hochberg") if p is not None) == 4
    assert sum(p <= 0.05 for p in corrected(ENDPOINTS, "holm") if p is not None) == 3


@settings(deadline=None, max_examples=20)  # multipletests takes a tenth of a second
@given(p_values)
def test_statsmodels_and_scipy_say_the_same(ps: list[float]) -> None:
    assert corrected(ps, "holm") == pytest.approx(tuple(multipletests(ps, method="holm")[1]))
    assert corrected(ps, "benjamini-hochberg") == pytest.approx(tuple(stats.false_discovery_control(ps)))


def test_what_had_no_test_is_no_member_of_the_family() -> None:
    assert corrected([0.01, None, 0.04]) == (0.02, None, 0.04)
    assert corrected([None]) == (None,)
    assert corrected([]) == ()


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        corrected([1.2])
    with pytest.raises(ValueError, match="no correction"):
        corrected([0.1], "bonferoni")  # type: ignore[arg-type]
