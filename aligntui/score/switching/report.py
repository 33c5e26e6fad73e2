"""All measures of one switch run in one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from aligntui.score.bootstrap import RESAMPLES, SEED
from aligntui.score.corrections import Correction
from aligntui.score.results import LEVEL, Result
from aligntui.score.switching.cells import AnswerTable, Prototypes
from aligntui.score.switching.comparison import SwitchComparison, compare_switching
from aligntui.score.switching.gains import FidelityGain, fidelity_gain
from aligntui.score.switching.judge_naming import Judging, recogniser_agreement
from aligntui.score.switching.length import LengthSuite
from aligntui.score.switching.rates import (
    Confusion,
    GroupRate,
    InstructionRate,
    NotSwitched,
    SideRate,
    confusion,
    group_rates,
    instruction_rates,
    not_switched,
    side_rate,
)
from aligntui.score.switching.recogniser import Recognition, recognise
from aligntui.score.switching.robustness import Robustness, WordingRate, robustness, wording_rates
from aligntui.score.switching.shift import ShiftComparison, SideShift, compare_shifts, prompt_shifts, side_shift
from aligntui.score.switching.slots import Grids, grids
from aligntui.score.switching.suites import Suite


@dataclass(frozen=True)
class Column(Result):
    """Everything that follows from one recogniser's names."""

    recogniser: str
    sides: tuple[SideRate, ...]
    instructions: tuple[InstructionRate, ...]
    domains: tuple[GroupRate, ...]
    sources: tuple[GroupRate, ...]
    confusion: tuple[Confusion, ...]
    not_switched: tuple[NotSwitched, ...]
    comparisons: tuple[SwitchComparison, ...]
    """Every other side against the base."""
    wordings: tuple[WordingRate, ...]


@dataclass(frozen=True)
class SwitchReport(Result):
    """The measures of one run."""

    types: tuple[str, ...]
    """The M instruction types that answers are told apart by."""
    base: str
    level: float
    nearest: Column
    """By the nearest prototype: the headline."""
    judge: Column | None
    """By a model judge, where one was asked."""
    judging: Judging | None
    """How the judge came to its names, and how far it agrees with the nearest prototype."""
    shifts: tuple[SideShift, ...]
    shift_comparisons: tuple[ShiftComparison, ...]
    gains: tuple[FidelityGain, ...]
    """One a side, where prompts were asked without an instruction as well."""
    robustness: tuple[Robustness, ...]
    suites: tuple[Suite | LengthSuite, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data; `sides` holds one flat row a side: `side`, `k`, `n`, `rate`, `low`, `high`, `chance` and more.

        The judge's column, with the same keys as the headline's, stands under `judge`; how it came about under `judging`.
        """
        plain = super().as_dict()
        nearest = plain.pop("nearest")
        head = {key: plain.pop(key) for key in ("types", "base", "level")}
        return {**head, "chance": 1 / len(self.types), **nearest, **plain}


def switch_report(
    table: AnswerTable,
    prototypes: Prototypes,
    *,
    base: str = "base",
    judge: Recognition | None = None,
    judging: Judging | None = None,
    noise: AnswerTable | None = None,
    bare: AnswerTable | None = None,
    suites: Sequence[Suite | LengthSuite] = (),
    correction: Correction = "holm",
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> SwitchReport:
    """Measure a switch run, finished or not.

    Args:
        table: the run's cells, those not answered yet among them, so that the coverage counts them.
        prototypes: of the M instruction types.
        base: the side that every other one is held against; without it in the table there is no comparison.
        judge: a model judge's column for the same cells in the same order, from `judged`.
        judging: how it came to its names; its agreement is filled in here.
        noise: answers to the same prompts under one instruction with several seeds; without it, the run's own seeds.
        bare: answers to the same prompts without an instruction.
        suites: of opposed instructions, already counted.
        correction: over the instructions and over the kinds of wording.
        level: confidence level.
        resamples: of every bootstrap.
        seed: of every bootstrap.

    Raises:
        ValueError: the judge's column is of other cells or other candidates, or answers and prototypes are embedded in
            different spaces.
    """
    if judge is not None and (len(judge.intended) != len(table) or judge.types != prototypes.types):
        raise ValueError("The judge's column is not of the cells and the candidates of this run.")
    grid = grids(table, prototypes.types)
    settings = (level, resamples, seed)
    shifts = prompt_shifts(table, prototypes, grid, noise)
    nearest = recognise(table, prototypes, grid)
    if judge is not None and judging is not None:
        judging = replace(judging, agreement=recogniser_agreement(table, nearest, judge, *settings))
    others = [side for side in table.sides if side != base] if base in table.sides else []
    return SwitchReport(
        types=prototypes.types,
        base=base,
        level=level,
        nearest=_column(table, nearest, grid, base, correction, *settings),
        judge=None if judge is None else _column(table, judge, grid, base, correction, *settings),
        judging=None if judge is None else judging,
        shifts=tuple(side_shift(shifts[side], side, *settings) for side in table.sides),
        shift_comparisons=tuple(compare_shifts(shifts, side, base, *settings) for side in others),
        gains=()
        if bare is None
        else tuple(fidelity_gain(bare, prototypes, shifts[side], side, *settings) for side in table.sides),
        robustness=tuple(robustness(grid, side, *settings) for side in table.sides),
        suites=tuple(suites),
    )


def _column(
    table: AnswerTable,
    recognition: Recognition,
    grid: Grids,
    base: str,
    correction: Correction,
    level: float,
    resamples: int,
    seed: int,
) -> Column:
    sides = table.sides
    return Column(
        recogniser=recognition.name,
        sides=tuple(side_rate(table, recognition, grid, side, level, resamples, seed) for side in sides),
        instructions=tuple(row for side in sides for row in instruction_rates(table, recognition, side, level)),
        domains=tuple(
            row for side in sides for row in group_rates(table, recognition, side, lambda cell: cell.domain, level)
        ),
        sources=tuple(
            row for side in sides for row in group_rates(table, recognition, side, lambda cell: cell.source, level)
        ),
        confusion=tuple(confusion(table, recognition, side) for side in sides),
        not_switched=tuple(row for side in sides for row in not_switched(table, recognition, side)),
        comparisons=tuple(
            compare_switching(table, recognition, side, base, correction, level)
            for side in sides
            if side != base and base in sides
        ),
        wordings=tuple(
            row for side in sides for row in wording_rates(table, recognition, grid, side, correction, level)
        ),
    )
