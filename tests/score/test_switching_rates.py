"""Switch rates by side, instruction, domain and source, confusion and the list of what did not switch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.score.intervals import clustered_rate
from aligntui.score.results import Rate
from aligntui.score.switching.cells import AnswerTable, Prototypes, WordingKind
from aligntui.score.switching.rates import (
    NotSwitched,
    SideRate,
    confusion,
    group_rates,
    instruction_rates,
    not_switched,
    side_rate,
    word_switch,
)
from aligntui.score.switching.recogniser import recognise
from aligntui.score.switching.slots import grids
from aligntui.score.wording import Finding
from tests.score.test_switching_cells import AXES, angle, recognition_of, row, simulated, table_of


def rate_of(table: AnswerTable, candidates: Prototypes = AXES, side: str = "base", resamples: int = 200) -> SideRate:
    return side_rate(
        table, recognition_of(table, candidates), grids(table, candidates.types), side, resamples=resamples
    )


def worked() -> AnswerTable:
    """p switches, q is the wrong way round, r answers twice the same, s has an empty answer to b, t waits for one."""
    return table_of(
        [
            row("p", "a", angle(0), domain="work", source="news"),
            row("p", "b", angle(90), domain="work", source="news"),
            row("q", "a", angle(90), domain="work"),
            row("q", "b", angle(0), domain="work"),
            row("r", "a", angle(45), domain="home"),
            row("r", "b", angle(45), domain="home"),
            row("s", "a", angle(0), domain="home"),
            row("s", "b", angle(0), domain="home", answer=""),
            row("t", "a", angle(0)),
            row("t", "b", angle(0), answer=None),
            row("p", "a", angle(5), wording=WordingKind.INDIRECT),
            row("p", "b", angle(1), wording=WordingKind.INDIRECT),
            row("p", "a", angle(0), "tuned"),
            row("p", "b", angle(90), "tuned"),
        ]
    )


def test_a_worked_example() -> None:
    """Credits: p 1 + 1, q 0 + 0, r 1/2 + 1/2, s 1/2 (nothing to be told from) + 0; 3.5 of 8, t is left out."""
    found = rate_of(worked())
    assert (found.rate.k, found.rate.n, found.rate.chance) == (3.5, 8, 0.5)
    assert (found.rate.clusters, found.rate.method) == (4, "wilson, effective n")
    assert (found.empty, found.undivided) == (1, 3)
    assert found.coverage.as_dict() == {
        "used": 8, "total": 10,
        "left_out": {"another instruction to the prompt not answered": 1, "not answered": 1},
    }  # fmt: skip
    # names dealt out at random: one half in p, q and r, and 1/4 in s, where half the answers are named at one half
    assert found.dealt == pytest.approx((2 * 0.5 * 3 + 2 * 0.25) / 8)
    assert found.resampled_low is not None and found.resampled_high is not None
    assert 0 <= found.resampled_low <= 3.5 / 8 <= found.resampled_high <= 1


def test_the_row_is_flat() -> None:
    plain = rate_of(worked()).as_dict()
    assert list(plain)[:7] == ["side", "k", "n", "rate", "low", "high", "chance"]
    assert (plain["side"], plain["k"], plain["rate"], plain["chance"]) == ("base", 3.5, 3.5 / 8, 0.5)
    assert plain["recogniser"] == "nearest prototype"
    assert plain["coverage"]["total"] == 10


def test_a_perfect_side_has_rate_one_and_still_an_interval() -> None:
    found = rate_of(
        table_of([row(f"p{i}", name, angle(turn)) for i in range(9) for name, turn in (("a", 0), ("b", 90))])
    )
    assert (found.rate.k, found.rate.rate, found.rate.high) == (18, 1, 1)
    assert found.rate.low is not None and 0.5 < found.rate.low < 1
    assert found.wording.finding is Finding.BETTER


@pytest.mark.parametrize("m", [2, 3, 7, 10])
def test_identical_answers_are_exactly_at_chance(m: int) -> None:
    candidates = Prototypes(tuple(map(str, range(m))), np.eye(m))
    rows = [row(f"p{p}", name, np.arange(m) + p + 1) for p in range(12) for name in candidates.types]
    found = rate_of(table_of(rows), candidates)
    assert (found.rate.k, found.rate.n) == (12, 12 * m)
    assert found.rate.rate == pytest.approx(1 / m)
    assert found.dealt == pytest.approx(1 / m)
    assert found.undivided == 12 * m
    assert found.wording.finding is Finding.NULL


def test_a_side_without_answers_is_empty() -> None:
    found = rate_of(table_of([row("p", "a", (1, 0), answer=None), row("p", "b", (0, 1), answer=None)]))
    assert (found.rate.n, found.rate.rate, found.dealt, found.resampled_low) == (0, None, None, None)
    assert found.wording.finding is Finding.UNKNOWN
    assert found.coverage.as_dict() == {"used": 0, "total": 2, "left_out": {"not answered": 2}}


def test_rates_by_instruction_hold_the_name_against_its_use_elsewhere() -> None:
    """Everything is taken for a: a has rate 1, and so has the share of the others taken for a."""
    rows = [
        row(f"p{i}", name, vector)
        for i in range(4)
        for name, vector in (("a", (1, 0, 0)), ("b", (1, 0.1, 0.1)), ("c", (1, 0.1, 0.1)))
    ]
    candidates = Prototypes(("a", "b", "c"), np.array([[1.0, 0, 0], [0, 1, 0], [0, 0.6, 0.8]]))
    table = table_of(rows)
    found = {rate.instruction: rate for rate in instruction_rates(table, recognition_of(table, candidates), "base")}
    assert found["a"].rate.rate == 1 and found["a"].elsewhere.rate == 0
    assert found["b"].rate.rate == 0 and found["c"].rate.rate == 1
    assert (found["c"].elsewhere.k, found["c"].elsewhere.n) == (4, 8)
    assert found["c"].rate.chance == found["c"].elsewhere.chance == pytest.approx(1 / 3)
    assert found["a"].rate.method == "wilson"


def test_rates_by_domain_and_source() -> None:
    table = worked()
    named = recognition_of(table)
    domains = {found.group: found.rate for found in group_rates(table, named, "base", lambda cell: cell.domain)}
    assert {name: (rate.k, rate.n) for name, rate in domains.items()} == {"home": (1.5, 4), "work": (2, 4)}
    sources = group_rates(table, named, "base", lambda cell: cell.source)
    assert [(found.group, found.rate.n) for found in sources] == [("news", 2), ("not stated", 6)]
    assert group_rates(table, named, "tuned", lambda cell: cell.source) == ()


def test_confusion_adds_up() -> None:
    table = worked()
    found = confusion(table, recognition_of(table), "base")
    # a: p for a, q for b, r and s half and half; b: p for b, q for a, r half and half, s none
    assert found.types == ("a", "b")
    assert found.rows == ((2, 2, 0), (1.5, 1.5, 1))
    assert found.rows[0][0] + found.rows[1][1] == rate_of(table).rate.k
    assert sum(map(sum, found.rows)) == 8


def test_what_did_not_switch_is_listed_with_the_reason() -> None:
    table = worked()
    found = not_switched(table, recognition_of(table), "base")
    assert [(case.prompt, case.instruction, case.recognised, case.reason) for case in found] == [
        ("q", "a", "b", "named another"),
        ("q", "b", "a", "named another"),
        ("r", "a", None, "equally near to several"),
        ("r", "b", None, "equally near to several"),
        ("s", "a", None, "equally near to several"),
        ("s", "b", None, "empty answer"),
        ("p", "a", "b", "named another"),
        ("p", "b", "a", "named another"),
    ]
    assert found[-1].wording == "indirect"
    assert isinstance(found[0], NotSwitched) and found[0].as_dict()["side"] == "base"
    assert not_switched(table, recognition_of(table), "tuned") == ()


def test_what_may_be_said() -> None:
    assert word_switch(Rate(40, 100, 0.31, 0.498, 0.1, "wilson"), "tuned").sentence == (
        "tuned switches by instruction more often than chance: 40.0% of 100 (95% interval 31.0% to 49.8%, chance 10.0%)."
    )
    assert word_switch(Rate(10, 100, 0.06, 0.17, 0.1, "wilson"), "base").finding is Finding.NULL
    assert word_switch(Rate(1, 100, 0.0, 0.05, 0.1, "wilson"), "base").finding is Finding.WORSE
    # names that suit the instructions that happen to be there are no switching
    assert word_switch(Rate(20, 100, 0.13, 0.28, 0.1, "wilson"), "base", dealt=0.1).finding is Finding.BETTER
    assert word_switch(Rate(20, 100, 0.13, 0.28, 0.1, "wilson"), "base", dealt=0.19).finding is Finding.NULL
    with pytest.raises(ValueError, match="no chance level"):
        word_switch(Rate(1, 100, 0.0, 0.05, None, "wilson"), "base")


def test_gaps_that_suit_the_answers_are_no_switching() -> None:
    """Each prompt is answered under two of six instructions, in the manner of both, but the answers are dealt out by lot. The
    names go to the two that are there, a half of them right: far above 1 / 6, and nothing has switched."""
    rng = np.random.default_rng(2)
    candidates = Prototypes(tuple("abcdef"), np.eye(6))
    rows = []
    for p in range(150):
        types = rng.permutation(6)[:2]
        rows += [
            row(f"p{p}", "abcdef"[place], 1 + candidates.vectors[manner])
            for place, manner in zip(types, rng.permutation(types), strict=True)
        ]
    table = table_of(rows)
    strict = rate_of(table, candidates)
    assert strict.rate.n == 0 and strict.wording.finding is Finding.UNKNOWN
    filling = recognise(table, candidates, unfinished=True)
    shown = side_rate(table, filling, grids(table, candidates.types), "base", resamples=100)
    assert shown.rate.low is not None and shown.rate.low > 0.3
    assert shown.dealt == pytest.approx(0.5)
    assert shown.wording.finding is Finding.NULL


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.floats(0, 2))
def test_a_rate_is_the_mean_credit_of_its_parts(seed: int, strength: float) -> None:
    table, candidates = simulated(7, sides={"base": strength}, seed=seed)
    named = recognition_of(table, candidates)
    whole = rate_of(table, candidates, resamples=50)
    by_instruction = instruction_rates(table, named, "base")
    by_domain = group_rates(table, named, "base", lambda cell: cell.domain)
    assert sum(found.rate.k for found in by_instruction) == pytest.approx(whole.rate.k)
    assert sum(found.rate.n for found in by_domain) == whole.rate.n
    assert whole.dealt == pytest.approx(whole.rate.chance)
    assert len(not_switched(table, named, "base")) == whole.rate.n - whole.rate.k
    matrix = np.array(confusion(table, named, "base").rows)
    assert matrix.sum(1).tolist() == [7] * 4
    credit = named.credit
    again = clustered_rate(((cell.prompt, float(c)) for cell, c in zip(table.cells, credit, strict=True)), 0.25)
    assert (whole.rate.low, whole.rate.high) == (again.low, again.high)


def test_the_interval_covers_and_so_does_the_resampled_one() -> None:
    """200 simulated runs of 30 prompts x 4 instructions, whose prompts differ in how easily they switch, against the rate
    of 4,000 prompts."""
    large, candidates = simulated(4000, seed=77)
    truth = rate_of(large, candidates, resamples=2).rate.rate
    assert truth is not None and 0.35 < truth < 0.9
    hits = np.zeros(2)
    for seed in range(200):
        found = rate_of(*simulated(30, seed=seed), resamples=400)
        for place, (low, high) in enumerate(
            ((found.rate.low, found.rate.high), (found.resampled_low, found.resampled_high))
        ):
            assert low is not None and high is not None
            hits[place] += low <= truth <= high
    assert (hits / 200 >= 0.90).all() and (hits / 200 <= 0.995).all()


def test_answers_that_ignore_their_instruction_are_found_above_chance_no_more_often_than_they_should() -> None:
    """300 simulated runs at strength 0: the interval lies above chance in about 2.5% of them."""
    above = sum(
        rate_of(*simulated(25, sides={"base": 0.0}, seed=seed), resamples=2).wording.finding is Finding.BETTER
        for seed in range(300)
    )
    assert above <= 15
