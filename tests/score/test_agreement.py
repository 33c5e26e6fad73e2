"""Two annotators, or more."""

from __future__ import annotations

import pytest

from aligntui.score.verdicts.agreement import annotator_agreement, group_agreement
from aligntui.score.verdicts.judgement import Judgement
from tests.score.builders import judgement


def both(pair: str, mine: str, yours: str, *, swapped: bool = False) -> list[Judgement]:
    """Verdicts of two annotators on one pair; `swapped` shows it the other way round to the second."""
    sides = ("tuned", "base") if swapped else ("base", "tuned")
    return [judgement(mine, pair=pair), judgement(yours, *sides, pair=pair, annotator="you")]


def test_a_worked_example() -> None:
    """Of 11 pairs 9 with the same verdict; of 10 that both decided 9 with the same answer.

    Base stands first in the alphabet. I: 6 first, 5 second; you: 4 first, 6 second, 1 tie. Chance is (6*4 + 5*6) / 121.
    For alpha, two pairs with different verdicts count 2 each; of 22 verdicts 10 are first, 11 second, 1 tie.
    """
    given = [j for i in range(4) for j in both(f"a{i}", "left", "right", swapped=True)]
    given += [j for i in range(5) for j in both(f"b{i}", "right", "right")]
    given += [*both("c", "left", "tie"), *both("d", "left", "left", swapped=True)]
    found = annotator_agreement(given, "me", "you")
    table = {(a, b): n for a, b, n in found.table}
    assert table == {("first", "first"): 4, ("second", "second"): 5, ("first", "tie"): 1, ("first", "second"): 1}
    assert (found.same.k, found.same.n) == (9, 11)
    assert (found.decided.k, found.decided.n) == (9, 10)
    chance = (6 * 4 + 5 * 6) / 121
    assert found.same.chance == pytest.approx(chance)
    assert found.kappa.value == pytest.approx((9 / 11 - chance) / (1 - chance))
    assert found.alpha.value == pytest.approx(1 - 21 * 4 / (22**2 - 10**2 - 11**2 - 1))


def test_the_way_round_does_not_matter() -> None:
    verdicts = [("left", "left"), ("right", "left"), ("tie", "tie"), ("left", "bad"), ("right", "right")]
    mirror = {"left": "right", "right": "left"}
    straight = [j for i, (a, b) in enumerate(verdicts) for j in both(f"p{i}", a, b)]
    swapped = [j for i, (a, b) in enumerate(verdicts) for j in both(f"p{i}", a, mirror.get(b, b), swapped=True)]
    assert annotator_agreement(straight, "me", "you") == annotator_agreement(swapped, "me", "you")


def test_only_what_both_judged_counts_and_the_rest_is_named() -> None:
    given = [
        *both("p", "left", "left"),
        *both("q", "skip", "left"),
        judgement("left", pair="r"),
        judgement("left", pair="s", annotator="you"),
        judgement("left", pair="s", annotator="third"),
    ]
    found = annotator_agreement(given, "me", "you")
    assert found.same.n == 1
    assert found.coverage.as_dict() == {
        "used": 1,
        "total": 4,
        "left_out": {"judged by me alone": 1, "judged by you alone": 1, "skipped by one or both": 1},
    }
    strangers = annotator_agreement(given, "third", "fourth")
    assert (strangers.same.rate, strangers.kappa.value, strangers.alpha.value) == (None, None, None)


def test_swapping_the_annotators_keeps_the_coefficients() -> None:
    given = [j for i in range(12) for j in both(f"p{i}", "left", "left" if i % 3 else "right")]
    given += [j for i in range(12, 20) for j in both(f"p{i}", "right", "right")]
    there, back = annotator_agreement(given, "me", "you"), annotator_agreement(given, "you", "me")
    assert (there.same, there.alpha) == (back.same, back.alpha)
    assert there.kappa.value == pytest.approx(back.kappa.value)


def test_pairs_of_one_prompt_are_resampled_together() -> None:
    given = []
    for i in range(24):
        for one in both(f"p{i}", "left" if i % 4 < 2 else "right", "left" if i % 4 == 0 or i > 11 else "right"):
            given.append(Judgement(**{**vars(one), "prompt": f"prompt {i // 3}"}))
    found = annotator_agreement(given, "me", "you")
    assert (found.same.clusters, found.kappa.clusters, found.alpha.clusters) == (8, 8, 8)


def test_a_group_has_one_alpha() -> None:
    given = [j for i in range(9) for j in both(f"p{i}", "left" if i < 5 else "right", "left" if i < 4 else "right")]
    given += [judgement("left", pair=f"p{i}", annotator="third") for i in range(4)]
    given += [judgement("left", pair="alone", annotator="third"), judgement("skip", pair="p8", annotator="third")]
    found = group_agreement(given)
    assert found.annotators == ("me", "third", "you")
    assert found.alpha.n == 9
    assert found.coverage.as_dict() == {"used": 9, "total": 10, "left_out": {"judged by fewer than two": 1}}
    # one unit with two different values: apart 2; 4*3 + 1 first and 1 + 4*2 second of 22
    assert found.alpha.value == pytest.approx(1 - 21 * 2 / (22**2 - 13**2 - 9**2))
    assert group_agreement([]).alpha.value is None
