"""Two runs side by side, and the four ways of delivering the rules."""

from __future__ import annotations

import json
from collections.abc import Set
from math import comb

import pytest

from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Message, Mode, place_instruction
from aligntui.score.battery.battery import Battery, Question
from aligntui.score.battery.comparing import compare_batteries, compare_deliveries
from aligntui.score.battery.delivery import Delivery, deliver
from aligntui.score.battery.scoring import BatteryScore, score_battery
from aligntui.score.battery.terms import terms
from aligntui.score.corrections import corrected
from aligntui.score.wording import Finding

RULES = Battery(
    "mine",
    "mine.jsonl",
    tuple(Question(f"q{i:02d}", "?", "even" if i % 2 == 0 else "odd", all=terms(["yes"])) for i in range(20)),
)


def run(passed: Set[int], missing: Set[int] = frozenset()) -> BatteryScore:
    answers = {f"q{i:02d}": None if i in missing else "yes" if i in passed else "no" for i in range(20)}
    return score_battery(RULES, answers)


def test_two_runs_counted_by_hand() -> None:
    # 10 questions gained, 1 lost, 4 passed twice, 5 never
    first, second = run({0, 1, 2, 3, 4}), run({0, 1, 2, 3, *range(5, 15)})
    result = compare_batteries(first, second, ("base", "adapter"))
    overall = result.overall
    assert (overall.both, overall.only_first, overall.only_second, overall.neither) == (4, 1, 10, 5)
    assert overall.difference.value == pytest.approx(9 / 20)
    assert overall.p == pytest.approx(2 * sum(comb(11, i) for i in (0, 1)) / 2**11)
    assert result.lost == ("q04",)
    assert result.gained == tuple(f"q{i:02d}" for i in range(5, 15))
    assert result.wording.finding is Finding.BETTER and "adapter" in result.wording.sentence
    even, odd = (rates for _, rates, _ in result.by_kind)
    assert (even.only_first, even.only_second, odd.only_first, odd.only_second) == (1, 5, 0, 5)
    assert [p for *_, p in result.by_kind] == list(corrected([even.p, odd.p]))
    json.dumps(result.as_dict())


def test_a_question_without_a_verdict_in_one_run_leaves_both() -> None:
    result = compare_batteries(run({0}), run({0, 1, 2}, missing={1, 5}))
    assert (result.overall.coverage.used, result.overall.coverage.total) == (18, 20)
    assert result.gained == ("q02",) and result.lost == ()


def test_runs_of_different_batteries_are_not_compared() -> None:
    other = Battery("mine", "x", RULES.questions[:-1])
    with pytest.raises(UserError, match="cannot be compared: their questions or demands differ"):
        compare_batteries(run(set()), score_battery(other, {}))


def test_all_four_deliveries_are_compared_two_by_two() -> None:
    scores = {
        Delivery.BOTH: run(set(range(16))),
        Delivery.NONE: run(set()),
        Delivery.SYSTEM: run(set(range(12))),
        Delivery.INJECTION: run(set(range(12)) - {0} | {19}),
    }
    table = compare_deliveries(scores)
    assert [(delivery, rate.k) for delivery, rate, _ in table.rates] == [
        (Delivery.NONE, 0),
        (Delivery.SYSTEM, 12),
        (Delivery.INJECTION, 12),
        (Delivery.BOTH, 16),
    ]
    assert all((coverage.used, coverage.total) == (20, 20) for *_, coverage in table.rates)
    pairs = [(one.first, one.second, len(one.gained), len(one.lost)) for one in table.comparisons]
    assert pairs == [
        ("no rules given", "system prompt", 12, 0),
        ("no rules given", "injection", 12, 0),
        ("no rules given", "system prompt and injection", 16, 0),
        ("system prompt", "injection", 1, 1),
        ("system prompt", "system prompt and injection", 4, 0),
        ("injection", "system prompt and injection", 5, 1),
    ]
    assert table.p_corrected == corrected([one.overall.p for one in table.comparisons])
    assert json.loads(json.dumps(table.as_dict()))["rates"][1][0] == "system"


def test_one_delivery_alone_has_nothing_to_compare() -> None:
    table = compare_deliveries({Delivery.SYSTEM: run({1})})
    assert len(table.rates) == 1 and table.comparisons == () and table.p_corrected == ()


HISTORY = [Message("user", "one"), Message("assistant", "1"), Message("user", "two"), Message("assistant", "2")]
HISTORY += [Message("user", "three")]


def rendered(delivery: Delivery, every: int = 2, *, system_slot: bool = True) -> list[str]:
    return [m.content for m in deliver(HISTORY, "RULES", delivery, every=every, system_slot=system_slot)]


def test_each_delivery_puts_the_rules_where_it_says() -> None:
    assert rendered(Delivery.NONE) == ["one", "1", "two", "2", "three"]
    assert rendered(Delivery.SYSTEM) == ["RULES", "one", "1", "two", "2", "three"]
    assert rendered(Delivery.INJECTION) == ["RULES\n\none", "1", "two", "2", "RULES\n\nthree"]
    assert rendered(Delivery.BOTH) == ["RULES", "RULES\n\none", "1", "two", "2", "RULES\n\nthree"]
    assert rendered(Delivery.BOTH, 3) == ["RULES", "RULES\n\none", "1", "two", "2", "three"]
    assert rendered(Delivery.SYSTEM, system_slot=False) == ["RULES\n\none", "1", "two", "2", "three"]


@pytest.mark.parametrize(("delivery", "mode"), [(Delivery.SYSTEM, Mode.SYSTEM), (Delivery.INJECTION, Mode.INJECTION)])
def test_deliveries_agree_with_the_modes_of_chat(delivery: Delivery, mode: Mode) -> None:
    assert deliver(HISTORY, "RULES", delivery, every=2) == place_instruction(HISTORY, "RULES", mode, every=2)


@pytest.mark.parametrize("delivery", Delivery)
def test_a_prompt_that_does_not_end_with_the_user_is_refused(delivery: Delivery) -> None:
    with pytest.raises(UserError):
        deliver([], "RULES", delivery)
