"""`aligntui datasets`: versions out of pairs, split by prompt, compared and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.pair import Verdict
from aligntui.core.turn import Finish
from tests.cli.conftest import Cli, InsideCli
from tests.cli.curated import judge, opened, rows, write_jsonl
from tests.store.builders import ask, make_answer, make_pair


@pytest.fixture
def cli(inside: InsideCli, tmp_path: Path) -> InsideCli:
    """Forty imported pairs, each prompt twice, and an example."""
    twice = [{**row, "chosen": f"{row['chosen']} Indeed."} for row in rows(20)]
    source = write_jsonl(tmp_path / "pairs.jsonl", *rows(20), *twice)
    inside.ok("pairs", "import", source, "--no-token-counts")
    example = write_jsonl(tmp_path / "example.jsonl", {"prompt": "Who?", "completion": "Me."})
    inside.ok("pairs", "import", example, "--no-token-counts")
    return inside


def folder(cli: Cli, name: str, version: int = 1) -> Path:
    return Workspace(cli.workspace).datasets / name / f"v{version}"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_version_is_split_by_prompt(cli: Cli) -> None:
    result = cli.ok("datasets", "build", "first", "--from-pairs", "--validation-share", "0.3", "--note", "a try")
    assert result.out == "first@1\n" and "40 records written to" in result.err
    assert "1 with no rejected answer" in result.err
    train, validation = (lines(folder(cli, "first") / f"{name}.jsonl") for name in ("train", "validation"))
    prompts = [{record["prompt"][0]["content"] for record in part} for part in (train, validation)]
    assert len(train) + len(validation) == 40 and all(prompts) and not prompts[0] & prompts[1]
    manifest = cli.json("datasets", "show", "first")
    assert manifest["counts"]["left_out"] == {"no rejected answer": 1} and manifest["note"] == "a try"
    assert manifest["split"] == {"by": "prompt", "seed": 0, "validation_share": 0.3}
    assert cli.json("datasets", "verify", "first@1")["problems"] == []


def test_what_no_layout_of_pairs_can_hold_may_be_refused(cli: Cli) -> None:
    said = cli.refused("datasets", "build", "first", "--whole")
    assert "cannot hold the record pair_" in said and "no rejected answer" in said
    assert not folder(cli, "first").parent.exists()
    built = cli.json("datasets", "build", "first", "--format", "ita", "--whole")
    assert (built["counts"]["records"], built["counts"]["examples"]) == (41, 1)


def test_filters_are_kept_in_the_manifest(cli: Cli) -> None:
    with opened(cli) as store:
        judge(store, (Verdict.LEFT, {"tags": ("good",)}), (Verdict.TIE, {"tags": ("good",)}))
    built = cli.json(
        "datasets", "build", "judged", "--judged", "--tag", "good", "--verdict", "left", "--verdict", "tie"
    )
    assert built["filters"] == {
        "imported": False,
        "tag": "good",
        "verdicts": ["left", "tie"],
        "with_partial": False,
        "same_instruction": False,
    }
    assert built["left_out"] == {"undecided": 1} == built["origin"]["left_out"]
    assert built["counts"]["records"] == 1 and not (folder(cli, "judged") / "validation.jsonl").exists()


def test_versions_follow_each_other_and_differ_readably(cli: Cli, tmp_path: Path) -> None:
    words = ("datasets", "build", "first", "--validation-share", "0.3")
    cli.ok(*words)
    again = cli.ok(*words)
    assert again.out == "first@1\n" and "nothing changed since first@1" in again.err
    before = {r["prompt"][0]["content"] for r in lines(folder(cli, "first") / "validation.jsonl")}
    cli.ok("pairs", "import", write_jsonl(tmp_path / "more.jsonl", *rows(5, first=50)), "--no-token-counts")
    gone = next(row for row in cli.json("pairs", "list", "--text", "Indeed") if row["prompt"] == "Question 7?")
    cli.ok("pairs", "delete", gone["id"])
    assert cli.ok(*words).out == "first@2\n"
    assert cli.json("datasets", "show", "first@2")["parent"] == 1
    after = {r["prompt"][0]["content"] for r in lines(folder(cli, "first", 2) / "validation.jsonl")}
    assert before <= after, "a prompt keeps its side"
    diff = cli.json("datasets", "diff", "first@1", "first@2")
    assert diff["counts"] == {"added": 5, "removed": 1, "changed": 0, "moved": 0, "unchanged": 39}
    told = cli.ok("datasets", "diff", "first@1", "first@2", "--examples", "1").out
    assert "5 added, 1 removed, 0 changed, 0 moved" in told and "records: 40 -> 44" in told
    assert "added (first 1 of 5):" in told and "  - Question 7?" in told


def test_the_list_has_own_and_bundled_sets(cli: Cli) -> None:
    empty = cli.ok("datasets", "list").out
    assert "opposed-demo" in empty and "bundled" in empty
    cli.ok("datasets", "build", "mine", "--note", "of mine")
    listed = cli.json("datasets", "list")
    assert [(one["name"], one["version"], one["versions"]) for one in listed["own"]] == [("mine", 1, [1])]
    assert {one["name"] for one in listed["bundled"]} >= {"opposed-demo", "instructions"}
    assert all(one["records"] for one in listed["bundled"])
    told = cli.ok("datasets", "list").out.splitlines()
    counts = listed["own"][0]["counts"]
    assert told[1].split()[:4] == ["mine@1", "trl", str(counts["train"]), str(counts["validation"])]
    (folder(cli, "mine") / "manifest.json").write_text("{")
    broken = cli.ok("datasets", "list")
    assert "manifest" in broken.err and "opposed-demo" in broken.out, "one damaged set hides no other"


def test_a_changed_file_is_found_out(cli: Cli) -> None:
    cli.ok("datasets", "build", "mine")
    with (folder(cli, "mine") / "train.jsonl").open("a") as file:
        file.write("{}\n")
    result = cli.run("datasets", "verify", "mine")
    assert result.code == 2 and "train.jsonl was changed" in result.out


def test_broken_off_answers_and_two_instructions(cli: Cli) -> None:
    with opened(cli) as store:
        judge(store, (Verdict.LEFT, {}))
        session = store.create_session("partial")
        [prompt] = ask(store, session)
        answers = [make_answer(prompt, f"a{n}", n, finish=Finish.CANCELLED if n else Finish.STOP) for n in (0, 1)]
        left, right = store.add_answers(answers)
        store.add_pair(make_pair(left, right))
    built = cli.json("datasets", "build", "one", "--judged")
    assert built["left_out"] == {"with a broken-off answer": 1} and built["counts"]["records"] == 1
    assert cli.json("datasets", "build", "two", "--judged", "--with-partial")["counts"]["records"] == 2


def test_what_lint_would_delete_stays_out(cli: Cli, tmp_path: Path) -> None:
    bad = {"prompt": "What now?", "chosen": "<|im_end|>", "rejected": "Nothing."}
    cli.ok("pairs", "import", write_jsonl(tmp_path / "bad.jsonl", bad), "--no-token-counts")
    options = tmp_path / "options.toml"
    options.write_text('rules = ["contamination"]\n')
    words = ("datasets", "build", "clean", "--lint-options", str(options))
    built = cli.json(*words)
    assert built["left_out"] == {"found by lint": 1} and built["counts"]["records"] == 40
    assert built["filters"]["left_out"] == {"lint": {"contamination": 1}}
    cli.ok("pairs", "lint", "--waive", "contamination", "--rule", "contamination", "--reason", "on purpose")
    assert cli.json(*words)["counts"]["records"] == 41, "a waived finding stays in"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("build", "../evil"), "cannot be the name of a data set"),
        (("build", "x", "--validation-share", "1"), "--validation-share must be a number from 0 to 0.99"),
        (("build", "x", "--parent", "3"), "has no version v3 to go on from"),
        (("build", "x", "--tag", "nothing"), "There is no record for the data set x"),
        (("build", "x", "--format", "dpo"), "--format must be one of trl"),
        (("build", "x", "--lint-options", "nothing.toml"), "The lint options in nothing.toml cannot be read"),
        (("show", "x"), "There is no data set 'x'"),
        (("verify", "x@1"), "There is no data set 'x'"),
        (("diff", "x", "y"), "There is no data set 'x'"),
    ],
)
def test_the_user_can_fix_it(cli: Cli, words: tuple[str, ...], says: str) -> None:
    assert says in cli.refused("datasets", *words)
    assert not (Workspace(cli.workspace).datasets / "x").exists()
