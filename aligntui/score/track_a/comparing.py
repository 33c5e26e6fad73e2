"""Two runs of Track A, prompt against the same prompt: what was gained, what was lost, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from aligntui.score.corrections import Correction, corrected
from aligntui.score.paired import PairedRates, compare_rates
from aligntui.score.results import LEVEL, Result, coverage
from aligntui.score.track_a.checking import AnswerVerdict
from aligntui.score.track_a.prompt import ConstraintType, Prompt
from aligntui.score.track_a.summary import verdicts_by_prompt
from aligntui.score.wording import Wording, word_difference


@dataclass(frozen=True)
class ComparedType(Result):
    """Two runs on the prompts of one type."""

    type: ConstraintType
    rates: PairedRates
    """`rates.detectable` is the smallest difference that could have been found."""
    p_corrected: float | None
    """After the correction over the types; None where there was nothing to compare."""
    wording: Wording


@dataclass(frozen=True)
class Comparison(Result):
    """Two runs of Track A. Differences are second minus first."""

    first: str
    second: str
    overall: PairedRates
    """Over all prompts; one test, so that it is not corrected."""
    wording: Wording
    types: tuple[ComparedType, ...]
    correction: Correction
    family: int
    """Number of types that the correction was over."""
    gained: tuple[str, ...]
    """Ids of prompts that only the second passes, in the order of the suite."""
    lost: tuple[str, ...]
    """Ids of prompts that only the first passes."""


def compare_runs(
    prompts: Sequence[Prompt],
    first: Iterable[AnswerVerdict],
    second: Iterable[AnswerVerdict],
    *,
    first_name: str = "base",
    second_name: str = "adapter",
    correction: Correction = "holm",
    level: float = LEVEL,
) -> Comparison:
    """Compare two runs by McNemar's exact test on the prompts that both have answered.

    What could not be checked counts as not passed, as in the rates of one run.

    Args:
        prompts: all prompts of the suite.
        first: verdicts of the run that is compared with, usually the base.
        second: verdicts of the run that is judged, usually the adapter.
        first_name: how the first is called in sentences.
        second_name: how the second is called in sentences.
        correction: of the p-values over the types.
        level: confidence level.

    Returns:
        Empty rates and the finding "unknown" where no prompt was answered by both; nothing is raised for that.

    Raises:
        ValueError: a verdict belongs to no prompt, or a run has two on one.

    Source: `compare_rates` and `corrected`. Pinned against counts by hand in tests/score/test_track_a_comparing.py.
    """
    one, other = verdicts_by_prompt(prompts, first), verdicts_by_prompt(prompts, second)
    kinds = [kind for kind in ConstraintType if any(prompt.type is kind for prompt in prompts)]
    by_type = [_paired([p for p in prompts if p.type is kind], one, other, level) for kind in kinds]
    p_values = corrected([rates.p for rates in by_type], correction)
    overall = _paired(prompts, one, other, level)
    both = [prompt.id for prompt in prompts if prompt.id in one and prompt.id in other]
    return Comparison(
        first=first_name,
        second=second_name,
        overall=overall,
        wording=word_difference(overall.difference, first_name, second_name, detectable=overall.detectable),
        types=tuple(
            ComparedType(
                kind,
                rates,
                p,
                word_difference(rates.difference, first_name, second_name, detectable=rates.detectable, p_corrected=p),
            )
            for kind, rates, p in zip(kinds, by_type, p_values, strict=True)
        ),
        correction=correction,
        family=sum(p is not None for p in p_values),
        gained=tuple(name for name in both if other[name].passed and not one[name].passed),
        lost=tuple(name for name in both if one[name].passed and not other[name].passed),
    )


def _paired(
    prompts: Sequence[Prompt], one: dict[str, AnswerVerdict], other: dict[str, AnswerVerdict], level: float
) -> PairedRates:
    both = [prompt.id for prompt in prompts if prompt.id in one and prompt.id in other]
    rates = compare_rates([one[name].passed for name in both], [other[name].passed for name in both], level=level)
    left_out = {"first has no answer": 0, "second has no answer": 0, "neither has an answer": 0}
    for prompt in prompts:
        if prompt.id not in one and prompt.id not in other:
            left_out["neither has an answer"] += 1
        elif prompt.id not in one:
            left_out["first has no answer"] += 1
        elif prompt.id not in other:
            left_out["second has no answer"] += 1
    return replace(rates, coverage=coverage(len(both), left_out))
