"""Many comparisons at once: p-values corrected for their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Correction = Literal["holm", "benjamini-hochberg"]
"""`holm` keeps the chance of a single false finding down, `benjamini-hochberg` the share of false ones among the findings."""


def corrected(p_values: Sequence[float | None], method: Correction = "holm") -> tuple[float | None, ...]:
    """Corrected p-values in the order given.

    Args:
        p_values: 0 to 1; None where a comparison had no test, which then does not count as one of the family.
        method: Holm 1979 or Benjamini & Hochberg 1995.

    Returns:
        At least as large as what came in and at most 1; None stays None.

    Raises:
        ValueError: a p-value lies outside 0 to 1, or the method is not known.

    Source: the step-down and step-up procedures of both papers; pinned against statsmodels' multipletests and
        scipy.stats.false_discovery_control in tests/score/test_corrections.py.
    """
    if method not in ("holm", "benjamini-hochberg"):
        raise ValueError(f"There is no correction {method!r}: holm or benjamini-hochberg.")
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    if any(not 0 <= p <= 1 for p, _ in known):
        raise ValueError("A p-value lies between 0 and 1.")
    family = len(known)
    result: list[float | None] = [None] * len(p_values)
    if method == "holm":
        reached = 0.0
        for rank, (p, place) in enumerate(known):
            reached = max(reached, min(1.0, (family - rank) * p))
            result[place] = reached
    else:
        reached = 1.0
        for rank, (p, place) in reversed(list(enumerate(known, 1))):
            reached = min(reached, p * family / rank)
            result[place] = reached
    return tuple(result)
