"""What the verdicts say: of who gave them, and of the sides that were judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from aligntui.core.pair import Verdict
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

if TYPE_CHECKING:
    from aligntui import store as db

BASE = "base"
JUDGE = "judge:"
"""Annotators whose names begin so are model judges."""
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
    """Verdicts that came with a file: nobody here gave them, and they are left out of everything below."""
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
    judgements: list[Judgement] = []
    imported = 0
    for number, row in enumerate(rows, 1):
        if number % PROGRESS_EVERY == 0:
            on_progress(number)
        if row.left_side and row.right_side:
            judgements.append(judgement_of(row))
        else:
            imported += 1
    people, judges = _annotators(judgements)
    mine = {name: [one for one in judgements if one.annotator == name] for name in (*people, *judges)}
    by_people = [one for one in judgements if not one.annotator.startswith(JUDGE)]
    sides = {side for one in by_people for side in (one.left.side, one.right.side)}
    return VerdictReport(
        verdicts=len(judgements),
        imported=imported,
        annotators=tuple(of_annotator(name, mine[name]) for name in (*people, *judges)),
        agreement=tuple(annotator_agreement(judgements, a, b) for a, b in combinations(people[:MOST_ANNOTATORS], 2)),
        group=group_agreement(by_people) if len(people) > 1 else None,
        judges=tuple(
            judge_agreement(judgements, judge, person) for judge in judges for person in people[:MOST_ANNOTATORS]
        ),
        sides=tuple(
            OfSide(
                overall,
                win_rates_by_instruction(by_people, overall.side, BASE),
                win_rates_by_tag(by_people, overall.side, BASE),
            )
            for overall in win_rates(by_people, BASE)
        ),
        ratings=bradley_terry(by_people, reference=BASE if BASE in sides else None) if len(sides) > 2 else None,
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
