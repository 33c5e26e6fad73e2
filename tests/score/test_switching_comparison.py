"""Adapter against base on the same cells."""

from __future__ import annotations

import pytest

from aligntui.score.corrections import corrected
from aligntui.score.switching.comparison import compare_switching
from aligntui.score.wording import Finding
from tests.score.test_switching_cells import angle, recognition_of, row, simulated, table_of


def test_by_hand() -> None:
    """base switches in p alone; tuned in p and q; r exists for base only, and in s tuned has yet to answer b."""
    right, wrong = ((0, 90), (90, 0))
    rows = []
    for side, prompts in (
        ("base", {"p": right, "q": wrong, "r": right, "s": right}),
        ("tuned", {"p": right, "q": right}),
    ):
        for prompt, turns in prompts.items():
            rows += [row(prompt, name, angle(turn), side) for name, turn in zip("ab", turns, strict=True)]
    rows += [row("s", "a", angle(0), "tuned"), row("s", "b", angle(0), "tuned", answer=None)]
    table = table_of(rows)
    found = compare_switching(table, recognition_of(table), "tuned", "base")
    whole = found.paired
    assert (whole.first.k, whole.first.n, whole.second.k) == (2, 4, 4)
    assert (whole.gained, whole.lost, whole.difference.value) == (2, 0, 0.5)
    assert (whole.first.chance, whole.difference.clusters) == (0.5, 2)
    assert whole.coverage.as_dict() == {"used": 4, "total": 8, "left_out": {"missing on the second side": 4}}
    assert [part.instruction for part in found.instructions] == ["a", "b"]
    assert found.instructions[0].paired.difference.value == 0.5
    assert (found.side, found.against, found.family) == ("tuned", "base", 2)


def test_phrasings_and_seeds_are_paired_with_themselves() -> None:
    """Seed 0 is switched by base alone, seed 1 by tuned alone: no difference, and both moved."""
    rows = []
    for side, good in (("base", 0), ("tuned", 1)):
        for seed in range(2):
            turns = (0, 90) if seed == good else (90, 0)
            rows += [row("p", name, angle(turn), side, seed) for name, turn in zip("ab", turns, strict=True)]
    table = table_of(rows)
    whole = compare_switching(table, recognition_of(table), "tuned", "base").paired
    assert (whole.difference.value, whole.gained, whole.lost) == (0, 2, 2)
    other = table_of(
        [row("p", n, angle(t), s, phrasing=s) for s in ("base", "tuned") for n, t in (("a", 0), ("b", 90))]
    )
    assert compare_switching(other, recognition_of(other), "tuned", "base").paired.coverage.used == 0


def test_a_stronger_adapter_is_found_for_each_instruction_with_a_correction() -> None:
    table, candidates = simulated(80, sides={"base": 0.1, "tuned": 1.5}, seed=5)
    found = compare_switching(table, recognition_of(table, candidates), "tuned", "base")
    assert found.wording.finding is Finding.BETTER
    assert found.wording.sentence.startswith("tuned is better than base: +")
    p_values = [part.paired.p for part in found.instructions]
    assert [part.p_corrected for part in found.instructions] == list(corrected(p_values))
    assert found.family == 4
    assert found.paired.detectable is not None and 0 < found.paired.detectable < 0.2


def test_no_difference_says_what_could_have_been_seen() -> None:
    table, candidates = simulated(12, sides={"base": 0.5, "tuned": 0.5}, seed=1)
    found = compare_switching(table, recognition_of(table, candidates), "tuned", "base")
    assert found.wording.finding is Finding.NULL
    assert "could have stayed unseen" in found.wording.sentence


def test_a_side_against_itself_is_refused() -> None:
    table, candidates = simulated(2)
    with pytest.raises(ValueError, match="itself"):
        compare_switching(table, recognition_of(table, candidates), "base", "base")
