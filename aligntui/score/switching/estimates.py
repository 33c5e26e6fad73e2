"""Estimates with intervals from sums over prompts, as every measure of this package that is no rate has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aligntui.score.bootstrap import MAX_UNDEFINED, RESAMPLES, SEED, cluster_bootstrap
from aligntui.score.power import detectable_mean
from aligntui.score.results import LEVEL, Estimate
from aligntui.score.wording import Finding, Wording, word_difference

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from aligntui.score.switching.cells import Floats

BOOTSTRAP = "bootstrap over prompts"


def estimates(
    sums: ArrayLike,
    statistic: Callable[[Floats], Floats],
    nulls: Sequence[float],
    missing: str,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> tuple[tuple[Estimate, ...], tuple[float | None, ...]]:
    """Statistics of sums over prompts with their intervals, and the smallest distance from null each could have shown.

    Shapes: P prompts, D sums of each, S statistics, R resamples.

    Args:
        sums: (P, D), what each prompt adds.
        statistic: from (R, D) totals to (R, S); NaN where a total has no value.
        nulls: (S,), the value of each statistic that means nothing is there.
        missing: why there is no value, where there is none.
        level: confidence level.
        resamples: R.
        seed: of the draw.

    Returns:
        S estimates, `n` the number of prompts; and S smallest distances found with power 0.8 at level 0.05, from the spread
        of the resamples, None where there is no spread to go by.
    """
    import numpy as np  # function-level: numpy would slow the console's start

    data = np.asarray(sums, dtype=np.float64)
    if not len(data):
        return tuple(Estimate(None, None, None, 0, null, "none", level, note=missing) for null in nulls), (None,) * len(
            nulls
        )
    n = len(data)
    drawn = cluster_bootstrap(data, statistic, level=level, resamples=resamples, seed=seed)
    found: list[Estimate] = []
    detectable: list[float | None] = []
    for s, null in enumerate(nulls):
        value, low, high = float(drawn.value[s]), float(drawn.low[s]), float(drawn.high[s])
        undefined = int(drawn.undefined[s])
        if value != value:
            found.append(Estimate(None, None, None, n, null, "none", level, n, note=missing))
            detectable.append(None)
        elif low != low:
            note = "one prompt has no spread"
            if n > 1 and undefined > MAX_UNDEFINED * resamples:
                note = f"undefined in {undefined} of {resamples} resamples"
            found.append(Estimate(value, None, None, n, null, "none", level, n, resamples, undefined, note))
            detectable.append(None)
        else:
            found.append(Estimate(value, low, high, n, null, BOOTSTRAP, level, n, resamples, undefined))
            spread = float(np.nanstd(drawn.draws[:, s]))
            # drawing from n prompts shows (n - 1) / n of the variance
            detectable.append(detectable_mean(spread * (n / (n - 1)) ** 0.5, n) if spread > 0 else None)
    return tuple(found), tuple(detectable)


def word_level(
    estimate: Estimate,
    first: str,
    second: str,
    *,
    unit: str = "pp",
    detectable: float | None = None,
    p_corrected: float | None = None,
) -> Wording:
    """`word_difference` for a level that is neither good nor bad by itself: higher or lower instead of better or worse."""
    said = word_difference(estimate, first, second, unit=unit, detectable=detectable, p_corrected=p_corrected)
    verb = {Finding.BETTER: "higher", Finding.WORSE: "lower"}.get(said.finding)
    if verb is None:
        return said
    return replace(
        said, sentence=f"{second} is {verb} than" + said.sentence.removeprefix(f"{second} is {said.finding} than")
    )
