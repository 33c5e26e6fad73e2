"""A model judge against a person."""

from __future__ import annotations

from aligntui.score.intervals import wilson
from aligntui.score.verdicts.judge import judge_agreement
from aligntui.score.verdicts.judgement import Judgement
from tests.score.builders import judgement

OTHER = {"left": "right", "right": "left"}


def human(pair: str, verdict: str, **more: object) -> Judgement:
    return judgement(verdict, pair=pair, **more)  # type: ignore[arg-type]


def judge(pair: str, verdict: str, *, swapped: bool = False) -> Judgement:
    sides = ("tuned", "base") if swapped else ("base", "tuned")
    return judgement(verdict, *sides, pair=pair, annotator="judge")


def test_accuracy_next_to_rules_without_understanding() -> None:
    """The person takes tuned, which stands right, 7 times of 10; the judge always says right."""
    given = [human(f"p{i}", "right" if i < 7 else "left", chars=(50, 90) if i < 4 else (90, 50)) for i in range(10)]
    given += [judge(f"p{i}", "right") for i in range(10)]
    found = judge_agreement(given, "judge", "me")
    assert (found.accuracy.k, found.accuracy.n) == (7, 10)
    assert (found.accuracy.low, found.accuracy.high) == wilson(7, 10)
    assert (found.majority, found.base_rate.k) == ("second", 7)
    assert found.always_left.k == 3
    assert found.always_longer.k == 4 + 3
    assert found.kappa.value == 0
    assert found.table == (("second", "first", 3), ("second", "second", 7))
    assert found.decided.chance == 0.5


def test_both_orders_settle_a_verdict() -> None:
    given = [human("agree", "right"), human("torn", "right"), human("tie", "tie")]
    given += [judge("agree", "right"), judge("agree", "left", swapped=True)]
    given += [judge("torn", "left"), judge("torn", "left", swapped=True)]
    given += [judge("tie", "right"), judge("tie", "right", swapped=True)]
    found = judge_agreement(given, "judge", "me")
    assert found.table == (("second", "second", 1), ("tie", "second", 1), ("tie", "tie", 1))
    assert found.accuracy.k == 2
    assert (found.same_in_both_orders.k, found.same_in_both_orders.n) == (1, 3)
    assert (found.left_when_torn.k, found.left_when_torn.n) == (1, 2)


def test_a_second_reply_in_the_same_order_is_not_the_other_order() -> None:
    given = [human("p", "right"), judge("p", "right"), judge("p", "left")]
    found = judge_agreement(given, "judge", "me")
    assert found.accuracy.k == 1
    assert found.same_in_both_orders.n == 0


def test_coverage_says_what_the_judge_did_not_do() -> None:
    given = [human(p, "left") for p in "abc"] + [human("d", "skip")]
    given += [judge("a", "left"), judge("b", "skip"), judge("d", "left"), judge("z", "left")]
    found = judge_agreement(given, "judge", "me")
    assert found.coverage.as_dict() == {
        "used": 1,
        "total": 4,
        "left_out": {"skipped by the person": 1, "not judged by the judge": 1, "no usable reply of the judge": 1},
    }


def test_an_unreadable_reply_leaves_the_other_order() -> None:
    given = [human("p", "left"), judge("p", "skip"), judge("p", "right", swapped=True)]
    assert judge_agreement(given, "judge", "me").accuracy.k == 1


def test_verdicts_of_one_prompt_are_one_draw() -> None:
    given = []
    for i in range(30):
        given.append(human(f"p{i}", "left", prompt=f"prompt {i // 3}"))
        given.append(judge(f"p{i}", "left" if i // 3 < 6 else "right"))
    found = judge_agreement(given, "judge", "me")
    assert found.accuracy.clusters == 10
    assert found.accuracy.high - found.accuracy.low > 0.45  # type: ignore[operator]


def test_nothing_to_compare() -> None:
    found = judge_agreement([], "judge", "me")
    assert (found.accuracy.n, found.majority, found.base_rate.rate, found.coverage.total) == (0, "", None, 0)
    assert found.as_dict()["accuracy"]["rate"] is None
