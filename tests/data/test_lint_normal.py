"""Normal form, words and shingles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntui.data.lint.normal import jaccard, normal, shingles, words

TEXTS = st.text(st.characters(), max_size=40)


@given(TEXTS)
def test_twice_is_the_same_as_once(text: str) -> None:
    assert normal(normal(text)) == normal(text)


@given(TEXTS)
def test_case_and_white_space_fold(text: str) -> None:
    assert normal(f" \n{text}\t") == normal(text)
    if text.isascii():
        assert normal(text.upper()) == normal(text.lower()) == normal(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"),
        ("ＡＢＣ　１２", "abc 12"),
        ("e\u0301te\u0301", "ÉTÉ"),
        ("ﬁne", "FINE"),
        ("soft\u00adhyphen\u200b", "softhyphen"),
        ("a\u200b\u0301", "á"),
        ("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ"),
    ],
)
def test_what_is_folded(one: str, other: str) -> None:
    assert normal(one) == normal(other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don't stop-now, 3.5 x_y!", ["don", "t", "stop", "now", "3", "5", "x_y"]),
        ("…", []),
        ("天気がいい", ["天", "気", "が", "い", "い"]),
        ("用 Python 写", ["用", "python", "写"]),
        ("서울은 춥다", ["서울은", "춥다"]),
        ("naïve café", ["naïve", "café"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(normal(text)) == expected


@given(st.lists(st.sampled_from("abc"), max_size=8), st.integers(1, 5))
def test_shingles_are_every_run(of: list[str], size: int) -> None:
    made = shingles(of, size)
    assert made == ([" ".join(of[i : i + size]) for i in range(len(of) - size + 1)] or ([" ".join(of)] if of else []))


@given(st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_jaccard_is_shared_over_all(a: set[str], b: set[str]) -> None:
    assert jaccard(a, b) == (len(a & b) / len(a | b) if a | b else 1.0)
