"""Fidelity, semantic shift, M1 and the noise floor."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.score.switching.cells import AnswerTable, Prototypes, WordingKind
from aligntui.score.switching.shift import NO_GRID, NO_NOISE, PromptShift, compare_shifts, prompt_shifts, side_shift
from aligntui.score.switching.slots import grids, pair_shift
from aligntui.score.wording import Finding
from tests.score.test_switching_cells import AXES, angle, row, simulated, table_of

ABC = Prototypes(("a", "b", "c"), np.array([angle(0), angle(90), angle(180)]))


def shifts_of(
    table: AnswerTable, candidates: Prototypes = AXES, noise: AnswerTable | None = None
) -> dict[str, dict[str, PromptShift]]:
    return prompt_shifts(table, candidates, grids(table, candidates.types), noise)


def test_by_hand_in_two_dimensions() -> None:
    """Prompt p: answers at 0, 90 and 180 degrees, each on its prototype: fidelity 1, shift (1 + 2 + 1) / 3.
    Prompt q: all at 90: fidelity (1/2 + 1 + 1/2) / 3, shift 0. M1 is the product of the means, not the mean of products."""
    rows = [row("p", name, angle(90 * t)) for t, name in enumerate("abc")]
    rows += [row("q", name, angle(90)) for name in "abc"]
    shifts = shifts_of(table_of(rows), ABC)["base"]
    assert (shifts["p"].fidelity, shifts["p"].shift) == (pytest.approx(1), pytest.approx(4 / 3))
    assert (shifts["q"].fidelity, shifts["q"].shift) == (pytest.approx(2 / 3), pytest.approx(0, abs=1e-12))
    found = side_shift(shifts, "base")
    assert found.fidelity.value == pytest.approx(5 / 6)
    assert found.shift.value == pytest.approx(2 / 3)
    assert found.m1.value == pytest.approx(5 / 9)
    assert (found.m1.n, found.m1.clusters, found.m1.method) == (2, 2, "bootstrap over prompts")
    assert (found.fidelity.null, found.shift.null) == (0.5, 0)
    assert found.coverage.as_dict() == {"used": 2, "total": 2, "left_out": {}}
    assert found.noise.value is None and found.noise.note == NO_NOISE
    assert found.above_noise.value is None and found.above_noise.note == NO_NOISE


@pytest.mark.parametrize(
    ("degrees", "shift", "fidelity"), [(0, 0, 0.75), (60, 0.5, 0.625), (90, 1, 0.5), (180, 2, 0.25)]
)
def test_limits_of_two_answers(degrees: float, shift: float, fidelity: float) -> None:
    """a's answer stands that far from its prototype and from b's answer: identical ones shift by 0, opposite ones by 2."""
    found = shifts_of(table_of([row("p", "b", angle(0)), row("p", "a", angle(degrees))]))["base"]["p"]
    assert (found.shift, found.fidelity) == (pytest.approx(shift, abs=1e-7), pytest.approx(fidelity, abs=1e-7))


def test_the_noise_floor_is_the_shift_between_seeds() -> None:
    """Three answers under one instruction at 0, 60 and 120 degrees: 1 - cos 60 twice and 1 - cos 120 make 2.5 / 3."""
    run = table_of(
        [row("p", "a", angle(0)), row("p", "b", angle(90)), row("q", "a", angle(0)), row("q", "b", angle(180))]
    )
    repeats = table_of([row("p", "a", angle(60 * seed), seed=seed) for seed in range(3)])
    shifts = shifts_of(run, AXES, repeats)["base"]
    assert shifts["p"].noise == pytest.approx(2.5 / 3)
    assert shifts["q"].noise is None
    found = side_shift(shifts, "base")
    assert found.noise.value == pytest.approx(2.5 / 3) and found.noise.n == 1
    assert found.shift.value == pytest.approx(1.5)
    # above the floor on prompt p alone, which has both
    assert found.above_noise.value == pytest.approx(1 - 2.5 / 3)
    assert found.noise.low is None and found.noise.note == "one prompt has no spread"


def test_a_runs_own_seeds_make_a_noise_floor_too() -> None:
    """a differs by 90 degrees between its seeds, b not at all: the mean over both is one half."""
    rows = [row("p", "a", angle(90 * seed), seed=seed) for seed in range(2)]
    rows += [row("p", "b", angle(200), seed=seed) for seed in range(2)]
    rows += [row("p", "b", angle(10 * seed), seed=seed, wording=WordingKind.INDIRECT) for seed in range(2)]
    assert shifts_of(table_of(rows))["base"]["p"].noise == pytest.approx(0.5)


def test_another_phrasing_is_no_repetition() -> None:
    rows = [row("p", "a", angle(40 * i), phrasing=str(i), seed=i) for i in range(3)]
    assert shifts_of(table_of([*rows, row("p", "b", angle(0))]))["base"]["p"].noise is None


def test_sampling_alone_stays_at_the_floor() -> None:
    """Answers that ignore their instruction: the shift above the floor is near 0, while the shift itself is far from it."""
    table, candidates = simulated(80, sides={"base": 0.0, "tuned": 1.5}, seeds=2, seed=3)
    shifts = shifts_of(table, candidates)
    base, tuned = (side_shift(shifts[side], side) for side in ("base", "tuned"))
    assert base.shift.low is not None and base.shift.low > 0.05
    assert base.above_noise.value == pytest.approx(0, abs=0.02)
    assert base.above_noise.low is not None and base.above_noise.high is not None
    assert base.above_noise.low <= 0 <= base.above_noise.high
    assert tuned.above_noise.low is not None and tuned.above_noise.low > 0.05


def test_only_complete_grids_count() -> None:
    """p lacks b with seed 1, q has an empty b, r is complete; a prompt with a complete and a broken grid keeps the first."""
    rows = [
        row("p", "a", angle(0)),
        row("p", "b", angle(90)),
        row("p", "a", angle(77), seed=1),
        row("p", "b", angle(0), seed=1, answer=None),
        row("q", "a", angle(0)),
        row("q", "b", angle(90), answer=""),
        row("r", "a", angle(0)),
        row("r", "b", angle(180)),
        row("r", "other", angle(33)),
    ]
    shifts = shifts_of(table_of(rows))["base"]
    assert shifts["p"].shift == pytest.approx(1)
    assert shifts["q"].shift is None and shifts["q"].fidelity is None
    found = side_shift(shifts, "base")
    assert found.shift.value == pytest.approx(1.5)
    assert found.coverage.as_dict() == {"used": 2, "total": 3, "left_out": {"not answered under every instruction": 1}}


def test_only_plain_wording_counts() -> None:
    rows = [
        row("p", name, angle(turn), wording=kind)
        for kind, turns in (
            (WordingKind.DIRECT, (0, 90)),
            (WordingKind.INDIRECT, (0, 0)),
            (WordingKind.ADVERSARIAL, (0, 180)),
        )
        for name, turn in zip("ab", turns, strict=True)
    ]
    found = shifts_of(table_of(rows))["base"]["p"]
    assert (found.fidelity, found.shift) == (pytest.approx(1), pytest.approx(1))


def test_nothing_complete_is_said_so() -> None:
    found = side_shift(shifts_of(table_of([row("p", "a", angle(0))]))["base"], "base")
    assert found.m1.value is None and found.m1.note == NO_GRID and found.above_noise.note == NO_GRID
    assert side_shift({}, "base").coverage.total == 0


def test_several_phrasings_are_held_against_each_other_across_instructions_only() -> None:
    """a in two phrasings at 0 and 90 degrees, b at 180: pairs across are 2 and 1, their mean 1.5; a with itself is left."""
    rows = [
        row("p", "a", angle(0), phrasing="1"),
        row("p", "a", angle(90), phrasing="2", wording=WordingKind.PARAPHRASE),
        row("p", "b", angle(180)),
    ]
    assert shifts_of(table_of(rows))["base"]["p"].shift == pytest.approx(1.5)


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 9), st.integers(0, 10_000))
def test_the_shift_is_the_mean_over_pairs(m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    candidates = Prototypes(tuple(map(str, range(m))), np.eye(m, 9))
    table = table_of([row("p", name, rng.normal(size=9)) for name in candidates.types])
    pairs = [1 - x @ y for x, y in combinations(table.vectors, 2)]
    assert shifts_of(table, candidates)["base"]["p"].shift == pytest.approx(np.mean(pairs))
    assert pair_shift(table.vectors.sum(0, keepdims=True), np.array([float(m)]))[0] == pytest.approx(np.mean(pairs))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_order_and_rotation_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table, candidates = simulated(5, seeds=2, seed=seed)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    order = rng.permutation(len(table))
    turned = table_of([(table.cells[i], table.vectors[i] @ turn) for i in order])
    before = shifts_of(table, candidates)["base"]
    after = shifts_of(turned, Prototypes(candidates.types, candidates.vectors @ turn))["base"]
    for prompt, found in before.items():
        assert (after[prompt].fidelity, after[prompt].shift, after[prompt].noise) == pytest.approx(
            (found.fidelity, found.shift, found.noise), abs=1e-5
        )


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.0, 3.0))
def test_values_stay_in_their_ranges(seed: int, strength: float) -> None:
    table, candidates = simulated(4, sides={"base": strength}, seeds=2, seed=seed)
    found = side_shift(shifts_of(table, candidates)["base"], "base", resamples=100)
    for estimate, most in ((found.fidelity, 1), (found.shift, 2), (found.noise, 2), (found.m1, 2)):
        assert estimate.low is not None and estimate.value is not None and estimate.high is not None
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= most
    assert found.m1.value == pytest.approx(found.fidelity.value * found.shift.value)  # type: ignore[operator]


def test_base_against_adapter_by_hand() -> None:
    """base shifts by 0 and 1, tuned by 1 and 2; fidelity of base 0.75 and 0.5, of tuned 1 and 0.75."""
    base = {"p": PromptShift(0.75, 0.0, 0.0), "q": PromptShift(0.5, 1.0, 0.25), "r": PromptShift(0.9, 0.1, None)}
    tuned = {"p": PromptShift(1.0, 1.0, 0.5), "q": PromptShift(0.75, 2.0, 0.25), "s": PromptShift(None, None, 0.3)}
    found = compare_shifts({"base": base, "tuned": tuned}, "tuned", "base")
    assert (found.fidelity.first, found.fidelity.second) == (0.625, 0.875)
    assert found.fidelity.difference.value == pytest.approx(0.25)
    assert found.shift.difference.value == 1
    assert found.above_noise.difference.value == pytest.approx(((0.5 - 0) + (1.75 - 0.75)) / 2)
    # 0.875 x 1.5 against 0.625 x 0.5
    assert found.m1.value == pytest.approx(0.875 * 1.5 - 0.625 * 0.5)
    assert found.shift.coverage.as_dict() == {
        "used": 2, "total": 4, "left_out": {"second could not be checked": 1, "neither could be checked": 1},
    }  # fmt: skip
    assert [name for name, _ in found.wording] == ["fidelity", "shift", "above_noise", "m1"]


def test_no_common_prompt_is_no_finding() -> None:
    found = compare_shifts({"base": {}, "tuned": {"p": PromptShift(1, 1, 1)}}, "tuned", "base")
    assert found.m1.value is None
    assert {wording.finding for _, wording in found.wording} == {Finding.UNKNOWN}


def test_a_stronger_adapter_is_found_and_the_reverse_is_its_mirror() -> None:
    table, candidates = simulated(60, sides={"base": 0.2, "tuned": 1.2}, seed=8)
    shifts = shifts_of(table, candidates)
    there, back = compare_shifts(shifts, "tuned", "base"), compare_shifts(shifts, "base", "tuned")
    assert there.m1.low is not None and there.m1.low > 0
    assert there.m1.value == pytest.approx(-back.m1.value)  # type: ignore[operator]
    said = dict(there.wording)
    assert said["m1"].sentence.startswith("the M1 of tuned is higher than the M1 of base: +")
    assert dict(back.wording)["m1"].sentence.startswith("the M1 of base is lower than the M1 of tuned: -")
    assert there.m1_detectable is not None and there.shift.detectable is not None


def test_the_interval_of_m1_covers() -> None:
    """150 simulated runs of 30 prompts, against the value of 4,000 prompts."""
    large, candidates = simulated(4000, seed=99)
    truth = side_shift(shifts_of(large, candidates)["base"], "base", resamples=10).m1.value
    assert truth is not None
    hits = 0
    for seed in range(150):
        table, candidates = simulated(30, seed=seed)
        m1 = side_shift(shifts_of(table, candidates)["base"], "base", resamples=400).m1
        assert m1.low is not None and m1.high is not None
        hits += m1.low <= truth <= m1.high
    assert 0.90 <= hits / 150 <= 0.99
