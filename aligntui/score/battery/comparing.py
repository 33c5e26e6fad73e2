"""Two runs over one battery, question by question, and the ways in which the rules can be delivered side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from aligntui.core.errors import UserError
from aligntui.score.battery.delivery import Delivery
from aligntui.score.battery.scoring import BatteryScore
from aligntui.score.corrections import corrected
from aligntui.score.paired import PairedRates, compare_rates
from aligntui.score.results import LEVEL, Coverage, Rate, Result
from aligntui.score.wording import Wording, word_difference


@dataclass(frozen=True)
class BatteryComparison(Result):
    """Two runs over the same questions. Differences are second minus first."""

    first: str
    second: str
    overall: PairedRates
    wording: Wording
    by_kind: tuple[tuple[str, PairedRates, float | None], ...]
    """Kind, comparison, and its p-value corrected over the kinds (Holm)."""
    gained: tuple[str, ...]
    """Ids that only the second run passed."""
    lost: tuple[str, ...]
    """Ids that only the first run passed."""


@dataclass(frozen=True)
class DeliveryTable(Result):
    """One run for each way of delivering the rules, and every two of them compared."""

    rates: tuple[tuple[Delivery, Rate, Coverage], ...]
    """In the order of `Delivery`."""
    comparisons: tuple[BatteryComparison, ...]
    p_corrected: tuple[float | None, ...]
    """P-values of the comparisons over all questions, corrected over the comparisons (Holm)."""


def compare_batteries(
    first: BatteryScore, second: BatteryScore, names: tuple[str, str] = ("first", "second"), level: float = LEVEL
) -> BatteryComparison:
    """Compare two runs by McNemar's test over the questions that both have a verdict on.

    Raises:
        UserError: the runs were asked or judged by different batteries.
    """
    if first.fingerprint != second.fingerprint:
        raise UserError(
            f"{names[0]} and {names[1]} cannot be compared: their questions or demands differ "
            f"({first.battery} {first.fingerprint[:8]}, {second.battery} {second.fingerprint[:8]}).",
            "Score both with the same battery file.",
        )
    pairs = list(zip(first.verdicts, second.verdicts, strict=True))
    overall = compare_rates([a.passed for a, _ in pairs], [b.passed for _, b in pairs], level=level)
    kinds = [part.name for part in first.by_kind]
    per_kind = [
        compare_rates(
            [a.passed for a, _ in pairs if a.kind == kind], [b.passed for a, b in pairs if a.kind == kind], level=level
        )
        for kind in kinds
    ]
    return BatteryComparison(
        first=names[0],
        second=names[1],
        overall=overall,
        wording=word_difference(overall.difference, names[0], names[1], detectable=overall.detectable),
        by_kind=tuple(zip(kinds, per_kind, corrected([one.p for one in per_kind]), strict=True)),
        gained=tuple(a.id for a, b in pairs if a.passed is False and b.passed is True),
        lost=tuple(a.id for a, b in pairs if a.passed is True and b.passed is False),
    )


def compare_deliveries(scores: Mapping[Delivery, BatteryScore], level: float = LEVEL) -> DeliveryTable:
    """Compare every two ways of delivering the rules that there is a run for; the later one of `Delivery` is judged.

    Raises:
        UserError: the runs were asked or judged by different batteries.
    """
    there = [delivery for delivery in Delivery if delivery in scores]
    comparisons = tuple(
        compare_batteries(scores[a], scores[b], (a.label, b.label), level) for a, b in combinations(there, 2)
    )
    p_values = corrected([one.overall.p for one in comparisons])
    return DeliveryTable(
        tuple((one, scores[one].overall, scores[one].coverage) for one in there), comparisons, p_values
    )
