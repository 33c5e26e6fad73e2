"""Ratings of several sides."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from aligntui.score.verdicts.bradley_terry import POINTS, bradley_terry
from aligntui.score.verdicts.judgement import Judgement
from tests.score.builders import judgement, wins

# American League 1987, Agresti 2013, table 11.10: wins of the row over the column
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
BASEBALL = np.array(
    [
        [0, 7, 9, 7, 7, 9, 11],
        [6, 0, 7, 5, 11, 9, 9],
        [4, 6, 0, 7, 7, 8, 12],
        [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12],
        [4, 4, 5, 6, 6, 0, 6],
        [2, 4, 1, 3, 1, 7, 0],
    ]
)
AGRESTI = (1.581, 1.436, 1.294, 1.248, 1.108, 0.684, 0.0)


def games(table: np.ndarray, names: tuple[str, ...]) -> list[Judgement]:
    return [j for i in range(len(names)) for k in range(len(names)) for j in wins(names[i], names[k], int(table[i, k]))]


def likeliest(table: np.ndarray, virtual: np.ndarray) -> np.ndarray:
    """Log-odds of mean 0 by direct maximisation of the likelihood with the virtual ties added."""
    weights = table + virtual

    def loss(x: np.ndarray) -> float:
        return float((weights * np.logaddexp(0, x[None, :] - x[:, None])).sum() + 1e-9 * (x**2).sum())

    found = minimize(loss, np.zeros(len(table)), method="BFGS", options={"gtol": 1e-10}).x
    return found - found.mean()


def test_the_textbook_example() -> None:
    found = bradley_terry(games(BASEBALL, TEAMS), reference="Baltimore", prior=1e-9, resamples=50)
    rated = {r.side: r.rating for r in found.ratings}
    assert [rated[team] for team in TEAMS] == pytest.approx(AGRESTI, abs=6e-4)
    assert [r.side for r in found.ratings] == list(TEAMS)
    assert found.expected("Boston", "New York") == pytest.approx(0.465, abs=5e-3)
    assert found.expected("Milwaukee", "Milwaukee") == 0.5


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(0, 6), min_size=12, max_size=12), st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_a_direct_maximisation_finds_the_same(won: list[int], tied: list[int]) -> None:
    names = ("a", "b", "c", "d")
    table = np.zeros((4, 4))
    table[~np.eye(4, dtype=bool)] = won
    ties = np.zeros((4, 4))
    ties[np.triu_indices(4, 1)] = tied
    for i in range(3):
        table[i, i + 1] += 1  # so that all four can be compared
    met = (table + table.T + ties + ties.T) > 0
    given = games(table, names)
    given += [judgement("tie", names[i], names[k]) for i in range(4) for k in range(4) for _ in range(int(ties[i, k]))]
    found = bradley_terry(given, resamples=2)
    virtual = met * (3 / met.sum())
    expected = likeliest(table + (ties + ties.T) / 2, virtual)
    assert [{r.side: r.rating for r in found.ratings}[name] for name in names] == pytest.approx(expected, abs=1e-4)


def test_two_sides_get_firths_half() -> None:
    """The log-odds of (wins + 1/2) against (losses + 1/2)."""
    found = bradley_terry([*wins("a", "b", 7), *wins("b", "a", 2)], reference="b", resamples=50)
    assert found.ratings[0].rating == pytest.approx(np.log(7.5 / 2.5), abs=1e-6)
    assert found.ratings[0].points == pytest.approx(found.ratings[0].rating * POINTS)
    assert pytest.approx(400) == np.log(10) * POINTS


def test_an_unbeaten_side_has_an_open_interval() -> None:
    given = [*wins("best", "a", 8), *wins("best", "b", 8), *wins("a", "b", 6), *wins("b", "a", 5)]
    found = {r.side: r for r in bradley_terry(given, resamples=200).ratings}
    best = found["best"]
    assert (best.unbounded, best.high, best.rank_low, best.rank_high) == ("above", None, 1, 1)
    assert best.low is not None and best.low > 0
    assert (found["a"].unbounded, found["a"].low) == ("below", None)
    worst = {
        r.side: r for r in bradley_terry([*wins("a", "c", 5), *wins("b", "c", 5), *given[16:]], resamples=50).ratings
    }["c"]
    assert (worst.unbounded, worst.low, worst.wins, worst.losses) == ("below", None, 0, 10)
    middle = {r.side: r for r in bradley_terry([*wins("a", "b", 5), *wins("b", "c", 5)], resamples=50).ratings}["b"]
    assert (middle.unbounded, middle.low, middle.high) == ("both", None, None)


def test_a_tie_binds_an_unbeaten_side() -> None:
    given = [*wins("best", "a", 8), judgement("tie", "best", "a"), *wins("a", "b", 3), *wins("b", "a", 3)]
    found = bradley_terry(given, resamples=50)
    assert {r.unbounded for r in found.ratings} == {""}
    assert found.note == ""


def test_sides_that_never_met_are_rated_apart() -> None:
    given = [*wins("a", "b", 6), *wins("b", "a", 3), *wins("x", "y", 5), *wins("y", "x", 4)]
    found = bradley_terry(given, reference="b", resamples=50)
    assert found.components == 2
    assert "a and b; x and y" in found.note
    assert found.expected("a", "x") is None
    rated = {r.side: r.rating for r in found.ratings}
    assert rated["b"] == 0
    assert rated["x"] == pytest.approx(-rated["y"])
    assert [r.component for r in found.ratings] == [0, 0, 1, 1]
    with pytest.raises(KeyError):
        found.expected("a", "nobody")


def test_bad_counts_as_a_tie_and_what_cannot_be_used_is_named() -> None:
    given = [judgement("bad", "a", "b"), judgement("tie", "a", "b"), judgement("skip", "a", "b")]
    given.append(judgement("left", "a", "a", left_answer="1", right_answer="2"))
    given.append(judgement("left", "a", "b", left_answer=given[0].left.answer, right_answer=given[0].right.answer))
    found = bradley_terry(given, resamples=50)
    assert [(r.ties, r.rating) for r in found.ratings] == [(2, pytest.approx(0)), (2, pytest.approx(0))]
    assert found.coverage.as_dict() == {
        "used": 2,
        "total": 5,
        "left_out": {"repeated": 1, "skipped": 1, "both answers of one side": 1},
    }


def test_prompts_are_resampled_whole() -> None:
    table = np.array([[0, 12, 14], [8, 0, 12], [6, 8, 0]])
    given = games(table, ("a", "b", "c"))
    grouped = [Judgement(**{**vars(j), "prompt": f"prompt {i // 5}"}) for i, j in enumerate(given)]
    alone, together = bradley_terry(given, resamples=400), bradley_terry(grouped, resamples=400)
    assert together.clusters == 12
    for one, other in zip(alone.ratings, together.ratings, strict=True):
        assert one.rating == pytest.approx(other.rating)
        assert one.low <= one.rating <= one.high  # type: ignore[operator]
    wide, narrow = together.ratings[0], alone.ratings[0]
    assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)  # type: ignore[operator]


def test_reversing_every_verdict_turns_the_ratings_round() -> None:
    table = np.array([[0, 9, 4], [3, 0, 7], [5, 2, 0]])
    there = bradley_terry(games(table, ("a", "b", "c")), resamples=100)
    back = bradley_terry(games(table.T, ("a", "b", "c")), resamples=100)
    mirrored = {r.side: -r.rating for r in back.ratings}
    assert {r.side: r.rating for r in there.ratings} == pytest.approx(mirrored, abs=1e-6)


def test_sides_that_a_single_verdict_joins() -> None:
    """Slow for the fit: two rounds of many verdicts with one verdict between them, and a chain of unbeaten sides."""
    cliques = [j for x, y in ("ab", "bc", "cd", "xy", "yz", "zw") for j in (*wins(x, y, 60), *wins(y, x, 50))]
    joined = bradley_terry([*cliques, *wins("a", "x", 1)], resamples=2)
    assert joined.components == 1
    assert "settle" not in joined.note
    names = "abcdefghij"
    chain = bradley_terry([j for x, y in pairwise(names) for j in wins(x, y, 200)], resamples=2)
    assert [r.side for r in chain.ratings] == list(names)
    # each of the nine links has one virtual tie: 200.5 wins to 0.5
    gaps = [chain.ratings[i].rating - chain.ratings[i + 1].rating for i in range(9)]
    assert gaps == pytest.approx([np.log(200.5 / 0.5)] * 9, rel=1e-6)
    assert "settle" not in chain.note


def test_no_verdict_and_one_prompt() -> None:
    nothing = bradley_terry([])
    assert (nothing.ratings, nothing.components) == ((), 0)
    assert nothing.note
    one = bradley_terry([judgement("left", "a", "b")], resamples=20)
    assert [(r.low, r.high) for r in one.ratings] == [(None, None), (None, None)]
    assert "one prompt" in one.note
    with pytest.raises(ValueError, match="more than 0"):
        bradley_terry([], prior=0)


def test_the_interval_of_a_rating_covers() -> None:
    """100 simulated sets of 60 prompts over three sides whose true log-odds are 0.8, 0 and -0.8."""
    rng = np.random.default_rng(1)
    truth = {"a": 0.8, "b": 0.0, "c": -0.8}
    hits = 0
    for _ in range(100):
        given = []
        for i in range(60):
            left, right = rng.permutation(list(truth))[:2]
            won = rng.random() < 1 / (1 + np.exp(truth[right] - truth[left]))
            given.append(judgement("left" if won else "right", str(left), str(right), pair=str(i)))
        rated = {r.side: r for r in bradley_terry(given, resamples=100).ratings}
        hits += (rated["a"].low or -9) <= 0.8 <= (rated["a"].high or 9)
    assert 0.90 <= hits / 100 <= 1
