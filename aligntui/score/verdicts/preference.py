"""What a verdict may follow besides the answers' worth: the position on the screen and the length.

Both shares are counted in one pass and need nothing but the standard library while every prompt has one verdict, so that
they can be shown while judging goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log1p, log2, sqrt
from typing import Literal

from aligntui.core.pair import Verdict
from aligntui.score.intervals import clustered_rate, rate_of, sign_test, z_value
from aligntui.score.paired import sign_flip
from aligntui.score.results import LEVEL, Coverage, Estimate, Rate, Result, coverage
from aligntui.score.verdicts.judgement import Judgement, first_verdicts

_STEPS = 50


@dataclass(frozen=True)
class PositionPreference(Result):
    """Whether the left answer is taken more often than the right one."""

    left: Rate
    """Of decided verdicts in an order drawn by lot, those for the left answer; chance one half."""
    p: float | None
    """Exact two-sided binomial test against one half; None without verdicts."""
    coverage: Coverage


@dataclass(frozen=True)
class LengthPreference(Result):
    """Whether the longer answer is taken more often than the shorter one."""

    longer: Rate
    """Of decided verdicts over answers of different length, those for the longer one; chance one half."""
    p: float | None
    """Two-sided: exact binomial test, or sign flips over prompts where a prompt has several verdicts."""
    mean_chosen: float | None
    """Mean length of the chosen answers, in `unit`, equal lengths included."""
    mean_rejected: float | None
    unit: str
    """`tokens` where both lengths of every verdict are known in tokens, else `chars`."""
    coverage: Coverage


@dataclass(frozen=True)
class PositionAndLength(Result):
    """Position and length together, each with the other held still: log-odds that the left answer is taken."""

    left: Estimate
    """Log-odds for the left of two answers of one length; 0 is no preference."""
    doubling: Estimate
    """Log-odds gained by an answer that is twice as long as the other; 0 is no preference."""
    coverage: Coverage


def position_preference(judgements: Iterable[Judgement], level: float = LEVEL) -> PositionPreference:
    """Share of the left answer among decided verdicts.

    Only verdicts whose order was drawn by lot count: where each side keeps its place, left is the name of a side. The lot
    makes them independent even when they share a prompt, so repeats count too.

    Args:
        judgements: in any order.
        level: confidence level.
    """
    left_out = {"order not drawn by lot": 0, "tie": 0, "both bad": 0, "skipped": 0}
    left = n = 0
    for judgement in judgements:
        if not judgement.blind:
            left_out["order not drawn by lot"] += 1
        elif not judgement.verdict.decides:
            left_out[_UNDECIDED[judgement.verdict]] += 1
        else:
            n += 1
            left += judgement.verdict is Verdict.LEFT
    return PositionPreference(rate_of(left, n, 0.5, level), sign_test(left, n) if n else None, coverage(n, left_out))


def length_preference(judgements: Iterable[Judgement], level: float = LEVEL) -> LengthPreference:
    """Share of the longer answer among decided verdicts; a repeated verdict of one annotator counts once.

    Args:
        judgements: in any order.
        level: confidence level.
    """
    left_out = {"repeated": 0, "tie": 0, "both bad": 0, "skipped": 0, "length not known": 0, "same length": 0}
    given = list(judgements)
    judged = first_verdicts(given)
    left_out["repeated"] = len(given) - len(judged)
    decided: list[Judgement] = []
    for judgement in judged:
        if judgement.verdict.decides:
            decided.append(judgement)
        else:
            left_out[_UNDECIDED[judgement.verdict]] += 1
    unit = common_unit(decided)
    outcomes: list[tuple[str, float]] = []
    chosen = rejected = measured = 0
    for judgement in decided:
        won, lost = _lengths(judgement, unit)
        if won is None or lost is None:
            left_out["length not known"] += 1
            continue
        chosen, rejected, measured = chosen + won, rejected + lost, measured + 1
        if won == lost:
            left_out["same length"] += 1
        else:
            outcomes.append((judgement.cluster, float(won > lost)))
    p = None
    if outcomes:
        totals: dict[str, float] = {}
        for cluster, outcome in outcomes:
            totals[cluster] = totals.get(cluster, 0.0) + 2 * outcome - 1
        p = sign_flip(list(totals.values()))
    return LengthPreference(
        longer=clustered_rate(outcomes, 0.5, level),
        p=p,
        mean_chosen=chosen / measured if measured else None,
        mean_rejected=rejected / measured if measured else None,
        unit=unit,
        coverage=coverage(len(outcomes), left_out),
    )


def position_and_length(judgements: Iterable[Judgement], level: float = LEVEL) -> PositionAndLength:
    """Logistic regression of "left was taken" on 1 and log2(left length / right length).

    Verdicts count as independent. The intercept is the position only where the order was drawn by lot, so other verdicts
    are left out.

    Args:
        judgements: in any order.
        level: confidence level.

    Returns:
        Both log-odds with Wald intervals. No values where the verdicts can be told apart without error by length and
        position (the log-odds are then unbounded), or where there is no difference in length to learn from.

    Source: maximum likelihood by Newton's method; pinned against statsmodels' Logit in tests/score/test_preference.py.
    """
    left_out = {"order not drawn by lot": 0, "not decided": 0, "length not known": 0}
    decided: list[Judgement] = []
    for judgement in judgements:
        if not judgement.blind:
            left_out["order not drawn by lot"] += 1
        elif not judgement.verdict.decides:
            left_out["not decided"] += 1
        else:
            decided.append(judgement)
    unit = common_unit(decided)
    rows: list[tuple[float, int]] = []
    for judgement in decided:
        chosen, rejected = _lengths(judgement, unit)
        if not chosen or not rejected:
            left_out["length not known"] += 1
            continue
        took_left = judgement.verdict is Verdict.LEFT
        rows.append((log2(chosen / rejected) * (1 if took_left else -1), int(took_left)))
    left, doubling = _logistic(rows, level)
    return PositionAndLength(left, doubling, coverage(len(rows), left_out))


def longer_won(judgement: Judgement) -> bool | None:
    """Whether the longer answer was preferred; None where none was, both are of one length or a length is not known."""
    if not judgement.verdict.decides:
        return None
    won, lost = _lengths(judgement, common_unit([judgement]))
    return None if won is None or lost is None or won == lost else won > lost


def common_unit(judgements: Iterable[Judgement]) -> Literal["tokens", "chars"]:
    """`tokens` where every answer's length is known in tokens, else `chars`, so that lengths compare."""
    return (
        "tokens"
        if all(shown.tokens is not None for judgement in judgements for shown in (judgement.left, judgement.right))
        else "chars"
    )


