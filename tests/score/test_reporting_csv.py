"""Tables as CSV: numbers to compute with, texts that no spreadsheet runs; and the folder of a report."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.core.errors import EnvironmentProblem
from aligntui.score.reporting.csv_table import csv_text
from aligntui.score.reporting.document import (
    Document,
    Section,
    Table,
    Value,
    count,
    coverage_text,
    estimate_cells,
    interval,
    number,
    p_cell,
    percent,
    points_cells,
    rate_cells,
)
from aligntui.score.reporting.files import write_document
from aligntui.score.results import Coverage, Estimate, Rate


def read(table: Table) -> list[list[str]]:
    return list(csv.reader(io.StringIO(csv_text(table), newline="")))


def test_figures_are_numbers_with_all_their_digits_and_intervals_two_columns() -> None:
    rate = Rate(2, 3, 0.1234567890123, None, 0.5, "wilson")
    rows = (
        ("base", *rate_cells(rate), p_cell(0.0001)),
        ("demo", percent(None), interval(0.25, 0.5), count(1200), p_cell(None)),
    )
    assert read(Table("t", ("side", "rate", "95% interval", "answers", "p"), rows)) == [
        ["side", "rate", "95% interval low", "95% interval high", "answers", "p"],
        ["base", repr(2 / 3), "0.1234567890123", "", "3", "0.0001"],
        ["demo", "", "0.25", "0.5", "1200", ""],
    ]


@pytest.mark.parametrize("text", ["=cmd()|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1"])
def test_formulas_are_texts(text: str) -> None:
    (_, (found,)) = read(Table("t", ("a",), ((text,),)))
    assert found == f"'{text}"


@pytest.mark.parametrize("text", ["-", "1. -x", "a=b", "", "'=1", 'say "no", he said', "a\nb\r\nc"])
def test_other_texts_are_as_they_are(text: str) -> None:
    (_, (found,)) = read(Table("t", ("a",), ((text,),)))
    assert found == text


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), min_size=1, max_size=5))
def test_every_text_comes_back_and_none_is_a_formula(rows: list[tuple[str, str]]) -> None:
    found = read(Table("t", ("a", "b"), tuple(rows)))[1:]
    for row, (first, second) in zip(found, rows, strict=True):
        for text, wanted in zip(row, (first, second), strict=True):
            assert text.removeprefix("'") == wanted.removeprefix("'").replace("\0", "␀")
            assert text == "-" or not text.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_a_lone_surrogate_does_not_stop_the_file() -> None:
    assert csv_text(Table("t", ("a",), (("\ud800",),))).encode("utf-8")


def test_how_figures_are_read() -> None:
    assert str(percent(0.625)) == "62.5%" and str(number(0.1234567)) == "0.123" and str(percent(None)) == "-"
    assert [str(cell) for cell in rate_cells(Rate(1, 10, 0.05, 0.4, 0.1, "wilson", clusters=1))] == [
        "10.0%", "5.0 to 40.0", "10 to 1 prompt",
    ]  # fmt: skip
    assert str(rate_cells(Rate(5, 10, 0.05, 0.4, 0.1, "wilson", clusters=10))[2]) == "10"
    assert (str(count(2.5)), str(count(1200.0)), str(p_cell(0.0009)), str(p_cell(0.0314))) == (
        "2.5",
        "1,200",
        "< 0.001",
        "0.031",
    )
    whole = Estimate(0.1, -0.05, 0.25, 9, 0.0, "bootstrap")
    assert [str(cell) for cell in points_cells(whole)] == ["+10.0", "-5.0 to +25.0"]
    assert points_cells(whole)[1].numbers == (-5.0, 25.0)
    assert [str(cell) for cell in estimate_cells(whole)] == ["0.100", "-0.050 to 0.250"]
    none = Estimate(None, None, None, 0, 0.0, "none", note="one prompt has no spread")
    for cells in (points_cells(none), estimate_cells(none)):
        assert [str(cell) for cell in cells] == ["-", "one prompt has no spread"] and cells[1].numbers == (None, None)
    assert (
        coverage_text(Coverage(9, 10, (("empty answer", 1),)), "answers")
        == "9 of 10 answers used; left out: 1 empty answer."
    )
    assert coverage_text(Coverage(10, 10), "answers") == "10 of 10 answers used."


def test_a_table_is_refused_where_it_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="one name"):
        Table("t", ("a", "a"), ())
    with pytest.raises(ValueError, match="2 cells, its head 1"):
        Table("t", ("a",), (("x", "y"),))
    mixed = Table("t", ("a", "b"), (("x", count(1)), ("y", "-")))
    assert not mixed.is_figures(0) and not mixed.is_figures(1)
    assert Value("1", (1,)) == count(1)


# the folder -------------------------------------------------------------------------------------------


def test_a_report_in_a_folder(tmp_path: Path) -> None:
    some, all_ = (Table("answers", ("a",), tuple((f"={n}",) for n in range(size)), prose=True) for size in (1, 3))
    twin = Table("Answers", ("b",), (("x",),))
    paths = write_document(
        tmp_path / "out" / "deep",
        Document("t", (Section("s", (some,)),)),
        Document("t", (Section("s", (all_, twin)),)),
        {"rate": 0.5, "text": "日本"},
    )
    assert [path.name for path in paths] == ["report.md", "report.html", "report.json", "answers.csv", "Answers-2.csv"]
    assert paths[3].read_bytes() == b"a\r\n'=0\r\n'=1\r\n'=2\r\n"
    assert json.loads(paths[2].read_text("utf-8")) == {"rate": 0.5, "text": "日本"}
    assert paths[0].read_text("utf-8").count("=0") == 1 and "=1" not in paths[0].read_text("utf-8")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(EnvironmentProblem, match="cannot be written"):
        write_document(tmp_path / "file", Document("t", ()), Document("t", ()), {})
