"""Adapter against base: the switch rate on the same cells, overall and for each instruction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aligntui.score.corrections import Correction, corrected
from aligntui.score.results import LEVEL, Result
from aligntui.score.switching.cells import AnswerCell, AnswerTable
from aligntui.score.switching.credits import PairedCredits, compare_credits
from aligntui.score.switching.rates import plain_rows
from aligntui.score.switching.recogniser import Recognition
from aligntui.score.wording import Wording, word_difference


@dataclass(frozen=True)
class InstructionComparison(Result):
    """Two sides under one instruction."""

    instruction: str
    paired: PairedCredits
    p_corrected: float | None
    """`paired.p` corrected for the number of instructions that had a test."""
    wording: Wording


@dataclass(frozen=True)
class SwitchComparison(Result):
    """A side's switch rate against another's. Differences are side minus against."""

    side: str
    against: str
    recogniser: str
    paired: PairedCredits
    """Cell by cell: same prompt, instruction, phrasing and seed."""
    wording: Wording
    instructions: tuple[InstructionComparison, ...]
    correction: Correction
    family: int
    """How many instructions the correction counts."""


def compare_switching(
    table: AnswerTable,
    recognition: Recognition,
    side: str,
    against: str,
    correction: Correction = "holm",
    level: float = LEVEL,
) -> SwitchComparison:
    """Hold a side's switch rate against another's on the plainly worded cells that both have.

    Args:
        table: of the run.
        recognition: a column of names.
        side: what is judged, such as an adapter.
        against: what it is held against, such as the base.
        correction: over the instructions.
        level: confidence level.

    Raises:
        ValueError: both sides are the same.

    Source: paired by prompt as every comparison of this project; pinned by hand in
        tests/score/test_switching_comparison.py.
    """
    if side == against:
        raise ValueError(f"A side cannot be compared with itself: {side!r}.")
    whole = _paired(table, recognition, side, against, lambda cell: True, level)
    found = [
        (name, _paired(table, recognition, side, against, lambda cell, name=name: cell.instruction == name, level))
        for name in recognition.types
    ]
    p_values = corrected([paired.p for _, paired in found], correction)
    return SwitchComparison(
        side,
        against,
        recognition.name,
        whole,
        word_difference(whole.difference, against, side, detectable=whole.detectable),
        tuple(
            InstructionComparison(
                name, paired, p,
                word_difference(paired.difference, against, side, detectable=paired.detectable, p_corrected=p),
            )
            for (name, paired), p in zip(found, p_values, strict=True)
        ),
        correction,
        sum(p is not None for p in p_values),
    )  # fmt: skip


def _paired(
    table: AnswerTable,
    recognition: Recognition,
    side: str,
    against: str,
    wanted: Callable[[AnswerCell], bool],
    level: float,
) -> PairedCredits:
    credit = recognition.credit.tolist()
    found: dict[tuple, list[float | None]] = {}
    for place, name in enumerate((against, side)):
        for i in plain_rows(table, name):
            cell = table.cells[i]
            if not wanted(cell) or cell.instruction not in recognition.types:
                continue
            item = (cell.prompt, cell.instruction, cell.phrasing, cell.wording, cell.seed)
            found.setdefault(item, [None, None])[place] = credit[i] if recognition.counted[i] else None
    values = list(found.values())
    return compare_credits(
        [first for first, _ in values],
        [second for _, second in values],
        [item[0] for item in found],
        1 / len(recognition.types),
        level,
    )
