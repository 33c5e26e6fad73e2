"""Two runs on the same prompts, such as base and adapter, compared verdict by verdict."""

from __future__ import annotations

from dataclasses import dataclass

from aligntui.core.errors import UserError
from aligntui.score.bootstrap import RESAMPLES, SEED
from aligntui.score.corrections import corrected
from aligntui.score.ifeval.averages import tier_averages
from aligntui.score.ifeval.prompts import Key, Prompt
from aligntui.score.ifeval.registry import CHECKERS
from aligntui.score.ifeval.scoring import Scored, Scoring
from aligntui.score.ifeval.tiers import NO_COMMA, tier_of
from aligntui.score.paired import PairedRates, compare_rates
from aligntui.score.results import LEVEL, Estimate, Result


@dataclass(frozen=True)
class ComparedCategory(Result):
    """One instruction type in both runs."""

    instruction: str
    tier: str
    rates: PairedRates
    p_holm: float | None
    """`rates.p` corrected over all types, so that hardly ever one is called different that is not."""
    p_benjamini_hochberg: float | None
    """Likewise, so that few of those called different are not."""


@dataclass(frozen=True)
class ComparedTier(Result):
    """The mean of the rates of a tier's types in both runs."""

    tier: str
    first: Estimate
    second: Estimate
    difference: Estimate


@dataclass(frozen=True)
class ComparedReading(Result):
    """Both runs under one reading of the instructions. Differences are second minus first."""

    prompt: PairedRates
    instruction: PairedRates
    prompt_adjusted: PairedRates
    """Without the prompts that contain `punctuation:no_comma`."""
    instruction_adjusted: PairedRates
    categories: tuple[ComparedCategory, ...]
    tiers: tuple[ComparedTier, ...]


@dataclass(frozen=True)
class Comparison(Result):
    """Two runs on the same prompts; what only one of them answered is left out and counted in each coverage."""

    strict: ComparedReading
    loose: ComparedReading


@dataclass(frozen=True)
class Flip(Result):
    """A prompt on which two runs differ."""

    key: Key
    gained: tuple[str, ...]
    """Instructions that only the second run follows."""
    lost: tuple[str, ...]
    """Instructions that only the first run follows."""
    follows_all: tuple[bool, bool]
    """Whether the first and the second run follow all instructions of the prompt."""


def compare(
    first: Scoring, second: Scoring, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = SEED
) -> Comparison:
    """Compare two runs.

    Args:
        first: what is compared with, such as the base.
        second: what is judged, such as the adapter.
        level: confidence level.
        resamples: of the tiers' bootstrap.
        seed: of the tiers' bootstrap.

    Raises:
        UserError: the runs have different prompts.

    Source: tests and intervals of `compare_rates`: McNemar exact where a prompt has one verdict, else whole prompts.
    """
    _check_same(first, second)
    return Comparison(*(_reading(first, second, loose, level, resamples, seed) for loose in (False, True)))


def flips(first: Scoring, second: Scoring, *, loose: bool = False) -> tuple[Flip, ...]:
    """The prompts that both runs answered with different verdicts, in the order of the prompts.

    Raises:
        UserError: the runs have different prompts.
    """
    _check_same(first, second)
    found: list[Flip] = []
    for prompt, one, other in _pairs(first, second):
        if one is None or other is None:
            continue
        verdicts = list(zip(prompt.instructions, _verdicts(one, loose), _verdicts(other, loose), strict=True))
        gained = tuple(id_ for id_, before, after in verdicts if after and not before)
        lost = tuple(id_ for id_, before, after in verdicts if before and not after)
        if gained or lost:
            found.append(Flip(prompt.key, gained, lost, (one.follows_all(loose=loose), other.follows_all(loose=loose))))
    return tuple(found)


def _reading(first: Scoring, second: Scoring, loose: bool, level: float, resamples: int, seed: int) -> ComparedReading:
    pairs = _pairs(first, second)
    adjusted = [pair for pair in pairs if NO_COMMA not in pair[0].instructions]
    averages = tier_averages(
        [
            [
                (id_, (before, after, after - before))
                for id_, before, after in zip(
                    prompt.instructions, _verdicts(one, loose), _verdicts(other, loose), strict=True
                )
            ]
            for prompt, one, other in pairs
            if one is not None and other is not None
        ],
        3,
        level,
        resamples,
        seed,
    )
    by_type = {id_: _by_instruction(pairs, loose, level, id_) for id_ in CHECKERS}
    by_type = {id_: rates for id_, rates in by_type.items() if rates.coverage.total}
    p_values = [rates.p for rates in by_type.values()]
    return ComparedReading(
        prompt=_by_prompt(pairs, loose, level),
        instruction=_by_instruction(pairs, loose, level),
        prompt_adjusted=_by_prompt(adjusted, loose, level),
        instruction_adjusted=_by_instruction(adjusted, loose, level),
        categories=tuple(
            ComparedCategory(id_, str(tier_of(id_)), rates, holm, hochberg)
            for (id_, rates), holm, hochberg in zip(
                by_type.items(), corrected(p_values, "holm"), corrected(p_values, "benjamini-hochberg"), strict=True
            )
        ),
        tiers=tuple(ComparedTier(name, *estimates) for name, estimates in averages.items()),
    )


Pair = tuple[Prompt, Scored | None, Scored | None]


def _pairs(first: Scoring, second: Scoring) -> list[Pair]:
    ones, others = ({scored.key: scored for scored in scoring.scored} for scoring in (first, second))
    return [(prompt, ones.get(prompt.key), others.get(prompt.key)) for prompt in first.prompts]


def _by_prompt(pairs: list[Pair], loose: bool, level: float) -> PairedRates:
    one, other = (
        [None if side is None else side.follows_all(loose=loose) for side in sides]
        for sides in ([pair[1] for pair in pairs], [pair[2] for pair in pairs])
    )
    return compare_rates(one, other, level=level)


def _by_instruction(pairs: list[Pair], loose: bool, level: float, only: str | None = None) -> PairedRates:
    """Over all instructions, or over those of one type."""
    keys: list[Key] = []
    verdicts: tuple[list[bool | None], list[bool | None]] = ([], [])
    for prompt, *sides in pairs:
        for place, id_ in enumerate(prompt.instructions):
            if only in (None, id_):
                keys.append(prompt.key)
                for side, to in zip(sides, verdicts, strict=True):
                    to.append(None if side is None else _verdicts(side, loose)[place])
    return compare_rates(*verdicts, prompts=keys, level=level)


def _verdicts(scored: Scored, loose: bool) -> tuple[bool, ...]:
    return scored.loose if loose else scored.strict


def _check_same(first: Scoring, second: Scoring) -> None:
    one, other = set(first.prompts), set(second.prompts)
    if one != other:
        raise UserError(
            f"Two runs are compared on the same prompts, and {len(one ^ other)} stand in one of these two only.",
            "Score both with the same file of prompts.",
        )
