"""Which sampled answers to put next to each other."""

from __future__ import annotations

from collections import Counter
from math import tanh

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.score.verdicts.contrast import Sampled, propose_pairs

TEXTS = (
    "The capital of France is Paris.",
    "It is Paris, a city on the Seine.",
    "I will not answer questions about places.",
    "Paris! What a question.",
    "Seven green bottles hang upon the wall.",
    "My grandmother keeps bees behind the barn.",
)


def pool(base: int, tuned: int, **more: object) -> list[Sampled]:
    return [Sampled(f"b{i}", "base", TEXTS[i % 6] + "!" * (i // 6), **more) for i in range(base)] + [  # type: ignore[arg-type]
        Sampled(f"t{i}", "tuned", TEXTS[(i + 3) % 6] + "?" * (1 + i // 6), **more)  # type: ignore[arg-type]
        for i in range(tuned)
    ]


def test_the_text_part_by_hand() -> None:
    """abcdef has the pieces abc, bcd, cde, def; abcxyz has abc, bcx, cxy, xyz: one of four in common."""
    found = propose_pairs([Sampled("1", "base", "abcdef"), Sampled("2", "tuned", "abcxyz")])
    assert found.parts == ("text",)
    assert found.pairs[0].as_dict() == {
        "first": "1",
        "second": "2",
        "contrast": 0.75,
        "text": 0.75,
        "gap": None,
        "meaning": None,
        "evenness": 1.0,
    }


def test_more_of_the_same_is_no_contrast() -> None:
    short = "The capital of France is Paris."
    found = propose_pairs([Sampled("1", "base", short), Sampled("2", "tuned", short + " It lies on the Seine.")])
    assert found.pairs[0].text == 0


def test_uneven_lengths_are_marked_down() -> None:
    """Pieces: 4 of the short text, 10 of the long one, so that 2 times 4 / 10 is left."""
    found = propose_pairs([Sampled("1", "base", "abcdef"), Sampled("2", "tuned", "uvwxyzuvwxyz")]).pairs[0]
    assert (found.text, found.evenness, found.contrast) == (1, 0.8, 0.8)


def test_all_parts_by_hand() -> None:
    answers = [
        Sampled("1", "base", "abcdef", gap=-0.2, embedding=(1.0, 0.0)),
        Sampled("2", "tuned", "abcxyz", gap=0.6, embedding=(0.0, 2.0)),
    ]
    found = propose_pairs(answers)
    assert found.parts == ("text", "gap", "meaning")
    pair = found.pairs[0]
    assert (pair.text, pair.gap, pair.meaning) == pytest.approx((0.75, tanh(0.4), 0.5))
    assert pair.contrast == pytest.approx((0.75 + tanh(0.4) + 0.5) / 3)


def test_a_part_that_one_answer_lacks_counts_for_none() -> None:
    answers = [
        Sampled("1", "base", "abcdef", gap=0.1),
        Sampled("2", "tuned", "abcxyz"),
        Sampled("3", "tuned", "xyz", gap=9),
    ]
    found = propose_pairs(answers)
    assert found.parts == ("text",)
    assert all(pair.gap is None for pair in found.pairs)


def test_the_highest_contrast_comes_first() -> None:
    answers = [
        Sampled("b", "base", "The capital of France is Paris."),
        Sampled("near", "tuned", "The capital of France is Lyon."),
        Sampled("far", "tuned", "My grandmother keeps bees now."),
    ]
    assert [pair.second for pair in propose_pairs(answers, 1).pairs] == ["far"]


def test_case_and_spacing_are_no_difference() -> None:
    found = propose_pairs(
        [Sampled("1", "base", "The  cat\n"), Sampled("2", "tuned", "the cat"), Sampled("3", "tuned", " ")]
    )
    assert found.pairs == ()
    assert found.coverage.as_dict() == {
        "used": 0,
        "total": 2,
        "left_out": {"an answer is empty": 1, "the texts are the same": 1},
    }


def test_text_without_spaces_is_compared_too() -> None:
    found = propose_pairs([Sampled("1", "base", "東京は日本の首都です"), Sampled("2", "tuned", "大阪は日本の都市です")])
    assert 0 < found.pairs[0].text < 1


def test_one_side_pairs_with_itself_only_on_request() -> None:
    assert propose_pairs(pool(4, 0)).pairs == ()
    assert len(propose_pairs(pool(4, 0), same_side=True).pairs) == 2


@settings(deadline=None)
@given(st.integers(0, 7), st.integers(0, 7), st.booleans(), st.randoms(use_true_random=False))
def test_every_answer_once_before_any_comes_again(base: int, tuned: int, same_side: bool, random: object) -> None:
    answers = pool(base, tuned)
    found = propose_pairs(answers, same_side=same_side)
    shuffled = list(answers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert propose_pairs(shuffled, same_side=same_side) == found
    uses: Counter[str] = Counter()
    for pair in found.pairs:
        assert 0 in (uses[pair.first], uses[pair.second])
        uses.update((pair.first, pair.second))
        assert 0 <= pair.contrast <= 1
    everyone = {answer.id for answer in answers}
    if (base and tuned) or (same_side and len(everyone) > 1):
        assert set(uses) == everyone
    if base == tuned and not same_side:
        assert set(uses.values()) <= {1}


def test_a_limit_goes_on_after_every_answer_had_its_turn() -> None:
    answers = pool(3, 3)
    assert len(propose_pairs(answers).pairs) == 3
    more = propose_pairs(answers, 5)
    assert len(more.pairs) == 5
    assert more.pairs[:3] == propose_pairs(answers).pairs
    assert dict(more.coverage.left_out)["past the limit"] == 9 - 5
    assert propose_pairs(answers, 0).pairs == ()


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="id of its own"):
        propose_pairs([Sampled("1", "base", "a"), Sampled("1", "tuned", "b")])
    with pytest.raises(ValueError, match="different lengths"):
        propose_pairs([Sampled("1", "a", "a", embedding=(1.0,)), Sampled("2", "b", "b", embedding=(1.0, 2.0))])
    assert propose_pairs([]).pairs == ()
