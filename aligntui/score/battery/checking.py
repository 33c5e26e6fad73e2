"""The verdict on one answer: passed, failed with reasons, or not checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from aligntui.score.battery.battery import Question
from aligntui.score.battery.terms import LIMIT_S, Answer, OutOfTime
from aligntui.score.results import Result


class Outcome(StrEnum):
    """What came of one question."""

    PASSED = "passed"
    FAILED = "failed"
    NO_ANSWER = "no answer"
    """There is no recorded answer; an empty one is an answer, and fails."""
    NOT_CHECKED = "not checked"
    """A regular expression was stopped before it could tell."""


@dataclass(frozen=True)
class Reason(Result):
    """One demand that an answer did not meet."""

    part: str
    """`all`, `any`, `none`, `structure` or `answer`."""
    wanted: tuple[str, ...]
    """The terms or texts of the demand, as written."""
    sentence: str
    """For a reader, without a full stop."""


@dataclass(frozen=True)
class Verdict(Result):
    """What came of one question, and why."""

    id: str
    kind: str
    laws: tuple[str, ...]
    outcome: Outcome
    reasons: tuple[Reason, ...] = ()
    """Empty where the answer passed."""

    @property
    def passed(self) -> bool | None:
        """For statistics: None where nothing is known."""
        return {Outcome.PASSED: True, Outcome.FAILED: False}.get(self.outcome)


def check(question: Question, answer: str | None, limit_s: float = LIMIT_S) -> Verdict:
    """Judge one answer. The same answer gets the same verdict, but for a regular expression at its time limit.

    Args:
        question: what was asked, with its demands.
        answer: what came back; None where nothing is recorded. An empty answer fails, whatever was demanded.
        limit_s: seconds that each regular expression may take. One that takes longer makes the question "not checked", even
            where another demand was not met: a verdict from part of the demands would not be the battery's.
    """
    if answer is None:
        return _verdict(question, Outcome.NO_ANSWER, Reason("answer", (), "there is no recorded answer"))
    given = Answer.of(answer)
    if given.is_blank:
        return _verdict(question, Outcome.FAILED, Reason("answer", (), "the answer is empty"))
    try:
        reasons = _reasons(question, given, limit_s)
    except OutOfTime as stopped:
        return _verdict(question, Outcome.NOT_CHECKED, Reason("answer", (stopped.pattern,), str(stopped)))
    return _verdict(question, Outcome.FAILED if reasons else Outcome.PASSED, *reasons)


def _reasons(question: Question, answer: Answer, limit_s: float) -> list[Reason]:
    reasons = [
        Reason("all", (term.written,), f"{term.written!r} is missing")
        for term in question.all
        if term.find(answer, limit_s) is None
    ]
    if question.any and all(term.find(answer, limit_s) is None for term in question.any):
        wanted = tuple(term.written for term in question.any)
        reasons.append(Reason("any", wanted, f"none of {', '.join(map(repr, wanted))} is there"))
    for term in question.none:
        found = term.find(answer, limit_s)
        if found is not None:
            shown = f" ({found[:60]!r})" if term.is_regex else ""
            reasons.append(Reason("none", (term.written,), f"{term.written!r}{shown} is there and must not be"))
    for marker in question.structure:
        missed = marker.missed_by(answer, limit_s)
        if missed:
            reasons.append(Reason("structure", marker.texts, missed))
    return reasons


def _verdict(question: Question, outcome: Outcome, *reasons: Reason) -> Verdict:
    return Verdict(question.id, question.kind, question.laws, outcome, reasons)
