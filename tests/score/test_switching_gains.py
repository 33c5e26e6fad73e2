"""What an instruction adds to fidelity, against answers without one."""

from __future__ import annotations

import numpy as np
import pytest

from aligntui.score.switching.cells import AnswerCell, AnswerTable, Prototypes, answer_table
from aligntui.score.switching.gains import fidelity_gain
from aligntui.score.switching.shift import prompt_shifts
from aligntui.score.switching.slots import grids

TWO = Prototypes(("a", "b"), np.eye(2))
HALF = 0.5**0.5


def bare(*vectors: tuple[float, float], side: str = "base") -> AnswerTable:
    cells = [AnswerCell(f"p{n}", "none", side, f"text {n}") for n in range(len(vectors))]
    return answer_table(cells, np.array(vectors))


def grid(*vectors: tuple[float, float], prompts: int) -> AnswerTable:
    cells = [AnswerCell(f"p{n}", kind, "base", f"{n} {kind}") for n in range(prompts) for kind in ("a", "b")]
    return answer_table(cells, np.array(vectors))


def gain(without: AnswerTable, under: AnswerTable):
    shifts = prompt_shifts(under, TWO, grids(under, TWO.types))
    return fidelity_gain(without, TWO, shifts["base"], "base", resamples=50)


def test_by_hand() -> None:
    # with: each answer is its prototype, fidelity 1; without: halfway between both, (1 + 1/sqrt 2) / 2
    found = gain(bare((1, 1), (1, 1)), grid((1, 0), (0, 1), (1, 0), (0, 1), prompts=2)).paired
    assert found.second == pytest.approx(1) and found.first == pytest.approx((1 + HALF) / 2)
    assert found.difference.value == pytest.approx((1 - HALF) / 2)
    assert (found.difference.low, found.difference.n) == (pytest.approx((1 - HALF) / 2), 2)


def test_the_same_answers_with_and_without_gain_nothing() -> None:
    vectors = [(3.0, 4.0), (-1.0, 2.0)]
    found = gain(bare(*vectors), grid(*(vector for vector in vectors for _ in TWO.types), prompts=2))
    assert found.paired.difference.value == pytest.approx(0, abs=1e-12)
    assert found.wording.finding == "null"


def test_a_prompt_without_the_one_or_the_other_is_left_out() -> None:
    found = gain(bare((1, 1)), grid((1, 0), (0, 1), (1, 0), (0, 1), prompts=2)).paired
    assert (found.coverage.used, found.difference.n, found.difference.low) == (1, 1, None)
    assert gain(bare((1, 1), side="tuned"), grid((1, 0), (0, 1), prompts=1)).paired.difference.value is None
