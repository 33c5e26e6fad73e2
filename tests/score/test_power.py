"""What a comparison could have seen."""

from __future__ import annotations

from math import comb, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from aligntui.score.intervals import sign_test
from aligntui.score.power import critical_count, detectable_mean, detectable_paired, detectable_share


def sign_power(n: int, share: float) -> float:
    """Chance that the sign test rejects, summed over every outcome."""
    return sum(comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1) if sign_test(k, n) <= 0.05)


def paired_power(n: int, discordant: float, difference: float) -> float:
    share = 0.5 + difference / (2 * discordant)
    return sum(stats.binom.pmf(m, n, discordant) * sign_power(m, share) for m in range(n + 1))


@settings(deadline=None)
@given(st.integers(0, 300), st.sampled_from([0.01, 0.05, 0.1]))
def test_the_critical_count_is_the_last_that_rejects(n: int, alpha: float) -> None:
    edge = critical_count(n, alpha)
    assert edge < 0 or sign_test(edge, n) <= alpha
    if edge + 1 <= n // 2:
        assert sign_test(edge + 1, n) > alpha


@pytest.mark.parametrize("n", [8, 30, 100])
def test_a_share_at_the_edge_is_found_four_times_of_five(n: int) -> None:
    distance = detectable_share(n)
    assert distance is not None
    assert sign_power(n, 0.5 + distance) == pytest.approx(0.8, abs=1e-6)


def test_too_few_verdicts_see_nothing() -> None:
    assert [detectable_share(n) for n in (0, 1, 5)] == [None, None, None]
    assert detectable_share(6) is not None
    assert detectable_paired(0, 0.3) is None
    assert detectable_paired(100, 0) is None
    assert detectable_paired(20, 0.05) is None
    assert detectable_mean(1.0, 1) is None


@pytest.mark.parametrize(("n", "discordant"), [(40, 0.4), (80, 0.2)])
def test_a_paired_difference_at_the_edge_is_found_four_times_of_five(n: int, discordant: float) -> None:
    difference = detectable_paired(n, discordant)
    assert difference is not None
    assert paired_power(n, discordant, difference) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize(("n", "discordant"), [(541, 0.2), (2000, 0.1)])
def test_large_samples_come_near_the_normal_formula(n: int, discordant: float) -> None:
    """Connor 1987: n d^2 = (z_a sqrt(psi) + z_b sqrt(psi - d^2))^2. The exact test sees a little less."""
    found = detectable_paired(n, discordant)
    assert found is not None
    needed = (1.959964 * sqrt(discordant) + 0.841621 * sqrt(discordant - found**2)) / sqrt(n)
    assert needed <= found <= 1.08 * needed


@settings(deadline=None)
@given(st.integers(2, 500), st.floats(0.01, 100))
def test_a_mean_difference_is_that_of_statsmodels(clusters: int, error: float) -> None:
    found = detectable_mean(error, clusters)
    assert found is not None
    effect = found / (error * sqrt(clusters))
    assert TTestPower().power(effect, clusters, 0.05) == pytest.approx(0.8, abs=1e-5)


def test_an_impossible_share_of_discordant_prompts() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        detectable_paired(10, 1.5)
