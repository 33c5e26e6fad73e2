"""Plans of score runs: cells in order, deliveries, formats, and what survives being stored."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from aligntui.core.errors import UserError
from aligntui.core.instruction import Instruction
from aligntui.core.prompt_format import Message, Mode, place_instruction
from aligntui.core.sampling import MAX_SEED, Sampling
from aligntui.score.battery.delivery import Delivery, deliver
from aligntui.workbench.generation.cells import Asking, Side, cache_key
from aligntui.workbench.scoring.earlier_turns import MOST_TURNS, earlier_turns
from aligntui.workbench.scoring.plan import (
    ScorePlan,
    ScoreWish,
    check_score_wish,
    deliveries_for,
    seeds_from,
    sides_to_score,
)
from tests.score.suite_builders import questions, small_ifeval, small_track_a
from tests.score.test_suites_reading import battery
from tests.workbench.score_bench import SIDES, plan, with_rules


def test_every_side_is_asked_every_item_under_every_delivery_and_seed() -> None:
    made = plan(small_track_a(3), Delivery.NONE, Delivery.SYSTEM, seeds=(4, 5))
    assert len(made.cells) == len(made.places) == 3 * 2 * 2 * 2
    assert [place.item.id for place in made.places.values()][:8] == ["a0"] * 8, "item by item"
    assert list(made.places)[:2] == ["a0|base|none|4", "a0|demo|none|4"]
    assert (
        made.column_name("demo", Delivery.SYSTEM) == "demo (system)"
        and plan().column_name("demo", Delivery.NONE) == "demo"
    )


def test_a_cell_renders_as_its_delivery_says() -> None:
    for delivery in Delivery:
        made = with_rules(plan(small_track_a(1), delivery))
        cell = made.cells[0]
        row = cell.row(SIDES[0], made.asking)
        history = [Message(role, text) for role, text in row.history]
        placed = place_instruction(history, row.instruction, Mode(row.mode), every=row.injection_every)
        assert placed == deliver([Message("user", made.suite.items[0].prompt)], "Be calm.", delivery)
    nothing = with_rules(plan(small_track_a(1), Delivery.NONE)).cells[0].row(SIDES[0], Asking())
    assert (nothing.instruction, nothing.mode) == ("", "none")


@pytest.mark.parametrize(("turn", "every", "carrying"), [(1, 3, [0]), (3, 3, [0]), (4, 3, [0, 3]), (5, 2, [0, 2, 4])])
def test_a_later_turn_follows_plain_exchanges_and_carries_every_kth_injection(
    turn: int, every: int, carrying: list[int]
) -> None:
    for delivery in (Delivery.INJECTION, Delivery.BOTH):
        made = replace(with_rules(plan(small_track_a(1), delivery)), turn=turn, asking=Asking(injection_every=every))
        row = made.cells[0].row(SIDES[0], made.asking)
        history = [Message(role, text) for role, text in row.history]
        placed = place_instruction(history, row.instruction, Mode(row.mode), every=row.injection_every)
        users = [one.content for one in placed if one.role == "user"]
        assert len(users) == turn and users[-1].endswith(made.suite.items[0].prompt)
        assert [n for n, text in enumerate(users) if text.startswith("Be calm.")] == carrying
        assert sum(one.role == "system" for one in placed) == (delivery is Delivery.BOTH)
    with pytest.raises(UserError, match="a turn from 1 to 12, not 13"):
        check_score_wish(ScoreWish(questions(), turn=13), Asking())
    assert len(earlier_turns(MOST_TURNS)) == 2 * (MOST_TURNS - 1)


def test_what_is_not_delivered_is_found_in_the_cache_whatever_the_rules_are() -> None:
    from tests.workbench.test_generation_cells import MODEL

    one, other = plan(small_track_a(1), Delivery.NONE), with_rules(plan(small_track_a(1), Delivery.NONE))
    keys = {cache_key(made.cells[0].row(SIDES[0], made.asking), SIDES[0], MODEL) for made in (one, other)}
    assert len(keys) == 1


def test_a_plan_is_read_back_whole(tmp_path) -> None:
    made = with_rules(plan(battery(tmp_path), Delivery.NONE, Delivery.BOTH, seeds=(1, 2), trained={"demo": "ita"},
                           warnings=("demo: other base",), parameters=7, turn=3))  # fmt: skip
    again = ScorePlan.from_dict(json.loads(json.dumps(made.as_dict())))
    assert again.as_dict() == made.as_dict() and list(again.places) == list(made.places)
    assert [cell.row(SIDES[0], made.asking) for cell in again.cells] == [
        cell.row(SIDES[0], made.asking) for cell in made.cells
    ]
    with pytest.raises(UserError, match="later aligntui"):
        ScorePlan.from_dict({"format": 99})


@pytest.mark.parametrize(
    ("mode", "deliveries", "others"),
    [
        ("system", (Delivery.SYSTEM, Delivery.BOTH), ""),
        ("system", (Delivery.NONE, Delivery.SYSTEM), "“no instruction” it"),
        ("ita", (Delivery.SYSTEM,), "“system prompt” it"),
        ("injection", (Delivery.NONE, Delivery.INJECTION, Delivery.ITA), "“no instruction” and “ITA block” it"),
        ("none", (Delivery.NONE,), ""),
        ("", (Delivery.SYSTEM,), ""),
    ],
)
def test_another_format_than_in_training_is_said(mode: str, deliveries: tuple[Delivery, ...], others: str) -> None:
    notes = plan(None, *deliveries, trained={"demo": mode} if mode else {}).format_notes()
    assert len(notes) == bool(others)
    if others:
        assert f"demo was trained with mode {mode}; under {others}" in notes[0]


def test_deliveries_follow_from_suite_and_instruction(tmp_path) -> None:
    four = (Delivery.NONE, Delivery.SYSTEM, Delivery.INJECTION, Delivery.BOTH)
    assert deliveries_for(ScoreWish(battery(tmp_path)), Mode.SYSTEM) == four
    assert deliveries_for(ScoreWish(small_ifeval()), Mode.SYSTEM) == (Delivery.NONE,)
    told = ScoreWish(small_ifeval(), instruction=Instruction("Be brief."))
    assert deliveries_for(told, Mode.ITA) == (Delivery.ITA,)
    with pytest.raises(UserError, match="In mode none no instruction reaches the model"):
        deliveries_for(told, Mode.NONE)
    twice = replace(told, deliveries=(Delivery.SYSTEM, Delivery.NONE, Delivery.SYSTEM))
    assert deliveries_for(twice, Mode.ITA) == (Delivery.SYSTEM, Delivery.NONE)
    with pytest.raises(UserError, match="brings no rules"):
        deliveries_for(ScoreWish(questions(), deliveries=(Delivery.SYSTEM,)), Mode.SYSTEM)
    with pytest.raises(UserError, match="temperature above 0"):
        check_score_wish(ScoreWish(questions(), seeds=2), Asking(Sampling(temperature=0)))


def test_a_battery_leaves_the_base_out_unless_told(tmp_path) -> None:
    wish = ScoreWish(battery(tmp_path))
    assert [side.name for side in sides_to_score(wish, SIDES)] == ["demo"]
    assert (
        sides_to_score(replace(wish, with_base=True), SIDES) == SIDES == sides_to_score(ScoreWish(questions()), SIDES)
    )
    with pytest.raises(UserError, match="asked of adapters, and there is none"):
        sides_to_score(wish, SIDES[:1])
    with pytest.raises(UserError, match="name of its own"):
        sides_to_score(wish, (SIDES[1], Side("demo", SIDES[1].adapter, "b" * 64)))


def test_after_the_largest_seed_comes_zero() -> None:
    assert seeds_from(MAX_SEED, 2) == (MAX_SEED, 0)
