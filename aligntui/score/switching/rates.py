"""How often an answer shows the instruction it had: for each side, instruction, domain and source, with what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aligntui.score.bootstrap import RESAMPLES, SEED, cluster_bootstrap
from aligntui.score.intervals import clustered_rate
from aligntui.score.results import LEVEL, Coverage, Rate, Result
from aligntui.score.switching.cells import AnswerCell, AnswerTable
from aligntui.score.switching.recogniser import EMPTY, NAMED_ANOTHER, UNDIVIDED, Recognition
from aligntui.score.switching.slots import Grids
from aligntui.score.wording import Finding, Wording

if TYPE_CHECKING:
    from aligntui.score.switching.cells import Indices

NOT_STATED = "not stated"
NONE = "none"
"""Last column of a confusion matrix: no instruction was named."""


@dataclass(frozen=True)
class SideRate(Result):
    """The switch rate of one side under plainly worded instructions."""

    side: str
    recogniser: str
    rate: Rate
    """Of answers, those whose own instruction was named; chance 1 / M. Its interval counts whole prompts."""
    resampled_low: float | None
    """The same interval by drawing prompts with replacement; too narrow with few prompts or near 0 and 1, see
    `clustered_rate`. None where there are fewer than two prompts."""
    resampled_high: float | None
    dealt: float | None
    """What the names given would score, were they dealt out at random within each grid: 1 / M where every answer is named,
    less with answers that nothing was named for, more or less where instructions have unequal numbers of phrasings."""
    empty: int
    """Answers without text, counted as not switched."""
    undivided: int
    """Answers equally near to several prototypes, counted with 1 / t."""
    coverage: Coverage
    """Of the side's cells with a plainly worded instruction."""
    wording: Wording
    """What may be said of the rate against chance."""

    def as_dict(self) -> dict[str, Any]:
        """One flat row: `side`, `k`, `n`, `rate`, `low`, `high`, `chance` and the rest."""
        plain = super().as_dict()
        rate = plain.pop("rate")
        keys = ("k", "n", "rate", "low", "high", "chance")
        row = {"side": plain.pop("side"), **{key: rate.pop(key) for key in keys}}
        return {**row, **plain, **rate}


@dataclass(frozen=True)
class InstructionRate(Result):
    """The switch rate of one side under one instruction."""

    side: str
    instruction: str
    rate: Rate
    """Of its answers, those taken to be under it."""
    elsewhere: Rate
    """Of the answers under all other instructions, those taken to be under it. A recogniser that favours an instruction
    raises both; what counts as switching is the distance."""


@dataclass(frozen=True)
class GroupRate(Result):
    """The switch rate of one side on the prompts of one domain or source."""

    side: str
    group: str
    rate: Rate


@dataclass(frozen=True)
class Confusion(Result):
    """Which instruction was named for answers under which."""

    side: str
    types: tuple[str, ...]
    """Of the rows, as intended; the columns are the same and `none`."""
    rows: tuple[tuple[float, ...], ...]
    """Answers, (M, M + 1). An answer equally near to t candidates adds 1 / t to each of them, so that the diagonal adds up
    to the switch rate's `k`."""


@dataclass(frozen=True)
class NotSwitched(Result):
    """An answer that does not show its instruction."""

    side: str
    prompt: str
    instruction: str
    phrasing: str
    wording: str
    seed: int
    recognised: str | None
    """What was named instead; None where nothing was."""
    reason: str
    """`named another`, `equally near to several`, `empty answer` or `judge could not tell`."""


