"""`aligntui switch`: runs begun, resumed, listed and reported; what is refused, and how."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import InsideCli
from tests.cli.switch_runs import QUICK, answers, bank

TOO_LONG = "wor " * 9000
"""More than the scripted engine's context holds."""


@pytest.fixture
def cli(inside: InsideCli) -> InsideCli:
    inside.adapter("polite")
    return inside


def begin(cli: InsideCli, *words: str, prompts: tuple[str, ...] = ()) -> dict:
    return cli.json("switch", "run", "--dataset", bank(cli.home, *prompts), "--adapter", "polite", *QUICK, *words)


def test_a_run_answers_every_prompt_under_every_instruction_by_every_side(cli: InsideCli) -> None:
    told = begin(cli)
    assert (told["cells"], told["done"], told["made"], told["cached"]) == (24, 24, 24, 0)
    assert (told["failed"], told["refused"], told["padding_share"]) == (0, 0, 0)
    assert told["tokens"] > 0 and told["tokens_per_s"] > 0 and len(told["paths"]) == 1
    assert told["name"] == "switch bank: base, polite"
    found = answers(cli, told["run"])
    assert len(found) == 24 and {one["adapter"] for one in found.values()} == {None, "polite"}
    session = cli.json("sessions", "show", told["session"])
    assert len(session["exchanges"]) == 6 and session["session"]["kind"] == "sampling"


def test_plain_output_is_the_id_and_everything_else_is_narration(cli: InsideCli) -> None:
    result = cli.ok(
        "switch", "run", "--dataset", bank(cli.home), "--sample", "1", "--adapter", "polite", *QUICK, "--at-once", "2"
    )
    assert result.out.startswith("switch_") and result.out.count("\n") == 1
    assert "4 answers" in result.err and "4 of 4 answers" in result.err
    assert "at most 2 rows" in result.err and "padding 0.0%" in result.err


def test_the_same_run_again_generates_nothing(cli: InsideCli) -> None:
    first, second = begin(cli), begin(cli)
    assert (second["cached"], second["made"], second["tokens"], second["paths"]) == (24, 0, 0, [])
    assert second["run"] != first["run"] and answers(cli, second["run"]) == answers(cli, first["run"])
    assert "nothing had to be decoded" in cli.ok(
        "switch", "run", "--dataset", bank(cli.home), "--adapter", "polite", *QUICK
    ).err  # fmt: skip
    assert begin(cli, "--seed", "1")["made"] == 24
    assert begin(cli, "--max-new-tokens", "9")["made"] == 24
    assert begin(cli, "--dtype", "bfloat16")["made"] == 24
    assert begin(cli, "--strength", "0.5")["made"] == 12, "the base is the same"
    assert begin(cli, "--instructions", "concise,professional")["made"] == 12
    greedy = ("--temperature", "0")
    assert begin(cli, *greedy)["made"] == 24 and begin(cli, *greedy, "--seed", "1")["made"] == 0


def test_a_sample_seeds_noise_and_suites_make_the_cells_that_they_say(cli: InsideCli) -> None:
    words = ("switch", "run", "--adapter", "", "--max-new-tokens", "4", "--instructions", "concise,creative")
    told = cli.json(*words, "--sample", "2", "--seeds", "3", "--suites", "concise-detailed", "--name", "all of it")
    grid = (2 * 2 + 2 * 5) * 3  # the first prompt also under the paraphrases and the further wordings of both types
    assert told["cells"] == told["done"] == grid + 2 + 2 * 2
    assert told["cached"] == 2, "two of the noise floor's answers are those of the grid"
    assert told["name"] == "all of it"
    assert cli.json(*words, "--sample", "1", "--no-noise", "--suites", "all")["cells"] == 2 + 10 + 6


