"""Two runs on the same items."""

from __future__ import annotations

from itertools import product
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.power import TTestPower

from aligntui.score.paired import compare_means, compare_rates, mcnemar, sign_flip

outcomes = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 9)), min_size=1, max_size=50)


def rows(both: int, only_first: int, only_second: int, neither: int) -> tuple[list[bool], list[bool]]:
    table = [(True, True)] * both + [(True, False)] * only_first + [(False, True)] * only_second
    table += [(False, False)] * neither
    return [a for a, _ in table], [b for _, b in table]


def test_the_published_examples() -> None:
    """Fagerland et al. 2013: airway responsiveness before and after, 1 and 7 discordant of 21; Armitage & Berry 1994,
    p. 127: two culture media, 12 and 2 discordant of 50."""
    airway = mcnemar(1, 7)
    assert (airway.p_exact, airway.p_mid) == pytest.approx((0.0703, 0.0391), abs=5e-5)
    assert mcnemar(12, 2).p_exact == pytest.approx(0.0129, abs=5e-5)


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_statsmodels_says_the_same(b: int, c: int) -> None:
    assert mcnemar(b, c).p_exact == pytest.approx(reference_mcnemar([[3, b], [c, 3]], exact=True).pvalue)


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_mid_p_counts_the_outcome_itself_by_half(b: int, c: int) -> None:
    n, p = b + c, stats.binom.pmf(range(b + c + 1), b + c, 0.5)
    mine = p[b]
    rarer, as_rare = p[p < mine * (1 - 1e-9)].sum(), p[abs(p - mine) <= mine * 1e-9].sum()
    assert mcnemar(b, c).p_mid == pytest.approx(1.0 if n == 0 else rarer + as_rare / 2)


def test_a_comparison_of_two_pass_rates() -> None:
    first, second = rows(1, 1, 7, 12)
    found = compare_rates(first, second)
    assert (found.both, found.only_first, found.only_second, found.neither) == (1, 1, 7, 12)
    assert (found.first.k, found.second.k, found.second.n) == (2, 8, 21)
    assert found.difference.value == pytest.approx(6 / 21)
    assert found.p == pytest.approx(0.0703, abs=5e-5)
    assert found.p_method == "mcnemar, exact"
    assert found.detectable is not None and 0.3 < found.detectable < 0.45


@pytest.mark.parametrize(
    ("table", "within"), [((1, 1, 7, 12), 0.03), ((60, 14, 30, 96), 0.003), ((190, 3, 12, 195), 0.003)]
)
def test_the_interval_is_near_the_score_interval(table: tuple[int, int, int, int], within: float) -> None:
    """Tango 1998 (Statistics in Medicine 17, 891-908) inverts the score test of a paired difference."""
    _, b, c, _ = table
    n = sum(table)

    def score(difference: float) -> float:
        half = -b - c + (2 * n - c + b) * difference
        moved = (sqrt(half**2 + 8 * n * b * difference * (1 - difference)) - half) / (4 * n)
        return (c - b - n * difference) / sqrt(n * (2 * moved + difference * (1 - difference)))

    value = (c - b) / n
    low = optimize.brentq(lambda d: score(d) - 1.959964, -0.99, value - 1e-9)
    high = optimize.brentq(lambda d: score(d) + 1.959964, value + 1e-9, 0.99)
    found = compare_rates(*rows(*table)).difference
    assert (found.low, found.high) == pytest.approx((low, high), abs=within)


@settings(deadline=None)
@given(outcomes)
def test_swapping_the_runs_mirrors_the_comparison(given_rows: list[tuple[bool, bool, int]]) -> None:
    first, second, prompts = ([row[i] for row in given_rows] for i in range(3))
    there, back = compare_rates(first, second, prompts), compare_rates(second, first, prompts)
    a, b = there.difference, back.difference
    assert a.low <= a.value <= a.high  # type: ignore[operator]
    assert (b.value, b.low, b.high) == pytest.approx((-a.value, -a.high, -a.low), abs=1e-9)  # type: ignore[operator]
    assert there.p == back.p


def test_what_could_not_be_checked_is_counted_and_not_used() -> None:
    found = compare_rates([True, None, None, False, True], [True, True, None, True, None])
    assert found.first.n == found.second.n == found.difference.n == 2
    assert found.coverage.as_dict() == {
        "used": 2,
        "total": 5,
        "left_out": {"first could not be checked": 1, "second could not be checked": 1, "neither could be checked": 1},
    }


