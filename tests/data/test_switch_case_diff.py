"""What changed between two sets of cases."""

from __future__ import annotations

from dataclasses import replace

from aligntui.data.switch_case_diff import compare_cases
from aligntui.data.switch_cases import SwitchDataSet
from tests.workbench.switch_bench import data_set


def reworded(found: SwitchDataSet, label: str, text: str) -> SwitchDataSet:
    cases = (
        replace(case, wording=replace(case.wording, text=text)) if case.wording.label == label else case
        for case in found.cases
    )
    return replace(found, cases=tuple(cases))


def test_nothing_changed() -> None:
    found = compare_cases(data_set(3), data_set(3))
    assert found.is_empty and found.cases == (0, 0, 6) and found.lines(3)[-1] == "Both ask the same."


def test_prompts_added_and_removed() -> None:
    found = compare_cases(data_set(2), data_set(3))
    prompts = found.parts[0]
    assert prompts.added == (("q2", "What about 2?"),) and not prompts.removed
    assert found.cases == (2, 0, 4)
    back = compare_cases(data_set(3), data_set(2))
    assert back.parts[0].removed == prompts.added and back.cases == (0, 2, 4)


def test_a_reworded_instruction_changes_its_cases_and_no_others() -> None:
    old = data_set(2, both=True)
    found = compare_cases(old, reworded(old, "vivid/2", "Paint it."))
    (change,) = found.parts[1].changed
    assert (change.name, change.before, change.after) == ("vivid/2", "Let it be vivid.", "Paint it.")
    assert found.cases == (2, 2, 6)
    told = "\n".join(found.lines(3))
    assert "- Let it be vivid." in told and "+ Paint it." in told
    assert found.as_dict()["instructions"]["changed"] == {"vivid/2": ["Let it be vivid.", "Paint it."]}


def test_other_characteristics_are_a_change_although_every_case_is_the_same() -> None:
    old = data_set(2)
    found = compare_cases(old, replace(old, characteristics={**old.characteristics, "vivid": ("It glows.",)}))
    assert found.cases == (0, 0, 4) and not found.is_empty
    assert [one.name for one in found.parts[2].changed] == ["vivid"]


def test_of_many_only_some_are_shown() -> None:
    told = compare_cases(data_set(1), data_set(9)).lines(2)
    assert "prompts added (first 2 of 8):" in told and sum(line.startswith("  + ") for line in told) == 2
