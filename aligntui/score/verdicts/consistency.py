"""The annotator against themselves: what comes out when the same two answers are asked again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aligntui.score.bootstrap import RESAMPLES, SEED
from aligntui.score.coefficients import Choices, agreement
from aligntui.score.intervals import clustered_rate
from aligntui.score.results import LEVEL, Coverage, Estimate, Rate, Result, coverage
from aligntui.score.verdicts.judgement import Judgement, first_verdicts


@dataclass(frozen=True)
class SelfAgreement(Result):
    """How often an annotator says the same twice."""

    same: Rate
    """Of repeats, those with the same verdict; over the four verdicts left, right, tie, both bad, by answer."""
    decided: Rate
    """Of repeats decided both times, those with the same answer preferred; chance one half."""
    kappa: Estimate
    flipped_swapped: Rate
    """Of decided repeats whose sides were swapped, those that took the other answer, which is the same position."""
    flipped_in_place: Rate
    """Of decided repeats shown in the same order, those that took the other answer. More flips when swapped than in place
    is a verdict that follows the position; as many is plain wavering."""
    pairs_judged: int
    """Pairs of answers with a verdict."""
    pairs_repeated: int
    """Of those, the ones asked again."""
    coverage: Coverage
    """Of all repeats."""


def self_agreement(
    judgements: Iterable[Judgement], level: float = LEVEL, resamples: int = RESAMPLES, seed: int = SEED
) -> SelfAgreement:
    """Compare every repeat with the verdict that it asks again.

    Args:
        judgements: of one annotator, or of several, each of whom is then compared with themselves only. Repeats are those
            with `repeat_of`; `link_repeats` marks them where the source does not.
        level: confidence level.
        resamples: of kappa's bootstrap.
        seed: of kappa's bootstrap.

    Returns:
        Shares over the repeats; with none of them all shares are empty and nothing is raised.
    """
    known = {judgement.id: judgement for judgement in judgements}
    left_out = {
        "the first verdict is gone": 0,
        "not the same answers or annotator": 0,
        "first verdict skipped": 0,
        "repeat skipped": 0,
    }
    compared: list[tuple[Judgement, Judgement]] = []
    for again in known.values():
        if again.repeat_of is None:
            continue
        before = known.get(again.repeat_of)
        if before is None:
            left_out["the first verdict is gone"] += 1
        elif before.pair != again.pair or before.annotator != again.annotator:
            left_out["not the same answers or annotator"] += 1
        elif before.choice is None:
            left_out["first verdict skipped"] += 1
        elif again.choice is None:
            left_out["repeat skipped"] += 1
        else:
            compared.append((before, again))
    both = agreement((Choices(a.cluster, str(a.choice), str(b.choice)) for a, b in compared), level, resamples, seed)
    decided = [(a, b) for a, b in compared if a.verdict.decides and b.verdict.decides]
    swapped = [(a, b) for a, b in decided if a.left.answer != b.left.answer]
    in_place = [(a, b) for a, b in decided if a.left.answer == b.left.answer]
    judged = [judgement for judgement in first_verdicts(known.values()) if judgement.choice is not None]
    return SelfAgreement(
        same=both.share,
        decided=clustered_rate(((a.cluster, float(a.choice is b.choice)) for a, b in decided), 0.5, level),
        kappa=both.kappa,
        flipped_swapped=clustered_rate(((a.cluster, float(a.choice is not b.choice)) for a, b in swapped), 0.5, level),
        flipped_in_place=clustered_rate(
            ((a.cluster, float(a.choice is not b.choice)) for a, b in in_place), 0.5, level
        ),
        pairs_judged=len(judged),
        pairs_repeated=len({(a.annotator, a.pair) for a, _ in compared}),
        coverage=coverage(len(compared), left_out),
    )
