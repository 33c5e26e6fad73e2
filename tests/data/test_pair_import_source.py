"""Files as sources: their formats, what cannot be read, and what changes while it is read."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.data.pair_import import ImportReport, accept, make_plan, open_source, read
from tests.data.rows import bad, chat, good, jsonl, plain_row, read_all, said


def parquet(path: Path, *rows: dict[str, Any], **options: Any) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(list(rows)), path, **options)
    return path


def test_text_is_read_without_pyarrow_and_without_the_hub(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "pairs.jsonl", plain_row())
    code = (
        "import sys\n"
        "from aligntui.data.pair_import import make_plan, open_source, read\n"
        "source = open_source(sys.argv[1])\n"
        "assert len(list(read(source, make_plan(source)))) == 1\n"
        "print(sorted({'pyarrow', 'numpy', 'huggingface_hub', 'datasets', 'torch'} & set(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_a_source_knows_its_file(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "pairs.jsonl", plain_row())
    source = open_source(str(path))
    assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (source.files[0].size_bytes, source.files[0].format) == (path.stat().st_size, "jsonl")
    assert source.name == str(path)


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.jsonl", "{}", "jsonl"),
        ("a.ndjson", "{}", "jsonl"),
        ("a.JSONL", "{}", "jsonl"),
        ("a.json", "[{}]", "json"),
        ("a.json", "\ufeff [{}]", "json"),
        ("a.json", '{"a": 1}\n{"a": 2}', "jsonl"),
        ("a.csv", "a,b", "csv"),
        ("a.tsv", "a\tb", "csv"),
        ("a", '{"a": 1}', "jsonl"),
        ("a.txt", "[{}]", "json"),
    ],
)
def test_formats(tmp_path: Path, name: str, text: str, found: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert open_source(tmp_path / name).files[0].format == found


def test_parquet_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    path = parquet(tmp_path / "pairs.bin", plain_row())
    assert open_source(path).files[0].format == "parquet"
    assert good(read_all(path))[0].prompt[0].content == "Why?"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", b"", "is empty"),
        ("a.txt", b"Hello", "format of"),
        ("a.parquet", b"PAR0 nonsense", "no Parquet file"),
        ("a.jsonl", '{"a": 1}'.encode("utf-16"), "like UTF-16"),
        ("a.jsonl", '{"a": 1}'.encode("utf-16-le"), "like UTF-16"),
        ("a.csv", "a,b".encode("utf-32"), "like UTF-16 or UTF-32"),
        ("a.jsonl", b"\x89PNG\r\n\0\0", "like binary data"),
        ("a.jsonl", b"\n \n", "has no records"),
        ("a.csv", b"prompt,chosen,rejected\n", "has no records"),
        ("a.json", b"[]", "has no records"),
    ],
)
def test_files_that_are_no_source(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        make_plan(open_source(tmp_path / name))
    assert words in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
    assert caught.value.hint


def test_names_that_are_no_file(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", plain_row())
    os.mkfifo(tmp_path / "pipe.jsonl")
    wanted: dict[str, str] = {
        str(tmp_path): "a.jsonl",
        str(tmp_path / "b.jsonl"): "There is no file",
        str(tmp_path / "pipe.jsonl"): "read twice",
        "~nobody-at-all/a.jsonl": "names no file",
        "a\0.jsonl": "no file",
        "/proc/self/mem": "cannot be read",
        "missing/pairs.jsonl": "There is no file",
    }
    for name, words in wanted.items():
        with pytest.raises((UserError, EnvironmentProblem)) as caught:
            open_source(name)
        assert words in str(caught.value), name


@pytest.mark.parametrize(
    "options",
    [{"format": "xml"}, {"delimiter": ",,"}, {"delimiter": '"'}, {"max_record_bytes": 0}, {"split": "train"}],
)
def test_options_that_make_no_sense(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        open_source(jsonl(tmp_path / "a.jsonl", plain_row()), **options)


def test_parquet(tmp_path: Path) -> None:
    rows = [
        {"prompt": chat("Why?", system="S"), "chosen": said("So."), "rejected": said("Um."), "score": 1.0},
        {"prompt": chat(f"{'x' * 20_000}"), "chosen": said("So."), "rejected": said("Um."), "score": None},
        {"prompt": None, "chosen": said("So."), "rejected": said("Um."), "score": 2.0},
    ]
    path = parquet(tmp_path / "pairs.parquet", *rows)
    found = read_all(path, max_record_bytes=10_000)
    assert [(one.instruction, str(one.place)) for one in good(found)] == [("S", f"{path}, row 1")]
    assert [str(one) for one in bad(found)] == [
        f"{path}, row 2: the row has 20,028 bytes, and at most 10,000 are read",
        f"{path}, row 3: the column 'prompt' is null",
    ]


def test_parquet_of_many_row_groups(tmp_path: Path) -> None:
    rows = [plain_row(prompt=f"{number}?") for number in range(700)]
    path = parquet(tmp_path / "pairs.parquet", *rows, row_group_size=100)
    found = good(read_all(path))
    assert [one.prompt[0].content for one in found] == [row["prompt"] for row in rows]
    assert [one.line for one in found] == list(range(1, 701))


def test_parquet_with_bytes_that_are_no_text(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    bytes_ = pa.array([b"Why?", b"W\xffy?", b"How?"])
    broken = pa.StringArray.from_buffers(3, bytes_.buffers()[1], bytes_.buffers()[2])
    texts = pa.array(["a", "b", "c"])
    pq.write_table(pa.table({"prompt": broken, "chosen": texts, "rejected": texts}), tmp_path / "a.parquet")
    found = read_all(tmp_path / "a.parquet")
    assert [one.line for one in good(found)] == [1, 3]
    assert [(one.line, one.kind) for one in bad(found)] == [(2, "encoding")]
    assert "byte 0xff at byte 2" in bad(found)[0].reason


def test_damaged_parquet(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", *[plain_row(prompt=str(number)) for number in range(5000)])
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        read_all(path)
    path.write_bytes(whole[:4] + b"\xff" * 2000 + whole[2004:])
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        read_all(path)


def test_parquet_with_one_name_twice(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_arrays([pa.array(["a"])] * 2, names=["chosen", "chosen"]), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="two columns named 'chosen'"):
        read_all(tmp_path / "a.parquet")


def append(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"\n")


def put_another(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def change_a_byte_and_hide_it(path: Path) -> None:
    stat = path.stat()
    with path.open("r+b") as stream:
        stream.seek(stat.st_size - 8)
        stream.write(b"X")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def remove(path: Path) -> None:
    path.unlink()


CHANGES = [append, put_another, cut, change_a_byte_and_hide_it, remove]


def big(path: Path) -> Path:
    """Longer than what is read at once, so that a change behind the first record is still ahead of the reader."""
    rows = [plain_row(prompt=f"{number} {'x' * 1000}") for number in range(4000)]
    return parquet(path, *rows, row_group_size=50) if path.suffix == ".parquet" else jsonl(path, *rows)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.parquet"])
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, name: str, change: Callable[[Path], None]) -> None:
    source = open_source(big(tmp_path / name))
    records = read(source, make_plan(source))
    next(records)
    change(source.files[0].path)
    with pytest.raises(UserError) as caught:
        list(records)
    assert str(source.files[0].path) in str(caught.value)
    if name == "pairs.jsonl" and change is not remove:
        assert "changed while it was read" in str(caught.value)


@pytest.mark.parametrize("change", [append, put_another, cut])
def test_a_file_that_changes_between_opening_and_reading(tmp_path: Path, change: Callable[[Path], None]) -> None:
    source = open_source(jsonl(tmp_path / "pairs.jsonl", plain_row(), plain_row()))
    plan = make_plan(source)
    change(source.files[0].path)
    with pytest.raises(UserError, match="changed while it was read"):
        next(read(source, plan))


def test_nothing_or_exactly_the_good_ones(tmp_path: Path) -> None:
    rows = [plain_row(prompt="a"), plain_row(chosen=3), plain_row(prompt="b"), plain_row(chosen="")]
    source = open_source(jsonl(tmp_path / "pairs.jsonl", *rows))
    plan = make_plan(source)
    report = ImportReport()
    taken = []
    with pytest.raises(UserError, match="Nothing was imported: 2 of 4 records cannot be read") as caught:
        for record in accept(read(source, plan), report, skip_bad=False):
            taken.append(record)
    assert len(taken) == 1
    assert f"{tmp_path / 'pairs.jsonl'}, line 2: the column 'chosen' holds a number" in caught.value.message
    assert "line 4" in caught.value.message
    assert "--skip-bad" in caught.value.hint
    report = ImportReport()
    taken = list(accept(read(source, plan), report, skip_bad=True))
    assert [record.prompt[0].content for record in taken] == ["a", "b"]
    assert (report.good, report.bad, dict(report.bad_kinds)) == (2, 2, {"type": 1, "empty": 1})
    assert [one.line for one in report.first_bad] == [2, 4]
    json.dumps(report.as_dict())


def test_no_good_record_is_an_error_also_with_skip_bad(tmp_path: Path) -> None:
    source = open_source(jsonl(tmp_path / "pairs.jsonl", plain_row(chosen=3)))
    with pytest.raises(UserError, match="1 of 1 record cannot be read") as caught:
        list(accept(read(source, make_plan(source)), ImportReport(), skip_bad=True))
    assert "--skip-bad" not in caught.value.hint


def test_an_id_used_twice_names_its_first_line(tmp_path: Path) -> None:
    rows = [
        plain_row(id="x"),
        plain_row(),
        plain_row(id="y"),
        plain_row(id="x", prompt="z"),
        plain_row(id=1),
        plain_row(id="1"),
    ]
    path = jsonl(tmp_path / "pairs.jsonl", *rows)
    found = read_all(path)
    assert [(one.line, one.kind) for one in bad(found)] == [(4, "duplicate"), (6, "duplicate")]
    assert bad(found)[0].reason == f"the id 'x' stands already in {path}, line 1"


def test_the_same_content_has_the_same_fingerprint_wherever_it_stands(tmp_path: Path) -> None:
    row = plain_row(prompt="Wäre das möglich?", chosen='Ja,\n"doch".', rejected="Nein.")
    jsonl(tmp_path / "a.jsonl", {"id": "one", **row}, row)
    parquet(tmp_path / "a.parquet", row)
    (tmp_path / "a.json").write_text(json.dumps([row], indent=1))
    (tmp_path / "a.csv").write_text('prompt,chosen,rejected\nWäre das möglich?,"Ja,\n""doch"".",Nein.\n')
    prints = [
        one.fingerprint
        for name in ("a.jsonl", "a.parquet", "a.json", "a.csv")
        for one in good(read_all(tmp_path / name))
    ]
    assert len(prints) == 5
    assert len(set(prints)) == 1
