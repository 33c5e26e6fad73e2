"""`aligntui pairs import`: look first, all or nothing, never twice."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli, InsideCli
from tests.cli.curated import content, opened, rows, write_jsonl


@pytest.fixture
def cli(inside: InsideCli) -> InsideCli:
    return inside


def texts(cli: Cli) -> set[tuple[str, str, str | None]]:
    """Prompt, chosen and rejected of every pair."""
    with opened(cli) as store:
        return {
            (r.prompt[-1][1], r.chosen[-1][1], r.rejected[-1][1] if r.rejected else None)
            for r in store.curated_records()
        }


def expected(records: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {(r["prompt"], r["chosen"], r["rejected"]) for r in records}


def as_file(folder: Path, kind: str, records: list[dict[str, Any]]) -> str:
    path = folder / f"pairs.{kind}"
    if kind == "jsonl":
        return write_jsonl(path, *records)
    if kind == "json":
        path.write_text(json.dumps(records))
    elif kind == "jsonl.gz":
        path.write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in records).encode()))
    elif kind == "csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(records[0]), delimiter=";")
            writer.writeheader()
            writer.writerows(records)
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(records), path)
    return str(path)


@pytest.mark.parametrize("kind", ["jsonl", "json", "jsonl.gz", "csv", "parquet"])
def test_every_kind_of_file(cli: Cli, tmp_path: Path, kind: str) -> None:
    records = rows(7)
    result = cli.ok("pairs", "import", as_file(tmp_path, kind, records))
    assert "7 pairs imported" in result.err and "as trl" in result.err
    assert texts(cli) == expected(records)
    with opened(cli) as store:
        [entry] = store.list_imports()
        assert result.out.strip() == entry.session_id
        assert entry.counts["added"] == 7 and entry.annotator == "import"


def test_layouts_become_pairs_and_examples(cli: Cli, tmp_path: Path) -> None:
    talk = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}
    files = {
        "trl": {"prompt": [talk[0]], "chosen": [talk[1]], "rejected": [{"role": "assistant", "content": "No."}]},
        "ita": {"prompt": "What?", "completion": "That."},
        "alpaca": {"instruction": "Name a river.", "input": "", "output": "The Elbe."},
    }
    for layout, record in files.items():
        done = cli.json("pairs", "import", write_jsonl(tmp_path / f"{layout}.jsonl", record))
        assert (done["layout"], done["added"], done["examples"]) == (layout, 1, int(layout != "trl"))
    assert {r[2] for r in texts(cli)} == {"No.", None}
    listed = cli.ok("pairs", "list", "--verdict", "example")
    assert len(listed.out.splitlines()) == 3 and "imported" in listed.out and "base" not in listed.out


BAD = {
    "no JSON": '{"prompt": "x",',
    "a wrong type": {"prompt": 3, "chosen": "a", "rejected": "b"},
    "a missing column": {"prompt": "p", "chosen": "a"},
    "no UTF-8": '{"prompt": "p\udcff", "chosen": "a", "rejected": "b"}',
    "an empty answer": {"prompt": "p", "chosen": " ", "rejected": "b"},
    "no object": "[1, 2]",
}


@pytest.mark.parametrize("fault", BAD)
def test_one_bad_record_keeps_everything_out_or_is_left_out(cli: Cli, tmp_path: Path, fault: str) -> None:
    cli.ok("pairs", "import", write_jsonl(tmp_path / "before.jsonl", *rows(2, first=5000)))
    before = content(cli)
    good = rows(1200)  # more than one batch is written before the fault is met
    source = write_jsonl(tmp_path / "pairs.jsonl", *good, BAD[fault], *rows(3, first=2000))
    said = cli.refused("pairs", "import", source)
    assert f"{source}, line 1201:" in said and "Nothing was imported: 1 of 1204 records" in said
    assert "--skip-bad" in said
    assert content(cli) == before, "byte for byte"
    done = cli.json("pairs", "import", source, "--skip-bad")
    assert (done["added"], done["bad"], done["first_bad"][0]["line"]) == (1203, 1, 1201)
    assert texts(cli) == expected([*rows(2, first=5000), *good, *rows(3, first=2000)])
    with opened(cli) as store:
        assert store.list_imports()[0].counts["bad"] == 1


def test_an_id_that_comes_twice(cli: Cli, tmp_path: Path) -> None:
    first, second = ({**row, "id": "same"} for row in rows(2))
    source = write_jsonl(tmp_path / "pairs.jsonl", first, second)
    said = cli.refused("pairs", "import", source)
    assert f"line 2: the id 'same' stands already in {source}, line 1" in said
    assert texts(cli) == set()


def test_a_line_without_end(cli: Cli, tmp_path: Path) -> None:
    source = tmp_path / "pairs.jsonl"
    write_jsonl(source, rows(1)[0])
    with source.open("ab") as file:
        file.write(b'{"prompt": "')
        for _ in range(20):
            file.write(b"x" * (1 << 20))
    said = cli.refused("pairs", "import", str(source))
    assert f"{source}, line 2: the line has" in said and content(cli) != []
    assert texts(cli) == set()


def test_nothing_is_imported_twice(cli: Cli, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "pairs.jsonl", *rows(5))
    cli.ok("pairs", "import", source)
    before = content(cli)
    again = cli.ok("pairs", "import", source)
    assert again.out == "" and "5 records known already, not added again" in again.err
    assert content(cli) == before
    more = cli.json("pairs", "import", write_jsonl(tmp_path / "more.jsonl", *rows(8)))
    assert (more["added"], more["known"]) == (3, 5)


def test_what_was_deleted_stays_deleted(cli: Cli, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "pairs.jsonl", *rows(3))
    cli.ok("pairs", "import", source)
    [newest, *_] = cli.json("pairs", "list")
    assert cli.ok("pairs", "delete", newest["id"]).out == f"{newest['id']}\n"
    again = cli.ok("pairs", "import", source)
    assert "1 of them deleted since" in again.err
    assert len(cli.json("pairs", "list")) == 2


def test_the_preview_shows_and_stores_nothing(cli: Cli, tmp_path: Path) -> None:
    records = [{**row, "score": 1} for row in rows(4)]
    records[0]["prompt"] = "red \x1b[31m herring"
    source = write_jsonl(tmp_path / "pairs.jsonl", *records, BAD["no JSON"])
    result = cli.ok("pairs", "import", source, "--preview", "--show", "2")
    assert "layout    trl: It has prompt, chosen and rejected, which are texts." in result.out
    assert "fields    prompt from prompt, chosen from chosen, rejected from rejected" in result.out
    assert "not used  score" in result.out
    assert "looked at all 5 records: 4 good (0 examples), 1 bad: 1 not JSON or CSV" in result.out
    assert f"bad       {source}, line 5: it is not JSON" in result.out
    assert result.out.count("  chosen ") == 2 and "\x1b" not in result.out and "␛[31m herring" in result.out
    seen = cli.json("pairs", "import", source, "--preview")
    assert (seen["layout"], seen["good"], seen["bad"], len(seen["records"])) == ("trl", 4, 1, 4)
    assert content(cli) == []


def test_columns_are_mapped(cli: Cli, tmp_path: Path) -> None:
    record = {"q": {"text": "Why?"}, "good": "Because.", "bad": "Dunno."}
    source = write_jsonl(tmp_path / "pairs.jsonl", record)
    said = cli.refused("pairs", "import", source)
    assert "its layout cannot be told" in said and "q, good, bad" in said
    mapping = ("--map", "prompt=q.text", "--map", "chosen=good", "--map", "rejected=bad")
    done = cli.json("pairs", "import", source, *mapping)
    assert done["mapping"] == {"prompt": "q.text", "chosen": "good", "rejected": "bad"}
    assert texts(cli) == {("Why?", "Because.", "Dunno.")}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nothing.jsonl",), "There is no file nothing.jsonl"),
        (("{file}", "--layout", "dpo"), "--layout must be one of auto, trl"),
        (("{file}", "--layout", "alpaca"), "the layout alpaca wants the column 'instruction'"),
        (("{file}", "--map", "chosen"), "has no equals sign"),
        (("{file}", "--map", "choosen=x"), "Did you mean 'chosen'?"),
        (("{file}", "--map", "chosen=x"), "has no column 'x' for the field 'chosen'"),
        (("{file}", "--map", "chosen=prompt", "--map", "chosen=chosen"), "mapped twice"),
        (("{file}", "--format", "xml"), "There is no file format 'xml'"),
        (("{file}", "--format", "parquet"), "is no Parquet file"),
        (("{file}", "--split", "train"), "A file has no split"),
        (("{file}", "--delimiter", "ab"), "A delimiter of CSV is one ASCII character"),
        (("{folder}",), "is a folder"),
        (("{empty}",), "is empty"),
        (("{blank}",), "has no records"),
        (("{binary}",), "is not UTF-8 text"),
        (("{file}", "--name", " "), "name"),
    ],
)
def test_the_user_can_fix_it(cli: Cli, tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    places = {
        "file": write_jsonl(tmp_path / "pairs.jsonl", *rows(2)), "folder": str(tmp_path),
        "empty": str(tmp_path / "empty.jsonl"), "blank": write_jsonl(tmp_path / "blank.jsonl", ""),
        "binary": str(tmp_path / "binary.csv"),
    }  # fmt: skip
    Path(places["empty"]).touch()
    Path(places["binary"]).write_bytes(b"a\0b\0")
    cli.ok("pairs", "list")
    before = content(cli)
    assert says in cli.refused("pairs", "import", *(word.format(**places) for word in words))
    assert content(cli) == before


def test_tabs_and_semicolons(cli: Cli, tmp_path: Path) -> None:
    source = tmp_path / "pairs.csv"
    source.write_text("prompt\tchosen\trejected\nWhy; though?\tyes\tno\n")
    cli.ok("pairs", "import", str(source), "--delimiter", "tab")
    assert texts(cli) == {("Why; though?", "yes", "no")}


def test_instructions_of_the_library_are_known_by_their_text(cli: Cli, tmp_path: Path) -> None:
    text = cli.ok("instructions", "show", "concise/1").out.strip()
    cli.ok("pairs", "import", write_jsonl(tmp_path / "pairs.jsonl", {**rows(1)[0], "system": text}))
    [row] = cli.json("pairs", "list", "--instruction", "concise")
    assert row["instruction_label"] == "concise/1" and row["imported"]


def test_a_process_of_its_own_counts_on_stderr_only(tmp_path: Path, talked: Cli) -> None:
    done = talked.ok("pairs", "import", write_jsonl(tmp_path / "pairs.jsonl", *rows(3)), "--no-token-counts")
    assert done.out.startswith("session_") and "\x1b" not in done.err
    [row] = talked.json("pairs", "list", "--imported", "--limit", "1")
    assert row["chosen_tokens"] is None
