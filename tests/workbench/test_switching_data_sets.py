"""The data set of a switch run by its name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.core.instruction import CANONICAL_TYPES
from aligntui.data.instruction_library import add_own
from aligntui.data.switch_cases import case_file, write_cases
from aligntui.workbench.switching.data_sets import chosen_types, load_data_set
from tests.workbench.switch_bench import data_set


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


def library(folder: Path, *records: object) -> Path:
    path = folder / "library.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records), "utf-8")
    return path


PIRATE = {
    "type": "pirate",
    "title": "Pirate",
    "phrasings": ["Talk like a pirate."],
    "characteristics": ["It says arr."],
}
POET = {"type": "poet", "title": "Poet", "phrasings": ["Rhyme.", "Let lines rhyme."]}


def test_the_bundled_one_by_default_and_some_of_its_types(workspace: Workspace) -> None:
    found = load_data_set(workspace)
    assert found.types == CANONICAL_TYPES and len(found.cases) == 7500
    two = load_data_set(workspace, instructions=["creative", "concise"])
    assert two.types == ("creative", "concise") and len(two.prompts) == 500


def test_own_instructions_can_be_asked_for(workspace: Workspace) -> None:
    add_own(workspace, "Pirate", "Talk like a pirate.", characteristics=["It says arr."])
    found = load_data_set(workspace, instructions=["concise", "pirate"])
    assert found.types == ("concise", "pirate") and found.characteristics["pirate"] == ("It says arr.",)
    assert "pirate" not in load_data_set(workspace).types


def test_one_that_was_built_comes_before_the_bundled_one(workspace: Workspace) -> None:
    write_cases(case_file(workspace, "isd"), data_set(2))
    found = load_data_set(workspace, "isd")
    assert (found.name, len(found.cases), found.types) == ("isd", 4, ("concise", "vivid"))
    assert load_data_set(workspace, "isd", ["vivid", "concise"]).types == ("vivid", "concise")
    with pytest.raises(UserError, match="no instruction type 'creative'"):
        load_data_set(workspace, "isd", ["concise", "creative"])


def test_a_file_of_cases_and_a_file_of_prompts(workspace: Workspace, tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    write_cases(cases, data_set(2))
    assert load_data_set(workspace, str(cases)).types == ("concise", "vivid")
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("Why?\nHow?\n")
    found = load_data_set(workspace, str(prompts), ["concise", "creative"])
    assert [case.id for case in found.cases] == [
        "p0001|concise/1", "p0001|creative/1", "p0002|concise/1", "p0002|creative/1"
    ]  # fmt: skip
    assert found.name == "prompts"


@pytest.mark.parametrize("missing", ["prompt_id", "instruction", "type", "prompt"])
def test_cases_that_lack_a_field_are_not_taken_for_prompts(workspace: Workspace, tmp_path: Path, missing: str) -> None:
    record = {"prompt_id": "a", "prompt": "Why?", "type": "concise", "instruction": "Be brief."}
    del record[missing]
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps(record))
    with pytest.raises(UserError, match=f"cases.jsonl, line 1: '{missing}' is missing"):
        load_data_set(workspace, str(path))


@pytest.mark.parametrize("name", ["ist", "../isd", "x" * 5000, ".", "", "switch"])
def test_what_is_no_data_set(workspace: Workspace, name: str) -> None:
    write_cases(case_file(workspace, "mine"), data_set(2))
    with pytest.raises(UserError, match="no data set and no file") as refused:
        load_data_set(workspace, name)
    assert "isd" in refused.value.hint


def test_types_of_another_library(workspace: Workspace, tmp_path: Path) -> None:
    path = library(tmp_path, PIRATE, POET)
    add_own(workspace, "Mine", "Do it my way.")
    assert [one.type for one in chosen_types(workspace, library=path)] == ["pirate", "poet"]
    assert [one.type for one in chosen_types(workspace, ["mine", "poet", "mine"], path)] == ["mine", "poet"]
    with pytest.raises(UserError, match="no instruction 'concise'"):
        chosen_types(workspace, ["concise"], path)


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ((), "library.jsonl has no instruction type"),
        ((PIRATE, {**POET, "phrasings": [" "]}), "line 2: 'phrasings' must be a list of texts"),
        ((PIRATE, {**POET, "phrasings": []}), "line 2: 'phrasings' must have at least one text"),
        ((PIRATE, {"type": "poet", "title": "Poet"}), "line 2: 'phrasings' must have at least one text"),
        ((PIRATE, PIRATE), "line 2: the type 'pirate' was there before"),
        ((PIRATE, ["x"]), "line 2: the line is no JSON object"),
    ],
)
def test_a_library_that_is_none(workspace: Workspace, tmp_path: Path, records: tuple, says: str) -> None:
    with pytest.raises(UserError) as refused:
        chosen_types(workspace, library=library(tmp_path, *records))
    assert says in refused.value.message
    assert "came with aligntui" not in refused.value.hint, "it is the user's own file"


def test_a_library_that_is_not_there(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no file"):
        chosen_types(workspace, library=tmp_path / "none.jsonl")