def test_runs_are_listed_newest_first(cli: InsideCli) -> None:
    assert cli.json("switch", "list") == []
    first, second = begin(cli, "--name", "first", "--sample", "1"), begin(cli, "--sample", "2")
    listed = cli.json("switch", "list")
    assert [one["id"] for one in listed] == [second["run"], first["run"]]
    assert listed[1].keys() == {"id", "name", "created_at", "session", "cells", "done", "cached"}
    assert (listed[1]["name"], listed[1]["cells"], listed[1]["done"]) == ("first", 4, 4)
    assert (listed[0]["cells"], listed[0]["cached"]) == (8, 4)
    table = cli.ok("switch", "list").out.splitlines()
    assert table[0].split() == ["run", "begun", "(UTC)", "answers", "name"] and "4 of 4" in table[2]


def test_the_report_has_a_row_for_each_side(cli: InsideCli) -> None:
    run = begin(cli, "--suites", "concise-detailed", "--sample", "3", "--max-new-tokens", "40")["run"]
    found = cli.json("switch", "report", run)
    assert found["run"]["id"] == run and found["types"] == ["concise", "creative"]
    assert [row["side"] for row in found["sides"]] == ["base", "polite"]
    for row in found["sides"]:
        assert {"side", "k", "n", "rate", "low", "high", "chance"} <= row.keys()
        assert (row["n"], row["chance"]) == (6, 0.5) and row["low"] <= row["rate"] <= row["high"]
    assert len(found["suites"]) == 1
    told = cli.ok("switch", "report", found["run"]["name"]).out
    assert "base" in told and "polite" in told and "chance" in told


def test_a_report_is_written_into_a_folder(cli: InsideCli, tmp_path: Path) -> None:
    run = begin(cli, "--sample", "2", "--max-new-tokens", "40")["run"]
    out = tmp_path / "report"
    result = cli.ok("switch", "report", run[:14], "--out", str(out))
    names = {path.name for path in out.rglob("*") if path.is_file()}
    assert {"report.md", "report.html", "report.json"} <= names
    assert all(str(out) in line for line in result.err.splitlines() if line.startswith("written: "))
    assert json.loads((out / "report.json").read_text("utf-8"))["run"]["id"] == run


def test_without_the_embedding_model_it_says_what_still_works(cli: InsideCli) -> None:
    told = begin(cli, "--sample", "1")
    said = cli.refused("switch", "report", told["run"], "--embedding", "missing", code=3)
    assert "embedding model missing could not be fetched" in said
    assert "Nothing is lost" in said and f"aligntui sessions show {told['session']}" in said
    assert len(cli.json("sessions", "show", told["session"])["exchanges"]) == 1
    assert cli.json("switch", "report", told["run"])["sides"], "with the usual one it is measured"


def test_an_engine_that_dies_keeps_what_was_finished_and_says_how_to_go_on(cli: InsideCli) -> None:
    path = bank(cli.home, "Why?", "!crash now", "How?")
    words = ("--dataset", path, "--adapter", "polite", *QUICK, "--max-new-tokens", "1", "--at-once", "1")
    said = cli.refused("switch", "run", *words, code=3)
    assert "SIGKILL" in said
    (run,) = cli.json("switch", "list")
    assert (run["cells"], run["done"]) == (12, 5), "the scripted engine kills itself after five words"
    assert f"what was finished is stored; go on with `aligntui switch run --resume {run['id']}`" in said
    assert cli.refused("switch", "run", "--resume", run["id"], "--at-once", "1", code=3).count("SIGKILL") == 1
    told = cli.json("switch", "run", "--resume", run["id"], "--at-once", "1")
    assert (told["done"], told["made"], told["run"]) == (12, 2, run["id"])
    assert len(answers(cli, run["id"])) == 12


