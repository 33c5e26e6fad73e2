"""Orientation, first verdicts, repeats."""

from __future__ import annotations

import pytest

from aligntui.core.pair import Verdict
from aligntui.score.verdicts.judgement import Choice, first_verdicts, link_repeats
from tests.score.builders import judgement


@pytest.mark.parametrize(
    ("verdict", "swapped", "choice"),
    [
        ("left", "right", Choice.FIRST),
        ("right", "left", Choice.SECOND),
        ("tie", "tie", Choice.TIE),
        ("bad", "bad", Choice.BAD),
        ("skip", "skip", None),
    ],
)
def test_a_verdict_is_the_same_whichever_way_round_it_was_shown(verdict: str, swapped: str, choice: Choice) -> None:
    seen = judgement(verdict, "base", "tuned", pair="p")
    other = judgement(swapped, "tuned", "base", pair="p")
    assert seen.pair == other.pair
    assert seen.ordered == other.ordered
    assert seen.choice is other.choice is choice


def test_the_order_is_by_side_and_then_by_answer() -> None:
    by_side = judgement("left", "zeta", "alpha", left_answer="1", right_answer="2")
    assert [shown.side for shown in by_side.ordered] == ["alpha", "zeta"]
    assert by_side.choice is Choice.SECOND
    one_side = judgement("left", "base", "base", left_answer="2", right_answer="1")
    assert [shown.answer for shown in one_side.ordered] == ["1", "2"]
    assert one_side.choice is Choice.SECOND


def test_chosen_and_rejected() -> None:
    won = judgement("right", "base", "tuned")
    assert won.chosen is won.right
    assert won.rejected is won.left
    tie = judgement("tie")
    assert tie.chosen is None
    assert tie.rejected is None


def test_the_instruction_is_the_common_one() -> None:
    assert judgement("left", instruction="concise").instruction == "concise"
    assert judgement("left", instruction=("concise", "polite")).instruction is None


def test_without_a_prompt_a_pair_stands_for_itself() -> None:
    assert judgement("left", prompt="").cluster != judgement("left", prompt="").cluster
    assert (
        judgement("left", pair="p", prompt="").cluster
        == judgement("left", "tuned", "base", pair="p", prompt="").cluster
    )


def test_the_first_verdict_counts_whatever_order_they_come_in() -> None:
    first = judgement("left", pair="p", at="1")
    again = judgement("left", "tuned", "base", pair="p", at="2")
    other = judgement("tie", pair="p", at="3", annotator="you")
    assert first_verdicts([other, again, first]) == [first, other]


def test_a_skip_gives_way_to_a_verdict() -> None:
    skip, verdict = judgement("skip", pair="p", at="1"), judgement("left", pair="p", at="2")
    assert first_verdicts([skip, verdict]) == [verdict]
    assert first_verdicts([skip]) == [skip]


def test_a_repeat_never_counts_as_a_preference() -> None:
    skip = judgement("skip", pair="p")
    again = judgement("left", pair="p", repeat_of=skip.id)
    assert first_verdicts([skip, again]) == [skip]
    assert first_verdicts([again]) == []


def test_what_compares_nothing_is_no_judgement() -> None:
    with pytest.raises(ValueError, match="compares no two answers"):
        judgement(Verdict.EXAMPLE)


def test_later_verdicts_become_repeats_of_the_first() -> None:
    first, second, third = (judgement("left", pair="p", id=name) for name in "abc")
    other = judgement("left", pair="p", annotator="you")
    marked = judgement("left", pair="p", repeat_of="b", id="d")
    linked = {j.id: j.repeat_of for j in link_repeats([third, other, first, second, marked])}
    assert linked == {"a": None, "b": "a", "c": "a", other.id: None, "d": "b"}
