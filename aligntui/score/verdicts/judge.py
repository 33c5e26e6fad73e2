"""A model judge held against a person's verdicts, next to what rules without any understanding would score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aligntui.core.pair import Verdict
from aligntui.score.bootstrap import RESAMPLES, SEED
from aligntui.score.coefficients import Choices, agreement
from aligntui.score.intervals import clustered_rate
from aligntui.score.results import LEVEL, Coverage, Estimate, Rate, Result, coverage
from aligntui.score.verdicts.judgement import Choice, Judgement, first_verdicts, in_order
from aligntui.score.verdicts.preference import longer_won


@dataclass(frozen=True)
class JudgeAgreement(Result):
    """How far a judge agrees with a person."""

    judge: str
    human: str
    accuracy: Rate
    """Of pairs with a verdict of both, those on which the judge says what the person said; chance as expected from how
    often each says what."""
    decided: Rate
    """Of pairs that both decided, those with the same answer preferred; chance one half."""
    kappa: Estimate
    majority: str
    """The person's most frequent verdict, as a `Choice`: `first` is the side that comes first in the alphabet."""
    base_rate: Rate
    """What always saying `majority` would score on the same pairs."""
    always_left: Rate
    """What always taking the answer that stood left for the person would score."""
    always_longer: Rate
    """What always taking the longer answer would score; pairs of one length or of unknown length count as wrong."""
    table: tuple[tuple[str, str, int], ...]
    """Judge's verdict, person's verdict, count."""
    same_in_both_orders: Rate
    """Of pairs the judge was asked in both orders, those with the same answer, tie or both bad each time."""
    left_when_torn: Rate
    """Of pairs decided in both orders for different answers, those for the left one each time; chance one half."""
    coverage: Coverage
    """Of all pairs the person gave a verdict on or skipped."""


def judge_agreement(
    judgements: Iterable[Judgement],
    judge: str,
    human: str,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> JudgeAgreement:
    """Compare a judge's verdicts with a person's first verdicts.

    A judge asked in both orders counts with what it said both times; where the two differ, as a tie. Intervals treat the
    verdicts of one prompt as one draw.

    Args:
        judgements: of both and of anyone else; others are passed over. A reply that could not be read is a skip.
        judge: annotator name of the judge.
        human: annotator name of the person.
        level: confidence level.
        resamples: of kappa's bootstrap.
        seed: of kappa's bootstrap.

    Returns:
        Shares over the pairs with a verdict of both; empty results where there are none.

    Source: both orders and the tie where they differ as in Zheng et al. 2023 (arXiv:2306.05685), section 3.4.
    """
    everything = list(judgements)
    wanted = first_verdicts(j for j in everything if j.annotator == human)
    said = _by_order(j for j in everything if j.annotator == judge)
    left_out = {"skipped by the person": 0, "not judged by the judge": 0, "no usable reply of the judge": 0}
    rows: list[tuple[Judgement, Choice, Choice]] = []
    for reference in wanted:
        replies = said.get(reference.pair)
        if reference.choice is None:
            left_out["skipped by the person"] += 1
        elif replies is None:
            left_out["not judged by the judge"] += 1
        elif not replies:
            left_out["no usable reply of the judge"] += 1
        else:
            rows.append((reference, _settled(replies), reference.choice))
    agreed = agreement((Choices(r.cluster, str(a), str(b)) for r, a, b in rows), level, resamples, seed)
    majority = Counter(b for _, _, b in rows).most_common(1)
    both_orders = [(replies[0], replies[1]) for replies in said.values() if len(replies) == 2]
    torn = [a for a, b in both_orders if a.choice is not b.choice and a.verdict.decides and b.verdict.decides]

    def share(rule: Callable[[Judgement], bool]) -> Rate:
        return clustered_rate(((r.cluster, float(rule(r))) for r, _, _ in rows), level=level)

    return JudgeAgreement(
        judge=judge,
        human=human,
        accuracy=agreed.share,
        decided=clustered_rate(((r.cluster, float(a is b)) for r, a, b in rows if a.decides and b.decides), 0.5, level),
        kappa=agreed.kappa,
        majority=str(majority[0][0]) if majority else "",
        base_rate=share(lambda r: r.choice is majority[0][0]),
        always_left=share(lambda r: r.verdict is Verdict.LEFT),
        always_longer=share(lambda r: longer_won(r) is True),
        table=agreed.table,
        same_in_both_orders=clustered_rate(
            ((a.cluster, float(a.choice is b.choice)) for a, b in both_orders), level=level
        ),
        left_when_torn=clustered_rate(((a.cluster, float(a.verdict is Verdict.LEFT)) for a in torn), 0.5, level),
        coverage=coverage(len(rows), left_out),
    )


def _by_order(judgements: Iterable[Judgement]) -> dict[tuple[str, str], list[Judgement]]:
    """For each pair the first usable verdict in each of the two orders; an empty list where none is usable."""
    said: dict[tuple[str, str], list[Judgement]] = {}
    for judgement in in_order(judgements):
        replies = said.setdefault(judgement.pair, [])
        if judgement.choice is not None and all(judgement.left.answer != reply.left.answer for reply in replies):
            replies.append(judgement)
    return said


def _settled(replies: list[Judgement]) -> Choice:
    first, last = replies[0].choice, replies[-1].choice
    return first if first is not None and first is last else Choice.TIE
