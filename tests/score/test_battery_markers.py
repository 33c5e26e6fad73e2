"""Structural markers: beginnings, ends, lines in order, patterns."""

from __future__ import annotations

from typing import Any

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from aligntui.score.battery.markers import marker
from aligntui.score.battery.terms import Answer, OutOfTime

TWO = {"lines": ["Law 1 (Shelter):", "Ranking:"]}


@pytest.mark.parametrize(
    ("written", "text", "reason"),
    [
        ({"starts_with": "Law 2 (Seed):"}, "Law 2 (Seed): wait", ""),
        ({"starts_with": "Law 2 (Seed):"}, "\n  Law 2 (Seed): wait", ""),
        ({"starts_with": "Law 2 (Seed):"}, "law 2 (seed): wait", "does not begin with"),
        ({"starts_with": "Law 2 (Seed):"}, "By Law 2 (Seed): wait", "but 'By Law 2"),
        ({"starts_with": "Law 2 (Seed):"}, "**Law 2 (Seed):** wait", "does not begin with"),
        ({"starts_with": "é"}, "e\u0301t\u00e9", ""),
        ({"ends_with": "Ranking: Seed before Lantern."}, "x\nRanking: Seed before Lantern.\n", ""),
        ({"ends_with": "Ranking: Seed before Lantern."}, "Ranking: Seed before Lantern. Bye", "does not end with"),
        (TWO, "Law 1 (Shelter): go\nmore\nRanking: a", ""),
        (TWO, "Law 1 (Shelter): go\r\n  Ranking: a", ""),
        (TWO, "Ranking: a\nLaw 1 (Shelter): go", "after 'Law 1 (Shelter):'"),
        (TWO, "Law 1 (Shelter): go. Ranking: a", "has no line that begins with 'Ranking:'"),
        (TWO, "", "has no line that begins with 'Law 1 (Shelter):'"),
        ({"lines": ["Ranking:"]}, "The Ranking: a", "has no line that begins with 'Ranking:'"),
        ({"lines": ["a", "a"]}, "a\na", ""),
        ({"lines": ["a", "a"]}, "a", "after 'a'"),
        ({"regex": r"^\d+\."}, "x\n12. y", ""),
        ({"regex": r"^\d+\."}, "x 12. y", "nothing in it matches"),
    ],
)
def test_a_marker_says_what_the_answer_misses(written: dict[str, Any], text: str, reason: str) -> None:
    missed = marker(written).missed_by(Answer.of(text))
    assert reason in missed and bool(missed) is bool(reason)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("Law 1", "an object with one of"),
        ({}, "an object with one of"),
        ({"starts_with": "a", "ends_with": "b"}, "an object with one of"),
        ({"starts": "a"}, "no marker 'starts', only starts_with, ends_with"),
        ({"starts_with": ""}, "has a text"),
        ({"starts_with": 3}, "has a text"),
        ({"starts_with": "a\nb"}, "'lines' takes several"),
        ({"lines": "a"}, "has a list of texts"),
        ({"lines": []}, "has a list of texts"),
        ({"lines": ["a", None]}, "has a text"),
        ({"regex": "(a"}, "no regular expression"),
        ({"regex": ".*"}, "matches the empty text"),
    ],
)
def test_a_marker_that_cannot_work_says_why(written: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=regex.escape(reason)):
        marker(written)


def test_a_marker_that_backtracks_for_ever_is_stopped() -> None:
    with pytest.raises(OutOfTime):
        marker({"regex": "(a+)+$"}).missed_by(Answer.of("a" * 50_000 + "!"), limit_s=0.1)


@given(st.text())
def test_any_answer_keeps_its_own_beginning_and_end(text: str) -> None:
    answer = Answer.of(text)
    lines = [line.strip() for line in answer.text.strip().split("\n") if line.strip()]
    for kind, line in (("starts_with", lines[:1]), ("ends_with", lines[-1:])):
        if line:
            assert marker({kind: line[0]}).missed_by(answer) == ""
    if lines:
        assert marker({"lines": lines}).missed_by(answer) == ""
    assert marker({"regex": r"\A.{1,5}[^\n]*"}).missed_by(answer) in ("", r"nothing in it matches '\\A.{1,5}[^\\n]*'")
