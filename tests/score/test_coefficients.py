"""Kappa and alpha."""

from __future__ import annotations

import warnings

import evalica
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa

from aligntui.score.coefficients import (
    BOOTSTRAP,
    SAME_CATEGORY,
    THROUGH_SHARE,
    Choices,
    agreement,
    alpha_of_sums,
    krippendorff_alpha,
)


def items(table: dict[tuple[str, str], int], per_prompt: int = 1) -> list[Choices]:
    rows = [pair for pair, n in table.items() for _ in range(n)]
    return [Choices(i // per_prompt, a, b) for i, (a, b) in enumerate(rows)]


# fifty grant proposals read by two readers: the example in the encyclopedia article on Cohen's kappa
PROPOSALS = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}

# Krippendorff 2011, section C: four observers, twelve units, missing values
OBSERVERS = [
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
]


def test_kappa_of_a_known_table() -> None:
    found = agreement(items(PROPOSALS))
    assert found.share.rate == 0.7
    assert found.share.chance == pytest.approx(0.5)
    assert found.kappa.value == pytest.approx(0.4)
    assert found.kappa.method == BOOTSTRAP
    reference = cohens_kappa([[20, 5], [10, 15]])
    assert found.kappa.low == pytest.approx(reference.kappa_low, abs=0.04)
    assert found.kappa.high == pytest.approx(reference.kappa_upp, abs=0.04)
    assert found.table == (("no", "no", 15), ("no", "yes", 10), ("yes", "no", 5), ("yes", "yes", 20))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=40))
def test_statsmodels_finds_the_same_kappa(pairs: list[tuple[str, str]]) -> None:
    found = agreement([Choices(i, a, b) for i, (a, b) in enumerate(pairs)], resamples=100)
    table = np.array([[sum(pair == (a, b) for pair in pairs) for b in "abc"] for a in "abc"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = cohens_kappa(table, return_results=False)
    if found.kappa.value is None:
        assert len({choice for pair in pairs for choice in pair}) == 1
    else:
        assert found.kappa.value == pytest.approx(reference)
        assert found.kappa.low <= found.kappa.value <= found.kappa.high  # type: ignore[operator]


def test_full_agreement_has_an_interval_below_one() -> None:
    found = agreement(items({("a", "a"): 6, ("b", "b"): 6}))
    assert (found.kappa.value, found.kappa.method) == (1, THROUGH_SHARE)
    assert found.kappa.high == 1
    assert found.kappa.low == pytest.approx((found.share.low - 0.5) / 0.5)  # type: ignore[operator]


def test_one_category_leaves_kappa_undefined() -> None:
    found = agreement(items({("a", "a"): 9}))
    assert (found.kappa.value, found.kappa.low, found.kappa.note) == (None, None, SAME_CATEGORY)
    assert found.share.rate == found.share.chance == 1


def test_a_lopsided_table_says_why_kappa_is_low() -> None:
    found = agreement(items({("a", "a"): 90, ("a", "b"): 5, ("b", "a"): 5}))
    assert found.share.rate == 0.9
    assert found.kappa.value < 0  # type: ignore[operator]
    assert "95% of all choices are 'a'" in found.kappa.note


def test_no_item_is_no_error() -> None:
    found = agreement([])
    assert (found.share.n, found.kappa.value, found.table) == (0, None, ())
    one = agreement([Choices("p", "a", "b")])
    assert (one.share.n, one.kappa.value, one.kappa.method) == (1, 0, THROUGH_SHARE)


def test_items_of_one_prompt_move_together() -> None:
    alone = agreement(items(PROPOSALS)).kappa
    grouped = agreement(items(PROPOSALS, per_prompt=5)).kappa
    assert grouped.value == alone.value
    assert grouped.clusters == 10
    assert grouped.high - grouped.low > 1.4 * (alone.high - alone.low)  # type: ignore[operator]


def test_alpha_of_the_worked_example() -> None:
    columns = list(zip(*(line.split() for line in OBSERVERS), strict=True))
    found = krippendorff_alpha({i: [c for c in column if c != "."] for i, column in enumerate(columns)})
    assert found.value == pytest.approx(0.743, abs=5e-4)
    assert found.n == 11
    assert found.low < found.value < found.high  # type: ignore[operator]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=4), min_size=1, max_size=12))
def test_the_resampled_alpha_is_the_librarys(units: list[list[str]]) -> None:
    found = krippendorff_alpha(dict(enumerate(units)), resamples=50)
    pairable = [unit for unit in units if len(unit) > 1]
    if len({choice for unit in pairable for choice in unit}) < 2:
        assert found.value is None
        return
    frame = pd.DataFrame([["abcd".index(c) for c in u] + [None] * (4 - len(u)) for u in units], dtype="float64").T
    reference = evalica.alpha(frame).alpha
    assert found.value == pytest.approx(reference)
    apart = sum(u.count(a) * u.count(b) / (len(u) - 1) for u in pairable for a in "abcd" for b in "abcd" if a != b)
    chosen = [sum(u.count(c) for u in pairable) for c in "abcd"]
    assert alpha_of_sums(np.array([[apart, *chosen]]))[0, 0] == pytest.approx(reference)


def test_alpha_without_two_choices_or_two_categories() -> None:
    assert krippendorff_alpha({1: ["a"], 2: []}).value is None
    assert krippendorff_alpha({1: ["a", "a"]}).note == SAME_CATEGORY


def test_the_interval_of_kappa_covers() -> None:
    """200 simulated sets of 40 items; a rater who repeats the other's choice six times of ten and else throws a coin."""
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(200):
        first = rng.integers(2, size=40)
        second = np.where(rng.random(40) < 0.6, first, rng.integers(2, size=40))
        found = agreement(
            [Choices(i, str(a), str(b)) for i, (a, b) in enumerate(zip(first, second, strict=True))], resamples=400
        )
        hits += found.kappa.low <= 0.6 <= found.kappa.high  # type: ignore[operator]
    assert 0.90 <= hits / 200 <= 0.99
