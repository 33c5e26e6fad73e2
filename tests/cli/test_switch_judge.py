"""`aligntui switch judge` and `compare`: a second recogniser, and several runs side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import InsideCli
from tests.cli.switch_runs import QUICK, bank

SAYS_B = [{"match": "Reply with one letter", "text": " B"}]


@pytest.fixture
def cli(inside: InsideCli) -> InsideCli:
    inside.adapter("polite")
    inside.script(delay_s=0.0, load_s=0.0, answers=SAYS_B)
    return inside


def begin(cli: InsideCli, *words: str) -> str:
    return cli.json(
        "switch", "run", "--dataset", bank(cli.home), "--adapter", "polite", *QUICK, "--max-new-tokens", "60", *words
    )["run"]


def test_the_run_is_judged_and_the_report_has_both_columns(cli: InsideCli, tmp_path: Path) -> None:
    run = begin(cli, "--sample", "3")
    told = cli.json("switch", "judge", run, "--by", "letter")
    assert (told["judges"], told["cells"], told["done"], told["by"]) == (run, 12, 12, "letter")
    report = cli.json("switch", "report", run)
    assert report["recogniser"] == "nearest prototype" and report["judge"]["recogniser"] == "judge embedded by letter"
    for row in report["judge"]["sides"]:
        assert list(row)[:7] == ["side", "k", "n", "rate", "low", "high", "chance"]
        assert (row["n"], row["chance"], row["coverage"]["used"]) == (6, 0.5, 6)
    assert report["judging"]["places"][1]["rate"]["rate"] == 1
    assert {"kappa", "share"} <= report["judging"]["agreement"][0]["agreement"].keys()
    plain = cli.ok("switch", "report", run).out
    assert "By judge embedded by letter: base" in plain and "Position bias" in plain and "kappa" in plain
    assert "follows the place more than the answer" in " ".join(plain.split())
    out = tmp_path / "report"
    cli.ok("switch", "report", run, "--out", str(out))
    names = {path.name for path in out.iterdir()}
    assert {
        "recognisers.csv",
        "judge-places.csv",
        "rates-judge.svg",
        "confusion-judge.png",
        "not-switched-judge.csv",
    } <= names
    assert "rates-judge.svg" in (out / "report.html").read_text("utf-8")
    assert json.loads((out / "report.json").read_text("utf-8"))["judge"]["recogniser"] == "judge embedded by letter"


def test_the_report_without_the_judge_is_what_it_was(cli: InsideCli) -> None:
    run = begin(cli, "--sample", "2")
    before = cli.json("switch", "report", run)
    cli.ok("switch", "judge", run)
    assert cli.json("switch", "report", run, "--judge", "none") == before and before["judge"] is None
    assert "By a model judge" not in cli.ok("switch", "report", run, "--judge", "none").out


def test_judging_goes_on_where_it_stopped_and_is_no_run_of_its_own_in_the_list(cli: InsideCli) -> None:
    run = begin(cli, "--sample", "2", "--name", "small")
    first = cli.json("switch", "judge", "small", "--sample", "1")
    assert (first["cells"], first["made"]) == (8, 8), "four answers, two options each"
    assert cli.json("switch", "judge", run, "--sample", "1")["made"] == 0
    whole = cli.json("switch", "judge", run)
    assert (whole["cells"], whole["cached"], whole["made"]) == (16, 8, 8) and whole["run"] != first["run"]
    assert [one["id"] for one in cli.json("switch", "list")] == [run]
    assert f"holds the judgements of {run}" in cli.refused("switch", "report", first["run"])
    assert f"holds the judgements of {run}" in cli.refused("switch", "run", "--resume", first["run"])
    said = cli.ok("switch", "report", run, "--judge", first["run"]).out
    assert "left out: 2 counted by one alone" in said
    assert "left out: 2 not judged" in said and f"--judge {first['run']}" in said


def test_an_engine_that_dies_in_judging_says_how_to_go_on(cli: InsideCli) -> None:
    run = begin(cli, "--sample", "2")
    cli.script(answers=[{"match": "Reply with one letter", "text": "!"}], exit_at_start=9)
    assert "aligntui switch judge" not in cli.refused("switch", "judge", run, code=3), "nothing was begun"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("judge", "nothing"), "no switch run 'nothing'"),
        (("judge", "run", "--by", "guess"), "--by must be one of logprob, letter"),
        (("judge", "run", "--sample", "0"), "--sample must be"),
        (("judge", "run", "--model", "missing"), "no model 'missing'"),
        (("report", "run", "--judge", "nothing"), "no switch run 'nothing'"),
        (("report", "run", "--judge", "run"), "holds no judgements"),
        (("compare", "run", "nothing"), "no switch run 'nothing'"),
        (("compare", "run", "run"), "named twice"),
    ],
)
def test_the_user_can_fix_it(cli: InsideCli, words: tuple[str, ...], says: str) -> None:
    begin(cli, "--sample", "1", "--name", "run")
    assert says in cli.refused("switch", *words)


def test_runs_side_by_side(cli: InsideCli, tmp_path: Path) -> None:
    one = begin(cli, "--name", "one", "--without-instruction")
    begin(cli, "--name", "two", "--sample", "4", "--temperature", "0.9", "--without-instruction")
    report = cli.json("switch", "report", one)
    assert [gain["side"] for gain in report["gains"]] == ["base", "polite"]
    found = cli.json("switch", "compare", "one", "two")
    assert [row["entry"] for row in found["entries"]] == ["one: base", "one: polite", "two: base", "two: polite"]
    assert found["entries"][0]["rate"] == report["sides"][0]["rate"]
    assert [row["paired"]["coverage"]["used"] for row in found["comparisons"]] == [12, 8, 8]
    efficiency = found["efficiency"]
    assert efficiency["measures"] == ["switch rate", "fidelity"] and "Relative to the 4 runs" in efficiency["note"]
    assert max(row["efficiency"] for row in efficiency["runs"]) <= 100
    told = cli.ok("switch", "compare", "one", "two", "--out", str(tmp_path / "both")).out
    assert "temperature: 0.3, 0.9" in told and "efficiency" in told
    assert {"report.md", "report.html", "report.json", "efficiency.csv"} <= {
        p.name for p in (tmp_path / "both").iterdir()
    }


def test_a_run_without_an_instruction_says_so_and_can_be_made_again(cli: InsideCli) -> None:
    run = begin(cli, "--sample", "2", "--without-instruction")
    told = cli.ok("switch", "report", run).out
    assert "also asked without an instruction" in told and "What the instruction adds to fidelity" in told
    assert "--without-instruction" in told.split("Made by:")[1].replace("\n  ", " ")
