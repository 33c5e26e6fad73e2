"""What a judge named, from the log-probabilities of its options: without its liking for a place in the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aligntui.score.bootstrap import RESAMPLES, SEED
from aligntui.score.coefficients import Agreement, Choices, agreement
from aligntui.score.intervals import clustered_rate
from aligntui.score.results import LEVEL, Coverage, Rate, Result, coverage
from aligntui.score.switching.cells import AnswerTable
from aligntui.score.switching.credits import PairedCredits, compare_credits
from aligntui.score.switching.rates import NONE, plain_rows
from aligntui.score.switching.recogniser import Recognition

TIE = 1e-9
"""Nats below which two options are equally likely."""


@dataclass(frozen=True)
class PlaceRate(Result):
    """How often the option at one place of the list stood highest."""

    place: int
    """1 for the first."""
    rate: Rate
    """Of the judged answers, before the liking for the place is taken off; chance 1 / M, since the order is drawn for
    each answer."""
    named: Rate
    """The same of the options that were named in the end."""


@dataclass(frozen=True)
class RecogniserAgreement(Result):
    """How far the two recognisers name the same on one side's plainly worded answers."""

    side: str
    agreement: Agreement
    """`first` is the nearest prototype, `second` the judge; where none is named the choice is `none`."""
    paired: PairedCredits
    """The switch rate by the nearest prototype (`first`) and by the judge (`second`) on the same answers."""
    coverage: Coverage
    """Of the side's answers that either counts."""


@dataclass(frozen=True)
class Judging(Result):
    """How a judge came to its names."""

    judge: str
    how: str
    """Where its names come from, in a sentence."""
    wanted: int
    """Answers with a text that it was to judge."""
    named: int
    """Those it named an instruction for."""
    unread: int
    """Those whose reply names none of the options, or two equally; counted as not switched."""
    missing: int
    """Those without a reply, because judging was stopped or the question is longer than the context."""
    places: tuple[PlaceRate, ...]
    agreement: tuple[RecogniserAgreement, ...] = ()
    """One a side."""


def best_places(logprobs: Sequence[Sequence[float]]) -> tuple[list[int | None], list[int | None]]:
    """The place of each answer's likeliest option, as it stands and with the liking for places taken off.

    Small models favour a letter whatever stands beside it. The order of the options is drawn anew for each answer, so the
    mean log-probability of a place over the answers holds that liking and nothing of what the options say; the option
    named is the one furthest above its place's mean. Every answer is treated alike, so chance stays 1 / M.

    Shapes: n answers, M places.

    Args:
        logprobs: (n, M), natural logarithms, by place in the list.

    Returns:
        Highest place and named place of each answer, from 0; None where two are equally high.

    Source: the mean over content-free inputs of Zhao et al. 2021 (arXiv:2102.09690), taken over the answers themselves.
        Pinned by hand in tests/score/test_switching_judge_naming.py.
    """
    if not logprobs:
        return [], []
    size = len(logprobs)
    means = [sum(column) / size for column in zip(*logprobs, strict=True)]
    return (
        [_highest(row) for row in logprobs],
        [_highest([value - mean for value, mean in zip(row, means, strict=True)]) for row in logprobs],
    )


def _highest(values: Sequence[float]) -> int | None:
    best = max(values)
    found = [place for place, value in enumerate(values) if value >= best - TIE]
    return found[0] if len(found) == 1 else None


def place_rates(
    prompts: Sequence[str], highest: Sequence[int | None], named: Sequence[int | None], m: int, level: float = LEVEL
) -> tuple[PlaceRate, ...]:
    """How often each of M places stood highest, and was named.

    Args:
        prompts: of each judged answer; intervals count whole prompts.
        highest: place of each, from 0; None where there was none.
        named: place of each, once the liking for places is taken off.
        m: number of options.
        level: confidence level.
    """

    def share(places: Sequence[int | None], at: int) -> Rate:
        return clustered_rate(zip(prompts, (float(place == at) for place in places), strict=True), 1 / m, level)

    return tuple(PlaceRate(at + 1, share(highest, at), share(named, at)) for at in range(m))


def recogniser_agreement(
    table: AnswerTable,
    nearest: Recognition,
    judge: Recognition,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> tuple[RecogniserAgreement, ...]:
    """Share of equal names and Cohen's kappa of two recognisers, for each side.

    Args:
        table: of the run.
        nearest: the default recogniser's column.
        judge: a judge's column of the same cells.
        level: confidence level.
        resamples: of kappa's bootstrap.
        seed: of kappa's bootstrap.
    """
    found: list[RecogniserAgreement] = []
    for side in table.sides:
        rows = [i for i in plain_rows(table, side) if nearest.counted[i] or judge.counted[i]]
        both = [i for i in rows if nearest.counted[i] and judge.counted[i]]
        chosen = (Choices(table.cells[i].prompt, nearest.named(i) or NONE, judge.named(i) or NONE) for i in both)
        cover = coverage(len(both), {"counted by one alone": len(rows) - len(both)})
        paired = compare_credits(
            nearest.credit[both].tolist(),
            judge.credit[both].tolist(),
            [table.cells[i].prompt for i in both],
            1 / len(nearest.types),
            level,
        )
        found.append(RecogniserAgreement(side, agreement(chosen, level, resamples, seed), paired, cover))
    return tuple(found)