def test_a_prompt_that_is_too_long_leaves_the_others_and_exit_code_3(cli: InsideCli) -> None:
    path = bank(cli.home, "Why?", TOO_LONG, "How?")
    result = cli.run("switch", "run", "--dataset", path, "--adapter", "polite", *QUICK, "--json")
    assert (result.code, result.json["done"], result.json["refused"]) == (3, 8, 4)
    assert "4 answers refused, the first because: The prompt has" in result.err
    assert f"4 answers missing: `aligntui switch run --resume {result.json['run']}`" in result.err
    assert "context holds 8192" in cli.refused("switch", "run", "--resume", result.json["run"])


def test_a_resumed_run_that_is_whole_asks_nothing(cli: InsideCli) -> None:
    run = begin(cli)["run"]
    told = cli.json("switch", "run", "--resume", run, "--at-once", "3", "--threads", "1")
    assert (told["done"], told["made"], told["cached"]) == (24, 0, 0)


@pytest.mark.parametrize(
    "words",
    [
        ("--sample", "2"),
        ("--temperature", "0.9"),
        ("--model", "x"),
        ("--no-noise",),
        ("--dataset", "isd"),
        ("--seeds", "1"),
    ],
)
def test_what_a_resumed_run_would_not_heed_is_refused(cli: InsideCli, words: tuple[str, ...]) -> None:
    run = begin(cli, "--sample", "1")["run"]
    assert f"{words[0].replace('--no-', '--')} is of no use with --resume" in cli.refused(
        "switch", "run", "--resume", run, *words
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "--dataset", "nothing"), "no data set and no file 'nothing'"),
        (("run", "--instructions", "concise"), "at least two instruction types"),
        (("run", "--instructions", "concise,,creative"), "A name is missing"),
        (("run", "--instructions", "concise,rude"), "no instruction 'rude'"),
        (("run", "--suites", "none"), "no suite 'none'"),
        (("run", "--sample", "0"), "--sample must be"),
        (("run", "--seeds", "2", "--temperature", "0"), "temperature above 0"),
        (("run", "--mode", "none"), "In mode none"),
        (("run", "--model", "missing", "--sample", "1"), "no model 'missing'"),
        (("run", "--adapter", "nobody", "--sample", "1"), "nobody"),
        (("run", "--adapter", "broken", "--sample", "1"), "damaged"),
        (("run", "--name", " ", "--sample", "1", "--adapter", ""), "name"),
        (("run", "--resume", "nothing"), "no switch run 'nothing'"),
        (("report", "nothing"), "no switch run 'nothing'"),
    ],
)
def test_the_user_can_fix_it(cli: InsideCli, words: tuple[str, ...], says: str) -> None:
    cli.adapter("broken")
    assert says in cli.refused("switch", *words)
    assert cli.json("switch", "list") == []


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("empty.txt", "\n", "empty.txt has no prompt"),
        (
            "twice.jsonl",
            '{"id": "a", "prompt": "Why?"}\n{"id": "a", "prompt": "How?"}',
            "twice.jsonl, line 2: the id 'a'",
        ),
        ("cases.jsonl", '{"prompt_id": "a", "prompt": "Why?", "type": "x"}', "line 1: 'instruction' is missing"),
        ("cases.jsonl", '{"prompt": "Why?", "type": "x", "instruction": "y"}', "line 1: 'prompt_id' is missing"),
        ("bad.jsonl", "{", "bad.jsonl, line 1: this is not JSON"),
    ],
)
def test_a_data_set_with_a_defect_is_refused_with_file_and_line(
    cli: InsideCli, tmp_path: Path, name: str, text: str, says: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert says in cli.refused("switch", "run", "--dataset", str(path))


def test_nothing_answered_yet_is_said_without_starting_an_engine(cli: InsideCli) -> None:
    path = bank(cli.home, "!crash")
    cli.refused("switch", "run", "--dataset", path, *QUICK, "--adapter", "", "--max-new-tokens", "20", code=3)
    (run,) = cli.json("switch", "list")
    cli.engine = ["/no/such/engine"]
    said = cli.refused("switch", "report", run["id"])
    assert "No case of the run" in said and f"--resume {run['id']}" in said
