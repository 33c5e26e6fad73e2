"""What the verdicts of one run add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aligntui.score.bootstrap import RESAMPLES, SEED
from aligntui.score.ifeval.averages import tier_averages
from aligntui.score.ifeval.registry import CHECKERS
from aligntui.score.ifeval.scoring import Scored, Scoring
from aligntui.score.ifeval.tiers import NO_COMMA, tier_of
from aligntui.score.intervals import clustered_rate
from aligntui.score.results import LEVEL, Coverage, Estimate, Rate, Result, coverage


@dataclass(frozen=True)
class Rates(Result):
    """The four rates that IFEval is known by."""

    prompt_strict: Rate
    """Of prompts, those whose answer follows all of its instructions."""
    instruction_strict: Rate
    """Of instructions; the interval treats those of one prompt as one draw."""
    prompt_loose: Rate
    instruction_loose: Rate


@dataclass(frozen=True)
class CategoryRates(Result):
    """One instruction type."""

    instruction: str
    tier: str
    strict: Rate
    loose: Rate


@dataclass(frozen=True)
class TierRates(Result):
    """The mean of the rates of a tier's types."""

    tier: str
    """A key of `TIERS`."""
    strict: Estimate
    loose: Estimate


@dataclass(frozen=True)
class Summary(Result):
    """One run."""

    all: Rates
    adjusted: Rates
    """Without the prompts that contain `punctuation:no_comma`; shown as "(adj)"."""
    categories: tuple[CategoryRates, ...]
    """Types with at least one verdict, in the order of `CHECKERS`."""
    tiers: tuple[TierRates, ...]
    empty: int
    """Answers with nothing to read; they count as failures."""
    coverage: Coverage
    """Of all prompts."""


def summarise(scoring: Scoring, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = SEED) -> Summary:
    """Rates of one run, each with its interval.

    Args:
        scoring: answers with verdicts, also of a run that is not over yet.
        level: confidence level.
        resamples: of the tiers' bootstrap.
        seed: of the tiers' bootstrap.

    Returns:
        Rates over the answered prompts; empty ones where there is no answer.

    Source: levels and readings of Zhou et al. 2023 (arXiv:2311.07911); adjusted rates and tiers of AISF (Rojas). Pinned
        against the totals of recorded answers in tests/score/test_ifeval_reference.py.
    """
    scored = scoring.scored
    rows = [
        [(id_, (strict, loose)) for id_, strict, loose in zip(s.prompt.instructions, s.strict, s.loose, strict=True)]
        for s in scored
    ]
    averages = tier_averages(rows, 2, level, resamples, seed)
    return Summary(
        all=rates(scored, level),
        adjusted=rates([s for s in scored if NO_COMMA not in s.prompt.instructions], level),
        categories=categories(scored, level),
        tiers=tuple(TierRates(name, strict, loose) for name, (strict, loose) in averages.items()),
        empty=sum(s.is_empty for s in scored),
        coverage=coverage(len(scored), {"no answer": len(scoring.missing)}),
    )


def rates(scored: Sequence[Scored], level: float = LEVEL) -> Rates:
    """The four rates over some answers; quick enough to be asked after every answer."""

    def by_prompt(loose: bool) -> Rate:
        return clustered_rate(((s.key, float(s.follows_all(loose=loose))) for s in scored), level=level)

    def by_instruction(loose: bool) -> Rate:
        return clustered_rate(
            ((s.key, float(followed)) for s in scored for followed in (s.loose if loose else s.strict)), level=level
        )

    return Rates(by_prompt(False), by_instruction(False), by_prompt(True), by_instruction(True))


def categories(scored: Sequence[Scored], level: float = LEVEL) -> tuple[CategoryRates, ...]:
    """Strict and loose rate of each instruction type that occurs."""
    verdicts: dict[str, list[tuple[Scored, bool, bool]]] = {}
    for s in scored:
        for id_, strict, loose in zip(s.prompt.instructions, s.strict, s.loose, strict=True):
            verdicts.setdefault(id_, []).append((s, strict, loose))
    return tuple(
        CategoryRates(
            id_,
            str(tier_of(id_)),
            clustered_rate(((s.key, float(strict)) for s, strict, _ in verdicts[id_]), level=level),
            clustered_rate(((s.key, float(loose)) for s, _, loose in verdicts[id_]), level=level),
        )
        for id_ in CHECKERS
        if id_ in verdicts
    )
