"""What may be said of an interval."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.score.intervals import rate_of
from aligntui.score.results import Estimate
from aligntui.score.wording import Finding, word_difference, word_rate


def estimate(value: float | None, low: float | None, high: float | None, note: str = "") -> Estimate:
    return Estimate(value, low, high, 120, 0.0, "wilson", note=note)


def test_better_and_worse() -> None:
    up = word_difference(estimate(0.12, 0.031, 0.204), "base", "polite")
    assert (up.finding, up.sentence) == (
        Finding.BETTER,
        "polite is better than base: +12.0 pp (95% interval +3.1 pp to +20.4 pp, n = 120).",
    )
    assert word_difference(estimate(-0.12, -0.2, -0.03), "base", "polite").finding is Finding.WORSE
    assert (
        word_difference(estimate(-3, -5, -1), "V1", "V2", higher_is_better=False, unit="issues").finding
        is Finding.BETTER
    )


def test_null_is_said_with_the_interval_and_what_could_be_seen() -> None:
    said = word_difference(estimate(-0.02, -0.09, 0.05), "base", "polite", detectable=0.11)
    assert said.finding is Finding.NULL
    assert said.sentence == (
        "No difference shown between polite and base: -2.0 pp (95% interval -9.0 pp to +5.0 pp, n = 120)."
        " A difference below 11.0 pp could have stayed unseen."
    )


def test_a_correction_takes_a_finding_back() -> None:
    said = word_difference(estimate(0.1, 0.01, 0.2), "base", "polite", p_corrected=0.12)
    assert said.finding is Finding.NULL
    assert "after correction (p = 0.12)" in said.sentence
    assert word_difference(estimate(0.1, 0.01, 0.2), "base", "polite", p_corrected=0.04).finding is Finding.BETTER


def test_no_interval_is_no_finding() -> None:
    nothing = word_difference(estimate(None, None, None, "there is no item with both verdicts"), "base", "polite")
    assert nothing.finding is Finding.UNKNOWN
    assert "there is no item with both verdicts" in nothing.sentence
    assert "without an interval" in word_difference(estimate(0.3, None, None), "base", "polite").sentence


def test_win_rates() -> None:
    assert word_rate(rate_of(70, 100, 0.5), "polite", "base").sentence == (
        "polite wins over base: 70.0% of 100 (95% interval 60.4% to 78.1%, chance 50%)."
    )
    assert word_rate(rate_of(30, 100, 0.5), "polite", "base").finding is Finding.WORSE
    null = word_rate(rate_of(52, 100, 0.5), "polite", "base", detectable=0.14)
    assert null.finding is Finding.NULL
    assert "distance from chance below 14.0 pp" in null.sentence
    assert word_rate(rate_of(0, 0, 0.5), "polite", "base").finding is Finding.UNKNOWN
    assert word_rate(rate_of(70, 100, 0.5), "polite", "base", p_corrected=0.2).finding is Finding.NULL
    with pytest.raises(ValueError, match="chance level"):
        word_rate(rate_of(1, 2), "a", "b")


@settings(deadline=None)
@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_finding_means_that_the_interval_excludes_nothing_there(value: float, below: float, above: float) -> None:
    low, high = value - below, value + above
    finding = word_difference(estimate(value, low, high), "a", "b").finding
    assert (finding is Finding.NULL) == (low <= 0 <= high)
    assert (finding is Finding.BETTER) == (low > 0)
