"""The plan of a switch run: which cells there are, that they keep their keys, that it survives the database."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Mode
from aligntui.core.sampling import MAX_SEED, Sampling
from aligntui.data.prompt_bank import BankPrompt
from aligntui.data.switch_cases import SwitchCase, SwitchDataSet, Wording
from aligntui.data.switch_suites import Opposed, OpposedSuite, load_suites
from aligntui.wire.engine import AdapterRef
from aligntui.workbench.generation.cells import Asking, Side
from aligntui.workbench.switching.plan import GRID, NOISE, SUITE, SwitchPlan, make_plan
from tests.workbench.switch_bench import BASE, data_set

SIDES = (Side("base"), Side("demo x0.5", AdapterRef("demo", "/adapters/demo"), "a" * 64, 0.5))
WARM = Asking(Sampling(temperature=0.7, seed=3))
GREEDY = Asking(Sampling(temperature=0.0))


def test_the_grid_is_every_case_by_every_side_under_every_seed() -> None:
    found = data_set(2, both=True)
    plan = make_plan(found, BASE, SIDES, WARM, seeds=2, noise=False)
    assert len(plan.cells) == len(plan.places) == len(found.cases) * 2 * 2
    assert {(p.prompt.id, p.wording.label, p.side, p.seed) for p in plan.places.values()} == {
        (case.prompt.id, case.wording.label, side, seed) for case in found.cases for side in (0, 1) for seed in (3, 4)
    }
    for cell in plan.cells:
        place = plan.places[cell.key]
        assert (cell.prompt, cell.side, cell.seed) == (place.prompt.text, place.side, place.seed)
        assert cell.instruction.text == place.wording.text and cell.label == place.wording.label
    assert [plan.places[cell.key].prompt.id for cell in plan.cells[:16]] == ["q0"] * 16, "prompt by prompt"


def test_cases_need_not_be_a_full_crossing() -> None:
    found = data_set(3)
    odd = replace(found, cases=(found.cases[0], found.cases[3], found.cases[4]))
    plan = make_plan(odd, BASE, SIDES[:1], WARM, noise=False)
    assert {(p.prompt.id, p.wording.type) for p in plan.places.values()} == {
        ("q0", "concise"), ("q1", "vivid"), ("q2", "concise")
    }  # fmt: skip


def test_the_noise_floor_is_one_prompt_in_ten_as_often_as_there_are_types() -> None:
    plan = make_plan(data_set(21, "concise", "vivid", "formal", both=True), BASE, SIDES, WARM)
    noise = plan.group(NOISE)
    assert noise is not None and [prompt.id for prompt in noise.prompts] == ["q0", "q10", "q20"]
    assert noise.seeds == (3, 4, 5) and [one.label for one in noise.wordings] == ["concise/1"]
    assert sum(place.group == NOISE for place in plan.places.values()) == 3 * 3 * 2
    assert make_plan(data_set(), BASE, SIDES, WARM, noise=False).group(NOISE) is None
    assert make_plan(data_set(), BASE, SIDES, GREEDY).group(NOISE) is None, "greedy answers have no noise"


def test_a_suite_is_a_group_of_its_own() -> None:
    suites = load_suites(["concise-detailed"], 2)
    plan = make_plan(data_set(1), BASE, SIDES, WARM, seeds=3, noise=False, suites=suites)
    cells = [place for place in plan.places.values() if place.group == f"{SUITE}concise-detailed"]
    assert len(cells) == 2 * 2 * 2, "one seed"
    assert {place.wording.type for place in cells} == {"concise", "detailed"}
    assert sum(place.group == GRID for place in plan.places.values()) == 2 * 2 * 3


@pytest.mark.parametrize("mode", [Mode.SYSTEM, Mode.INJECTION])
def test_a_plan_survives_the_database_with_all_its_keys(mode: Mode) -> None:
    asking = Asking(Sampling(0.7, 0.8, 40, 9), mode, 4)
    plan = make_plan(data_set(12), BASE, SIDES, asking, seeds=2, suites=load_suites(sample=2))
    again = SwitchPlan.from_dict(json.loads(json.dumps(plan.as_dict(), sort_keys=True)))
    assert again == plan and again.types == plan.types == ("concise", "vivid")
    assert again.cells == plan.cells and list(again.places) == list(plan.places)


def test_a_plan_of_a_later_version_is_refused() -> None:
    with pytest.raises(UserError, match="later aligntui"):
        SwitchPlan.from_dict({**make_plan(data_set(), BASE, SIDES, WARM).as_dict(), "format": 2})


def test_after_the_largest_seed_comes_zero() -> None:
    asking = Asking(Sampling(temperature=0.7, seed=MAX_SEED))
    plan = make_plan(data_set(1), BASE, SIDES, asking, seeds=2)
    assert {place.seed for place in plan.places.values()} == {MAX_SEED, 0}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dataset": replace(data_set(), cases=())}, "no case"),
        ({"sides": ()}, "name of its own, not none"),
        ({"sides": (Side("base"), Side("base"))}, "name of its own, not base, base"),
        ({"seeds": 0}, "at least once, not 0"),
        ({"asking": GREEDY, "seeds": 2}, "temperature above 0"),
    ],
)
def test_what_is_no_run(changes: dict, says: str) -> None:
    wish = {"dataset": data_set(), "base": BASE, "sides": SIDES, "asking": WARM, **changes}
    with pytest.raises(UserError, match=says):
        make_plan(**wish)


def test_cells_that_only_punctuation_tells_apart_are_refused() -> None:
    twice = SwitchDataSet(
        "odd",
        (
            SwitchCase(BankPrompt("a", "Why?"), Wording("x", "1", "direct", "One.")),
            SwitchCase(BankPrompt("a|x/1", "How?"), Wording("x", "1", "direct", "One.")),
        ),
        {"x": (), "y": ()},
    )
    sides = (Side("base"), Side("x/1|base", AdapterRef("x", "/x"), "a" * 64))
    assert len(make_plan(twice, BASE, sides[:1], WARM, noise=False).cells) == 2
    with pytest.raises(UserError, match="same key"):
        make_plan(twice, BASE, sides, WARM, noise=False)


def test_a_suite_of_any_text() -> None:
    suite = OpposedSuite(
        "s", "length-ratio", Opposed("a", "A."), Opposed("b", "B."), {"x": 1.0}, (BankPrompt("p", "?"),)
    )
    plan = make_plan(data_set(1), BASE, SIDES[:1], WARM, noise=False, suites=[suite])
    assert SwitchPlan.from_dict(plan.as_dict()).suites == (suite,)
