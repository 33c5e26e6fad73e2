"""What a statistic hands back: a rate, an estimate, what was left out. Plain values that turn into JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

LEVEL = 0.95
"""Confidence level of every interval, unless the caller asks for another."""


class Result:
    """Base of the frozen dataclasses of this package: one way to become plain data."""

    def as_dict(self) -> dict[str, Any]:
        """The fields by name, with nested results, tuples and enums as plain JSON values."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    if isinstance(value, Result):
        return value.as_dict()
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    return value


@dataclass(frozen=True)
class Rate(Result):
    """A share with its interval. With `n` 0 there is no share and no interval, and nothing is raised."""

    k: float
    """What was counted; halves occur where a tie counts half."""
    n: int
    """Out of how many."""
    low: float | None
    high: float | None
    chance: float | None
    """What guessing would give, 0 to 1; None where guessing has no meaning."""
    method: str
    """How the interval was made: `wilson`, `clopper-pearson`, `wilson, effective n`, `none`."""
    level: float = LEVEL
    clusters: int | None = None
    """How many prompts the verdicts come from, where the interval counts whole prompts; None where each stands alone."""
    n_effective: float | None = None
    """Independent verdicts that would give this interval, where it is not `n`."""

    @property
    def rate(self) -> float | None:
        """The share, 0 to 1; None when nothing was counted."""
        return self.k / self.n if self.n else None

    def as_dict(self) -> dict[str, Any]:
        """The fields and the share, under the keys that every rate has in JSON."""
        plain = super().as_dict()
        return {"k": plain.pop("k"), "n": plain.pop("n"), "rate": self.rate, **plain}


@dataclass(frozen=True)
class Estimate(Result):
    """A number that is no share, with its interval: a coefficient, a difference, a slope."""

    value: float | None
    """None where it is not defined for this data; `note` says why."""
    low: float | None
    high: float | None
    n: int
    """Items it was computed from."""
    null: float
    """The value that means nothing is there: 0 for a difference or a kappa."""
    method: str
    """How the interval was made, `none` where there is none."""
    level: float = LEVEL
    clusters: int | None = None
    """Prompts that were resampled whole; None where each item stands alone."""
    resamples: int = 0
    undefined: int = 0
    """Resamples in which the statistic had no value; they are left out of the interval."""
    note: str = ""
    """What a reader has to know, such as why there is no value or no interval."""


@dataclass(frozen=True)
class Coverage(Result):
    """How much of what there was a statistic could use, and why not the rest."""

    used: int
    total: int
    left_out: tuple[tuple[str, int], ...] = ()
    """Reason and count, only those above 0. The counts and `used` add up to `total`."""

    def as_dict(self) -> dict[str, Any]:
        """Counts by name; `left_out` as a mapping of reason to count."""
        return {"used": self.used, "total": self.total, "left_out": dict(self.left_out)}


def coverage(used: int, left_out: Mapping[str, int]) -> Coverage:
    """Coverage from what was used and the counted reasons against the rest."""
    kept = tuple((reason, count) for reason, count in left_out.items() if count)
    return Coverage(used, used + sum(count for _, count in kept), kept)
