"""A built set of cases is held against what was written down of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aligntui.core.errors import UserError
from aligntui.data.switch_case_manifest import manifest_file, read_manifest, verify_cases, write_manifest
from aligntui.data.switch_cases import SwitchDataSet, read_cases, write_cases
from tests.workbench.switch_bench import data_set


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = data_set(3, both=True)
    file = tmp_path / "small.jsonl"
    write_cases(file, found)
    write_manifest(file, found, {"bank": "isd"})
    return file


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def written(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def test_what_was_written_holds(path: Path) -> None:
    made = read_manifest(path)
    assert made is not None and (made.cases, made.prompts, made.origin) == (12, 3, {"bank": "isd"})
    assert verify_cases(path) == type(verify_cases(path))((), ())
    assert manifest_file(path).name == "small.manifest.json"


def test_a_changed_word_is_found(path: Path) -> None:
    rows = lines(path)
    rows[4]["instruction"] += " please"
    written(path, rows)
    (problem,) = verify_cases(path).problems
    assert "was changed since it was built" in problem and "12 cases, and 12 were written" in problem


def test_a_broken_file_and_a_broken_manifest_are_both_said(path: Path) -> None:
    rows = lines(path)
    del rows[2]["prompt"]
    written(path, rows)
    manifest_file(path).write_text("{")
    problems = verify_cases(path).problems
    assert len(problems) == 2 and "it is not JSON" in problems[0] and "line 3: 'prompt' is missing" in problems[1]


def test_without_a_manifest_the_form_is_checked(path: Path) -> None:
    manifest_file(path).unlink()
    found = verify_cases(path)
    assert not found.problems and "has no manifest" in found.notes[0]
    assert read_manifest(path) is None


@pytest.mark.parametrize("text", ["[]", '{"format": 2}', '{"format": 1, "sha256": 3}'])
def test_a_manifest_of_another_shape_is_refused(path: Path, text: str) -> None:
    manifest_file(path).write_text(text)
    with pytest.raises(UserError, match="cannot be read"):
        read_manifest(path)


def test_what_nobody_could_tell_apart_is_a_problem(path: Path) -> None:
    rows = lines(path)
    for row in rows:
        row["prompt"] = "What about 0?" if row["prompt_id"] == "q1" else row["prompt"]
        row["instruction"] = "Do it." if row["phrasing"] == "2" else row["instruction"]
    written(path, rows)
    manifest_file(path).unlink()
    problems = verify_cases(path).problems
    assert "The prompts q0 and q1 are the same text." in problems
    assert "The types concise and vivid have an instruction of the same text: vivid/2." in problems


def test_gaps_and_silent_types_are_notes(path: Path) -> None:
    found = read_cases(path)
    kept = tuple(case for case in found.cases if (case.prompt.id, case.wording.type) != ("q1", "vivid"))
    thin = SwitchDataSet(found.name, kept, {**found.characteristics, "vivid": ()})
    write_cases(path, thin)
    write_manifest(path, thin, {})
    gap, silent = verify_cases(path).notes
    assert "1 of 3 prompts" in gap and "under vivid are like" in silent
