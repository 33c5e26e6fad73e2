"""Words per answer and their change, against counts by hand and the figures of the source."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntui.score.answers.verbosity import verbosity
from aligntui.score.answers.words import count_words, is_unspaced


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        (" \n\t", 0),
        ("one", 1),
        ("one two\nthree", 3),
        ("well-known, isn't it?", 3),
        ("a - b", 3),
        ("- item\n- item", 4),
        ("안녕하세요 여러분", 2),
        ("добрый день", 2),
        ("我会帮助你。", 5),
        ("我用 Python 写代码", 6),
        ("こんにちは、世界！", 7),
        ("สวัสดี", 4),
        ("The word 法 means law.", 5),
    ],
)
def test_words_are_pieces_between_spaces_or_characters_of_scripts_without(text: str, words: int) -> None:
    assert count_words(text) == words


@pytest.mark.parametrize(
    ("text", "unspaced"),
    [("", False), ("abc", False), ("法", True), ("法律 a", True), ("法 a", False), ("。", False), ("한국어", False)],
)
def test_two_characters_to_a_word_decide(text: str, unspaced: bool) -> None:
    assert is_unspaced(text) is unspaced


def words(n: int) -> str:
    return " ".join(["word"] * n)


def test_a_run_counted_by_hand() -> None:
    base = [words(10), words(20), words(30), words(5), None]
    adapter = [words(5), words(20), words(12), "", words(9)]
    result = verbosity(base, adapter)
    # means over the four prompts with both: 65 / 4 and 37 / 4 words
    assert (result.words.first, result.words.second) == (16.25, 9.25)
    assert result.words.difference.value == -7.0
    assert result.percent.value == pytest.approx(100 * (37 - 65) / 65)
    assert (result.longer, result.shorter, result.same, result.empty) == (0, 3, 1, (0, 1))
    assert result.words.coverage.as_dict() == {"used": 4, "total": 5, "left_out": {"first could not be checked": 1}}
    assert (result.counted, result.unspaced, result.note) == ("words", (0, 0), "")
    json.dumps(result.as_dict())


def test_the_change_in_per_cent_is_that_of_the_source() -> None:
    # 228.3 to 131.3 words: ten answers with these means
    base = [words(n) for n in (228,) * 7 + (229,) * 3]
    adapter = [words(n) for n in (131,) * 7 + (132,) * 3]
    result = verbosity(base, adapter)
    assert (result.words.first, result.words.second) == (228.3, 131.3)
    assert round(result.percent.value or 0, 1) == -42.5


def test_the_interval_holds_the_value_and_is_the_same_twice() -> None:
    base = [words(50 + 7 * i % 31) for i in range(30)]
    adapter = [words(20 + 11 * i % 37) for i in range(30)]
    result = verbosity(base, adapter)
    low, high = result.percent.low, result.percent.high
    assert low is not None and high is not None and result.percent.value is not None
    assert low < result.percent.value < high < 0
    assert (low, high) == (verbosity(base, adapter).percent.low, verbosity(base, adapter).percent.high)


def test_a_constant_ratio_has_no_width() -> None:
    result = verbosity([words(10), words(20), words(40)], [words(5), words(10), words(20)])
    assert (result.percent.value, result.percent.low, result.percent.high) == (-50.0, -50.0, -50.0)


def test_prompts_that_come_again_are_drawn_whole() -> None:
    base, adapter = [words(10)] * 12, [words(n) for n in (5, 5, 8, 8, 12, 12, 20, 20, 9, 9, 15, 15)]
    apart, together = verbosity(base, adapter), verbosity(base, adapter, [i // 2 for i in range(12)])
    assert apart.percent.value == together.percent.value == pytest.approx(15.0)
    assert together.percent.clusters == 6 and apart.percent.clusters == 12
    widths = [(one.percent.high or 0) - (one.percent.low or 0) for one in (apart, together)]
    assert widths[1] > widths[0]


@pytest.mark.parametrize(
    ("base", "adapter", "note"),
    [
        ([], [], "no item with both"),
        ([None], ["a"], "no item with both"),
        (["", " "], ["a", "b"], "the base said nothing"),
        (["a b"], ["a"], "one prompt has no spread"),
    ],
)
def test_where_there_is_no_interval_the_result_says_why(
    base: list[str | None], adapter: list[str | None], note: str
) -> None:
    result = verbosity(base, adapter)
    assert result.percent.low is None and note in result.percent.note


def test_a_base_that_is_nearly_always_silent_has_no_interval_in_per_cent() -> None:
    result = verbosity(["", "", "", "", "", "a"], ["a"] * 6)
    assert result.percent.value == 500.0 and result.percent.low is None
    assert "too many resamples" in result.percent.note and result.words.difference.low is not None


def test_scripts_without_spaces_are_named() -> None:
    mixed = verbosity(["one two", "three"], ["我会帮助你。", "四"])
    assert mixed.unspaced == (0, 2) and "one of units" in mixed.note
    assert mixed.counted == "words, or characters of scripts without spaces"
    same = verbosity(["我会。"], ["我会帮助你。"])
    assert (same.counted, same.note) == ("characters of scripts without spaces", "")
    assert (same.words.first, same.words.second) == (2.0, 5.0)


def test_runs_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="same items"):
        verbosity(["a"], [])


@given(st.text())
def test_any_text_has_a_count(text: str) -> None:
    assert 0 <= count_words(text) <= len(text)
    if not is_unspaced(text):
        assert count_words(text) == len(text.split())


@given(st.lists(st.tuples(st.none() | st.text(max_size=20), st.none() | st.text(max_size=20)), max_size=6))
def test_any_answers_can_be_compared(pairs: list[tuple[str | None, str | None]]) -> None:
    base, adapter = [a for a, _ in pairs], [b for _, b in pairs]
    result = verbosity(base, adapter, resamples=50)
    assert result.longer + result.shorter + result.same == result.words.coverage.used
    assert result.words.coverage.total == len(pairs)
