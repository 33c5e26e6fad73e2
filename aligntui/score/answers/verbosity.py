"""How long answers are, and how an adapter changes that."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

from aligntui.score.answers.words import count_words, is_unspaced
from aligntui.score.bootstrap import RESAMPLES, SEED, cluster_bootstrap
from aligntui.score.paired import PairedMeans, compare_means
from aligntui.score.results import LEVEL, Estimate, Result

if TYPE_CHECKING:
    from aligntui.score.bootstrap import Floats


@dataclass(frozen=True)
class Verbosity(Result):
    """Mean length of the answers of base and adapter to the same prompts. Differences are adapter minus base."""

    words: PairedMeans
    """Words per answer (`words.count_words`), with the coverage."""
    percent: Estimate
    """Change of the mean, in per cent of the base's mean; None where the base said nothing."""
    longer: int
    """Prompts with a longer answer of the adapter."""
    shorter: int
    same: int
    unspaced: tuple[int, int]
    """Answers of base and of adapter whose characters were counted one by one; see `words.count_words`."""
    empty: tuple[int, int]
    """Answers of base and of adapter without a word; they count as 0 words."""
    counted: str
    """What one unit is, for the head of a table."""
    note: str
    """What a reader has to know; empty where there is nothing."""


def verbosity(
    base: Sequence[str | None],
    adapter: Sequence[str | None],
    prompts: Sequence[Hashable] | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Verbosity:
    """Compare answer lengths prompt by prompt.

    Args:
        base: answers; None where there is none, which leaves the prompt out on both sides.
        adapter: answers to the same prompts in the same order.
        prompts: prompt of each answer; None where every answer has a prompt of its own.
        level: confidence level.
        resamples: of the bootstrap over prompts.
        seed: of the bootstrap.

    Raises:
        ValueError: the sequences differ in length.

    Source: AISF report, section 7.5: mean words per response, delta in words and in per cent of the base's mean (228.3 to
        131.3 words is -42.5%). Pinned in tests/score/test_answers_verbosity.py.
    """
    lengths = _lengths(base), _lengths(adapter)
    means = compare_means(*lengths, prompts, level, resamples, seed)
    rows = [
        (place if prompts is None else prompts[place], a, b)
        for place, (a, b) in enumerate(zip(*lengths, strict=True))
        if a is not None and b is not None
    ]
    texts = [(a, b) for a, b in zip(base, adapter, strict=True) if a is not None and b is not None]
    unspaced = sum(is_unspaced(a) for a, _ in texts), sum(is_unspaced(b) for _, b in texts)
    return Verbosity(
        words=means,
        percent=_percent(rows, level, resamples, seed),
        longer=sum(b > a for _, a, b in rows),
        shorter=sum(b < a for _, a, b in rows),
        same=sum(b == a for _, a, b in rows),
        unspaced=unspaced,
        empty=(sum(a == 0 for _, a, _ in rows), sum(b == 0 for _, _, b in rows)),
        counted=_unit(sum(unspaced), 2 * len(texts)),
        note=_note(unspaced),
    )


def _lengths(answers: Sequence[str | None]) -> list[float | None]:
    return [None if answer is None else float(count_words(answer)) for answer in answers]


def _percent(rows: list[tuple[Hashable, float, float]], level: float, resamples: int, seed: int) -> Estimate:
    sums: dict[Hashable, tuple[float, float]] = {}
    for cluster, a, b in rows:
        before = sums.get(cluster, (0.0, 0.0))
        sums[cluster] = before[0] + a, before[1] + b
    if not sum(a for a, _ in sums.values()):
        why = "the base said nothing" if rows else "there is no item with both values"
        return Estimate(None, None, None, len(rows), 0.0, "none", level, note=why)
    drawn = cluster_bootstrap(list(sums.values()), _change, level=level, resamples=resamples, seed=seed)
    value, low, high = float(drawn.value[0]), float(drawn.low[0]), float(drawn.high[0])
    there = not isnan(low)
    few = "one prompt has no spread" if len(sums) == 1 else "the base said nothing in too many resamples"
    return Estimate(
        value, low if there else None, high if there else None, len(rows), 0.0,
        "bootstrap over prompts" if there else "none", level, len(sums), resamples, int(drawn.undefined[0]),
        "" if there else few,
    )  # fmt: skip


def _change(totals: Floats) -> Floats:
    import numpy as np  # function-level: numpy would slow the console's start

    base, adapter = totals[:, :1], totals[:, 1:]
    return 100 * np.divide(adapter - base, base, out=np.full_like(base, np.nan), where=base > 0)


def _unit(unspaced: int, texts: int) -> str:
    if not unspaced:
        return "words"
    return (
        "characters of scripts without spaces"
        if unspaced == texts
        else "words, or characters of scripts without spaces"
    )


def _note(unspaced: tuple[int, int]) -> str:
    if unspaced[0] == unspaced[1]:
        return ""
    return (
        f"{unspaced[0]} answers of the base and {unspaced[1]} of the adapter are in scripts without spaces and were counted by "
        "character, so that part of the difference is one of units."
    )
