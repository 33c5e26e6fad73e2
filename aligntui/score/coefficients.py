"""Agreement of two lists of choices: share, Cohen's kappa, and Krippendorff's alpha for any number of lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aligntui.score.bootstrap import MAX_UNDEFINED, RESAMPLES, SEED, cluster_bootstrap
from aligntui.score.intervals import clustered_rate
from aligntui.score.results import LEVEL, Estimate, Rate, Result

if TYPE_CHECKING:
    from aligntui.score.bootstrap import Floats

BOOTSTRAP = "bootstrap over prompts"
THROUGH_SHARE = "wilson of the share"
LOPSIDED = 0.8
"""Share of one category among all choices from which on kappa is low even where agreement is high."""
SAME_CATEGORY = "all choices fall into one category, so agreement by chance is certain"


@dataclass(frozen=True)
class Choices:
    """What two raters chose for one item."""

    prompt: Hashable
    """Items of one prompt are resampled together."""
    first: str
    second: str


@dataclass(frozen=True)
class Agreement(Result):
    """How far two lists of choices agree."""

    share: Rate
    """Of items on which both chose the same; chance as expected from how often each chose what."""
    kappa: Estimate
    """Cohen's; 1 full agreement, 0 no more than chance."""
    table: tuple[tuple[str, str, int], ...]
    """First's choice, second's choice, count; only counts above 0."""


def agreement(
    items: Iterable[Choices], level: float = LEVEL, resamples: int = RESAMPLES, seed: int = SEED
) -> Agreement:
    """Share of agreement and Cohen's kappa of two raters.

    The interval of kappa resamples whole prompts. Where that has no spread or too often no value (few items, full
    agreement), the interval of the share is carried through kappa's formula at the chance level seen, and named so.

    Returns:
        Empty results for no items; a kappa of None where all choices fall into one category.

    Source: Cohen 1960 (Educational and Psychological Measurement 20, 37-46); pinned against statsmodels' cohens_kappa and
        a textbook table in tests/score/test_coefficients.py.
    """
    rows = list(items)
    counts = Counter((row.first, row.second) for row in rows)
    table = tuple((first, second, n) for (first, second), n in sorted(counts.items()))
    share = clustered_rate(((row.prompt, float(row.first == row.second)) for row in rows), level=level)
    if not rows:
        return Agreement(share, _nothing(level), table)
    categories = sorted({row.first for row in rows} | {row.second for row in rows})
    k, place = len(categories), {category: i for i, category in enumerate(categories)}
    sums: dict[Hashable, list[float]] = {}
    for row in rows:
        sums.setdefault(row.prompt, [0.0] * (k * k))[place[row.first] * k + place[row.second]] += 1

    def kappa(totals: Floats) -> Floats:
        import numpy as np  # function-level: numpy would slow the console's start

        tables = totals.reshape(-1, k, k)
        n = tables.sum((1, 2))
        seen = np.trace(tables, axis1=1, axis2=2) / n
        by_chance = (tables.sum(1) * tables.sum(2)).sum(1) / n**2
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(by_chance < 1, (seen - by_chance) / (1 - by_chance), np.nan)[:, None]

    first, second = Counter(row.first for row in rows), Counter(row.second for row in rows)
    chance = sum(first[c] * second[c] for c in categories) / len(rows) ** 2
    share = replace(share, chance=chance)
    through = None
    if chance < 1 and share.low is not None and share.high is not None:
        through = ((share.low - chance) / (1 - chance), (share.high - chance) / (1 - chance))
    estimate = _resampled(list(sums.values()), kappa, through, len(rows), level, resamples, seed)
    category, most = (first + second).most_common(1)[0]
    if estimate.value is not None and most >= LOPSIDED * 2 * len(rows):
        lopsided = f"{most / (2 * len(rows)):.0%} of all choices are {category!r}, which holds kappa down"
        estimate = replace(estimate, note=lopsided)
    return Agreement(share, estimate, table)


