"""Two sides' credits on the same items: the difference, what it could have shown, and how to say it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt

from aligntui.score.intervals import clustered_rate, padded_variance
from aligntui.score.paired import difference_of, sign_flip
from aligntui.score.power import detectable_mean
from aligntui.score.results import LEVEL, Coverage, Estimate, Rate, Result, coverage


@dataclass(frozen=True)
class PairedCredits(Result):
    """Two rates on the same items, where an outcome may be a part of 1. Differences are second minus first."""

    first: Rate
    second: Rate
    gained: int
    """Items on which the second has more."""
    lost: int
    """Items on which the first has more."""
    difference: Estimate
    """In rate, -1 to 1; its interval counts whole prompts."""
    p: float | None
    """Two-sided, sign flips over whole prompts."""
    detectable: float | None
    """Smallest difference that this comparison finds with power 0.8 at level 0.05; None where it finds none."""
    coverage: Coverage


def compare_credits(
    first: Sequence[float | None],
    second: Sequence[float | None],
    prompts: Sequence[Hashable],
    chance: float | None = None,
    level: float = LEVEL,
) -> PairedCredits:
    """Compare two rates item by item, whole prompts at a time.

    What `compare_rates` does for yes-or-no verdicts with several items a prompt, for outcomes between 0 and 1: a tie of
    the recogniser, or the mean over several phrasings.

    Args:
        first: outcome of each item, 0 to 1; None where there is none.
        second: of the same items in the same order.
        prompts: prompt of each item.
        chance: what guessing would give on either side.
        level: confidence level.

    Returns:
        Rates over the items that both have an outcome for; empty ones where there are none.

    Raises:
        ValueError: the sequences differ in length, or an outcome lies outside 0 to 1.

    Source: `clustered_rate` on gains (1 a gain, 0 a loss, a half no change). Pinned against `compare_rates` in
        tests/score/test_switching_credits.py.
    """
    rows: list[tuple[Hashable, float, float]] = []
    left_out = {"missing on the first side": 0, "missing on the second side": 0, "missing on both sides": 0}
    for prompt, x, y in zip(prompts, first, second, strict=True):
        if x is not None and y is not None:
            rows.append((prompt, x, y))
        else:
            both = x is None and y is None
            left_out[
                f"missing on {'both sides' if both else 'the first side' if x is None else 'the second side'}"
            ] += 1
    gains = [(prompt, (1 + y - x) / 2) for prompt, x, y in rows]
    totals: dict[Hashable, tuple[float, int]] = {}
    for prompt, gain in gains:
        value, count = totals.get(prompt, (0.0, 0))
        totals[prompt] = (value + gain, count + 1)
    return PairedCredits(
        first=clustered_rate(((prompt, x) for prompt, x, _ in rows), chance, level),
        second=clustered_rate(((prompt, y) for prompt, _, y in rows), chance, level),
        gained=sum(y > x for _, x, y in rows),
        lost=sum(y < x for _, x, y in rows),
        difference=difference_of(clustered_rate(gains, 0.5, level)),
        # rounding keeps equal gains equal, so that the exact test is found where it holds
        p=sign_flip([round(value - count / 2, 12) for value, count in totals.values()]) if rows else None,
        detectable=detectable_mean(2 * sqrt(padded_variance(list(totals.values()))[0]), len(totals)) if rows else None,
        coverage=coverage(len(rows), left_out),
    )
