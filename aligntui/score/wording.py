"""What may be said of an interval: better, worse, nothing shown, or nothing known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from aligntui.score.results import Estimate, Rate, Result


class Finding(StrEnum):
    """What a comparison found."""

    BETTER = "better"
    WORSE = "worse"
    NULL = "null"
    """The interval holds "no difference"; that is no proof that there is none, so it is never said without the interval."""
    UNKNOWN = "unknown"
    """There is no interval."""


@dataclass(frozen=True)
class Wording(Result):
    """A finding and the sentence that goes with it, which always carries the interval."""

    finding: Finding
    sentence: str


def word_difference(
    estimate: Estimate,
    first: str,
    second: str,
    *,
    higher_is_better: bool = True,
    unit: str = "pp",
    detectable: float | None = None,
    p_corrected: float | None = None,
) -> Wording:
    """Say what a difference, second minus first, shows.

    Args:
        estimate: the difference with its interval.
        first: name of what it is compared with.
        second: name of what is judged.
        higher_is_better: False where less is better, such as issues.
        unit: `pp` shows a difference of rates in percentage points; any other unit shows the numbers as they are.
        detectable: smallest difference the comparison could have found, in the estimate's unit.
        p_corrected: p-value after a correction over several comparisons; above 1 - level nothing is said to be shown.

    Returns:
        `null` where the interval holds the null value or the correction takes the finding back; `unknown` without an interval.
    """
    if estimate.value is None:
        return Wording(
            Finding.UNKNOWN, f"{second} against {first}: cannot be told, {estimate.note or 'there is no data'}."
        )
    if estimate.low is None or estimate.high is None:
        reason = estimate.note or "there is too little data for one"
        return Wording(
            Finding.UNKNOWN,
            f"{second} against {first}: {_number(estimate.value, unit)}, without an interval: {reason}.",
        )
    numbers = (
        f"{_number(estimate.value, unit)} ({estimate.level:.0%} interval {_number(estimate.low, unit)} to "
        f"{_number(estimate.high, unit)}, n = {estimate.n})"
    )
    finding = _finding(estimate.low, estimate.high, estimate.null, higher_is_better)
    if finding is not Finding.NULL and p_corrected is not None and p_corrected > 1 - estimate.level:
        return Wording(
            Finding.NULL,
            f"No difference shown between {second} and {first} after correction (p = {p_corrected:.2g}): {numbers}.",
        )
    if finding is Finding.NULL:
        return Wording(
            finding, f"No difference shown between {second} and {first}: {numbers}.{_limit(detectable, unit)}"
        )
    return Wording(finding, f"{second} is {finding} than {first}: {numbers}.")


def word_rate(
    rate: Rate, name: str, against: str, *, detectable: float | None = None, p_corrected: float | None = None
) -> Wording:
    """Say what a win rate of `name` over `against` shows against its chance level.

    Args:
        rate: of the verdicts that `name` won; needs a chance level.
        name: whose rate it is.
        against: the other side.
        detectable: smallest distance from chance that the comparison could have found, 0 to 1.
        p_corrected: p-value after a correction over several comparisons.

    Raises:
        ValueError: the rate has no chance level to be held against.
    """
    if rate.chance is None:
        raise ValueError("A rate without a chance level can be neither better nor worse.")
    if rate.rate is None or rate.low is None or rate.high is None:
        return Wording(Finding.UNKNOWN, f"{name} against {against}: cannot be told, there is no verdict to count.")
    numbers = f"{rate.rate:.1%} of {rate.n} ({rate.level:.0%} interval {rate.low:.1%} to {rate.high:.1%}, chance {rate.chance:.0%})"
    finding = _finding(rate.low, rate.high, rate.chance, True)
    if finding is not Finding.NULL and p_corrected is not None and p_corrected > 1 - rate.level:
        return Wording(
            Finding.NULL,
            f"{name} is not shown to differ from {against} after correction (p = {p_corrected:.2g}): {numbers}.",
        )
    if finding is Finding.NULL:
        return Wording(
            finding,
            f"{name} is not shown to differ from {against}: {numbers}.{_limit(detectable, 'pp', 'distance from chance')}",
        )
    verb = "wins over" if finding is Finding.BETTER else "loses to"
    return Wording(finding, f"{name} {verb} {against}: {numbers}.")


def _finding(low: float, high: float, null: float, higher_is_better: bool) -> Finding:
    if low <= null <= high:
        return Finding.NULL
    return Finding.BETTER if (low > null) == higher_is_better else Finding.WORSE


def _limit(detectable: float | None, unit: str, what: str = "difference") -> str:
    if detectable is None:
        return ""
    return f" A {what} below {_number(detectable, unit, sign=False)} could have stayed unseen."


def _number(value: float, unit: str, *, sign: bool = True) -> str:
    shape = "+" if sign else ""
    if unit == "pp":
        return f"{value * 100:{shape}.1f} pp"
    return f"{value:{shape}.3g}{' ' + unit if unit else ''}"