def krippendorff_alpha(
    units: Mapping[Hashable, Sequence[str]],
    prompts: Mapping[Hashable, Hashable] | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Estimate:
    """Krippendorff's alpha of nominal choices by any number of raters, some of whom may have missed an item.

    The value is evalica's; its interval resamples whole prompts, which the library does not offer, from the sums that
    alpha is made of.

    Args:
        units: choices made for each item; items with fewer than two do not count.
        prompts: prompt of each item; None where every item is a prompt of its own.
        level: confidence level.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        1 full agreement, 0 no more than chance; `n` is the number of items that count. None where no item has two choices
        or all choices fall into one category.

    Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", whose worked example pins it in
        tests/score/test_coefficients.py, together with evalica's own value for every random table.
    """
    pairable = {unit: list(choices) for unit, choices in units.items() if len(choices) > 1}
    if not pairable:
        return _nothing(level)
    categories = sorted({choice for choices in pairable.values() for choice in choices})
    if len(categories) == 1:
        return Estimate(None, None, None, len(pairable), 0.0, "none", level, note=SAME_CATEGORY)
    sums: dict[Hashable, list[float]] = {}
    for unit, choices in pairable.items():
        counts = Counter(choices)
        m = len(choices)
        row = sums.setdefault(prompts.get(unit, unit) if prompts else unit, [0.0] * (len(categories) + 1))
        row[0] += (m * m - sum(n * n for n in counts.values())) / (m - 1)
        for place, category in enumerate(categories, 1):
            row[place] += counts[category]

    estimate = _resampled(list(sums.values()), alpha_of_sums, None, len(pairable), level, resamples, seed)
    return replace(estimate, value=_library_alpha(list(pairable.values())))


def alpha_of_sums(totals: Floats) -> Floats:
    """Alpha from what items add up to; NaN where all choices are the same.

    Shapes: R rows of totals, K categories.

    Args:
        totals: (R, 1 + K). First the sum over items of choices times other choices that differ, divided by one less than
            the item's number of choices; then how often each category was chosen.

    Returns:
        (R, 1)

    Source: the coincidence form of Krippendorff 2011, section C; pinned against evalica in
        tests/score/test_coefficients.py.
    """
    import numpy as np  # function-level: numpy would slow the console's start

    apart, of_each = totals[:, 0], totals[:, 1:]
    n = of_each.sum(1)
    expected = n**2 - (of_each**2).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 0, 1 - (n - 1) * apart / expected, np.nan)[:, None]


def _library_alpha(units: Sequence[Sequence[str]]) -> float:
    import evalica  # function-level: evalica brings pandas
    import pandas as pd

    categories = {choice: float(i) for i, choice in enumerate(sorted({c for choices in units for c in choices}))}
    raters = max(len(choices) for choices in units)
    rows = [[categories[c] for c in choices] + [None] * (raters - len(choices)) for choices in units]
    frame = pd.DataFrame(rows, dtype="float64").T
    return float(evalica.alpha(frame, distance="nominal").alpha)


def _resampled(
    sums: Sequence[Sequence[float]],
    statistic: Callable[[Floats], Floats],
    through_share: tuple[float, float] | None,
    n: int,
    level: float,
    resamples: int,
    seed: int,
) -> Estimate:
    drawn = cluster_bootstrap(sums, statistic, level=level, resamples=resamples, seed=seed)
    value, low, high = float(drawn.value[0]), float(drawn.low[0]), float(drawn.high[0])
    clusters, undefined = len(sums), int(drawn.undefined[0])
    if value != value:
        return Estimate(None, None, None, n, 0.0, "none", level, clusters, note=SAME_CATEGORY)
    if low < high:
        return Estimate(value, low, high, n, 0.0, BOOTSTRAP, level, clusters, resamples, undefined)
    if through_share is not None:
        return Estimate(value, *through_share, n, 0.0, THROUGH_SHARE, level, clusters)
    note = "too little spread between prompts for an interval"
    if undefined > MAX_UNDEFINED * resamples:
        note = f"undefined in {undefined} of {resamples} resamples"
    return Estimate(value, None, None, n, 0.0, "none", level, clusters, resamples, undefined, note)


def _nothing(level: float) -> Estimate:
    return Estimate(None, None, None, 0, 0.0, "none", level, note="there is no item that both judged")
