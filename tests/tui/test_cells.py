"""Texts are cut by the cells that they take on the screen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from aligntui.tui.cells import column, fit


def test_wide_characters_count_twice() -> None:
    assert fit("日本の首都はどこですか", 9) == "日本の首…"
    assert fit("日本", 4) == "日本"
    assert fit("日本の", 5) == "日本…"
    assert fit("plain words", 8) == "plain w…"
    assert column("日本の首都", 6) == "日本… "
    assert column("ab", 6) == "ab    "


@given(st.text(), st.integers(0, 30))
def test_nothing_is_wider_than_asked(text: str, cells: int) -> None:
    assert cell_len(fit(text, cells)) <= cells


@given(st.text(), st.integers(1, 30))
def test_a_column_is_exactly_as_wide(text: str, cells: int) -> None:
    assert cell_len(column(text, cells)) == cells