def side_rate(
    table: AnswerTable,
    recognition: Recognition,
    grids: Grids,
    side: str,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> SideRate:
    """The switch rate of a side over its plainly worded cells; empty where none can be counted.

    Source: this project; arXiv 2601.06157 has no such rate. Interval: `clustered_rate`. Pinned by hand, and its coverage by
        simulation, in tests/score/test_switching_rates.py.
    """
    rows = plain_rows(table, side)
    counted = [i for i in rows if recognition.counted[i]]
    credit = recognition.credit
    outcomes = [(table.cells[i].prompt, float(credit[i])) for i in counted]
    rate = credit_rate(outcomes, 1 / len(recognition.types), level)
    low, high = _resampled(outcomes, level, resamples, seed)
    none = [recognition.none[i] for i in counted]
    dealt = dealt_rate(recognition, grids, counted)
    return SideRate(
        side, recognition.name, rate, low, high, dealt, none.count(EMPTY),
        none.count(UNDIVIDED), recognition.coverage(rows), word_switch(rate, side, dealt),
    )  # fmt: skip


def instruction_rates(
    table: AnswerTable, recognition: Recognition, side: str, level: float = LEVEL
) -> tuple[InstructionRate, ...]:
    """A side's switch rate under each candidate instruction, in the candidates' order."""
    rows = [i for i in plain_rows(table, side) if recognition.counted[i]]
    chance = 1 / len(recognition.types)
    found: list[InstructionRate] = []
    for place, name in enumerate(recognition.types):
        share = recognition.shares[:, place].tolist()
        own: list[tuple[str, float]] = []
        others: list[tuple[str, float]] = []
        for i in rows:
            (own if recognition.intended[i] == place else others).append((table.cells[i].prompt, share[i]))
        found.append(
            InstructionRate(
                side, name, credit_rate(own, chance, level), credit_rate(others, chance, level)
            )
        )  # fmt: skip
    return tuple(found)


def group_rates(
    table: AnswerTable,
    recognition: Recognition,
    side: str,
    of: Callable[[AnswerCell], str],
    level: float = LEVEL,
) -> tuple[GroupRate, ...]:
    """A side's switch rate in each group of cells, by name; none where no cell says which group it is of.

    Args:
        table: of the run.
        recognition: a column of names.
        side: whose rate.
        of: group of a cell, such as its domain; empty for none.
        level: confidence level.
    """
    groups: dict[str, list[tuple[str, float]]] = {}
    credit = recognition.credit.tolist()
    for i in plain_rows(table, side):
        if recognition.counted[i]:
            groups.setdefault(of(table.cells[i]), []).append((table.cells[i].prompt, credit[i]))
    if not any(groups):
        return ()
    chance = 1 / len(recognition.types)
    return tuple(
        GroupRate(side, name or NOT_STATED, credit_rate(groups[name], chance, level))
        for name in sorted(groups, key=lambda name: (not name, name))
    )


def confusion(table: AnswerTable, recognition: Recognition, side: str) -> Confusion:
    """Intended against recognised instruction over a side's plainly worded cells."""
    import numpy as np  # function-level: numpy would slow the console's start

    m = len(recognition.types)
    rows = np.array([i for i in plain_rows(table, side) if recognition.counted[i]], dtype=int)
    found = np.zeros((m, m + 1))
    shares = recognition.shares[rows]
    np.add.at(found, np.array(recognition.intended, dtype=int)[rows], np.column_stack([shares, 1 - shares.sum(1)]))
    return Confusion(side, recognition.types, tuple(tuple(row) for row in found.round(9).tolist()))


def not_switched(table: AnswerTable, recognition: Recognition, side: str) -> tuple[NotSwitched, ...]:
    """Every counted answer of a side without full credit, under every kind of wording, in the table's order."""
    found: list[NotSwitched] = []
    credit = recognition.credit.tolist()
    for i, cell in enumerate(table.cells):
        if cell.side != side or not recognition.counted[i] or credit[i] == 1:
            continue
        found.append(
            NotSwitched(
                side, cell.prompt, cell.instruction, cell.phrasing, str(cell.wording), cell.seed,
                recognition.named(i), recognition.none[i] or NAMED_ANOTHER,
            )
        )  # fmt: skip
    return tuple(found)


def word_switch(rate: Rate, side: str, dealt: float | None = None) -> Wording:
    """Say what a switch rate shows against chance; always with the interval.

    Args:
        rate: with its chance level.
        side: whose it is.
        dealt: what the same names would score when dealt out at random. Where that is more than the chance level, the rate
            has to lie above it to be said to lie above chance.

    Raises:
        ValueError: the rate has no chance level.
    """
    if rate.chance is None:
        raise ValueError("A switch rate is held against chance, and this one has no chance level.")
    if rate.rate is None or rate.low is None or rate.high is None:
        return Wording(Finding.UNKNOWN, f"Whether {side} switches cannot be told: there is no answer to count.")
    numbers = (
        f"{rate.rate:.1%} of {rate.n} ({rate.level:.0%} interval {rate.low:.1%} to {rate.high:.1%},"
        f" chance {rate.chance:.1%})"
    )
    if rate.low > max(rate.chance, dealt or 0):
        return Wording(Finding.BETTER, f"{side} switches by instruction more often than chance: {numbers}.")
    if rate.high < rate.chance:
        return Wording(Finding.WORSE, f"{side} switches by instruction less often than chance: {numbers}.")
    return Wording(Finding.NULL, f"{side} is not shown to switch by instruction: {numbers}.")


def credit_rate(outcomes: Iterable[tuple[Hashable, float]], chance: float | None, level: float = LEVEL) -> Rate:
    """`clustered_rate` with sums of tenths and thirds rounded back to what they stand for."""
    rate = clustered_rate(outcomes, chance, level)
    return rate if isinstance(rate.k, int) else replace(rate, k=round(rate.k, 9))


def plain_rows(table: AnswerTable, side: str) -> list[int]:
    """Cells of a side whose instruction was worded plainly."""
    return [i for i, cell in enumerate(table.cells) if cell.side == side and cell.wording.plain]


def _resampled(
    outcomes: list[tuple[str, float]], level: float, resamples: int, seed: int
) -> tuple[float | None, float | None]:
    sums: dict[str, list[float]] = {}
    for prompt, value in outcomes:
        total = sums.setdefault(prompt, [0.0, 0.0])
        total[0] += value
        total[1] += 1
    if len(sums) < 2:
        return None, None
    drawn = cluster_bootstrap(
        list(sums.values()), lambda t: t[:, :1] / t[:, 1:], level=level, resamples=resamples, seed=seed
    )
    return float(drawn.low[0]), float(drawn.high[0])


def dealt_rate(recognition: Recognition, grids: Grids, counted: Sequence[int]) -> float | None:
    """Mean credit over all ways of dealing the names of a grid out to its cells; None without cells.

    Args:
        recognition: a column of names.
        grids: of the same table.
        counted: cells to look at, all of them counted ones.
    """
    if not counted:
        return None
    import numpy as np  # function-level: numpy would slow the console's start

    rows: Indices = np.array(counted, dtype=int)
    found, grid = np.unique(grids.of_cell[rows], return_inverse=True)
    m = len(recognition.types)
    intended, given = np.zeros((2, len(found), m))
    np.add.at(intended, (grid, np.array(recognition.intended, dtype=int)[rows]), 1)
    np.add.at(given, grid, recognition.shares[rows])
    return float(((intended * given).sum(1) / intended.sum(1)).sum() / len(rows))
