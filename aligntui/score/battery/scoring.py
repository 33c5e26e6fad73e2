"""A run over a whole battery: every verdict, rates with intervals, and how much of it could be judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aligntui.core.errors import UserError, nearest
from aligntui.score.battery.battery import Battery
from aligntui.score.battery.checking import Outcome, Verdict, check
from aligntui.score.battery.terms import LIMIT_S
from aligntui.score.intervals import rate_of
from aligntui.score.results import LEVEL, Coverage, Rate, Result, coverage


@dataclass(frozen=True)
class Part(Result):
    """The questions of one kind or of one law."""

    name: str
    rate: Rate
    coverage: Coverage


@dataclass(frozen=True)
class BatteryScore(Result):
    """What one run over a battery comes to.

    Rates are of the questions that could be judged. They have no chance level: guessing has no meaning here.
    """

    battery: str
    fingerprint: str
    """Of the questions and their demands."""
    overall: Rate
    by_kind: tuple[Part, ...]
    by_law: tuple[Part, ...]
    """A question that touches two laws counts for both."""
    empty_answers: int
    """Counted as failures."""
    coverage: Coverage
    """Of all questions of the battery."""
    verdicts: tuple[Verdict, ...]
    """One for each question, in the battery's order."""
    limit_s: float
    """Seconds that a regular expression could take."""

    @property
    def complete(self) -> bool:
        """Whether every question was judged. Where not, the rate is that of a part and must be shown with the coverage."""
        return self.coverage.used == self.coverage.total


def score_battery(
    battery: Battery, answers: Mapping[str, str | None], limit_s: float = LIMIT_S, level: float = LEVEL
) -> BatteryScore:
    """Judge recorded answers; no weights are needed.

    Args:
        battery: the questions.
        answers: by the question's id; a missing one or None is "no answer".
        limit_s: seconds that a regular expression may look at one answer.
        level: confidence level.

    Raises:
        UserError: an answer belongs to no question of the battery.
    """
    known = [question.id for question in battery.questions]
    strangers = sorted(set(answers) - set(known))
    if strangers:
        raise UserError(
            f"There is an answer to {strangers[0]!r}, and the battery {battery.name} has no such question.",
            nearest(strangers[0], known) if len(known) < 10 else "Give the battery that the answers were made with.",
        )
    verdicts = tuple(check(question, answers.get(question.id), limit_s) for question in battery.questions)
    laws = battery.laws or tuple(dict.fromkeys(law for verdict in verdicts for law in verdict.laws))
    whole = _part("", verdicts, level)
    return BatteryScore(
        battery=battery.name,
        fingerprint=battery.fingerprint,
        overall=whole.rate,
        by_kind=tuple(_part(kind, [v for v in verdicts if v.kind == kind], level) for kind in battery.kinds),
        by_law=tuple(_part(law, [v for v in verdicts if law in v.laws], level) for law in laws),
        empty_answers=sum(v.outcome is Outcome.FAILED and v.reasons[0].part == "answer" for v in verdicts),
        coverage=whole.coverage,
        verdicts=verdicts,
        limit_s=limit_s,
    )


def unchecked(battery: Battery, score: BatteryScore) -> tuple[str, ...]:
    """A sentence with file, line and reason for each question that a regular expression kept from being judged."""
    lines = {question.id: question.line for question in battery.questions}
    return tuple(
        f"{battery.source}, line {lines[verdict.id]}: {verdict.reasons[0].sentence}; {verdict.id} was not checked."
        for verdict in score.verdicts
        if verdict.outcome is Outcome.NOT_CHECKED
    )


def _part(name: str, verdicts: Sequence[Verdict], level: float) -> Part:
    outcomes = Counter(verdict.outcome for verdict in verdicts)
    judged = outcomes[Outcome.PASSED] + outcomes[Outcome.FAILED]
    left_out = {
        "no answer": outcomes[Outcome.NO_ANSWER],
        "a regular expression ran out of time": outcomes[Outcome.NOT_CHECKED],
    }
    return Part(name, rate_of(outcomes[Outcome.PASSED], judged, None, level), coverage(judged, left_out))
