"""JSON lines, JSON arrays and CSV: what is read, and what is reported with its line."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.core.errors import UserError
from aligntui.data.pair_import import make_plan, open_source, read
from aligntui.data.pair_import.records import BadRecord, RawRow
from aligntui.data.pair_import.text_rows import csv_rows, json_array_rows, json_line_rows
from tests.data.rows import bad, good, jsonl, plain_row, read_all

GOOD = json.dumps(plain_row()).encode()


def lines_of(found: list[BadRecord]) -> list[tuple[int, str]]:
    return [(one.line, one.kind) for one in found]


def test_each_bad_line_is_named_and_the_good_ones_are_read(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    lines = [
        GOOD,
        b'{"prompt": "Why?", "chosen": ',
        b"",
        b'{"prompt": "W\xffy?"}',
        b"[1, 2]",
        b'{"prompt": "a", "prompt": "b"}',
        b'{"prompt": NaN}',
        b'{"prompt": ' + b"[" * 100_000,
        b'{"prompt": ' + b"9" * 5000 + b"}",
        json.dumps(plain_row(chosen=3)).encode(),
        GOOD.replace(b"Why", b"How"),
        b'{"prompt": "a\0b"}',
    ]
    path.write_bytes(b"\n".join(lines))
    found = read_all(path)
    assert [one.line for one in good(found)] == [1, 11]
    assert lines_of(bad(found)) == [
        (2, "syntax"),
        (4, "encoding"),
        (5, "type"),
        (6, "syntax"),
        (7, "syntax"),
        (8, "syntax"),
        (9, "syntax"),
        (10, "type"),
        (12, "syntax"),
    ]
    reasons = {one.line: str(one) for one in bad(found)}
    assert reasons[2] == f"{path}, line 2: it is not JSON (expecting value, column 30)"
    assert "byte 0xff at byte 14 of it" in reasons[4]
    assert "'prompt' stands twice" in reasons[6]
    assert all(str(path) in reason for reason in reasons.values())


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks(tmp_path: Path, start: bytes, end: bytes) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(start + GOOD + end + GOOD)
    assert [one.line for one in good(read_all(path))] == [1, 2]
    assert not bad(read_all(path))


def test_separators_of_unicode_end_no_line(tmp_path: Path) -> None:
    text = "a\u2028b\u2029c\x85d"
    found = read_all(jsonl(tmp_path / "pairs.jsonl", plain_row(prompt=text)))
    assert good(found)[0].prompt[0].content == text


def test_half_a_surrogate_pair_becomes_a_replacement_character(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"prompt": "a\\ud800", "chosen": "b", "rejected": "c"}')
    assert good(read_all(path))[0].prompt[0].content == "a\ufffd"


class Endless(io.RawIOBase):
    """A file with one line of `size_bytes`, between two good records, that never exists as a whole."""

    def __init__(self, before: bytes, size_bytes: int, after: bytes) -> None:
        self.parts = [io.BytesIO(before), None, io.BytesIO(after)]
        self.left = size_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while self.parts:
            part = self.parts[0]
            if part is None and self.left:
                count = min(len(buffer), self.left)
                buffer[:count] = b"x" * count
                self.left -= count
                return count
            if part is not None and (chunk := part.read(len(buffer))):
                buffer[: len(chunk)] = chunk
                return len(chunk)
            self.parts.pop(0)
        return 0


@pytest.mark.parametrize(
    ("reader", "before", "after"),
    [
        (json_line_rows, GOOD + b'\n{"prompt": "', b'"}\n' + GOOD),
        (json_array_rows, b"[" + GOOD + b',\n{"prompt": "', b'"},\n' + GOOD + b"]"),
        (csv_rows, b"prompt,chosen\na,b\n", b",d\ne,f\n"),
        (csv_rows, b'prompt,chosen\na,b\n"', b'",d\ne,f\n'),
    ],
)
def test_a_line_of_a_gigabyte_is_named_and_never_held(reader: Any, before: bytes, after: bytes) -> None:
    stream = io.BufferedReader(Endless(before, 1 << 30, after), 1 << 20)
    tracemalloc.start()
    found = list(reader("big", stream, 1 << 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [type(one) for one in found] == [RawRow, BadRecord, RawRow]
    assert found[1].kind == "size"
    assert found[1].line == 3 - (reader is json_line_rows or reader is json_array_rows)
    assert "1,073,741,8" in found[1].reason
    assert "at most 1,048,576" in found[1].reason
    assert peak < 8 << 20


def test_the_longest_line_is_counted_without_its_end(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(GOOD + b"\n" + GOOD + b"\n")
    assert not bad(read_all(path, max_record_bytes=len(GOOD)))
    with pytest.raises(UserError, match=r"line 1: the line has \d+ bytes, and at most"):
        read_all(path, max_record_bytes=len(GOOD) - 1)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ROWS = st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), max_size=5)


@settings(max_examples=200)
@given(ROWS, st.sampled_from([None, 0, 2]), st.booleans())
def test_an_array_is_read_as_json_reads_it(rows: list[dict[str, Any]], indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(rows, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "replace")
    found = list(json_array_rows("f.json", io.BytesIO(b" \n" + text + b"\n"), 1 << 20))
    assert [one.values for one in found if isinstance(one, RawRow)] == json.loads(text)
    assert len(found) == len(rows)


def test_a_bad_element_of_an_array_is_named_by_its_first_line() -> None:
    text = b'[\n{"a": 1},\n{"a": \n nope},\n\n{"a": "\\""}\n, 3, {}\n{}]'
    found = list(json_array_rows("f.json", io.BytesIO(text), 100))
    assert [(one.place.number, type(one)) for one in found] == [
        (2, RawRow),
        (3, BadRecord),
        (6, RawRow),
        (7, BadRecord),
        (7, BadRecord),
    ]
    assert isinstance(found[1], BadRecord)
    assert "line 2 of it, column 2" in found[1].reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"a": 1}', "begins with ["),
        (b'[{"a": 1}', "not closed"),
        (b'[{"a": 1},]', "a record is wanted"),
        (b'[{"a": 1}] x', "something stands behind"),
        (b'[{"a": "1}]', "that begins on line 1 is not closed"),
        (b"[", "not closed"),
        (b'[{"a": 1}}]', "a comma or the end"),
    ],
)
def test_an_array_that_is_none_ends_the_reading(text: bytes, words: str) -> None:
    with pytest.raises(UserError, match="line 1: ") as caught:
        list(json_array_rows("f.json", io.BytesIO(text), 100))
    assert words in str(caught.value)


CELLS = st.text(st.sampled_from('"\n\r,;\t a'), max_size=6) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=8
)


@settings(max_examples=300)
@given(st.data(), st.sampled_from(",;\t"), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_csv_is_read_as_the_csv_module_writes_it(data: st.DataObject, delimiter: str, quoting: Any) -> None:
    rows = data.draw(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=5))
    made = io.StringIO()
    writer = csv.writer(made, delimiter=delimiter, quoting=quoting)
    writer.writerows([["prompt", "chosen"], *rows])
    found = list(csv_rows("f.csv", io.BytesIO(made.getvalue().encode()), 1 << 20))
    assert [list(one.values.values()) for one in found if isinstance(one, RawRow)] == rows
    assert len(found) == len(rows)


def test_bad_rows_of_csv_are_named_by_their_first_line() -> None:
    text = (
        b"prompt,chosen,rejected\n"
        b'"two\nlines",b,c\n'
        b"a,b\n"
        b"a,b,c,d\n"
        b"\n"
        b"a,\xff,c\n"
        b"a,\0,c\n"
        b'a,"b"x,c\n'
        b'5" nail,b,c\n'
        b'a,b,"never closed\n'
        b"a,b,c\n"
    )
    found = list(csv_rows("f.csv", io.BytesIO(text), 1000))
    rows = [one for one in found if isinstance(one, RawRow)]
    assert [(one.place.number, one.values["prompt"]) for one in rows] == [(2, "two\nlines"), (10, '5" nail')]
    faults = {one.line: one for one in found if isinstance(one, BadRecord)}
    kinds = {4: "syntax", 5: "syntax", 7: "encoding", 8: "encoding", 9: "syntax", 11: "syntax"}
    assert {line: one.kind for line, one in faults.items()} == kinds
    assert "2 cells where the header has 3" in faults[4].reason
    assert "all below belongs to it" in faults[11].reason


def test_a_cell_may_be_longer_than_the_csv_module_allows(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    long = "x" * 300_000
    path.write_text(f"prompt,chosen,rejected\n{long},b,c\n")
    assert good(read_all(path))[0].prompt[0].content == long


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\nprompt,chosen\n", "names of its columns"),
        (b"prompt,,chosen\na,b,c\n", "column 2 has no name"),
        (b"prompt,chosen,prompt\na,b,c\n", "column 1 is named 'prompt'"),
        (b'"prompt,chosen\na,b\n', "does not end"),
        (b"prom\xff,chosen\na,b\n", "not UTF-8"),
    ],
)
def test_a_csv_header_that_cannot_be_read(tmp_path: Path, text: bytes, words: str) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes(text)
    with pytest.raises(UserError, match="line 1") as caught:
        read_all(path, "trl")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "delimiter", "options"),
    [("a.csv", ",", {}), ("a.csv", ";", {}), ("a.tsv", "\t", {}), ("a.csv", "|", {"delimiter": "|"})],
)
def test_delimiters(tmp_path: Path, name: str, delimiter: str, options: dict[str, str]) -> None:
    path = tmp_path / name
    path.write_text("\n".join(delimiter.join(row) for row in (["prompt", "chosen", "rejected"], ["a", "b", "c"])))
    assert good(read_all(path, **options))[0].chosen[0].content == "b"


def test_messages_in_cells_of_csv(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["prompt", "chosen", "rejected"])
        writer.writerow(
            [
                json.dumps([{"role": "user", "content": "Why?"}]),
                '[{"role": "assistant", "content": "So."}]',
                '[{"from": "gpt", "value": "Um."}]',
            ]
        )
        writer.writerow(["[not json", '[{"role": "assistant", "content": "So."}]', '[{"from": "gpt", "value": "Um."}]'])
    source = open_source(path)
    plan = make_plan(source)
    assert plan.json_cells == ("chosen", "rejected"), "not every prompt is a list, so a prompt stays a text"
    found = list(read(source, plan))
    assert [one.prompt[0].content[:4] for one in good(found)] == ['[{"r', "[not"]
    assert good(found)[0].rejected is not None
    assert good(found)[0].rejected[0].content == "Um."


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.json", "pairs.csv"])
def test_gzip(tmp_path: Path, name: str) -> None:
    texts = {
        "pairs.jsonl": GOOD + b"\n",
        "pairs.json": b"[" + GOOD + b"]",
        "pairs.csv": b"prompt,chosen,rejected\nWhy?,Because.,Dunno.\n",
    }
    path = tmp_path / f"{name}.gz"
    path.write_bytes(gzip.compress(texts[name]))
    assert good(read_all(path))[0].chosen[0].content == "Because."
    path.write_bytes(gzip.compress(texts[name])[:-9])
    with pytest.raises(UserError, match="damaged or cut off"):
        read_all(path, "trl")
