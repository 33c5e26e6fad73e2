"""`aligntui score --responses` and `aligntui compare`: recorded answers judged and compared without any model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import InsideCli
from tests.cli.score_runs import QUICK, prompts, responses, track_a, write_lines

DATA = Path(__file__).resolve().parents[3] / "shared" / "ifeval"
GOOD = {100: "short text here", 101: "none", 102: "A Capital", 103: "with, comma", 104: "", 105: "plain"}


@pytest.fixture
def cli(inside: InsideCli) -> InsideCli:
    inside.adapter("polite")
    inside.engine = ["/bin/false"]
    return inside


def test_answers_are_judged_without_a_model(cli: InsideCli, tmp_path: Path) -> None:
    path, out = prompts(cli.home), tmp_path / "verdicts.jsonl"
    told = cli.json(
        "score", "ifeval", "--prompts", path, "--responses", responses(cli.home, "base", GOOD), "--verdicts", str(out)
    )
    (column,) = told["columns"]
    assert column["coverage"] == {"used": 6, "total": 6, "left_out": {}} and column["empty_answers"] == 1
    assert told["run"] is None and told["table"]["rows"][0]["values"][0]["n"] == 6
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [line["key"] for line in lines] == list(GOOD), "numbers stay numbers"
    by_key = {line["key"]: line for line in lines}
    assert by_key[104] == {"key": 104, "strict": [False, False], "loose": [False, False]}
    assert by_key[103]["strict"] == [False, True] and by_key[101]["strict"] == [True, True]


def test_missing_prompts_are_coverage_and_no_error(cli: InsideCli) -> None:
    path = responses(cli.home, "some", {100: "x", 103: "y"})
    words = ("score", "ifeval", "--prompts", prompts(cli.home), "--responses", path)
    told = cli.json(*words)
    assert told["columns"][0]["coverage"] == {"used": 2, "total": 6, "left_out": {"no answer": 4}}
    assert not told["columns"][0]["complete"] and told["notes"] == ["some: 4 of 6 answers are missing."]
    assert "some: 2 of 6 answers of the whole suite used; left out: 4 no answer." in cli.ok(*words).out
    part = cli.json(*words, "--limit", "2")
    assert part["columns"][0]["coverage"]["left_out"] == {"not asked": 4, "no answer": 1}


def test_two_files_are_paired_with_the_first_as_the_base(cli: InsideCli, tmp_path: Path) -> None:
    path = prompts(cli.home)
    files = [
        responses(cli.home, "v1", GOOD),
        responses(cli.home, "v2", GOOD | {102: "a capital letter gone", 103: "no comma"}),
    ]
    told = cli.json("score", "ifeval", "--prompts", path, *(w for f in files for w in ("--responses", f)))
    assert [one["name"] for one in told["columns"]] == ["v1", "v2"]
    assert told["table"]["rows"][0]["versus"][0]["gained"] >= 1
    verdicts = tmp_path / "v.jsonl"
    cli.ok(
        "score",
        "ifeval",
        "--prompts",
        path,
        "--responses",
        files[0],
        "--responses",
        files[1],
        "--verdicts",
        str(verdicts),
    )
    assert {one.name for one in tmp_path.glob("v-*.jsonl")} == {"v-v1.jsonl", "v-v2.jsonl"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"prompt": "Say 0 things, please.", "response": "x"}\n' * 2, "line 2: the item 100 has an answer already"),
        (b'{"prompt": "Say no things.", "response": "x"}\n', "line 1: this prompt is not one of the 6 prompts"),
        (
            '{"prompt": "Say 0 things, please.", "response": "Größe"}\n'.encode("latin-1"),
            "line 1: the text is not in UTF-8",
        ),
        ('{"prompt": "Say 0 things, please.", "response": "x"}\n'.encode("utf-16"), "line 1: the text is not in UTF-8"),
        (b'{"prompt": "Say 0 things, please."}\n', 'found no "response"'),
        (b"hello\n", "line 1: not one JSON object a line"),
    ],
)
def test_bad_answers_are_refused_with_their_line(cli: InsideCli, content: bytes, says: str) -> None:
    path = cli.home / "answers.jsonl"
    path.write_bytes(content)
    said = cli.refused("score", "ifeval", "--prompts", prompts(cli.home), "--responses", str(path))
    assert says in said and str(path) in said


def test_flags_of_asking_are_refused_beside_answers(cli: InsideCli) -> None:
    path = responses(cli.home, "a", GOOD)
    for flag in (("--temperature", "1"), ("--adapter", "x"), ("--seeds", "2"), ("--base",), ("--resume", "x")):
        said = cli.refused("score", "ifeval", "--prompts", prompts(cli.home), "--responses", path, *flag)
        assert f"{flag[0]} is of no use with --responses" in said


def test_versions_progress_with_their_reduction(cli: InsideCli, tmp_path: Path) -> None:
    suite = track_a(cli.home, 8)
    good = {f"t{n}": "answers it plainly" for n in range(8)}

    def file(name: str, failing: int) -> str:
        bad = {f"t{n}": "no, not at all" for n in range(failing)}
        return write_lines(tmp_path / f"{name}.jsonl", *({"id": k, "response": v} for k, v in (good | bad).items()))

    files = [file("baseline", 8), file("v1", 4), file("v2", 1)]
    out = tmp_path / "report"
    told = cli.json("compare", *files, "--suite", "tracka", "--prompts", suite, "--out", str(out))
    (group,) = told["suites"]
    assert [(one["name"], one["failures"], one["reduction"], one["step"]) for one in group["versions"]] == [
        ("baseline", 8, None, None), ("v1", 4, 50.0, 50.0), ("v2", 1, 87.5, 75.0),
    ]  # fmt: skip
    assert group["table"]["pairs"] == [[0, 1], [0, 2], [1, 2]] and told["models"] == []
    assert group["versions"][2]["versus_first"]["gained"] == 7
    assert {"report.md", "report.html", "report.json", "progression.csv", "flips.csv"} <= {
        p.name for p in out.iterdir()
    }
    text = cli.ok("compare", *files, "--suite", "tracka", "--prompts", suite).out
    assert "+87.5" in text and "v2 is better than baseline" in text


def test_runs_and_files_are_compared_and_a_base_that_said_the_same_stands_once(cli: InsideCli) -> None:
    cli.script()
    for name in ("polite", "rude"):
        if not (cli.workspace / "adapters" / name).exists():
            cli.adapter(name)
    path = track_a(cli.home)
    runs = [
        cli.json("score", "tracka", "--prompts", path, "--max-new-tokens", "8", "--adapter", name)["run"]["id"]
        for name in ("polite", "rude")
    ]
    file = write_lines(cli.home / "byhand.jsonl", *({"id": f"t{n}", "answer": "answers"} for n in range(6)))
    told = cli.json("compare", *runs, file)
    (group,) = told["suites"]
    assert [one["name"] for one in group["columns"]] == ["base", "polite", "rude", "byhand"]
    assert [0, 3] in group["table"]["pairs"] and len(told["models"]) == 2
    assert [one["adapter"] for one in told["models"]] == ["polite", "rude"]
    text = cli.ok("compare", *runs, file).out
    assert text.index("Models") < text.index("Progression")


def test_a_limited_run_is_compared_on_what_both_were_asked(cli: InsideCli) -> None:
    cli.script()
    path = track_a(cli.home)
    words = ("score", "tracka", "--prompts", path, *QUICK)
    some = cli.json(*words, "--limit", "3", "--strength", "0.5")["run"]["id"]
    everything = cli.json(*words)["run"]["id"]
    (group,) = cli.json("compare", everything, some)["suites"]
    assert any("Compared on the 3 items that all were asked; the largest was asked 6" in one for one in group["notes"])
    assert {one["n"] for one in group["versions"]} == {3}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("one",), "at least two runs or files"),
        (("a", "a"), "a stands there twice"),
        (("a", "b"), "no score run 'a'"),
    ],
)
def test_a_comparison_that_is_none_is_refused(cli: InsideCli, words: tuple[str, ...], says: str) -> None:
    assert says in cli.refused("compare", *words)


def test_files_alone_need_a_suite(cli: InsideCli) -> None:
    files = [responses(cli.home, "a", GOOD), responses(cli.home, "b", GOOD)]
    assert "Nothing tells which suite" in cli.refused("compare", *files)
    assert cli.json("compare", *files, "--prompts", prompts(cli.home))["suites"][0]["suite"] == "ifeval"


def test_the_reference_answers_score_as_recorded(cli: InsideCli, tmp_path: Path) -> None:
    if not (DATA / "input_data.jsonl").is_file():
        pytest.skip(f"IFEval's reference data are not part of the project and do not lie in {DATA}")
    asked = {row["key"]: row["prompt"] for row in map(json.loads, (DATA / "input_data.jsonl").open())}
    recorded = {row["key"]: row for row in map(json.loads, (DATA / "gpt4_reference.jsonl").open())}
    path = write_lines(
        tmp_path / "gpt4.jsonl", *({"prompt": asked[key], "response": row["response"]} for key, row in recorded.items())
    )
    out = tmp_path / "verdicts.jsonl"
    told = cli.json(
        "score", "ifeval", "--prompts", str(DATA / "input_data.jsonl"), "--responses", path, "--verdicts", str(out)
    )
    assert told["columns"][0]["coverage"] == {"used": 540, "total": 541, "left_out": {"no answer": 1}}
    lines = {line["key"]: line for line in map(json.loads, out.open())}
    different = {
        (key, reading, place)
        for key, line in lines.items()
        for reading in ("strict", "loose")
        for place, (ours, theirs) in enumerate(zip(line[reading], recorded[key][reading], strict=True))
        if ours is not theirs
    }
    # both are verdicts of a random draw of the reference (tests/score/test_ifeval_reference.py says why)
    assert len(lines) == 540 and different <= {(1122, "strict", 1), (1129, "loose", 0)}
    assert told["table"]["rows"][0]["values"][0]["rate"] == pytest.approx(0.7704, abs=0.002)
