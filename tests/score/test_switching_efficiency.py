"""Relative instruction-alignment efficiency."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.core.errors import UserError
from aligntui.score.switching.efficiency import relative_efficiency

PRINTED = {
    "DPO": (0.172, 0.001, 0.475, 0.130, -6.2),
    "PPO": (0.138, 0.017, 0.295, 0.086, 2.7),
    "GRPO": (0.141, 0.045, 0.304, 0.092, 6.9),
    "CITA": (0.162, 0.054, 0.391, 0.164, 26.4),
}
"""Gains of arXiv 2601.06157, in the order M1 to M5."""

gain = st.floats(-5, 5).map(lambda value: round(value, 3))
table = st.lists(st.tuples(gain, gain, gain), min_size=2, max_size=5)


def test_by_hand() -> None:
    """Gains 0.1, 0.3 and 0.2 in one measure: minmax 0, 1 and 1/2, radii 0.1, 1 and 0.55."""
    found = relative_efficiency({"a": {"m": (0.5, 0.4)}, "b": {"m": (0.6, 0.3)}, "c": {"m": (0.2, 0.0)}})
    assert [(run.run, pytest.approx(run.efficiency)) for run in found.runs] == [("b", 100), ("c", 55), ("a", 10)]
    assert found.runs[1].radii[0].gain == pytest.approx(0.2)
    assert found.note.startswith("Relative to the 3 runs compared here")


def test_the_papers_gains_give_what_they_give() -> None:
    """The paper prints 86.7, 56.1, 36.1 and 20.4; its own rounded gains give the following."""
    scores = {run: {f"M{i}": (value, 0.0) for i, value in enumerate(gains)} for run, gains in PRINTED.items()}
    found = relative_efficiency(scores)
    assert [(run.run, round(run.efficiency, 1)) for run in found.runs] == [
        ("CITA", 86.3), ("DPO", 56.2), ("GRPO", 36.0), ("PPO", 20.3),
    ]  # fmt: skip


def test_equal_gains_tell_no_run_from_another() -> None:
    """0.3 - 0.1 and 0.2 - 0.0 differ in the last bit only."""
    found = relative_efficiency({"a": {"m": (0.3, 0.1), "n": (1, 0)}, "b": {"m": (0.2, 0.0), "n": (3, 0)}})
    radii = {run.run: [radius.radius for radius in run.radii] for run in found.runs}
    assert radii == {"a": [pytest.approx(0.55), pytest.approx(0.1)], "b": [pytest.approx(0.55), pytest.approx(1)]}
    assert found.runs[0].radii[0].equal and not found.runs[0].radii[1].equal
    zero = relative_efficiency({"a": {"m": (0, 0)}, "b": {"m": (0, 0)}})
    assert [run.efficiency for run in zero.runs] == [pytest.approx(55)] * 2


def test_a_measure_that_a_run_lacks_counts_for_none() -> None:
    found = relative_efficiency(
        {"a": {"m": (1, 0), "n": (1, 0)}, "b": {"m": (0, 0), "n": (1, None)}, "c": {"m": (1, 1)}}
    )
    assert found.measures == ("m",)
    assert found.as_dict()["left_out"] == {"n": "b lacks it"}
    assert all(len(run.radii) == 1 for run in found.runs)


def test_what_cannot_be_compared_says_what_to_do() -> None:
    with pytest.raises(UserError, match="at least two runs"):
        relative_efficiency({"a": {"m": (1, 0)}})
    with pytest.raises(UserError, match="no measure in common"):
        relative_efficiency({"a": {"m": (1, 0)}, "b": {"n": (1, 0)}})


@settings(deadline=None)
@given(table)
def test_the_best_has_one_the_worst_a_tenth(rows: list[tuple[float, float, float]]) -> None:
    scores = {f"run {i}": {f"m{j}": (value, 0.0) for j, value in enumerate(row)} for i, row in enumerate(rows)}
    found = relative_efficiency(scores)
    for j in range(3):
        radii = {run.run: run.radii[j] for run in found.runs}
        if next(iter(radii.values())).equal:
            assert [r.radius for r in radii.values()] == [pytest.approx(0.55)] * len(rows)
        else:
            assert min(r.radius for r in radii.values()) == pytest.approx(0.1)
            assert max(r.radius for r in radii.values()) == pytest.approx(1)
    assert all(10 - 1e-9 <= run.efficiency <= 100 + 1e-9 for run in found.runs)
    assert [run.efficiency for run in found.runs] == sorted((run.efficiency for run in found.runs), reverse=True)


@settings(deadline=None)
@given(table, st.floats(0.1, 50), st.floats(-3, 3))
def test_units_and_offsets_do_not_matter(rows: list[tuple[float, float, float]], unit: float, offset: float) -> None:
    def of(scale: float, shift: float) -> dict[str, float]:
        scores = {
            str(i): {str(j): (shift + scale * value, shift) for j, value in enumerate(row)}
            for i, row in enumerate(rows)
        }
        return {run.run: run.efficiency for run in relative_efficiency(scores).runs}

    assert of(unit, offset) == pytest.approx(of(1, 0), abs=1e-6)
