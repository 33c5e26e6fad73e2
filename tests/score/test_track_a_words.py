"""Words of an answer: counted by white space, found as whole words in every disguise that an answer may give them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntui.score.track_a.words import has_content, is_mostly_unspaced, occurrences, whitespace_words, why_no_word


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        (" \n\t ", 0),
        ("one", 1),
        ("one  two\nthree\tfour", 4),
        ("a well-known man's hat", 4),
        ("no-break\u00a0space", 2),
        ("- a list", 3),
        ("here \u2014 there", 3),
        ("here\u2014there", 1),
    ],
)
def test_words_are_runs_without_white_space(text: str, count: int) -> None:
    assert whitespace_words(text) == count


@pytest.mark.parametrize(
    ("text", "word", "count"),
    [
        ("", "river", 0),
        ("River, RIVER; (river) river! river? river.", "river", 6),
        ("rivers riverbed subriver", "river", 0),
        ("The river's bed and the river\u2019s mouth", "river", 2),
        ("a river-boat on an un-river", "river", 2),
        ("**river** _river_ `river` #river", "river", 4),
        ("river/sea river\u2014sea river\u2026", "river", 3),
        ("river2 2river", "river", 0),
        ("river1river river", "river", 1),
        ("don't don\u2019t don\u02bct DON\uff07T", "don't", 4),
        ("well-known well\u2010known well\u2011known well known", "well-known", 3),
        ("STRASSE stra\u00dfe", "Stra\u00dfe", 2),
        ("\u0130stanbul", "istanbul", 0),
        ("caf\u00e9 cafe\u0301 cafe", "caf\u00e9", 2),
        ("caf\u00e9 cafe\u0301 cafe", "cafe", 1),
        ("x\u0301 x", "x", 1),
        ("\u00e9t\u00e9 e\u0301te\u0301", "t", 0),
        ("wa\u00adter wa\u200bter", "water", 2),
        ("\uff57\uff41\uff54\uff45\uff52", "water", 1),
        ("\u2764\ufe0fwater\u2764\ufe0f 3\ufe0f\u20e3 water", "water", 2),
        ("\u6211\u559c\u6b22water\u5f88\u591a", "water", 1),
        ("\u6c34\u3092water\u3068\u3044\u3046", "water", 1),
        ("\u0e19\u0e49\u0e33water", "water", 1),
        ("\u0432\u043e\u0434\u0430 \u0412\u043e\u0434\u0430, \u0432\u043e\u0434\u044b", "\u0432\u043e\u0434\u0430", 2),
        ("\ubb3c\uc744 \ubb3c", "\ubb3c", 1),
    ],
)
def test_a_whole_word_has_nothing_of_a_word_beside_it(text: str, word: str, count: int) -> None:
    assert occurrences(text, word) == count


@pytest.mark.parametrize(
    "word", ["", " ", "two words", "-river", "river'", "a--b", "!", "\u6c34", "\u0e19\u0e49\u0e33"]
)
def test_what_is_no_single_word_is_refused_with_the_reason(word: str) -> None:
    reason = why_no_word(word)
    assert reason.startswith("must be")
    with pytest.raises(ValueError, match="The word must be"):
        occurrences("text", word)


def test_a_script_without_spaces_is_named_as_the_reason() -> None:
    assert "whole words cannot be told" in why_no_word("\u6c34")
    assert "whole words" not in why_no_word("two words")


@pytest.mark.parametrize(
    ("text", "unspaced"),
    [
        ("", False),
        ("plain English", False),
        ("the sign \u6c34 means water", False),
        ("\u6c34\u306f\u5927\u5207\u3067\u3059 OK", True),
        ("\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", True),
        ("\ubb3c\uc774 \uc911\uc694\ud569\ub2c8\ub2e4", False),
    ],
)
def test_mostly_unspaced_means_more_than_half_of_the_letters(text: str, unspaced: bool) -> None:
    assert is_mostly_unspaced(text) is unspaced


@pytest.mark.parametrize(
    ("text", "content"), [("", False), (" ...\n\u2014 \U0001f642", False), ("7", True), ("\u6c34", True)]
)
def test_content_is_a_letter_or_a_digit(text: str, content: bool) -> None:
    assert has_content(text) is content


_PLAIN = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
_BETWEEN = st.sampled_from([" ", ", ", ". ", "\n", " (", ") ", "\u2014", "/", " \u201c", "\u201d ", "-", "_", "**"])


@given(st.lists(st.tuples(_PLAIN, _BETWEEN)), _PLAIN)
def test_every_planted_word_is_counted_and_nothing_else(pieces: list[tuple[str, str]], word: str) -> None:
    text = "".join(piece + between for piece, between in pieces) + word
    assert occurrences(text, word) == sum(piece == word for piece, _ in pieces) + 1
    assert occurrences(text.upper(), word) == occurrences(text, word)


@given(st.text(), st.sampled_from(["water", "don't", "well-known", "\u00e9t\u00e9"]))
def test_composition_of_characters_makes_no_difference(text: str, word: str) -> None:
    composed, decomposed = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
    assert occurrences(composed, word) == occurrences(decomposed, word)


@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    assert 0 <= occurrences(text, "a") <= len(text) + 1
    if not why_no_word(text):
        assert occurrences(f"{text} {text}", text) == 2
