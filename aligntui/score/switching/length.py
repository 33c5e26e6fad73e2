"""The suite of concise against detailed instructions: how many times longer the detailed answers are, and who keeps the limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aligntui.score.bootstrap import RESAMPLES, SEED
from aligntui.score.intervals import clustered_rate
from aligntui.score.results import LEVEL, Coverage, Estimate, Rate, Result
from aligntui.score.switching.cells import AnswerCell
from aligntui.score.switching.estimates import estimates, word_level
from aligntui.score.switching.own_words import words
from aligntui.score.switching.suites import Item, by_condition, suite_coverage
from aligntui.score.wording import Wording

if TYPE_CHECKING:
    from aligntui.score.switching.cells import Floats

CONCISE_WORDS = 50
"""A concise answer has at most so many words."""
DETAILED_WORDS = 200
"""A detailed answer has at least so many."""
TARGET_RATIO = 4.0
"""The ratio of mean words should be above this, which is that of the two limits."""
MISSING = "no prompt has an answer under both instructions"


@dataclass(frozen=True)
class LengthSide(Result):
    """One side in the length suite, over prompts and seeds with an answer under both instructions."""

    side: str
    ratio: Estimate
    """Mean words under `detailed` over mean words under `concise`; 1 where the instruction changes nothing."""
    target: float
    reached: bool | None
    """Whether the ratio is above the target; None without a ratio. The interval says how sure that is."""
    concise_words: Estimate
    detailed_words: Estimate
    concise_within: Rate
    """Of concise answers, those of at most `CONCISE_WORDS` words."""
    detailed_within: Rate
    """Of detailed answers, those of at least `DETAILED_WORDS` words."""
    coverage: Coverage


@dataclass(frozen=True)
class LengthComparison(Result):
    """The ratio of one side less that of another, prompts drawn for both at once."""

    side: str
    against: str
    difference: Estimate
    detectable: float | None
    """Smallest difference of ratios found with power 0.8 at level 0.05."""
    wording: Wording


@dataclass(frozen=True)
class LengthSuite(Result):
    """The length suite over all sides of a run."""

    name: str
    measure: str
    sides: tuple[LengthSide, ...]
    comparisons: tuple[LengthComparison, ...]


def length_suite(
    cells: Iterable[AnswerCell],
    base: str = "base",
    *,
    concise: str = "concise",
    detailed: str = "detailed",
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> LengthSuite:
    """Ratio of mean words of detailed to concise answers, for each side, and every other side against the base.

    Words are what white space parts, so the suite is for languages that write spaces. Empty answers, and prompts and seeds
    that lack one of the two, are left out and counted: an empty answer would pass for a very concise one.

    Source: M4 of arXiv 2601.06157 (limits, ratio of means, target). Pinned by hand in
        tests/score/test_switching_suites.py.
    """
    given = list(cells)
    lengths: dict[str, Mapping[str, Mapping[Item, list[int]]]] = {}
    sides: list[LengthSide] = []
    for side in dict.fromkeys(cell.side for cell in given):
        of_side = [cell for cell in given if cell.side == side]
        found = by_condition(of_side, detailed, concise, words)
        shared = found[detailed].keys() & found[concise].keys()
        lengths[side] = {kind: {item: rows for item, rows in found[kind].items() if item in shared} for kind in found}
        ratio, of_concise, of_detailed = estimates(
            list(_sums(lengths[side], detailed, concise).values()), _ratio_and_means, (1, 0, 0), MISSING,
            level, resamples, seed,
        )[0]  # fmt: skip
        sides.append(
            LengthSide(
                side, ratio, TARGET_RATIO, None if ratio.value is None else ratio.value > TARGET_RATIO,
                of_concise, of_detailed,
                clustered_rate(_outcomes(lengths[side][concise], most=CONCISE_WORDS), level=level),
                clustered_rate(_outcomes(lengths[side][detailed], least=DETAILED_WORDS), level=level),
                suite_coverage(of_side, detailed, concise),
            )
        )  # fmt: skip
    comparisons = tuple(
        _compared(side, base, lengths, detailed, concise, level, resamples, seed)
        for side in lengths
        if side != base and base in lengths
    )
    return LengthSuite("concise/detailed", "length ratio", tuple(sides), comparisons)


def _sums(
    lengths: Mapping[str, Mapping[Item, Sequence[int]]],
    detailed: str,
    concise: str,
    only: frozenset[Item] | None = None,
) -> dict[str, list[float]]:
    """By prompt: words and answers under `detailed`, words and answers under `concise`."""
    sums: dict[str, list[float]] = {}
    for place, kind in enumerate((detailed, concise)):
        for item, rows in lengths[kind].items():
            if only is None or item in only:
                total = sums.setdefault(item[0], [0.0] * 4)
                total[2 * place] += sum(rows)
                total[2 * place + 1] += len(rows)
    return sums


def _ratio_and_means(t: Floats) -> Floats:
    """(R, 4) sums to (R, 3): ratio, mean words under concise, mean words under detailed."""
    import numpy as np  # function-level: numpy would slow the console's start

    of_detailed, of_concise = t[:, 0] / t[:, 1], t[:, 2] / t[:, 3]
    return np.stack([of_detailed / of_concise, of_concise, of_detailed], 1)


def _outcomes(
    lengths: Mapping[Item, Sequence[int]], *, most: int | None = None, least: int = 0
) -> Iterable[tuple[str, float]]:
    for (prompt, _), rows in lengths.items():
        for n in rows:
            yield prompt, float(n >= least and (most is None or n <= most))


def _compared(
    side: str,
    base: str,
    lengths: Mapping[str, Mapping[str, Mapping[Item, Sequence[int]]]],
    detailed: str,
    concise: str,
    level: float,
    resamples: int,
    seed: int,
) -> LengthComparison:
    both = frozenset(lengths[base][concise].keys() & lengths[side][concise].keys())
    first, second = (_sums(lengths[name], detailed, concise, both) for name in (base, side))
    rows = [first[prompt] + second[prompt] for prompt in first]
    (difference,), (detectable,) = estimates(
        rows,
        lambda t: _ratio_and_means(t[:, 4:])[:, :1] - _ratio_and_means(t[:, :4])[:, :1],
        (0,), "no prompt has answers under both instructions on both sides", level, resamples, seed,
    )  # fmt: skip
    wording = word_level(
        difference, f"the length ratio of {base}", f"the length ratio of {side}", unit="", detectable=detectable
    )
    return LengthComparison(side, base, difference, detectable, wording)
