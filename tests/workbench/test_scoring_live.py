"""Partial scores are those of the answers that are there."""

from __future__ import annotations

from aligntui.score.battery.delivery import Delivery
from aligntui.score.suites.columns import parts, rate, whole
from aligntui.workbench.scoring.live import LiveScores
from aligntui.workbench.scoring.scored import columns_of
from tests.score.suite_builders import questions, small_ifeval
from tests.workbench.score_bench import answer, plan, with_rules

TEXTS = ("short and plain", "A, B", "", "this one goes on for far more words", "no")


def test_after_every_answer_the_rates_are_those_of_the_whole_scoring() -> None:
    made = with_rules(plan(small_ifeval(5), Delivery.NONE, Delivery.SYSTEM))
    live, there = LiveScores(made), {}
    for number, key in enumerate(made.places):
        there[key] = answer(TEXTS[number * 7 % 5])
        assert live.take(key, there[key])
        if number % 6:
            continue
        for one, column in zip(live.rates(), columns_of(made, there), strict=True):
            assert (one.column, one.answered, one.wanted) == (column.name, len(column.marks), 5)
            assert one.passed == rate(made.suite, column, whole(False))
            assert one.parts == rate(made.suite, column, parts(False))
    assert LiveScores(made, there).rates() == live.rates(), "gone on with from what is stored"


def test_an_answer_counts_once_and_a_strange_one_not_at_all() -> None:
    made = plan()
    live = LiveScores(made)
    key = next(iter(made.places))
    assert live.take(key, answer("one two")) and not live.take(key, answer("three"))
    assert not live.take("zz|base|none|0", answer("x"))
    assert [one.answered for one in live.rates()] == [1, 0]
    assert [one.words for one in live.rates()] == [2.0, None]


def test_a_suite_without_verdicts_has_lengths_alone() -> None:
    made = plan(questions())
    live = LiveScores(made, {key: answer("one two three") for key in made.places})
    (base, _demo) = live.rates()
    assert (base.words, base.passed.rate, base.parts) == (3.0, None, None)
