"""`aligntui datasets build NAME --prompts N ...`: cases of instruction switching beside versions out of pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aligntui.config.paths import Workspace
from tests.cli.conftest import InsideCli
from tests.cli.curated import rows, write_jsonl

LIBRARY = (
    {"type": "pirate", "title": "Pirate", "phrasings": ["Talk like a pirate."], "characteristics": ["It says arr."]},
    {"type": "poet", "title": "Poet", "phrasings": ["Rhyme.", "Let it rhyme."]},
)


@pytest.fixture
def cli(inside: InsideCli) -> InsideCli:
    return inside


def cases(cli: InsideCli, name: str) -> list[dict[str, Any]]:
    path = Workspace(cli.workspace).datasets / "switch" / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_the_bundled_bank_is_crossed_with_the_bundled_instructions(cli: InsideCli) -> None:
    result = cli.ok("datasets", "build", "isd", "--prompts", "4", "--instructions", "concise, creative")
    assert result.out == "isd\n"
    assert "24 cases of 4 prompts under 2 instructions written to" in result.err
    assert "aligntui switch run --dataset isd" in result.err
    found = cases(cli, "isd")
    assert len(found) == 24 and {one["type"] for one in found} == {"concise", "creative"}
    assert found[0].keys() == {
        "id", "prompt_id", "prompt", "domain", "source", "type", "phrasing", "wording", "instruction", "characteristics"
    }  # fmt: skip
    again = cli.ok(
        "datasets", "build", "isd", "--prompts", "2", "--phrasings", "1", "--wordings", "indirect,adversarial"
    )
    assert "60 cases of 2 prompts under 10 instructions" in again.err and "in place of what was there" in again.err


def test_a_bank_and_a_library_of_ones_own_end_in_a_run(cli: InsideCli, tmp_path: Path) -> None:
    bank = tmp_path / "bank.jsonl"
    bank.write_text('{"prompt": "Why?"}\n{"prompt": "How?", "domain": "craft"}\n')
    library = write_jsonl(tmp_path / "library.jsonl", *LIBRARY)
    counts = cli.json("datasets", "build", "sea", "--bank", str(bank), "--library", library)
    assert (counts["cases"], counts["prompts"], counts["types"]) == (6, 2, {"pirate": 2, "poet": 4})
    assert (counts["domains"], counts["without_characteristics"]) == ({"": 1, "craft": 1}, ["poet"])
    words = ("switch", "run", "--dataset", "sea", "--adapter", "", "--no-noise", "--max-new-tokens", "6")
    run = cli.json(*words)
    assert (run["cells"], run["done"]) == (6, 6)
    assert "No characteristics are known of poet" in cli.refused("switch", "report", run["run"])


def test_list_and_show_know_them(cli: InsideCli, tmp_path: Path) -> None:
    cli.ok("datasets", "build", "grid", "--prompts", "2", "--instructions", "concise,creative")
    listed = cli.json("datasets", "list")
    assert [(one["name"], one["cases"], one["prompts"]) for one in listed["cases"]] == [("grid", 12, 2)]
    row = next(line for line in cli.ok("datasets", "list").out.splitlines() if line.startswith("grid"))
    assert row.split()[:3] == ["grid", "cases", "12"] and "2 prompts under 2 instructions" in row
    assert cli.json("datasets", "show", "grid")["wordings"] == {"direct": 4, "paraphrase": 8}
    told = cli.ok("datasets", "show", "grid").out
    assert "grid: 12 cases of 2 prompts under 2 instructions" in told and "concise 6, creative 6" in told
    (Workspace(cli.workspace).datasets / "switch" / "torn.jsonl").write_text('{"prompt_id": "a"}\n')
    broken = cli.ok("datasets", "list")
    assert "torn.jsonl, line 1: 'prompt' is missing" in broken.err and "grid" in broken.out
    assert "torn.jsonl, line 1" in cli.refused("datasets", "show", "torn")


def test_versions_out_of_pairs_are_built_beside_them(cli: InsideCli, tmp_path: Path) -> None:
    cli.ok("pairs", "import", write_jsonl(tmp_path / "pairs.jsonl", *rows(4)), "--no-token-counts")
    cli.ok("datasets", "build", "isd", "--prompts", "1")
    assert cli.ok("datasets", "build", "isd", "--from-pairs").out == "isd@1\n"
    shown = cli.run("datasets", "show", "isd", "--json")
    assert shown.json["version"] == 1 and "there are also cases of that name" in shown.err
    assert cli.json("datasets", "show", "isd@1")["layout"] == "trl"
    listed = cli.json("datasets", "list")
    assert [one["name"] for one in listed["own"]] == [one["name"] for one in listed["cases"]] == ["isd"]
    assert cli.json("switch", "run", "--dataset", "isd", "--adapter", "", "--no-noise")["cells"] == 30


def test_another_place(cli: InsideCli, tmp_path: Path) -> None:
    out = tmp_path / "cases.jsonl"
    result = cli.ok(
        "datasets", "build", "mine", "--prompts", "1", "--instructions", "concise,creative", "--out", str(out)
    )
    assert result.out == f"{out}\n" and len(out.read_text("utf-8").splitlines()) == 6
    assert cli.json("datasets", "list")["cases"] == []
    assert cli.json("switch", "run", "--dataset", str(out), "--adapter", "", "--no-noise")["cells"] == 6
    nowhere = tmp_path / "typo" / "cases.jsonl"
    assert "there is no folder" in cli.refused("datasets", "build", "mine", "--prompts", "1", "--out", str(nowhere))
    assert not nowhere.parent.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--prompts", "2", "--from-pairs"), "--prompts crosses prompts with instructions, and --from-pairs builds"),
        (("--prompts", "2", "--format", "ita"), "and --format builds out of pairs"),
        (("--instructions", "concise,creative", "--tag", "x"), "and --tag builds out of pairs"),
        (("--bank", "x", "--instruction", "concise"), "--bank crosses prompts with instructions, and --instruction"),
        (("--out", "x", "--seed", "0"), "and --seed builds out of pairs"),
        (("--wordings", "indirect", "--imported"), "and --imported builds out of pairs"),
        (("--prompts", "0"), "--prompts must be"),
        (("--prompts", "501"), "has 500 prompts, not 501"),
        (("--phrasings", "2"), "--phrasings must be one of all, 1"),
        (("--wordings", "direct"), "no further wording 'direct'"),
        (("--wordings", ""), "--wordings lacks a name"),
        (("--instructions", "concise"), "at least two instruction types"),
        (("--instructions", "concise,"), "--instructions lacks a name"),
        (("--instructions", "concise,rude"), "no instruction 'rude'"),
        (("--bank", "none.txt"), "There is no file none.txt"),
        (("--library", "none.jsonl"), "There is no file none.jsonl"),
    ],
)
def test_the_user_can_fix_it(cli: InsideCli, words: tuple[str, ...], says: str) -> None:
    assert says in cli.refused("datasets", "build", "x", *words)
    assert not (Workspace(cli.workspace).datasets / "switch").exists()


@pytest.mark.parametrize(
    ("flag", "name", "text", "says"),
    [
        ("--bank", "bank.jsonl", "", "bank.jsonl has no prompt"),
        (
            "--bank",
            "bank.jsonl",
            '{"id": "a", "prompt": "x"}\n{"id": "a", "prompt": "y"}',
            "bank.jsonl, line 2: the id 'a'",
        ),
        ("--bank", "bank.jsonl", '{"prompt": "x"}\n{"text": "y"}', "bank.jsonl, line 2: 'prompt' is missing"),
        (
            "--library",
            "lib.jsonl",
            '{"type": "a", "title": "A", "phrasings": [""]}',
            "lib.jsonl, line 1: 'phrasings' must",
        ),
        ("--library", "lib.jsonl", "", "lib.jsonl has no instruction type"),
    ],
)
def test_a_file_with_a_defect(cli: InsideCli, tmp_path: Path, flag: str, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    assert says in cli.refused("datasets", "build", "x", flag, str(tmp_path / name))


def test_a_name_that_leads_elsewhere(cli: InsideCli) -> None:
    assert "cannot be the name of a data set" in cli.refused("datasets", "build", "../evil", "--prompts", "1")


def test_two_sets_of_cases_are_compared(cli: InsideCli, tmp_path: Path) -> None:
    cli.ok("datasets", "build", "old", "--prompts", "2", "--instructions", "concise,creative")
    cli.ok(
        "datasets", "build", "new", "--prompts", "3", "--instructions", "concise,creative,neutral", "--phrasings", "1"
    )
    found = cli.json("datasets", "diff", "old", "new")
    assert found["cases"] == {"added": 5, "removed": 8, "unchanged": 4}
    assert list(found["prompts"]["added"]) == ["isd-003"] and list(found["characteristics"]["added"]) == ["neutral"]
    told = cli.ok("datasets", "diff", "old", "new", "--examples", "1").out
    assert "instructions removed (first 1 of 4):" in told and "cases: 5 added, 8 removed, 4 in both" in told
    file = tmp_path / "mine.jsonl"
    file.write_bytes((Workspace(cli.workspace).datasets / "switch" / "old.jsonl").read_bytes())
    assert "Both ask the same." in cli.ok("datasets", "diff", "old", str(file)).out
    assert "old is a set of switch cases and nothing is none" in cli.refused("datasets", "diff", "old", "nothing")


def test_a_set_of_cases_is_held_against_its_manifest(cli: InsideCli, tmp_path: Path) -> None:
    cli.ok("datasets", "build", "grid", "--prompts", "2", "--instructions", "concise,creative")
    file = Workspace(cli.workspace).datasets / "switch" / "grid.jsonl"
    assert "the cases are as they were written" in cli.ok("datasets", "verify", "grid").err
    assert cli.json("datasets", "verify", "grid") == {"file": str(file), "problems": [], "notes": []}
    loose = tmp_path / "loose.jsonl"
    loose.write_bytes(file.read_bytes())
    assert "has no manifest" in cli.ok("datasets", "verify", str(loose)).err
    file.write_text(file.read_text("utf-8").replace("concise", "concise ", 1), "utf-8")
    result = cli.run("datasets", "verify", "grid")
    assert result.code == 2 and "was changed since it was built" in result.out and "build the cases again" in result.err
    assert [one["name"] for one in cli.json("datasets", "list")["cases"]] == ["grid"], "a manifest is no data set"


def test_versions_out_of_pairs_are_compared_and_verified_as_before(cli: InsideCli, tmp_path: Path) -> None:
    cli.ok("pairs", "import", write_jsonl(tmp_path / "pairs.jsonl", *rows(4)), "--no-token-counts")
    cli.ok("datasets", "build", "both", "--prompts", "1")
    cli.ok("datasets", "build", "both", "--from-pairs")
    assert (
        "problems" in cli.json("datasets", "verify", "both")
        and cli.json("datasets", "diff", "both@1", "both@1")["counts"]
    )
    cli.ok("datasets", "build", "cases", "--prompts", "2")
    assert cli.json("datasets", "diff", "both", "cases")["cases"]["added"] > 0, (
        "beside cases a name of both means its cases"
    )