def test_several_items_of_a_prompt_are_no_mcnemar() -> None:
    first, second = rows(3, 1, 12, 4)
    found = compare_rates(first, second, [i // 2 for i in range(20)])
    assert found.p_method == "sign flips over prompts"
    assert found.p_mid is None
    assert found.difference.clusters == 10


def test_what_several_items_of_a_prompt_can_show() -> None:
    """For prompts of one size the t test of the prompt means has the power that is named; padding adds a little."""
    rng = np.random.default_rng(8)
    first, second = rng.random(400) < 0.5, rng.random(400) < 0.6
    found = compare_rates([bool(x) for x in first], [bool(x) for x in second], [i // 2 for i in range(400)])
    error = stats.sem((second.astype(float) - first).reshape(200, 2).mean(1))
    assert found.detectable == pytest.approx(
        TTestPower().solve_power(None, 200, 0.05, 0.8) * error * 200**0.5, rel=0.01
    )


def test_prompts_of_one_item_each_are_mcnemar() -> None:
    first, second = rows(3, 1, 12, 4)
    assert compare_rates(first, second, list("abcdefghijklmnopqrst")).p == mcnemar(1, 12).p_exact


def test_nothing_to_compare() -> None:
    for found in (compare_rates([], []), compare_rates([None], [True])):
        assert (found.difference.value, found.difference.low, found.p, found.detectable) == (None, None, None, None)
    assert compare_means([], []).difference.note == "there is no item with both values"
    with pytest.raises(ValueError, match="same items"):
        compare_rates([True], [])


def test_two_runs_without_a_difference_still_have_an_interval() -> None:
    found = compare_rates([True] * 50, [True] * 50)
    assert found.difference.low < 0 < found.difference.high  # type: ignore[operator]
    assert found.p == 1


@pytest.mark.parametrize("size", [8, 25])
def test_sign_flips_are_the_permutation_test(size: int) -> None:
    values = np.random.default_rng(2).normal(0.4, 1, size)
    reference = stats.permutation_test(
        (values,), np.sum, permutation_type="samples", n_resamples=np.inf if size < 10 else 50_000, rng=1
    )
    assert sign_flip(list(values)) == pytest.approx(reference.pvalue, abs=1e-12 if size < 10 else 0.012)


@settings(deadline=None)
@given(st.lists(st.integers(-3, 3), max_size=9))
def test_sign_flips_by_enumeration(totals: list[int]) -> None:
    hits = [
        abs(sum(s * t for s, t in zip(signs, totals, strict=True))) >= abs(sum(totals))
        for signs in product((1, -1), repeat=len(totals))
    ]
    assert sign_flip(totals) == pytest.approx(sum(hits) / len(hits))


def test_means_by_whole_prompts() -> None:
    rng = np.random.default_rng(5)
    own = rng.normal(0, 3, 30).repeat(4)
    first = rng.normal(100, 1, 120)
    second = first + 2 + own
    clustered = compare_means(list(first), list(second), [i // 4 for i in range(120)])
    alone = compare_means(list(first), list(second))
    difference = clustered.difference
    assert difference.value == pytest.approx(float((second - first).mean()))
    assert difference.clusters == 30
    assert difference.high - difference.low > 1.7 * (alone.difference.high - alone.difference.low)  # type: ignore[operator]
    # the t interval of the thirty prompt means is the textbook's answer for prompts of one size
    means = (second - first).reshape(30, 4).mean(1)
    reference = stats.ttest_1samp(means, 0).confidence_interval()
    assert (difference.low, difference.high) == pytest.approx((reference.low, reference.high), abs=0.25)
    assert clustered.p == pytest.approx(stats.ttest_1samp(means, 0).pvalue, abs=0.01)
    assert clustered.detectable == pytest.approx(2.9 * stats.sem(means), rel=0.05)


def test_one_prompt_has_no_interval() -> None:
    found = compare_means([1.0, 2.0], [2.0, 4.0], ["p", "p"])
    assert (found.difference.value, found.difference.low, found.detectable) == (1.5, None, None)
    assert found.difference.note == "one prompt has no spread"


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=2, max_size=15))
def test_the_interval_of_a_mean_difference_holds_it(pairs: list[tuple[float, float]]) -> None:
    found = compare_means([a for a, _ in pairs], [b for _, b in pairs], resamples=200).difference
    assert found.low <= found.value <= found.high  # type: ignore[operator]
