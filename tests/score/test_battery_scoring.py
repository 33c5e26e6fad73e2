"""Verdicts with reasons, and what a run over a battery adds up to, counted by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntui.core.errors import UserError
from aligntui.score.battery.battery import Battery, Question
from aligntui.score.battery.checking import Outcome, check
from aligntui.score.battery.markers import marker
from aligntui.score.battery.reading import read_battery
from aligntui.score.battery.scoring import score_battery, unchecked
from aligntui.score.battery.terms import terms
from aligntui.score.intervals import wilson


def question(id: str = "q", kind: str = "k", **more: Any) -> Question:
    parts = {name: terms(more.pop(name, ())) for name in ("all", "any", "none")}
    structure = tuple(marker(one) for one in more.pop("structure", ()))
    return Question(id, f"{id}?", kind, **parts, structure=structure, **more)


FULL = question(
    all=["harm", "re:leave|go"],
    any=["now", "at once"],
    none=["wait", "re:law [34]"],
    structure=[{"starts_with": "Law 1"}, {"lines": ["Law 1", "Ranking:"]}],
)
PASSES = "Law 1: leave now, harm is near.\nRanking: one before two."


def test_an_answer_that_meets_every_demand_passes_without_a_reason() -> None:
    verdict = check(FULL, PASSES)
    assert (verdict.outcome, verdict.passed, verdict.reasons) == (Outcome.PASSED, True, ())


@pytest.mark.parametrize(
    ("answer", "part", "sentence"),
    [
        (PASSES.replace("harm", "rain"), "all", "'harm' is missing"),
        (PASSES.replace("leave", "stay"), "all", "'re:leave|go' is missing"),
        (PASSES.replace("now", "soon"), "any", "none of 'now', 'at once' is there"),
        (PASSES + " Wait.", "none", "'wait' is there and must not be"),
        (PASSES + " See Law 3.", "none", "'re:law [34]' ('Law 3') is there and must not be"),
        ("So: " + PASSES.replace("\n", "\nLaw 1\n"), "structure", "does not begin with 'Law 1' but 'So: Law 1"),
        (PASSES.replace("Ranking", "Order"), "structure", "has no line that begins with 'Ranking:' after 'Law 1'"),
    ],
)
def test_each_demand_alone_fails_the_answer_and_says_why(answer: str, part: str, sentence: str) -> None:
    verdict = check(FULL, answer)
    assert verdict.outcome is Outcome.FAILED and verdict.passed is False
    assert [reason.part for reason in verdict.reasons] == [part]
    assert sentence in verdict.reasons[0].sentence


def test_every_reason_is_given_at_once() -> None:
    verdict = check(FULL, "Wait for Law 4.")
    assert [reason.part for reason in verdict.reasons] == [
        "all",
        "all",
        "any",
        "none",
        "none",
        "structure",
        "structure",
    ]


@pytest.mark.parametrize("answer", ["", " \n\t", "\u200b"])
def test_an_empty_answer_fails_even_where_only_absence_is_asked_for(answer: str) -> None:
    verdict = check(question(none=["law"]), answer)
    assert verdict.passed is False and verdict.reasons[0].sentence == "the answer is empty"


def test_no_answer_is_neither_passed_nor_failed() -> None:
    verdict = check(FULL, None)
    assert (verdict.outcome, verdict.passed) == (Outcome.NO_ANSWER, None)


def test_a_stopped_expression_leaves_the_question_unchecked_whatever_else_holds() -> None:
    hostile = "a" * 50_000 + "!"
    for stuck in (question(none=["re:(a+)+$"]), question(all=["missing", "re:(a+)+$"]), question(any=["re:(a+)+$"])):
        verdict = check(stuck, hostile, limit_s=0.1)
        assert (verdict.outcome, verdict.passed) == (Outcome.NOT_CHECKED, None)
        assert "'(a+)+$' was stopped after 0.1 s" in verdict.reasons[0].sentence


@given(st.text())
def test_any_answer_gets_the_same_verdict_twice_and_a_reason_unless_it_passed(answer: str) -> None:
    verdict = check(FULL, answer)
    assert verdict == check(FULL, answer)
    assert verdict.outcome in (Outcome.PASSED, Outcome.FAILED)
    assert bool(verdict.reasons) is (verdict.outcome is Outcome.FAILED)


@given(st.text(), st.text())
def test_demanded_and_forbidden_are_opposites(before: str, after: str) -> None:
    answer = f"{before}{after} ."
    assert check(question(all=["law"]), answer).passed is not check(question(none=["law"]), answer).passed
    assert check(question(all=["law"]), answer).passed is check(question(any=["law"]), answer).passed


def battery(*questions: Question, laws: tuple[str, ...] = ()) -> Battery:
    return Battery("mine", "mine.jsonl", questions, laws=laws)


MIXED = battery(
    question("a", "one", all=["yes"], laws=("A",)),
    question("b", "one", all=["yes"], laws=("A", "B")),
    question("c", "two", all=["yes"], laws=("B",)),
    question("d", "two", none=["no", "re:(a+)+$"], laws=("B",)),
    question("e", "two", none=["no"]),
    question("f", "three", all=["yes"]),
    laws=("A", "B", "C"),
)
ANSWERS = {"a": "yes", "b": "no", "c": "yes", "d": "a" * 50_000 + "!", "e": "", "f": None}


def test_a_run_counted_by_hand() -> None:
    score = score_battery(MIXED, ANSWERS, limit_s=0.1)
    # a and c pass, b and e fail, d is stopped, f has no answer
    assert (score.overall.k, score.overall.n, score.overall.chance) == (2, 4, None)
    assert (score.overall.low, score.overall.high) == wilson(2, 4)
    assert [(part.name, part.rate.k, part.rate.n) for part in score.by_kind] == [
        ("one", 1, 2),
        ("two", 1, 2),
        ("three", 0, 0),
    ]
    assert [(part.name, part.rate.k, part.rate.n) for part in score.by_law] == [("A", 1, 2), ("B", 1, 2), ("C", 0, 0)]
    assert [(part.coverage.used, part.coverage.total) for part in score.by_kind] == [(2, 2), (2, 3), (0, 1)]
    assert score.empty_answers == 1 and score.limit_s == 0.1
    assert score.coverage.as_dict() == {
        "used": 4,
        "total": 6,
        "left_out": {"no answer": 1, "a regular expression ran out of time": 1},
    }
    assert not score.complete
    assert [verdict.id for verdict in score.verdicts] == list("abcdef")
    json.dumps(score.as_dict())


def test_only_a_run_with_every_verdict_is_complete() -> None:
    whole = {**ANSWERS, "d": "fine", "f": "yes"}
    score = score_battery(MIXED, whole)
    assert score.complete and (score.overall.k, score.overall.n) == (4, 6)
    assert not score_battery(MIXED, {}).complete
    assert score_battery(MIXED, {}).overall.rate is None


def test_an_answer_to_no_question_is_refused() -> None:
    with pytest.raises(UserError, match="an answer to 'g', and the battery mine has no such question"):
        score_battery(MIXED, {"g": "yes"})


def test_an_unchecked_question_is_named_with_file_line_and_reason(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    rows = [
        {"id": "fine", "question": "?", "expect": {"all": ["a"]}},
        {"id": "stuck", "question": "?", "expect": {"none": ["re:(a+)+$"]}},
    ]
    file.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    read = read_battery(file)
    score = score_battery(read, {"fine": "a", "stuck": "a" * 50_000 + "!"}, limit_s=0.1)
    reason = "the regular expression '(a+)+$' was stopped after 0.1 s"
    assert unchecked(read, score) == (f"{file}, line 2: {reason}; stuck was not checked.",)
    assert unchecked(read, score_battery(read, {"fine": "a", "stuck": "b"})) == ()
