"""Every result turns into JSON, whether or not there was anything to count."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from aligntui.score.paired import compare_means, compare_rates, mcnemar
from aligntui.score.results import Result, coverage
from aligntui.score.verdicts.agreement import annotator_agreement, group_agreement
from aligntui.score.verdicts.bradley_terry import bradley_terry
from aligntui.score.verdicts.consistency import self_agreement
from aligntui.score.verdicts.contrast import Sampled, propose_pairs
from aligntui.score.verdicts.judge import judge_agreement
from aligntui.score.verdicts.judgement import Judgement
from aligntui.score.verdicts.preference import length_preference, position_and_length, position_preference
from aligntui.score.verdicts.win_rates import win_rate, win_rates_by_tag
from aligntui.score.wording import word_rate
from tests.score.builders import judgement

MADE: dict[str, Callable[[list[Judgement]], Result]] = {
    "self-agreement": self_agreement,
    "annotators": lambda given: annotator_agreement(given, "me", "you"),
    "group": group_agreement,
    "judge": lambda given: judge_agreement(given, "you", "me"),
    "position": position_preference,
    "length": length_preference,
    "both": position_and_length,
    "win rate": lambda given: win_rate(given, "tuned", "base"),
    "by tag": lambda given: win_rates_by_tag(given, "tuned", "base"),
    "ratings": bradley_terry,
    "wording": lambda given: word_rate(win_rate(given, "tuned", "base").decided, "tuned", "base"),
    "rates": lambda given: compare_rates([j.verdict == "left" for j in given], [bool(j.blind) for j in given]),
    "means": lambda given: compare_means([1.0 for _ in given], [float(len(j.id)) for j in given]),
    "mcnemar": lambda given: mcnemar(len(given), 1),
    "proposals": lambda given: propose_pairs(Sampled(j.id, j.verdict, j.id * 3) for j in given),
}


def verdicts() -> list[Judgement]:
    said = ["left", "right", "tie", "bad", "skip", "left", "right", "right"] * 3
    given = [judgement(v, pair=f"p{i}", chars=(i + 1, 9), tags=("t",)) for i, v in enumerate(said)]
    given += [judgement(v, pair=f"p{i}", annotator="you") for i, v in enumerate(reversed(said))]
    return [*given, judgement("left", pair="p0", repeat_of=given[0].id), judgement("right", "tuned", "third")]


def rates_in(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        own = [value] if {"k", "n"} <= value.keys() else []
        return own + [rate for item in value.values() for rate in rates_in(item)]
    return [rate for item in value for rate in rates_in(item)] if isinstance(value, list) else []


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("empty", [False, True])
def test_a_result_is_json(name: str, empty: bool) -> None:
    plain = MADE[name]([] if empty else verdicts()).as_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    for rate in rates_in(plain):
        assert {"k", "n", "rate", "low", "high", "chance", "method"} <= rate.keys()
        assert (rate["rate"] is None) == (rate["low"] is None) == (rate["n"] == 0)


def test_coverage_adds_up_and_names_only_what_there_was() -> None:
    assert coverage(3, {"a": 2, "b": 0}).as_dict() == {"used": 3, "total": 5, "left_out": {"a": 2}}
