"""Sentences as English Punkt counts them, and what it cannot count."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.score.track_a.sentences import sentences, why_no_sentences


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        (" \n ", 0),
        ("One", 1),
        ("One sentence.", 1),
        ("One sentence. And another.", 2),
        ("Really? Yes! Good.", 3),
        ("Dr. Okafor met Mrs. Lindqvist at 5 p.m. on Monday.", 1),
        # the English parameters do not know "e.g."; the method that Track A is defined by counts so too
        ("Take herbs, e.g. thyme, and chop them.", 2),
        ("It weighs 3.5 kg. It costs little.", 2),
        ('"Stop!" she said. He did.', 3),
        ("A line without a full stop\nAnd another line", 1),
        ("First line.\nSecond line.", 2),
        ("Wait... then go.", 1),
        ("One. Two.  \n\n", 2),
    ],
)
def test_punkt_counts_sentences(text: str, count: int) -> None:
    assert sentences(text) == count


@pytest.mark.parametrize(
    "text",
    [
        "\u6c34\u5f88\u91cd\u8981\u3002\u6211\u4eec\u6bcf\u5929\u559d\u6c34\u3002",
        "\u0e19\u0e49\u0e33\u0e2a\u0e33\u0e04\u0e31\u0e0d\u0e21\u0e32\u0e01",
        "\u092a\u093e\u0928\u0940 \u091c\u0930\u0942\u0930\u0940 \u0939\u0948\u0964",
        "\u067e\u0627\u0646\u06cc \u0636\u0631\u0648\u0631\u06cc \u06c1\u06d2\u06d4",
        "\u1235\u120b\u121d\u1362",
    ],
)
def test_other_ends_of_sentences_are_not_passed_over_in_silence(text: str) -> None:
    assert why_no_sentences(text)


@pytest.mark.parametrize(
    "text",
    [
        "Plain.",
        "\u00bfQu\u00e9? \u00a1S\u00ed!",
        "\u0414\u0430. \u041d\u0435\u0442.",
        "\u041d\u0435\u0442\u2026",
        "The sign \u6c34 means water.",
        "",
    ],
)
def test_what_ends_like_english_can_be_counted(text: str) -> None:
    assert why_no_sentences(text) == ""


@settings(deadline=None)  # the first call loads the parameters
@given(st.text())
def test_any_text_has_a_number_of_sentences(text: str) -> None:
    count = sentences(text)
    assert (count == 0) == (not text.strip())


@settings(deadline=None)
@given(st.integers(1, 12))
def test_plain_sentences_are_counted_one_by_one(count: int) -> None:
    assert sentences(" ".join(["The lamp is lit."] * count)) == count
