"""Where two texts part."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntui.core.word_diff import Span, split_words, word_diff

texts = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(["the", "cat", " ", "  ", "\n", ".", "日", "本", "don't", "é", "_x"]), max_size=30).map(
        "".join
    ),
)


@given(texts, texts)
def test_the_spans_of_a_side_join_back_to_it(left: str, right: str) -> None:
    a, b = word_diff(left, right)
    assert "".join(span.text for span in a) == left
    assert "".join(span.text for span in b) == right


@given(texts, texts)
def test_spans_alternate_and_are_never_empty(left: str, right: str) -> None:
    for spans in word_diff(left, right):
        assert all(span.text for span in spans)
        assert all(a.same != b.same for a, b in pairwise(spans))


@given(texts)
def test_equal_texts_have_no_difference(text: str) -> None:
    assert all(span.same for side in word_diff(text, text) for span in side)


@given(texts)
def test_words_join_back(text: str) -> None:
    assert "".join(split_words(text)) == text


def test_a_replaced_phrase_is_one_span() -> None:
    assert word_diff("I like green tea now.", "I like strong coffee now.") == (
        (Span("I like ", True), Span("green tea", False), Span(" now.", True)),
        (Span("I like ", True), Span("strong coffee", False), Span(" now.", True)),
    )


def test_against_nothing_all_is_different() -> None:
    assert word_diff("a b", "") == ((Span("a b", False),), ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("don't stop!", ["don't", " ", "stop", "!"]),
        ("日本語", ["日", "本", "語"]),
        ("a\n\nb", ["a", "\n\n", "b"]),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert split_words(text) == words
