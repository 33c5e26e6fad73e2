"""Two annotators, or more, on the same pairs of answers."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from aligntui.score.bootstrap import RESAMPLES, SEED
from aligntui.score.coefficients import Choices, agreement, krippendorff_alpha
from aligntui.score.intervals import clustered_rate
from aligntui.score.results import LEVEL, Coverage, Estimate, Rate, Result, coverage
from aligntui.score.verdicts.judgement import Judgement, first_verdicts


@dataclass(frozen=True)
class AnnotatorAgreement(Result):
    """How far two annotators agree on the pairs that both judged."""

    first: str
    second: str
    same: Rate
    """Of pairs with a verdict of both, those with the same one; over left, right, tie and both bad, by answer."""
    decided: Rate
    """Of pairs that both decided, those with the same answer preferred; chance one half."""
    kappa: Estimate
    """Cohen's, over the same pairs as `same`."""
    alpha: Estimate
    """Krippendorff's for nominal choices, over the same pairs."""
    table: tuple[tuple[str, str, int], ...]
    """First's choice, second's choice, count."""
    coverage: Coverage
    """Of all pairs that either judged."""


@dataclass(frozen=True)
class GroupAgreement(Result):
    """How far any number of annotators agree."""

    annotators: tuple[str, ...]
    alpha: Estimate
    coverage: Coverage
    """Of all pairs that any of them judged; those judged by one alone cannot be used."""


def annotator_agreement(
    judgements: Iterable[Judgement],
    first: str,
    second: str,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> AnnotatorAgreement:
    """Compare two annotators by their first verdict on each pair, whichever way round each saw it.

    Args:
        judgements: of both and of anyone else; others are passed over.
        first: an annotator's name.
        second: another annotator's name.
        level: confidence level.
        resamples: of the bootstraps.
        seed: of the bootstraps.

    Returns:
        Shares and coefficients over the pairs that both judged; empty results where there are none.
    """
    of_first, of_second = _by_pair(judgements, first, second)
    left_out = {f"judged by {first} alone": 0, f"judged by {second} alone": 0, "skipped by one or both": 0}
    both: list[tuple[Judgement, Judgement]] = []
    for pair in of_first | of_second:
        if pair not in of_second:
            left_out[f"judged by {first} alone"] += 1
        elif pair not in of_first:
            left_out[f"judged by {second} alone"] += 1
        elif of_first[pair].choice is None or of_second[pair].choice is None:
            left_out["skipped by one or both"] += 1
        else:
            both.append((of_first[pair], of_second[pair]))
    agreed = agreement((Choices(a.cluster, str(a.choice), str(b.choice)) for a, b in both), level, resamples, seed)
    return AnnotatorAgreement(
        first=first,
        second=second,
        same=agreed.share,
        decided=clustered_rate(
            ((a.cluster, float(a.choice is b.choice)) for a, b in both if a.verdict.decides and b.verdict.decides),
            0.5,
            level,
        ),
        kappa=agreed.kappa,
        alpha=krippendorff_alpha(
            {a.pair: [str(a.choice), str(b.choice)] for a, b in both},
            {a.pair: a.cluster for a, _ in both},
            level,
            resamples,
            seed,
        ),
        table=agreed.table,
        coverage=coverage(len(both), left_out),
    )


def group_agreement(
    judgements: Iterable[Judgement], level: float = LEVEL, resamples: int = RESAMPLES, seed: int = SEED
) -> GroupAgreement:
    """Krippendorff's alpha of all annotators, each with their first verdict on the pairs that they judged."""
    units: dict[Hashable, list[str]] = {}
    prompts: dict[Hashable, Hashable] = {}
    annotators: set[str] = set()
    seen: set[Hashable] = set()
    for judgement in first_verdicts(judgements):
        annotators.add(judgement.annotator)
        seen.add(judgement.pair)
        if judgement.choice is not None:
            units.setdefault(judgement.pair, []).append(str(judgement.choice))
            prompts[judgement.pair] = judgement.cluster
    used = sum(len(choices) > 1 for choices in units.values())
    return GroupAgreement(
        annotators=tuple(sorted(annotators)),
        alpha=krippendorff_alpha(units, prompts, level, resamples, seed),
        coverage=coverage(used, {"judged by fewer than two": len(seen) - used}),
    )


def _by_pair(
    judgements: Iterable[Judgement], first: str, second: str
) -> tuple[dict[tuple[str, str], Judgement], dict[tuple[str, str], Judgement]]:
    of: dict[str, dict[tuple[str, str], Judgement]] = {first: {}, second: {}}
    for judgement in first_verdicts(judgements):
        if judgement.annotator in of:
            of[judgement.annotator][judgement.pair] = judgement
    return of[first], of[second]
