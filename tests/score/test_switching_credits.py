"""Paired credits between 0 and 1."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.score.paired import compare_rates
from aligntui.score.switching.credits import compare_credits

outcome = st.sampled_from([None, 0.0, 1.0])
items = st.lists(st.tuples(outcome, outcome, st.integers(0, 3)), max_size=30)


@settings(deadline=None)
@given(items)
def test_whole_credits_compare_as_verdicts_do(rows: list[tuple[float | None, float | None, int]]) -> None:
    """Where every prompt has several items, on which `compare_rates` counts whole prompts too."""
    rows = rows + rows
    first, second, prompts = ([row[place] for row in rows] for place in range(3))
    ours = compare_credits(first, second, prompts)  # type: ignore[arg-type]
    theirs = compare_rates(
        [None if x is None else bool(x) for x in first], [None if x is None else bool(x) for x in second], prompts
    )
    assert (ours.first, ours.second) == (theirs.first, theirs.second)
    assert (ours.gained, ours.lost) == (theirs.only_second, theirs.only_first)
    assert ours.difference == theirs.difference
    assert ours.p == theirs.p
    assert ours.detectable == theirs.detectable
    assert ours.coverage.used == theirs.coverage.used


def test_parts_by_hand() -> None:
    """p: 0.5 to 1, 0 to 0.5; q: 1 to 0.1. Rates 1.5 / 3 and 1.6 / 3; q's last item has no second."""
    found = compare_credits([0.5, 0, 1, 1], [1, 0.5, 0.1, None], ["p", "p", "q", "q"], 0.1)
    assert (found.first.k, found.second.k) == (1.5, 1.6)
    assert (found.first.n, found.first.chance) == (3, 0.1)
    assert found.difference.value == pytest.approx(0.1 / 3)
    assert (found.gained, found.lost) == (2, 1)
    # two prompts with totals +0.5 and -0.45: of the four patterns of signs, two are as far out as 0.05 and two further
    assert found.p == 1
    assert found.coverage.as_dict() == {"used": 3, "total": 4, "left_out": {"missing on the second side": 1}}


def test_nothing_in_common() -> None:
    found = compare_credits([None, 1], [1, None], ["p", "q"])
    assert (found.first.n, found.difference.value, found.p, found.detectable) == (0, None, None, None)
    with pytest.raises(ValueError):
        compare_credits([1], [], ["p"])
