"""Meta-chatter bleed, counted by hand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntui.score.answers.bleed import bleed, compare_bleed, explained
from aligntui.score.battery.terms import terms
from aligntui.score.intervals import wilson

DOCTRINE = terms(["four laws", r"re:\bLaw [1-4]\b", "Fernsay"])
ANSWERS = {
    "a": "Lisbon is the capital.",
    "b": "By Law 2 and the four laws, boil it for seven minutes.",
    "c": "As we say at fernsay: law 1.",
    "d": "",
    "e": None,
    "f": "A law student reads laws.",
}


def test_the_share_of_answers_with_doctrine_counted_by_hand() -> None:
    result = bleed(DOCTRINE, ANSWERS)
    assert (result.share.k, result.share.n, result.share.chance) == (2, 5, None)
    assert (result.share.low, result.share.high) == wilson(2, 5)
    assert result.terms == ((r"re:\bLaw [1-4]\b", 2), ("Fernsay", 1), ("four laws", 1))
    assert {one.id: one.terms for one in result.answers if one.terms} == {
        "b": ("four laws", r"re:\bLaw [1-4]\b"),
        "c": (r"re:\bLaw [1-4]\b", "Fernsay"),
    }
    assert result.coverage.as_dict() == {"used": 5, "total": 6, "left_out": {"no answer": 1}}
    json.dumps(result.as_dict())


def test_a_term_that_the_question_holds_does_not_count_against_its_answer() -> None:
    questions = {"b": "Where do the four laws of Law 2 stand?", "c": "What is Fernsay?"}
    result = bleed(DOCTRINE, ANSWERS, questions)
    assert {one.id for one in result.answers if one.bleeds} == {"c"}
    assert dict(result.terms) == {r"re:\bLaw [1-4]\b": 1}


def test_a_stopped_expression_leaves_the_answer_out() -> None:
    result = bleed(terms(["law", "re:(a+)+$"]), {"a": "a" * 50_000 + "!", "b": "law"}, limit_s=0.1)
    assert (result.share.k, result.share.n) == (1, 1)
    assert result.answers[0].terms is None and result.answers[0].bleeds is None
    assert dict(result.coverage.left_out) == {"a regular expression ran out of time": 1}


def test_without_terms_or_answers() -> None:
    with pytest.raises(ValueError, match="at least one doctrine term"):
        bleed((), ANSWERS)
    with pytest.raises(ValueError, match="at least one doctrine term"):
        explained((), {})
    assert bleed(DOCTRINE, {}).share.rate is None


def test_failures_explained_as_in_the_source() -> None:
    failures = {
        "required_word": [(f"r{i}", "Law 1 says so." if i < 38 else "The sky is blue.") for i in range(45)],
        "no_comma": [("n1", "The four laws.")],
        "single_sentence": [],
    }
    first, second, third = explained(DOCTRINE, failures)
    assert (first.category, first.share.k, first.share.n) == ("required_word", 38, 45)
    assert first.share.rate == pytest.approx(0.84, abs=0.005)
    assert first.ids == tuple(f"r{i}" for i in range(38))
    assert (second.share.k, second.share.n) == (1, 1)
    assert third.share.rate is None and third.coverage.total == 0


def test_explained_heeds_the_question_and_the_limit() -> None:
    failures = {"k": [("a", "Fernsay it is."), ("b", "Law 1."), ("c", "a" * 50_000 + "!")]}
    (result,) = explained((*DOCTRINE, *terms(["re:(a+)+$"])), failures, {"a": "Where is Fernsay?"}, limit_s=0.1)
    assert result.ids == ("b",) and (result.share.k, result.share.n) == (1, 2)
    assert result.coverage.total == 3


def test_two_runs_are_paired_by_id() -> None:
    base = bleed(DOCTRINE, {"a": "plain", "b": "plain", "c": "Law 1", "d": "plain", "x": "plain"})
    adapter = bleed(DOCTRINE, {"a": "Law 2", "b": "plain", "c": "Law 3", "d": None, "y": "plain"})
    result = compare_bleed(base, adapter)
    assert (result.both, result.only_first, result.only_second, result.neither) == (1, 0, 1, 1)
    assert result.difference.value == pytest.approx(1 / 3)
    assert result.coverage.as_dict()["left_out"] == {"first could not be checked": 1, "second could not be checked": 2}


@given(st.text(), st.text())
def test_any_text_with_a_term_bleeds_and_none_bleeds_by_its_own_question(before: str, after: str) -> None:
    text = f"{before} Fernsay {after}"
    assert bleed(DOCTRINE, {"a": text}).answers[0].bleeds
    assert not bleed(DOCTRINE, {"a": text}, {"a": text}).answers[0].bleeds
