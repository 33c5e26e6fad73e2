"""Paraphrases against instructions, and switch rates by kind of wording."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.score.switching.cells import WordingKind
from aligntui.score.switching.robustness import NO_PHRASINGS, Robustness, WordingRate, robustness, wording_rates
from aligntui.score.switching.slots import grids
from aligntui.score.wording import Finding
from tests.score.test_switching_cells import AXES, Row, angle, recognition_of, row, table_of

PARAPHRASE = WordingKind.PARAPHRASE


def robustness_of(rows: list[Row], types: str = "ab", side: str = "base") -> Robustness:
    return robustness(grids(table_of(rows), tuple(types)), side, resamples=200)


def rates_of(rows: list[Row], side: str = "base") -> tuple[WordingRate, ...]:
    table = table_of(rows)
    return wording_rates(table, recognition_of(table), grids(table, AXES.types), side)


def phrased(prompt: str, instruction: str, *degrees: float, seed: int = 0) -> list[Row]:
    kinds = [WordingKind.DIRECT, PARAPHRASE, PARAPHRASE]
    return [
        row(prompt, instruction, angle(turn), seed=seed, phrasing=str(i), wording=kinds[i])
        for i, turn in enumerate(degrees)
    ]


def test_by_hand() -> None:
    """a at 0 and 60 degrees (within 1/2), b at 180 and 180 (within 0): within 1/4. Across: 2, 2, 1.5, 1.5: between 1.75."""
    found = robustness_of(phrased("p", "a", 0, 60) + phrased("p", "b", 180, 180))
    assert found.within.value == pytest.approx(0.25)
    assert found.between.value == pytest.approx(1.75)
    assert found.ratio.value == pytest.approx(1 / 7)
    assert found.ratio.null == 1


def test_three_phrasings_and_instructions_with_one() -> None:
    """a in three phrasings at 0, 90 and 180: pairs 1, 1, 2, within 4/3; b has one phrasing and counts between only."""
    found = robustness_of(phrased("p", "a", 0, 90, 180) + phrased("p", "b", 90))
    assert found.within.value == pytest.approx(4 / 3)
    assert found.between.value == pytest.approx(2 / 3)
    assert found.ratio.value == pytest.approx(2)


def test_the_ratio_is_that_of_the_means_over_prompts() -> None:
    rows = phrased("p", "a", 0, 0) + phrased("p", "b", 180, 180)
    rows += phrased("q", "a", 0, 60) + phrased("q", "b", 90, 90)
    # within 0 and 1/4; between 2 and 1 - (cos 90 + cos 30) / 2
    found = robustness_of(rows)
    between = (2 + 1 - np.cos(np.radians(30)) / 2) / 2
    assert found.ratio.value == pytest.approx(0.125 / between)
    assert found.ratio.low is not None and found.ratio.high is not None
    assert found.ratio.low <= found.ratio.value <= found.ratio.high


def test_several_seeds_of_a_prompt_weigh_as_one() -> None:
    rows = [r for seed in range(3) for r in phrased("p", "a", 0, 0, seed=seed) + phrased("p", "b", 180, 180, seed=seed)]
    rows += phrased("q", "a", 0, 90) + phrased("q", "b", 180, 180)
    assert robustness_of(rows).within.value == pytest.approx(0.25)


def test_paraphrases_that_change_nothing_and_instructions_that_change_nothing() -> None:
    steady = robustness_of(phrased("p", "a", 10, 10) + phrased("p", "b", 120, 120))
    assert steady.ratio.value == pytest.approx(0, abs=1e-12)
    deaf = robustness_of(phrased("p", "a", 10, 10) + phrased("p", "b", 10, 10))
    assert (deaf.within.value, deaf.between.value) == (pytest.approx(0, abs=1e-12), pytest.approx(0, abs=1e-12))
    assert deaf.ratio.value is None and "nothing to divide by" in deaf.ratio.note


def test_grids_without_paraphrases_or_with_gaps_are_counted_out() -> None:
    rows = phrased("p", "a", 0, 60) + phrased("p", "b", 180)
    rows += phrased("q", "a", 0) + phrased("q", "b", 180)
    rows += phrased("r", "a", 0, 60)
    found = robustness_of(rows)
    assert found.coverage.as_dict() == {
        "used": 1, "total": 3, "left_out": {"no complete grid with several phrasings": 2},
    }  # fmt: skip
    nothing = robustness_of(phrased("q", "a", 0) + phrased("q", "b", 180))
    assert nothing.ratio.value is None and nothing.ratio.note == NO_PHRASINGS


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_the_ratio_does_not_turn_with_the_space(seed: int) -> None:
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    rows = [
        row(f"p{p}", name, rng.normal(size=4), phrasing=str(i), wording=PARAPHRASE)
        for p in range(4)
        for name in "abc"
        for i in range(2)
    ]
    turned = [(cell, np.asarray(vector) @ turn) for cell, vector in rows]
    before, after = robustness_of(rows, "abc"), robustness_of(turned, "abc")
    assert before.ratio.value == pytest.approx(after.ratio.value, rel=1e-4)


def test_following_against_aligning_by_hand() -> None:
    """Direct wording switches in p and q; a paraphrase does in p and half in q; indirect wording is reversed in p and as
    good as the direct one in q; nobody worded anything adversarially."""
    right, wrong = (0, 90), (90, 0)
    rows: list[Row] = []

    def grid(prompt: str, turns: tuple[int, int], kind: WordingKind, phrasing: str = "") -> None:
        rows.extend(
            row(prompt, name, angle(turn), phrasing=phrasing, wording=kind)
            for name, turn in zip("ab", turns, strict=True)
        )

    grid("p", right, WordingKind.DIRECT)
    grid("q", right, WordingKind.DIRECT)
    grid("p", right, PARAPHRASE, "1")
    grid("p", right, PARAPHRASE, "2")
    grid("q", right, PARAPHRASE, "1")
    rows.append(row("q", "a", angle(80), phrasing="2", wording=PARAPHRASE))
    rows.append(row("q", "b", angle(20), phrasing="2", wording=PARAPHRASE))
    grid("p", wrong, WordingKind.INDIRECT)
    grid("q", right, WordingKind.INDIRECT)
    found = {rate.wording: rate for rate in rates_of(rows)}
    assert list(found) == ["direct", "paraphrase", "indirect"]
    assert {name: (rate.rate.k, rate.rate.n) for name, rate in found.items()} == {
        "direct": (4, 4), "paraphrase": (6, 8), "indirect": (2, 4),
    }  # fmt: skip
    assert {rate.dealt for rate in found.values()} == {0.5}
    assert found["direct"].drop is None and found["direct"].says is None
    paraphrase, indirect = found["paraphrase"].drop, found["indirect"].drop
    assert paraphrase is not None and indirect is not None
    # in q each paraphrased instruction switches with one phrasing of two
    assert (paraphrase.difference.value, paraphrase.lost) == (-0.25, 2)
    assert (indirect.difference.value, indirect.lost, indirect.gained) == (-0.5, 2, 0)
    assert found["indirect"].p_corrected is not None
    assert rates_of(rows, "tuned") == ()


def test_a_drop_is_said_with_its_side_and_wording() -> None:
    rows = [
        row(f"p{p}", name, angle(turn), wording=kind)
        for p in range(40)
        for kind, turns in ((WordingKind.DIRECT, (0, 90)), (WordingKind.ADVERSARIAL, (90, 0) if p % 2 else (0, 90)))
        for name, turn in zip("ab", turns, strict=True)
    ]
    _, adversarial = rates_of(rows)
    assert adversarial.says is not None and adversarial.says.finding is Finding.WORSE
    assert adversarial.says.sentence.startswith(
        "the switch rate of base under adversarial wording is lower than the switch rate of base under direct wording: -50.0 pp"
    )


def test_without_direct_wording_there_is_no_drop() -> None:
    rows = [row("p", name, angle(turn), wording=WordingKind.INDIRECT) for name, turn in (("a", 0), ("b", 90))]
    (found,) = rates_of(rows)
    assert (found.rate.k, found.drop, found.p_corrected) == (2, None, None)
