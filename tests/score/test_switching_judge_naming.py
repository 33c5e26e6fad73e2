"""What a judge names once its liking for places is taken off, and how far two recognisers agree."""

from __future__ import annotations

import numpy as np
import pytest

from aligntui.score.switching.cells import AnswerCell, answer_table
from aligntui.score.switching.judge_naming import best_places, place_rates, recogniser_agreement
from aligntui.score.switching.recogniser import judged


def test_the_option_furthest_above_its_place_is_named() -> None:
    # means by place: -1, -3, -3; less those the rows are (0.5, -1, 0), (-0.5, 1, 0), (0, 0, 0)
    logprobs = [[-0.5, -4.0, -3.0], [-1.5, -2.0, -3.0], [-1.0, -3.0, -3.0]]
    highest, named = best_places(logprobs)
    assert highest == [0, 0, 0], "as they stand the first place wins every time"
    assert named == [0, 1, None], "three equal distances name nothing"


def test_a_judge_that_sees_the_place_alone_names_nothing() -> None:
    highest, named = best_places([[-0.1, -2.0, -5.0]] * 4)
    assert highest == [0] * 4 and named == [None] * 4
    assert best_places([]) == ([], [])
    assert best_places([[-1.0, -1.0]]) == ([None], [None])


def test_what_is_named_does_not_depend_on_a_constant_of_the_place() -> None:
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(40, 4))
    bent = rows + np.array([9.0, 0.0, -3.0, 1.0])
    assert best_places(bent.tolist())[1] == best_places(rows.tolist())[1]
    assert set(best_places(bent.tolist())[0]) == {0}


def test_how_often_each_place_wins() -> None:
    first, second = place_rates(["p", "p", "q", "q"], [0, 0, 0, None], [0, 1, 1, None], 2)
    assert (first.place, first.rate.rate, first.rate.chance) == (1, 0.75, 0.5)
    assert (first.named.rate, second.named.rate, second.rate.rate) == (0.25, 0.5, 0.0)
    assert first.rate.clusters == 2, "whole prompts are counted"


def test_agreement_by_hand() -> None:
    cells = [
        AnswerCell(prompt, kind, side, f"{prompt} {kind} {side}")
        for prompt in ("p", "q", "r")
        for side in ("base", "tuned")
        for kind in ("a", "b")
    ]
    table = answer_table(cells, np.ones((len(cells), 2)))
    one = judged(table, ("a", "b"), {cell.key: cell.instruction for cell in cells}, "one")
    said = {cell.key: "a" if cell.side == "tuned" else cell.instruction for cell in cells}
    said[cells[0].key] = None
    other = judged(table, ("a", "b"), {key: name for key, name in said.items() if key[0] != "r"}, "other")
    base, tuned = recogniser_agreement(table, one, other, resamples=50)
    assert (base.side, base.agreement.share.k, base.agreement.share.n) == ("base", 3, 4)
    assert (base.paired.first.k, base.paired.second.k, base.paired.first.n) == (4, 3, 4), "rates of the same answers"
    assert dict(base.coverage.left_out) == {"counted by one alone": 2}
    assert ("a", "none", 1) in base.agreement.table, "naming nothing is a choice of its own"
    assert tuned.agreement.share.rate == 0.5 and tuned.agreement.kappa.value == pytest.approx(0)
    (whole, _) = recogniser_agreement(table, one, one, resamples=50)
    assert (whole.agreement.share.rate, whole.agreement.kappa.value) == (1, 1)
