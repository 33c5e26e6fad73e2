"""Nothing that a model writes may drive the terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntui.core.printable import MAX_MARKS, one_line, printable

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
NASTY = "".join(map(chr, (*range(0x20), *range(0x7F, 0xA0)))) + "\u2028\u2029\ufeff\ud800\udfff\u0300" + "".join(BIDI)
hostile = st.text(st.one_of(st.characters(codec=None), st.sampled_from(NASTY)))


@given(hostile)
def test_no_control_character_survives(text: str) -> None:
    safe = printable(text)
    assert [c for c in safe if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c != "\n"] == []
    assert not BIDI & set(safe)
    safe.encode("utf-8")


@given(hostile)
def test_what_is_safe_stays_as_it_is(text: str) -> None:
    safe = printable(text)
    assert printable(safe) == safe


@given(st.text(st.characters(categories=("L", "N", "P", "S"), include_characters=" \n")))
def test_ordinary_text_is_not_touched(text: str) -> None:
    assert printable(text) == text


@given(hostile, st.integers(2, 40))
def test_one_line_is_one_line_of_at_most_that_length(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert "\n" not in line
    assert len(line) <= limit
    assert line == line.strip()


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("\x9b6n", "�6n"),
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("a\tb", "a   b"),
        ("a\x00\x08\x7f", "a␀␈␡"),
        ("\u202egnp.exe", "�gnp.exe"),
        ("a\u2028b\u2029c", "a\nb\nc"),
        ("\ufeffa", "a"),
        ("\ud83d", "�"),
        ("👩\u200d👩\u200d👧 é 日本語", "👩\u200d👩\u200d👧 é 日本語"),
        ("[bold]a[/bold]", "[bold]a[/bold]"),
        ("", ""),
    ],
)
def test_stand_ins(text: str, safe: str) -> None:
    assert printable(text) == safe


def test_zalgo_is_thinned_and_accents_stay() -> None:
    assert printable("e\u0301" + "\u0300" * 50) == "e\u0301" + "\u0300" * (MAX_MARKS - 1)
    assert printable("Việt e\u0323\u0302") == "Việt e\u0323\u0302"


def test_a_cut_line_ends_with_an_ellipsis() -> None:
    assert one_line(" a \n b  c ", 4) == "a b…"
    assert one_line(" a \n b ") == "a b"
