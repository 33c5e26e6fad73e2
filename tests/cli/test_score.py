"""`aligntui score`: suites asked and judged, runs gone on with, listed, shown and reported; what is refused, and how."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import InsideCli
from tests.cli.score_runs import QUICK, battery, prompts, track_a, write_lines


@pytest.fixture
def cli(inside: InsideCli) -> InsideCli:
    inside.adapter("polite", run={"mode": "system"})
    return inside


def scored(cli: InsideCli, *words: str) -> dict:
    return cli.json("score", words[0], *QUICK, *words[1:])


def test_a_suite_is_asked_of_base_and_adapter_and_judged(cli: InsideCli) -> None:
    told = scored(cli, "tracka", "--prompts", track_a(cli.home))
    assert [column["name"] for column in told["columns"]] == ["base", "polite"]
    assert all(
        one["coverage"] == {"used": 6, "total": 6, "left_out": {}} and one["complete"] for one in told["columns"]
    )
    headline = told["table"]["rows"][0]
    assert headline["name"] == told["headline"] == "prompt level"
    assert headline["values"][0]["n"] == 6 and headline["values"][0]["low"] <= headline["values"][0]["rate"]
    versus = headline["versus"][0]
    assert (versus["first"], versus["second"], versus["p_method"]) == ("base", "polite", "mcnemar, exact")
    assert {"difference", "p", "p_corrected", "detectable", "finding", "sentence", "coverage"} <= versus.keys()
    assert told["run"]["cells"] == told["run"]["done"] == 12 and told["run"]["suite"] == "tracka"
    session = cli.json("sessions", "show", told["run"]["session"])
    assert len(session["exchanges"]) == 6 and session["session"]["kind"] == "sampling"
    assert any("polite was trained with mode system; under “no instruction”" in note for note in told["notes"])


def test_an_adapter_of_another_base_is_said_before_its_scores(cli: InsideCli) -> None:
    cli.adapter("foreign")
    told = cli.json(
        "score", "tracka", "--prompts", track_a(cli.home, 2), "--max-new-tokens", "8", "--adapter", "foreign"
    )
    assert any(note.startswith("foreign: ") for note in told["notes"])


def test_a_part_of_a_suite_says_so_in_text_and_json(cli: InsideCli) -> None:
    path = track_a(cli.home)
    told = scored(cli, "tracka", "--prompts", path, "--limit", "2")
    assert told["columns"][0]["coverage"] == {"used": 2, "total": 6, "left_out": {"not asked": 4}}
    assert not told["columns"][0]["complete"]
    result = cli.ok("score", "tracka", "--prompts", path, "--limit", "2", *QUICK)
    assert "This is a part and no score of the whole suite: 2 of 6 answers are judged." in result.out
    assert "nothing had to be decoded" in result.err, "the answers come from the cache"


def test_it_is_greedy_unless_a_temperature_is_asked_for(cli: InsideCli) -> None:
    path = track_a(cli.home, 2)
    run = scored(cli, "tracka", "--prompts", path)["run"]["id"]
    assert "Temperature 0, " in cli.ok("score", "report", run).out
    warm = scored(cli, "tracka", "--prompts", path, "--temperature", "0.7", "--seeds", "2")
    assert warm["columns"][0]["seeds"] == [0, 1] and warm["run"]["cells"] == 8
    assert warm["table"]["rows"][0]["values"][0]["clusters"] == 2
    assert [row["column"] for row in warm["table"]["seeds"]] == ["base", "polite"]


def test_a_battery_asks_the_adapter_in_four_ways_and_the_base_only_when_told(cli: InsideCli) -> None:
    path = battery(cli.home)
    told = scored(cli, "battery", "--battery", path, "--max-new-tokens", "40")
    names = [column["name"] for column in told["columns"]]
    assert names == ["polite (none)", "polite (system)", "polite (injection)", "polite (both)"]
    rates = [value["rate"] for value in told["table"]["rows"][0]["values"]]
    assert rates == [0.0, 1.0, 1.0, 1.0], "the scripted engine quotes what it is told"
    assert told["table"]["pairs"] == [] and len(told["deliveries"]) == 6
    first = told["deliveries"][0]
    assert (first["first"], first["second"], first["gained"]) == ("polite (none)", "polite (system)", 3)
    text = cli.ok("score", "report", told["run"]["id"]).out
    assert "With and without the instruction" in text and "Always keep calm here." in text
    both = scored(cli, "battery", "--battery", path, "--base", "--delivery", "none,system")
    assert [column["name"] for column in both["columns"]] == [
        "base (none)", "polite (none)", "base (system)", "polite (system)",
    ]  # fmt: skip
    assert both["table"]["pairs"] == [[0, 1], [2, 3]]


def test_what_is_delivered_reaches_the_model_as_it_says(cli: InsideCli) -> None:
    from aligntui.config.paths import Workspace
    from aligntui.store import open_store

    run = scored(cli, "battery", "--battery", battery(cli.home, 1), "--delivery", "none,system,injection,both,ita")[
        "run"
    ]["id"]
    with open_store(Workspace(cli.workspace).database) as store:
        made = {key.split("|")[2]: answer for key, answer in store.run_answers(store.get_run(run))}
    rules, question = "Always keep calm here.", "What of 0?"
    shown = {name: answer.conditions.rendered_prompt for name, answer in made.items()}
    assert shown["none"].count(rules) == 0 and all(question in text for text in shown.values())
    assert (shown["system"].count(rules), shown["injection"].count(rules), shown["ita"].count(rules)) == (1, 1, 1)
    assert shown["both"].count(rules) == 2
    assert {name: answer.conditions.mode for name, answer in made.items()} == {
        "none": "none", "system": "system", "injection": "injection", "both": "system", "ita": "ita",
    }  # fmt: skip


def test_a_later_turn_says_how_far_the_injection_is(cli: InsideCli) -> None:
    words = ("battery", "--battery", battery(cli.home, 1), "--delivery", "injection", "--turn", "3")
    run = scored(cli, *words)["run"]["id"]
    text = " ".join(cli.ok("score", "report", run).out.split())
    assert "Injected every 3 turns from the first on; the last one stood 2 turns before the question." in text
    assert "--injection-every 3 --turn 3" in text
    near = scored(cli, *words, "--injection-every", "2")["run"]["id"]
    assert "the question's own turn carries it" in " ".join(cli.ok("score", "report", near).out.split())


def test_an_instruction_is_given_to_both_sides_alike(cli: InsideCli) -> None:
    path = track_a(cli.home, 2)
    told = scored(cli, "tracka", "--prompts", path, "--instruction", "Be slow.", "--delivery", "none,system")
    assert [one["name"] for one in told["columns"]] == [
        "base (none)",
        "polite (none)",
        "base (system)",
        "polite (system)",
    ]
    assert [(one["first"], one["second"]) for one in told["deliveries"]] == [
        ("base (none)", "base (system)"), ("polite (none)", "polite (system)"),
    ]  # fmt: skip
    alone = scored(cli, "tracka", "--prompts", path, "--instruction-type", "concise/1")
    assert [one["delivery"] for one in alone["columns"]] == ["system", "system"]
    assert not any("was trained with mode" in note for note in alone["notes"])


def test_all_suites_make_a_run_each_with_one_loading(cli: InsideCli) -> None:
    words = ("all", "--prompts", prompts(cli.home), "--battery", battery(cli.home), "--limit", "2")
    told = scored(cli, *words, "--out", str(cli.home / "reports"))
    assert {one.name for one in (cli.home / "reports").iterdir()} == {one["suite"] for one in told}
    assert [one["suite"] for one in told] == ["ifeval", "tracka", "battery", "verbosity", "bleed", "repetition"]
    assert [one["run"]["cached"] for one in told] == [0, 0, 0, 0, 4, 4], "the general questions are asked once"
    listed = cli.json("score", "list")
    assert [one["suite"] for one in reversed(listed)] == [one["suite"] for one in told]
    table = cli.ok("score", "list").out.splitlines()
    assert table[0].split() == ["run", "begun", "(UTC)", "suite", "answers", "name"] and len(table) == 7
    models = cli.json("compare", *(one["id"] for one in listed))["models"]
    assert len(models) == 1 and models[0]["adapter"] == "polite" and models[0]["battery_delivery"] == "system"
    assert models[0]["words_from"] == "ifeval" and models[0]["ifeval"]["second"] == "polite"


def test_an_interrupted_run_goes_on(cli: InsideCli) -> None:
    lines = [json.loads(line) for line in Path(track_a(cli.home, 4)).read_text().splitlines()]
    lines[1]["prompt"] = "!crash now"
    path = write_lines(cli.home / "tracka.jsonl", *lines)
    said = cli.refused("score", "tracka", "--prompts", path, *QUICK, "--max-new-tokens", "1", "--at-once", "1", code=3)
    (run,) = cli.json("score", "list")
    assert f"what was finished is stored; go on with `aligntui score tracka --resume {run['id']}`" in said
    assert 0 < run["done"] < run["cells"] == 8
    part = cli.json("score", "report", run["id"])
    assert sum(one["coverage"]["used"] for one in part["columns"]) == run["done"]
    assert any("answers are missing" in note for note in part["notes"])
    told = cli.json("score", "tracka", "--resume", run["id"], "--at-once", "1")
    assert (told["run"]["id"], told["run"]["done"]) == (run["id"], 8)
    assert all(one["complete"] for one in told["columns"])


def test_a_prompt_that_is_too_long_leaves_the_others_and_exit_code_3(cli: InsideCli) -> None:
    lines = [json.loads(line) for line in Path(track_a(cli.home, 3)).read_text().splitlines()]
    lines[1]["prompt"] = "wor " * 9000
    path = write_lines(cli.home / "tracka.jsonl", *lines)
    result = cli.run("score", "tracka", "--prompts", path, *QUICK, "--json")
    assert result.code == 3 and result.json["columns"][0]["coverage"]["left_out"] == {"no answer": 1}
    assert "2 answers refused, the first because: The prompt has" in result.err
    assert f"`aligntui score tracka --resume {result.json['run']['id']}`" in result.err


def test_show_goes_down_to_both_answers_and_the_reason(cli: InsideCli) -> None:
    cli.script(answers=[{"match": "What about 1?", "side": "polite", "text": "yes, sir"}, {"text": "it answers"}])
    run = scored(cli, "tracka", "--prompts", track_a(cli.home))["run"]["id"]
    (flip,) = cli.json("score", "show", run, "--flips")
    assert (flip["item"], flip["flip"], flip["passed"]) == ("t1", "lost", [True, False])
    assert flip["answers"][1] == "yes, sir"
    assert flip["failures"] == [
        [], [{"category": "no_comma", "reason": "wanted no comma, found 1", "passes_loosely": False}],
    ]  # fmt: skip
    rows = cli.json("score", "show", run)
    assert len(rows) == 6 and rows[0]["item"] == "t1", "flips come first"
    assert {row["item"] for row in cli.json("score", "show", run, "--failed")} >= {"t1"}
    assert [row["item"] for row in cli.json("score", "show", run, "--category", "no_comma")] == ["t1", "t3", "t5"]
    text = cli.ok("score", "show", run, "--flips").out
    assert "polite: FAILED: yes, sir" in text and "no_comma: wanted no comma, found 1" in text
    assert "There is no constraint type 'commas'" in cli.refused("score", "show", run, "--category", "commas")
    assert "There is no column 'rude'" in cli.refused("score", "show", run, "--second", "rude", "--first", "base")


def test_a_report_is_written_into_a_folder(cli: InsideCli, tmp_path: Path) -> None:
    run = scored(cli, "ifeval", "--prompts", prompts(cli.home))["run"]["id"]
    out = tmp_path / "report"
    result = cli.ok("score", "report", run[:14], "--out", str(out), "--verdicts", str(tmp_path / "v.jsonl"))
    names = {path.name for path in out.iterdir()}
    assert {
        "report.md", "report.html", "report.json", "overall.csv", "categories.csv", "tiers.csv", "rates.png", "rates.svg",
        "categories.svg", "results_base.json", "results_polite.json",
    } <= names  # fmt: skip
    assert all(f"written: {out / name}" in result.err for name in names)
    page = (out / "report.html").read_text("utf-8")
    assert '<img src="categories.svg"' in page and "<script" not in page
    written = json.loads((out / "report.json").read_text("utf-8"))
    assert written["run"]["id"] == run and written["columns"][1]["adapter"] == "polite"
    lm_eval = json.loads((out / "results_polite.json").read_text("utf-8"))
    assert lm_eval["n-samples"]["ifeval"] == {"original": 6, "effective": 6}
    assert lm_eval["config"]["gen_kwargs"]["max_gen_toks"] == 8
    assert len((tmp_path / "v-base.jsonl").read_text().splitlines()) == 6
    again = tmp_path / "again"
    cli.ok("score", "report", run, "--out", str(again))
    for name in names - {"rates.png", "categories.png"}:
        assert (again / name).read_bytes() == (out / name).read_bytes(), "the same run, the same files"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("tracka", "--prompts", "missing.jsonl"), "missing.jsonl cannot be read"),
        (("ifeval", "--prompts", "missing.jsonl"), "There is no file missing.jsonl"),
        (("battery", "--battery", "missing.jsonl"), "missing.jsonl cannot be read"),
        (("battery", "--adapter", ""), "is asked of adapters, and none is named"),
        (("tracka", "--limit", "0"), "--limit must be"),
        (("tracka", "--seeds", "2"), "temperature above 0"),
        (("tracka", "--delivery", "system"), "brings no rules"),
        (("tracka", "--delivery", "loud"), "--delivery knows no 'loud'"),
        (("tracka", "--instruction", "x", "--instruction-type", "y"), "exclude each other"),
        (("tracka", "--resume", "nothing"), "no score run 'nothing'"),
        (("all", "--resume", "x"), "--resume goes on with one run"),
        (("all", "--responses", "x"), "--responses belongs to one suite"),
        (("tracka", "--adapter", "nobody"), "nobody"),
        (("report", "nothing"), "no score run 'nothing'"),
        (("show", "nothing"), "no score run 'nothing'"),
    ],
)
def test_the_user_can_fix_it(cli: InsideCli, words: tuple[str, ...], says: str) -> None:
    assert says in cli.refused("score", *words)
    assert cli.json("score", "list") == []


def test_ifeval_without_a_file_says_where_its_prompts_may_come_from(cli: InsideCli) -> None:
    said = cli.refused("score", "ifeval", *QUICK, code=3)
    assert "google/IFEval" in said and "--prompts FILE" in said


def test_what_a_resumed_run_would_not_heed_is_refused(cli: InsideCli) -> None:
    run = scored(cli, "tracka", "--prompts", track_a(cli.home, 2))["run"]["id"]
    for words in (("--limit", "1"), ("--temperature", "0.9"), ("--base",), ("--delivery", "none")):
        assert f"{words[0]} is of no use with --resume" in cli.refused("score", "tracka", "--resume", run, *words)
    assert f"is one of tracka, not of ifeval.\naligntui score tracka --resume {run}" in cli.refused(
        "score", "ifeval", "--resume", run
    )
    told = cli.json("score", "tracka", "--resume", run, "--at-once", "3")
    assert told["run"]["done"] == 4


def test_a_battery_that_is_wrong_says_file_line_and_reason(cli: InsideCli) -> None:
    path = write_lines(cli.home / "bad.jsonl", {"id": "q", "question": "x", "expect": {"all": ["re:(ab"]}})
    said = cli.refused("score", "battery", "--battery", path)
    assert f"{path}, line 1: in 'all', '(ab' is no regular expression" in said
    empty = write_lines(cli.home / "empty.jsonl", {"battery": "none"})
    assert "has no question" in cli.refused("score", "battery", "--battery", empty)


def test_an_endless_expression_leaves_the_question_out_of_the_rate_and_says_so(cli: InsideCli) -> None:
    cli.script(answers=[{"match": "Bad?", "text": "a" * 2000 + "b"}, {"text": "fine"}])
    path = write_lines(
        cli.home / "slow.jsonl",
        {"id": "q1", "question": "Bad?", "expect": {"all": ["re:(a+)+$"]}},
        {"id": "q2", "question": "Good?", "expect": {"all": ["fine"]}},
    )
    told = scored(cli, "battery", "--battery", path, "--max-new-tokens", "4000")
    assert told["columns"][0]["coverage"] == {"used": 1, "total": 2, "left_out": {"could not be checked": 1}}
    assert not told["columns"][0]["complete"] and told["table"]["rows"][0]["values"][0]["n"] == 1
    (note,) = [one for one in told["notes"] if "line 1" in one]
    assert f"{path}, line 1: the regular expression '(a+)+$' was stopped after 1 s" in note
