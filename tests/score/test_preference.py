"""Position and length."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.api import Logit

from aligntui.score.intervals import wilson
from aligntui.score.verdicts.preference import (
    common_unit,
    length_preference,
    longer_won,
    position_and_length,
    position_preference,
)
from tests.score.builders import judgement

verdicts = st.lists(
    st.tuples(st.sampled_from(["left", "right", "tie", "bad", "skip"]), st.integers(1, 9), st.integers(1, 9))
)


def test_the_left_share() -> None:
    given = [judgement("left")] * 8 + [judgement("right")] * 2 + [judgement("tie"), judgement("bad"), judgement("skip")]
    found = position_preference([*given, judgement("left", blind=False)])
    assert (found.left.k, found.left.n, found.left.chance) == (8, 10, 0.5)
    assert (found.left.low, found.left.high) == wilson(8, 10)
    assert found.p == pytest.approx(stats.binomtest(8, 10).pvalue)
    assert found.coverage.as_dict() == {
        "used": 10,
        "total": 14,
        "left_out": {"order not drawn by lot": 1, "tie": 1, "both bad": 1, "skipped": 1},
    }


def test_the_longer_share() -> None:
    given = [judgement("left", chars=(90, 50)) for _ in range(6)] + [
        judgement("right", chars=(90, 50)) for _ in range(2)
    ]
    given += [judgement("left"), judgement("left", chars=(None, 5)), judgement("tie", chars=(1, 2)), judgement("skip")]
    given += [judgement("left", chars=(90, 50), pair="p"), judgement("right", chars=(90, 50), pair="p")]
    found = length_preference(given)
    assert (found.longer.k, found.longer.n, found.unit) == (7, 9, "chars")
    assert found.p == pytest.approx(stats.binomtest(7, 9).pvalue)
    assert found.mean_chosen == (7 * 90 + 2 * 50 + 100) / 10
    assert found.mean_rejected == (7 * 50 + 2 * 90 + 100) / 10
    assert found.coverage.as_dict() == {
        "used": 9,
        "total": 14,
        "left_out": {"repeated": 1, "tie": 1, "skipped": 1, "length not known": 1, "same length": 1},
    }


def test_tokens_count_where_all_are_known() -> None:
    known = judgement("left", chars=(10, 20), tokens=(9, 5))
    assert (length_preference([known]).unit, length_preference([known]).longer.k) == ("tokens", 1)
    mixed = [known, judgement("left", chars=(10, 20))]
    assert (length_preference(mixed).unit, length_preference(mixed).longer.k) == ("chars", 0)
    assert common_unit([known]) == "tokens"


def test_verdicts_of_one_prompt_are_one_draw() -> None:
    given = [judgement("left", chars=(90, 50), prompt=f"prompt {i // 4}") for i in range(24)]
    found = length_preference(given)
    assert found.longer.clusters == 6
    assert found.p == pytest.approx(2 / 2**6)


def test_longer_won() -> None:
    assert longer_won(judgement("left", chars=(2, 1))) is True
    assert longer_won(judgement("right", chars=(2, 1))) is False
    for none in (judgement("tie", chars=(2, 1)), judgement("left"), judgement("left", chars=(None, 1))):
        assert longer_won(none) is None


@settings(deadline=None)
@given(verdicts)
def test_swapping_every_pair_mirrors_position_and_keeps_length(rows: list[tuple[str, int, int]]) -> None:
    mirror = {"left": "right", "right": "left"}
    straight = [judgement(v, chars=(a, b), pair=f"p{i}") for i, (v, a, b) in enumerate(rows)]
    swapped = [
        judgement(mirror.get(v, v), "tuned", "base", chars=(b, a), pair=f"p{i}") for i, (v, a, b) in enumerate(rows)
    ]
    there, back = position_preference(straight), position_preference(swapped)
    assert (there.left.k, there.p) == (back.left.n - back.left.k, back.p)
    assert length_preference(straight) == length_preference(swapped)


def test_statsmodels_fits_the_same_regression() -> None:
    rng = np.random.default_rng(9)
    lengths = rng.integers(20, 400, size=(150, 2))
    x = np.log2(lengths[:, 0] / lengths[:, 1])
    took_left = rng.random(150) < 1 / (1 + np.exp(-(0.4 + 0.6 * x)))
    given = [
        judgement("left" if y else "right", chars=(int(a), int(b)))
        for (a, b), y in zip(lengths, took_left, strict=True)
    ]
    found = position_and_length(given)
    reference = Logit(took_left.astype(float), np.stack([np.ones(150), x], 1)).fit(disp=False)
    bounds = reference.conf_int()
    for ours, value, (low, high) in zip((found.left, found.doubling), reference.params, bounds, strict=True):
        assert (ours.value, ours.low, ours.high) == pytest.approx((value, low, high), abs=1e-5)


def test_a_steep_but_finite_regression_settles() -> None:
    x = [-8.0, -7, -6, -5, 5, 6, 7, 8] * 20 + [-0.1, 0.1]
    took_left = [False] * 4 + [True] * 4
    outcomes = took_left * 20 + [True, False]
    given = [
        judgement("left" if y else "right", chars=(round(10_000 * 2**v), 10_000))
        for v, y in zip(x, outcomes, strict=True)
    ]
    found = position_and_length(given).doubling
    reference = Logit(
        np.array(outcomes, float), np.stack([np.ones(len(x)), np.log2([round(10_000 * 2**v) / 10_000 for v in x])], 1)
    ).fit(disp=False, maxiter=200)
    assert found.value == pytest.approx(reference.params[1], rel=1e-4)


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        ([], "no verdict"),
        ([("left", 10, 5)] * 4, "same factor"),
        ([("left", 10, 5), ("left", 20, 5), ("right", 5, 9)], "unbounded"),
        ([("left", 10, 5), ("left", 20, 5)], "unbounded"),
    ],
)
def test_a_regression_without_an_answer_says_so(rows: list[tuple[str, int, int]], note: str) -> None:
    found = position_and_length([judgement(v, chars=(a, b)) for v, a, b in rows])
    assert (found.left.value, found.doubling.value) == (None, None)
    assert note in found.doubling.note


def test_the_regression_counts_what_it_left_out() -> None:
    given = [judgement("left", blind=False), judgement("tie"), judgement("left", chars=(0, 5)), judgement("left")]
    assert position_and_length(given).coverage.as_dict() == {
        "used": 1,
        "total": 4,
        "left_out": {"order not drawn by lot": 1, "not decided": 1, "length not known": 1},
    }


def test_no_verdict_is_no_error() -> None:
    assert (position_preference([]).left.rate, position_preference([]).p) == (None, None)
    empty = length_preference([])
    assert (empty.longer.rate, empty.p, empty.mean_chosen) == (None, None, None)
