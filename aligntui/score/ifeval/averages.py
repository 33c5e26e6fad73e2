"""Tier averages: means over instruction types, with intervals that resample whole prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aligntui.score.bootstrap import RESAMPLES, SEED, Resampled, cluster_bootstrap
from aligntui.score.ifeval.registry import CHECKERS
from aligntui.score.ifeval.tiers import TIERS
from aligntui.score.results import LEVEL, Estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Row = Sequence[tuple[str, Sequence[float]]]
"""One prompt: the id of each of its instructions with the values measured on it."""


def tier_averages(
    rows: Sequence[Row], measures: int, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, tuple[Estimate, ...]]:
    """For each tier the mean of its types' rates, each type weighing the same however many prompts it has.

    Shapes: C prompts, I instruction types, M measures, R resamples, S statistics (tiers times M).

    Args:
        rows: one for each prompt with an answer.
        measures: M, how many values each instruction has.
        level: confidence level.
        resamples: R.
        seed: of the draw.

    Returns:
        By the names of `TIERS`, one estimate for each measure. Types without an instruction in `rows` do not count, and
        the note says so; a tier without any has no value.

    Source: AISF (Rojas), tier averages; the interval is `cluster_bootstrap`'s. Pinned by hand in
        tests/score/test_ifeval_summary.py.
    """
    present = [id_ for id_ in CHECKERS if any(id_ == instruction for row in rows for instruction, _ in row)]
    tiers = {name: [place for place, id_ in enumerate(present) if id_ in ids] for name, ids in TIERS.items()}
    used = {name: places for name, places in tiers.items() if places}
    counts = {name: sum(id_ in ids for row in rows for id_, _ in row) for name, ids in TIERS.items()}
    nothing = Estimate(None, None, None, 0, 0.0, "none", level, note="no instruction of this tier was scored")
    averages = dict.fromkeys(TIERS, (nothing,) * measures)
    if not used:
        return averages
    import numpy as np  # function-level: numpy would slow the console's start

    def statistic(totals: Floats) -> Floats:
        cells = totals.reshape(len(totals), len(present), measures + 1)  # (R, I, M + 1)
        with np.errstate(invalid="ignore"):  # a type that was not drawn has no rate, and its tier then no mean
            rates = cells[:, :, :-1] / cells[:, :, -1:]  # (R, I, M)
        return np.concatenate([rates[:, places].mean(1) for places in used.values()], axis=1)  # (R, S)

    drawn = cluster_bootstrap(_sums(rows, present, measures), statistic, level=level, resamples=resamples, seed=seed)
    for tier, name in enumerate(used):
        absent = len(TIERS[name]) - len(used[name])
        note = f"{absent} of {len(TIERS[name])} types have no prompt" if absent else ""
        averages[name] = tuple(
            _estimate(drawn, s, Estimate(None, None, None, counts[name], 0.0, "none", level, len(rows), note=note))
            for s in range(tier * measures, (tier + 1) * measures)
        )
    return averages


def _sums(rows: Sequence[Row], present: Sequence[str], measures: int) -> Floats:
    """(C, I * (M + 1)): for each prompt and type the sums of its values, then the number of its instructions."""
    import numpy as np  # function-level: numpy would slow the console's start

    columns = {id_: column for column, id_ in enumerate(present)}
    sums = np.zeros((len(rows), len(present), measures + 1))  # (C, I, M + 1)
    for place, row in enumerate(rows):
        for id_, values in row:
            sums[place, columns[id_]] += (*values, 1.0)
    return sums.reshape(len(rows), -1)


def _estimate(drawn: Resampled, s: int, without: Estimate) -> Estimate:
    """Statistic `s` with its interval, in the place of an estimate that has neither."""
    value, low, high = (float(bound[s]) for bound in (drawn.value, drawn.low, drawn.high))
    drawn_with = {"resamples": len(drawn.draws), "undefined": int(drawn.undefined[s])}
    if low != low:  # NaN: one prompt, or a type that too few have
        note = "; ".join(filter(None, [without.note, "too few prompts for an interval"]))
        return replace(without, value=value, note=note, **drawn_with)
    return replace(without, value=value, low=low, high=high, method="bootstrap over prompts", **drawn_with)
