"""The annotator against themselves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.score.intervals import wilson
from aligntui.score.verdicts.consistency import self_agreement
from aligntui.score.verdicts.judgement import Judgement
from tests.score.builders import judgement


def asked_twice(first: str, again: str, *, swapped: bool = False, **more: object) -> list[Judgement]:
    one = judgement(first, **more)  # type: ignore[arg-type]
    sides = ("tuned", "base") if swapped else ("base", "tuned")
    pair = one.left.answer.partition("/")[0]
    return [one, judgement(again, *sides, pair=pair, repeat_of=one.id)]


def test_a_worked_example() -> None:
    """Ten repeats: 7 the same; of 8 decided twice 6 the same; of 4 swapped 1 flipped, of 4 in place 1 flipped."""
    given = [
        *asked_twice("left", "left"),
        *asked_twice("right", "right"),
        *asked_twice("left", "left"),
        *asked_twice("left", "right"),
        *asked_twice("left", "right", swapped=True),
        *asked_twice("right", "left", swapped=True),
        *asked_twice("left", "right", swapped=True),
        *asked_twice("left", "left", swapped=True),
        *asked_twice("tie", "tie"),
        *asked_twice("tie", "left"),
        *(judgement("left") for _ in range(90)),
    ]
    found = self_agreement(given)
    assert (found.same.k, found.same.n) == (7, 10)
    assert (found.same.low, found.same.high) == pytest.approx(wilson(7, 10))
    assert (found.decided.k, found.decided.n, found.decided.chance) == (6, 8, 0.5)
    assert (found.flipped_swapped.k, found.flipped_swapped.n) == (1, 4)
    assert (found.flipped_in_place.k, found.flipped_in_place.n) == (1, 4)
    assert (found.pairs_judged, found.pairs_repeated) == (100, 10)
    assert found.coverage.as_dict() == {"used": 10, "total": 10, "left_out": {}}
    # by answer: 6 first, 2 second, 2 ties, then 5 first, 4 second, 1 tie, so chance is (6*5 + 2*4 + 2*1) / 100
    assert found.same.chance == pytest.approx(0.4)
    assert found.kappa.value == pytest.approx((0.7 - 0.4) / 0.6)


def test_a_position_follower_is_told_from_a_waverer() -> None:
    follower = [j for i in range(20) for j in asked_twice("left", "left", swapped=i % 2 == 0)]
    found = self_agreement(follower)
    assert (found.flipped_swapped.rate, found.flipped_in_place.rate) == (1, 0)


def test_what_cannot_be_compared_is_counted() -> None:
    one = judgement("left", pair="p")
    found = self_agreement(
        [
            one,
            judgement("left", pair="p", repeat_of="gone"),
            judgement("left", pair="q", repeat_of=one.id),
            judgement("left", pair="p", repeat_of=one.id, annotator="you"),
            judgement("skip", pair="p", repeat_of=one.id),
            *asked_twice("skip", "left"),
        ]
    )
    assert found.coverage.as_dict() == {
        "used": 0,
        "total": 5,
        "left_out": {
            "the first verdict is gone": 1,
            "not the same answers or annotator": 2,
            "first verdict skipped": 1,
            "repeat skipped": 1,
        },
    }
    assert found.same.rate is None
    assert found.kappa.value is None


def test_a_pair_asked_three_times_is_one_draw() -> None:
    given = [j for _ in range(10) for j in asked_twice("left", "left")] + asked_twice("left", "right")
    third = judgement("left", pair=given[0].left.answer.partition("/")[0], repeat_of=given[0].id)
    found = self_agreement([*given, third])
    assert (found.same.n, found.same.clusters, found.pairs_repeated) == (12, 11, 11)
    assert found.same.method == "wilson, effective n"


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(*[st.sampled_from(["left", "right", "tie", "bad", "skip"])] * 2, st.booleans()), max_size=12))
def test_renaming_the_sides_changes_nothing_but_the_labels(rows: list[tuple[str, str, bool]]) -> None:
    """Swapping both showings of every pair leaves agreement as it is."""
    mirror = {"left": "right", "right": "left"}

    def ask(first: str, again: str, swapped: bool, mirrored: bool) -> list[Judgement]:
        if mirrored:
            first, again = mirror.get(first, first), mirror.get(again, again)
        one = judgement(first, *(("tuned", "base") if mirrored else ("base", "tuned")))
        sides = ("base", "tuned") if swapped == mirrored else ("tuned", "base")
        return [one, judgement(again, *sides, pair=one.left.answer.partition("/")[0], repeat_of=one.id)]

    there, back = (
        self_agreement([j for row in rows for j in ask(*row, mirrored=mirrored)], resamples=20)
        for mirrored in (False, True)
    )
    assert there == back
