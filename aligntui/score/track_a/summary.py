"""How many answers of a run keep their constraints: by type and in all, with what could not be checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aligntui.score.intervals import rate_of
from aligntui.score.results import LEVEL, Coverage, Rate, Result, coverage
from aligntui.score.track_a.checking import AnswerVerdict, Outcome
from aligntui.score.track_a.prompt import ConstraintType, Prompt


@dataclass(frozen=True)
class PassRate(Result):
    """How many answers to a group of prompts pass."""

    rate: Rate
    """Of all answers, those that passed; what could not be checked counts as not passed. Guessing has no meaning here."""
    could_not_check: int
    """Answers that the rule says nothing of; they are in `rate.n`."""
    empty: int
    """Answers without a letter or digit; they are in `rate.n`, and failures."""
    coverage: Coverage
    """Prompts with an answer, of all prompts of the group."""


@dataclass(frozen=True)
class Summary(Result):
    """The result of one run of Track A."""

    overall: PassRate
    types: tuple[tuple[ConstraintType, PassRate], ...]
    """Those that the suite has prompts of, in the order of `ConstraintType`."""

    def as_dict(self) -> dict[str, object]:
        """`types` as a mapping from the type to its pass rate."""
        return {"overall": self.overall.as_dict(), "types": {str(kind): rate.as_dict() for kind, rate in self.types}}


def summarise(prompts: Sequence[Prompt], verdicts: Iterable[AnswerVerdict], level: float = LEVEL) -> Summary:
    """Count verdicts; the interval of every rate is Wilson's.

    Args:
        prompts: all prompts of the suite; those without a verdict count as not answered, in the coverage alone.
        verdicts: at most one for each prompt, in any order.
        level: confidence level.

    Returns:
        Rates without a value where nothing was answered; nothing is raised for that.

    Raises:
        ValueError: a verdict belongs to no prompt, or there are two on one.

    Source: Wilson's interval as `rate_of` has it. Pinned against counts by hand in tests/score/test_track_a_summary.py.
    """
    by_prompt = verdicts_by_prompt(prompts, verdicts)
    kinds = [kind for kind in ConstraintType if any(prompt.type is kind for prompt in prompts)]
    return Summary(
        overall=_pass_rate(prompts, by_prompt, level),
        types=tuple(
            (kind, _pass_rate([prompt for prompt in prompts if prompt.type is kind], by_prompt, level))
            for kind in kinds
        ),
    )


def verdicts_by_prompt(prompts: Iterable[Prompt], verdicts: Iterable[AnswerVerdict]) -> dict[str, AnswerVerdict]:
    """Verdicts by the id of their prompt.

    Raises:
        ValueError: a verdict belongs to no prompt, or there are two on one.
    """
    known = {prompt.id for prompt in prompts}
    found: dict[str, AnswerVerdict] = {}
    for verdict in verdicts:
        if verdict.prompt_id not in known:
            raise ValueError(f"There is a verdict on {verdict.prompt_id!r}, which is no prompt of the suite.")
        if found.setdefault(verdict.prompt_id, verdict) is not verdict:
            raise ValueError(f"There are two verdicts on {verdict.prompt_id!r}.")
    return found


def _pass_rate(prompts: Sequence[Prompt], by_prompt: dict[str, AnswerVerdict], level: float) -> PassRate:
    given = [by_prompt[prompt.id] for prompt in prompts if prompt.id in by_prompt]
    return PassRate(
        rate=rate_of(sum(verdict.passed for verdict in given), len(given), level=level),
        could_not_check=sum(verdict.outcome is Outcome.COULD_NOT_CHECK for verdict in given),
        empty=sum(verdict.empty for verdict in given),
        coverage=coverage(len(given), {"no answer": len(prompts) - len(given)}),
    )
