"""Any prompt bank crossed with any instruction library."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.data.instruction_library import add_own
from aligntui.data.prompt_bank import read_bank
from aligntui.data.switch_cases import case_file, read_cases
from aligntui.workbench.switching.crossing import CrossWish, build_cases, case_sets, cross_bank, find_cases
from aligntui.workbench.switching.data_sets import load_data_set
from tests.workbench.test_switching_data_sets import PIRATE, POET, library


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


def test_the_bundled_bank_under_the_bundled_library_in_full(workspace: Workspace) -> None:
    found = cross_bank(workspace, CrossWish("isd"))
    assert len(found.cases) == len({case.id for case in found.cases}) == 15_000
    assert len(found.prompts) == 500 and len(found.types) == 10
    assert len(cross_bank(workspace, CrossWish("isd", 7, phrasings="1")).cases) == 70
    further = CrossWish("isd", 7, wordings=("indirect", "underspecified", "adversarial"))
    assert len(cross_bank(workspace, further).cases) == 7 * 10 * 6


def test_a_bank_and_a_library_of_ones_own(workspace: Workspace, tmp_path: Path) -> None:
    bank = tmp_path / "bank.txt"
    bank.write_text("Why?\nHow?\nWho?\n")
    wish = CrossWish("mine", 2, bank=bank, library=library(tmp_path, PIRATE, POET))
    counts = build_cases(workspace, wish)
    assert (counts.cases, counts.prompts, counts.types) == (6, 2, {"pirate": 2, "poet": 4})
    assert counts.wordings == {"direct": 4, "paraphrase": 2} and counts.domains == {"": 2}
    assert counts.without_characteristics == ("poet",)
    assert counts.path == case_file(workspace, "mine") == find_cases(workspace, "mine")
    assert load_data_set(workspace, "mine") == cross_bank(workspace, wish)
    build_cases(workspace, replace(wish, prompts=3))
    assert len(load_data_set(workspace, "mine").prompts) == 3, "a later one takes the place of the first"


def test_another_place(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "cases.jsonl"
    counts = build_cases(workspace, CrossWish("mine", 1, ("concise", "creative")), out)
    assert counts.path == out and read_cases(out).prompts == read_bank()[:1]
    assert find_cases(workspace, "mine") is None and case_sets(workspace) == ([], [])


def test_the_list_survives_a_damaged_file(workspace: Workspace) -> None:
    build_cases(workspace, CrossWish("good", 1))
    case_file(workspace, "bad").write_text("{")
    found, problems = case_sets(workspace)
    assert [one.name for one in found] == ["good"]
    assert len(problems) == 1 and "bad.jsonl, line 1" in problems[0]
    assert find_cases(workspace, "../switch/good") is None


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (CrossWish("../evil"), "cannot be the name of a data set"),
        (CrossWish("x", 501), "has 500 prompts, not 501"),
        (CrossWish("x", instructions=("concise",)), "at least two instruction types"),
        (CrossWish("x", instructions=("concise", "rude")), "no instruction 'rude'"),
        (CrossWish("x", wordings=("direct",)), "no further wording 'direct'"),
        (CrossWish("x", instructions=("concise", "pirate"), wordings=("indirect",)), "no indirect wording of pirate"),
        (CrossWish("x", bank=Path("none.txt")), "There is no file none.txt"),
        (CrossWish("x", library=Path("none.jsonl")), "There is no file none.jsonl"),
    ],
)
def test_what_cannot_be_crossed(workspace: Workspace, wish: CrossWish, says: str) -> None:
    add_own(workspace, "Pirate", "Talk like a pirate.")
    with pytest.raises(UserError, match=says):
        build_cases(workspace, wish)
    assert case_sets(workspace) == ([], [])


def test_further_wordings_are_not_lent_to_another_library(workspace: Workspace, tmp_path: Path) -> None:
    concise = {**PIRATE, "type": "concise"}
    wish = CrossWish("x", library=library(tmp_path, concise, POET), wordings=("indirect",))
    with pytest.raises(UserError, match="written for the bundled instructions"):
        cross_bank(workspace, wish)


def test_an_empty_bank(workspace: Workspace, tmp_path: Path) -> None:
    bank = tmp_path / "bank.jsonl"
    bank.write_text("\n")
    with pytest.raises(UserError, match=r"bank\.jsonl has no prompt"):
        build_cases(workspace, CrossWish("x", bank=bank))
