"""A report as text for a terminal: nothing wider than the line, nothing that drives the terminal, tables that stay tables."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from aligntui.score.reporting.document import Document, Figure, Section, Table, count, percent
from aligntui.score.reporting.text import PROSE_ROWS, text_lines, wrapped

TEXTS = st.text(max_size=80)


def document(*parts: str | Table | Figure, commands: tuple[str, ...] = ()) -> Document:
    return Document("A report", (Section("First", parts),), commands)


def body(*parts: str | Table | Figure, width: int = 80) -> list[str]:
    return text_lines(document(*parts), width)[5:]


RATES = Table(
    "rates",
    ("side", "switch rate", "dealt at random", "answers"),
    (("base", percent(0.1), percent(0.125), count(1200)), ("demo x0.5", percent(0.9), percent(0.1), count(7))),
)


def test_figures_stand_in_columns_texts_at_the_left() -> None:
    assert body(RATES)[1:] == [
        "side       switch rate  dealt at random  answers",
        "base             10.0%            12.5%    1,200",
        "demo x0.5        90.0%            10.0%        7",
    ]


def test_wide_heads_go_on_several_lines_before_anything_is_cut() -> None:
    assert body(RATES, width=40)[1:] == [
        "side       switch   dealt  answers",
        "             rate      at",
        "                   random",
        "base        10.0%   12.5%    1,200",
        "demo x0.5   90.0%   10.0%        7",
    ]


def test_texts_are_cut_before_figures() -> None:
    table = Table("t", ("name", "n"), (("a very long name of an adapter and its folder", count(12345678)),))
    assert body(table, width=40)[2] == "a very long name of an adap…  12,345,678"


def test_a_matrix_that_is_too_wide_names_its_columns_by_the_numbers_of_its_rows() -> None:
    names = [f"instruction-type-{n}" for n in range(6)]
    table = Table(
        "m", ("(intended)", *names, "(none)"),
        tuple((name, *(count(n * m) for m in range(7))) for n, name in enumerate(names)), matrix=True,
    )  # fmt: skip
    lines = body(table, width=60)[1:]
    assert lines[0] == "Columns by the numbers of the rows; 7 (none)."
    assert lines[1].split() == ["(intended)", *map(str, range(1, 8))]
    assert lines[3].split() == ["2", "instruction-type-1", *(str(m) for m in range(7))]
    assert body(table, width=200)[1].split() == ["(intended)", *names, "(none)"]


def test_what_fits_in_no_way_is_written_row_by_row() -> None:
    table = Table("t", tuple(f"measure {n}" for n in range(12)), (tuple(count(10**9 + n) for n in range(12)),))
    lines = body(table, width=50)[1:]
    assert lines[0].startswith("measure 0: 1,000,000,000; measure 1:") and " ".join(lines).endswith(
        "measure 11: 1,000,000,011"
    )


def test_whole_texts_are_written_one_below_the_other_and_counted() -> None:
    rows = tuple((f"prompt {n}", "line one\nline two") for n in range(PROSE_ROWS + 3))
    lines = body(Table("answers", ("prompt", "base"), rows, prose=True))
    assert lines[1:3] == ["prompt: prompt 0", "base: line one line two"] and lines[-1] == "... and 3 more"


def test_an_empty_table_says_so_and_figures_are_left_out() -> None:
    assert body(Table("t", ("a", "b"), (), "Nothing happened."), Figure("f", "a picture"))[1:] == [
        "Nothing happened.",
        "(nothing)",
    ]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=4), TEXTS, TEXTS, st.integers(40, 120), st.booleans())
def test_nothing_is_wider_than_the_line_or_drives_the_terminal(rows, text, name, width: int, prose: bool) -> None:
    table = Table("t", ("first", f"second {name}"), tuple(rows), text, prose=prose)
    found = Document(name, (Section("Section", (text, table)),), (text,))
    for line in text_lines(found, width):
        assert cell_len(line) <= width
        assert all(char.isprintable() or char == " " or ord(char) > 0xA0 for char in line) and "\n" not in line


@settings(deadline=None)
@given(st.text(alphabet=st.characters(blacklist_categories=("C", "Z", "M")), max_size=200), st.integers(4, 30))
def test_wrapping_loses_no_character(text: str, width: int) -> None:
    assert "".join(wrapped(text, width)).replace(" ", "") == "".join(text.split())


@pytest.mark.parametrize("width", [10, 12])
def test_words_are_broken_only_where_they_must(width: int) -> None:
    assert wrapped("one two three", width, "  ") == {10: ["  one two", "  three"], 12: ["  one two", "  three"]}[width]
    assert all(cell_len(line) <= 10 for line in wrapped("日本語の答えです。", 10))
