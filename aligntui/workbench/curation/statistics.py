"""What the verdicts say: of who gave them, and of the sides that were judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from aligntui.core.pair import OPPOSED, Verdict
from aligntui.score.verdicts.agreement import AnnotatorAgreement, GroupAgreement, annotator_agreement, group_agreement
from aligntui.score.verdicts.bradley_terry import Ratings, bradley_terry
from aligntui.score.verdicts.consistency import SelfAgreement, self_agreement
from aligntui.score.verdicts.judge import JudgeAgreement, judge_agreement
from aligntui.score.verdicts.judgement import Judgement, Shown
from aligntui.score.verdicts.preference import (
    LengthPreference,
    PositionAndLength,
    PositionPreference,
    length_preference,
    position_and_length,
    position_preference,
)
from aligntui.score.verdicts.win_rates import (
    GroupedWinRates,
    WinRate,
    win_rates,
    win_rates_by_instruction,
    win_rates_by_tag,
)
from aligntui.workbench.curation.settled import JUDGE

if TYPE_CHECKING:
    from aligntui import store as db

BASE = "base"
PROGRESS_EVERY = 1000
MOST_ANNOTATORS = 8
"""Annotators that are compared two by two; the most diligent ones."""


@dataclass(frozen=True)
class OfAnnotator:
    """One annotator measured."""

    name: str
    verdicts: int
    itself: SelfAgreement
    position: PositionPreference
    length: LengthPreference
    together: PositionAndLength
    """Both at once, each with the other held still."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready mapping."""
        return {
            "annotator": self.name,
            "verdicts": self.verdicts,
            "self_agreement": self.itself.as_dict(),
            "position": self.position.as_dict(),
            "length": self.length.as_dict(),
            "position_and_length": self.together.as_dict(),
        }


@dataclass(frozen=True)
class OfSide:
    """One side against the base."""

    overall: WinRate
    by_instruction: GroupedWinRates
    by_tag: GroupedWinRates

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready mapping."""
        return {
            **self.overall.as_dict(),
            "by_instruction": self.by_instruction.as_dict(),
            "by_tag": self.by_tag.as_dict(),
        }


@dataclass(frozen=True)
class VerdictReport:
    """Everything that is computed over the verdicts of a workspace."""

    verdicts: int
    imported: int
    """Verdicts that came with a file: nobody here gave them. Those over answers that were judged here too are held against
    the verdicts given here, as those of another annotator; nothing else counts them."""
    annotators: tuple[OfAnnotator, ...]
    agreement: tuple[AnnotatorAgreement, ...]
    """Two by two."""
    group: GroupAgreement | None
    """All together; None with fewer than two."""
    judges: tuple[JudgeAgreement, ...]
    sides: tuple[OfSide, ...]
    """Each side that met the base."""
    ratings: Ratings | None
    """None with fewer than three sides."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready mapping."""
        return {
            "verdicts": self.verdicts,
            "imported": self.imported,
            "annotators": [one.as_dict() for one in self.annotators],
            "agreement": [one.as_dict() for one in self.agreement],
            "group_agreement": self.group.as_dict() if self.group else None,
            "judges": [one.as_dict() for one in self.judges],
            "win_rates": [one.as_dict() for one in self.sides],
            "ratings": self.ratings.as_dict() if self.ratings else None,
        }


def verdict_report(
    rows: Iterable[db.JudgementRow], on_progress: Callable[[int], None] = lambda _done: None
) -> VerdictReport:
    """Compute every statistic over verdicts.

    Args:
        rows: from `Store.judgements`, repeats included.
        on_progress: told now and then how many were read.
    """
    given: list[Judgement] = []
    from_files: list[Judgement] = []
    for number, row in enumerate(rows, 1):
        if number % PROGRESS_EVERY == 0:
            on_progress(number)
        if OPPOSED in row.tags:
            continue  # nobody preferred either: each of the two answers is wanted under its own instruction
        nameless = not (row.left_side and row.right_side)
        (from_files if nameless and not row.blind else given).append(judgement_of(row))
    people, judges = _annotators(given)
    mine = {name: [one for one in given if one.annotator == name] for name in (*people, *judges)}
    # what a file says is nobody's verdict here, and still something to be held against
    judged_here = {one.pair for one in given}
    everything = [*given, *(one for one in from_files if one.pair in judged_here)]
    raters = [*people[:MOST_ANNOTATORS], *sorted({one.annotator for one in everything} - {*people, *judges})]
    of_people = [one for one in everything if not one.annotator.startswith(JUDGE)]
    # what made an imported answer nobody knows, so it can win for no side
    sided = [one for one in of_people if one.left.side and one.right.side]
    sides = {side for one in sided for side in (one.left.side, one.right.side)}
    return VerdictReport(
        verdicts=len(given),
        imported=len(from_files),
        annotators=tuple(of_annotator(name, mine[name]) for name in (*people, *judges)),
        agreement=tuple(annotator_agreement(everything, a, b) for a, b in combinations(raters, 2)),
        group=group_agreement(of_people) if len(raters) > 1 else None,
        judges=tuple(judge_agreement(everything, judge, person) for judge in judges for person in raters),
        sides=tuple(
            OfSide(
                overall,
                win_rates_by_instruction(sided, overall.side, BASE),
                win_rates_by_tag(sided, overall.side, BASE),
            )
            for overall in win_rates(sided, BASE)
        ),
        ratings=bradley_terry(sided, reference=BASE if BASE in sides else None) if len(sides) > 2 else None,
    )


def of_annotator(name: str, judgements: Sequence[Judgement]) -> OfAnnotator:
    """One annotator's agreement with themselves, and what draws them besides the answer."""
    return OfAnnotator(
        name,
        sum(one.repeat_of is None for one in judgements),
        self_agreement(judgements),
        position_preference(judgements),
        length_preference(judgements),
        position_and_length(judgements),
    )


def judgement_of(row: db.JudgementRow) -> Judgement:
    """A verdict over two answers, as the statistics take it."""
    return Judgement(
        id=row.id,
        left=Shown(row.left_id, row.left_side, row.left_instruction, row.left_chars, row.left_tokens),
        right=Shown(row.right_id, row.right_side, row.right_instruction, row.right_chars, row.right_tokens),
        verdict=Verdict(row.verdict),
        annotator=row.annotator,
        at=row.created_at,
        prompt=row.prompt_key,
        session=row.session_id,
        tags=row.tags,
        blind=row.blind,
        repeat_of=row.repeat_of,
    )


def _annotators(judgements: Sequence[Judgement]) -> tuple[list[str], list[str]]:
    """People and model judges, the most diligent first."""
    counts: dict[str, int] = {}
    for one in judgements:
        counts[one.annotator] = counts.get(one.annotator, 0) + 1
    names = sorted(counts, key=lambda name: (-counts[name], name))
    return [n for n in names if not n.startswith(JUDGE)], [n for n in names if n.startswith(JUDGE)]
