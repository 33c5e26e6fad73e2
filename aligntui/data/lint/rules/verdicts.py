"""Verdicts that contradict each other."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from aligntui.core.pair import Verdict
from aligntui.data.lint.finding import Fix, Severity
from aligntui.data.lint.record import RecordView
from aligntui.data.lint.rule import Context, Rule, Takes

BOTH_WAYS = "both-ways"
CYCLE = "cycle"
TIE = "tie-and-decided"


@dataclass(frozen=True, slots=True)
class _Judgement:
    id: str
    better: bytes
    worse: bytes
    verdict: Verdict
    annotator: str


class ContradictoryVerdicts(Rule):
    """Verdicts on one prompt under one instruction that cannot all hold.

    Two answers judged both ways; a round such as A over B, B over C, C over A; a tie of two answers of which another
    verdict prefers one. The mode of the instruction is left aside: the order that it asks for is the same in each.
    """

    name = "contradictory-verdicts"
    summary = "The same answers were judged both ways, or in a round."
    severity = Severity.ERROR
    takes = Takes.JUDGED

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._judged: dict[tuple[bytes, bytes], list[_Judgement]] = defaultdict(list)

    def add(self, view: RecordView) -> str | None:
        """Remember who judged what."""
        chosen, rejected = view.both
        if chosen.key == rejected.key:
            return "both answers are the same"
        record = view.record
        self._judged[(view.instruction_key, view.prompt_key)].append(
            _Judgement(view.id, chosen.key, rejected.key, record.verdict, record.annotator)
        )
        return None

    def conclude(self) -> None:
        """Look at every prompt that was judged more than once."""
        for judged in self._judged.values():
            if len(judged) > 1:
                decided = [one for one in judged if one.verdict.decides]
                both_ways = self._both_ways(decided)
                self._ties(judged, decided)
                self._cycles([one for one in decided if frozenset((one.better, one.worse)) not in both_ways])

    def _both_ways(self, decided: list[_Judgement]) -> set[frozenset[bytes]]:
        by_answers: dict[frozenset[bytes], list[_Judgement]] = defaultdict(list)
        for one in decided:
            by_answers[frozenset((one.better, one.worse))].append(one)
        contradicted = set()
        for answers, group in by_answers.items():
            if len({one.better for one in group}) == 2:
                contradicted.add(answers)
                times = [sum(one.better == side for one in group) for side in sorted(answers)]
                self._found(BOTH_WAYS, f"Two answers were judged both ways, {times[0]} to {times[1]}", group, Fix.DROP)
        return contradicted

    def _ties(self, judged: list[_Judgement], decided: list[_Judgement]) -> None:
        ties: dict[frozenset[bytes], list[_Judgement]] = defaultdict(list)
        for one in judged:
            if one.verdict is Verdict.TIE:
                ties[frozenset((one.better, one.worse))].append(one)
        for answers, group in ties.items():
            against = [one for one in decided if {one.better, one.worse} == answers]
            if against:
                self._found(
                    TIE,
                    "Two answers were called equal once and not equal another time",
                    [*against, *group],
                    Fix.NONE,
                    Severity.NOTICE,
                )

    def _cycles(self, decided: list[_Judgement]) -> None:
        edges = {(one.better, one.worse) for one in decided}
        while cycle := _cycle(edges):
            group = [one for one in decided if (one.better, one.worse) in cycle]
            self._found(CYCLE, f"{len(cycle)} answers were preferred over each other in a round", group, Fix.NONE)
            edges -= cycle

    def _found(
        self, subject: str, what: str, group: list[_Judgement], fix: Fix, severity: Severity | None = None
    ) -> None:
        annotators = sorted({one.annotator for one in group})
        by = "by one annotator" if len(annotators) == 1 else f"by {len(annotators)} annotators"
        self.find(
            f"{what}, {by}.",
            [one.id for one in group],
            fix=fix,
            subject=subject,
            evidence={"annotators": annotators},
            severity=severity,
        )


def _cycle(edges: set[tuple[bytes, bytes]]) -> set[tuple[bytes, bytes]]:
    """Edges of one round among preferences; empty where there is none."""
    over: dict[bytes, list[bytes]] = defaultdict(list)
    for better, worse in sorted(edges):
        over[better].append(worse)
    try:
        TopologicalSorter(over).prepare()
    except CycleError as error:
        round_trip = error.args[1]  # the first answer stands at the end again
        return {pair if pair in edges else pair[::-1] for pair in pairwise(round_trip)}
    return set()