_UNDECIDED = {Verdict.TIE: "tie", Verdict.BAD: "both bad", Verdict.SKIP: "skipped"}


def _lengths(judgement: Judgement, unit: Literal["tokens", "chars"]) -> tuple[int | None, int | None]:
    won, lost = judgement.chosen, judgement.rejected
    if won is None or lost is None:
        return None, None
    return (won.tokens, lost.tokens) if unit == "tokens" else (won.chars, lost.chars)


def _logistic(rows: list[tuple[float, int]], level: float) -> tuple[Estimate, Estimate]:
    """Intercept and slope of P(1) on x, by Newton's method on the two-by-two information matrix."""

    def without(note: str) -> tuple[Estimate, Estimate]:
        empty = Estimate(None, None, None, len(rows), 0.0, "none", level, note=note)
        return empty, empty

    if not rows:
        return without("there is no verdict to learn from")
    if len({x for x, _ in rows}) < 2:
        return without("all pairs differ in length by the same factor")
    ones, zeros = [x for x, y in rows if y], [x for x, y in rows if not y]
    # a threshold on x that tells the outcomes apart sends the slope to infinity
    if not ones or not zeros or max(zeros) <= min(ones) or max(ones) <= min(zeros):
        return without("length or position tells the verdicts apart without error, so the log-odds are unbounded")
    a = b = 0.0
    likelihood = _log_likelihood(rows, a, b)
    h00 = h01 = h11 = 0.0
    for _ in range(_STEPS):
        g0 = g1 = h00 = h01 = h11 = 0.0
        for x, y in rows:
            p = _sigmoid(a + b * x)
            w = p * (1 - p)
            g0, g1 = g0 + y - p, g1 + (y - p) * x
            h00, h01, h11 = h00 + w, h01 + w * x, h11 + w * x * x
        det = h00 * h11 - h01 * h01
        step_a, step_b = (h11 * g0 - h01 * g1) / det, (h00 * g1 - h01 * g0) / det
        if abs(step_a) + abs(step_b) < 1e-9:
            break
        # a full step can overshoot where the verdicts are nearly told apart by length
        while (reached := _log_likelihood(rows, a + step_a, b + step_b)) < likelihood - 1e-12:
            step_a, step_b = step_a / 2, step_b / 2
        a, b, likelihood = a + step_a, b + step_b, reached
    else:
        return without("the fit did not settle")
    det = h00 * h11 - h01 * h01
    z = z_value(level)
    spread_a, spread_b = z * sqrt(h11 / det), z * sqrt(h00 / det)
    n = len(rows)
    return (
        Estimate(a, a - spread_a, a + spread_a, n, 0.0, "wald", level),
        Estimate(b, b - spread_b, b + spread_b, n, 0.0, "wald", level),
    )


def _sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


def _log_likelihood(rows: list[tuple[float, int]], a: float, b: float) -> float:
    return -sum(_softplus(-(a + b * x) if y else a + b * x) for x, y in rows)


def _softplus(x: float) -> float:
    return max(x, 0.0) + log1p(exp(-abs(x)))
