"""Several runs side by side: their own numbers, pairs where they asked the same, and the relative efficiency."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from aligntui.core.errors import UserError
from aligntui.core.generation import GenerationRun
from aligntui.core.sampling import Sampling
from aligntui.core.turn import Answer
from aligntui.data.switch_suites import load_suites
from aligntui.score.reporting.text import text_lines
from aligntui.workbench.generation.cells import Asking, Side
from aligntui.workbench.switching.comparing import compare_runs
from aligntui.workbench.switching.comparison_document import comparison_document
from aligntui.workbench.switching.measuring import measure
from aligntui.workbench.switching.plan import BARE, Place, SwitchPlan, make_plan
from tests.workbench.switch_bench import BASE, data_set
from tests.workbench.test_switching_measuring import DEMO, SIDES, WARM, WORDS, Words, answered, run_of

ONE = (Side("base"),)


def follows(place: Place) -> str:
    """The adapter does as it is told, without an instruction it is concise; the base always is."""
    return f"{place.prompt.text} {place.wording.type if place.side and place.group != BARE else 'concise'}"


def run(plan: SwitchPlan, name: str, text=follows) -> tuple[GenerationRun, dict[str, Answer]]:
    return replace(run_of(plan), id=f"switch_{name}", name=name), answered(plan, text)


def plan(prompts: int = 4, *, sides=SIDES, asking: Asking = WARM, **more) -> SwitchPlan:
    return make_plan(data_set(prompts, *WORDS), BASE, sides, asking, noise=False, **more)


async def test_one_run_has_its_sides_compared() -> None:
    found = await compare_runs([run(plan(bare=True), "one")], Words())
    assert [entry.name for entry in found.entries] == ["base", "demo"]
    (comparison,) = found.comparisons
    assert comparison.paired.difference.value == pytest.approx(2 / 3) and not found.unpaired
    first, second = found.efficiency.runs
    assert (first.run, first.efficiency, second.efficiency) == ("demo", pytest.approx(100), pytest.approx(10))
    assert found.efficiency.measures == ("switch rate", "fidelity") and found.differs == ()


async def test_the_numbers_of_each_are_those_of_its_own_report() -> None:
    one, two = run(plan(), "one"), run(plan(3), "two", lambda place: f"{place.prompt.text} vivid")
    found = await compare_runs([one, two], Words())
    assert [entry.name for entry in found.entries] == ["one: base", "one: demo", "two: base", "two: demo"]
    for of, entries in ((one, found.entries[:2]), (two, found.entries[2:])):
        report = (await measure(*of, Words())).report
        assert [entry.rate for entry in entries] == list(report.nearest.sides)
        assert [entry.shift for entry in entries] == list(report.shifts)


async def test_prompts_are_paired_by_their_text_and_seeds_by_their_order() -> None:
    later = Asking(Sampling(temperature=0.7, seed=50))
    one, two = run(plan(4), "one"), run(plan(3, asking=later), "two", lambda place: f"{place.prompt.text} vivid")
    found = await compare_runs([one, two], Words())
    assert [(row.against, row.side) for row in found.comparisons] == [
        ("one: base", "one: demo"), ("one: base", "two: base"), ("one: base", "two: demo")
    ]  # fmt: skip
    assert [row.paired.coverage.used for row in found.comparisons] == [12, 9, 9]
    assert found.comparisons[1].paired.difference.value == pytest.approx(0), (
        "always concise or always vivid: both at chance"
    )


async def test_runs_that_share_nothing_are_not_paired_and_say_so() -> None:
    other = make_plan(data_set(3, "concise", "vivid"), BASE, SIDES, WARM, noise=False)
    found = await compare_runs([run(plan(), "one"), run(other, "two")], Words())
    assert not found.comparisons and "other instruction types" in found.unpaired
    apart = plan(3)
    moved = replace(apart, groups=tuple(
        replace(group, prompts=tuple(replace(prompt, text=f"Other {prompt.text}") for prompt in group.prompts))
        for group in apart.groups
    ))  # fmt: skip
    found = await compare_runs([run(plan(), "one"), run(moved, "two")], Words())
    assert found.unpaired == "the runs share no prompt"
    assert len(found.efficiency.runs) == 4, "the relative number needs no pairs"


async def test_a_measure_that_one_lacks_is_left_out_with_its_reason() -> None:
    suites = load_suites(["honest-confident"], 2)
    found = await compare_runs([run(plan(bare=True, suites=suites), "one"), run(plan(suites=suites), "two")], Words())
    assert dict(found.efficiency.left_out) == {"fidelity": "two: base lacks it"}
    assert len(found.efficiency.measures) == 2 and found.efficiency.measures[0] == "switch rate"
    told = "\n".join(text_lines(comparison_document(found)))
    assert "Left out: fidelity, since two: base lacks it; `switch run --without-instruction` measures it." in told
    assert "Relative to the 4 runs compared here" in told


async def test_what_differs_besides_the_sides_is_said() -> None:
    hot = plan(asking=Asking(Sampling(temperature=1.0, max_new_tokens=9)))
    found = await compare_runs([run(plan(), "one"), run(hot, "two")], Words())
    assert any(line.startswith("temperature: 0.7, 1") for line in found.differs)
    assert any(line.startswith("limit of new tokens") for line in found.differs) and len(found.differs) == 2
    plain = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert [row["entry"] for row in plain["entries"]] == ["one: base", "one: demo", "two: base", "two: demo"]
    assert {"side", "k", "n", "rate", "low", "high", "chance", "m1", "above_noise"} <= plain["entries"][0].keys()


async def test_names_stay_apart_and_what_cannot_be_compared_is_refused() -> None:
    two = run(plan(), "same"), (replace(run_of(plan()), id="switch_b", name="same"), answered(plan(), follows))
    found = await compare_runs(two, Words())
    assert [entry.name for entry in found.entries][::2] == ["switch_same: base", "switch_b: base"]
    with pytest.raises(UserError, match="named twice"):
        await compare_runs([two[0], two[0]], Words())
    with pytest.raises(UserError, match="Only one side"):
        await compare_runs([run(plan(sides=ONE), "one")], Words())


def test_without_an_instruction_every_prompt_is_asked_once_by_each_side() -> None:
    made = plan(4, bare=True)
    cells = [cell for cell in made.cells if cell.key.startswith(f"{BARE}|")]
    assert len(cells) == 8 and all(cell.instruction.text == "" and cell.label == "" for cell in cells)
    assert SwitchPlan.from_dict(json.loads(json.dumps(made.as_dict()))) == made
    assert {cell.row(DEMO_SIDE, WARM).instruction for cell in cells} == {""}


DEMO_SIDE = Side("demo", DEMO, "a" * 64)
