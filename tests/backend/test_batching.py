"""The rules of a batch that rows join and leave."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntui.backend.infer.batching import (
    ROW_POSITIONS,
    SIDES_AT_ONCE,
    WINDOW_BATCHES,
    arrange,
    arrange_by_size,
    order_rows,
    rows_to_begin,
    split_evenly,
    split_rows,
)
from tests.backend import tiny

SIDES = st.sampled_from([None, "a", "b", "c"])


def plan(name: str, size: int, side: str | None = None, strength: float = 1.0) -> Any:
    """A row of a length for a side."""
    adapter: Any = SimpleNamespace(sha256=side) if side else None
    return tiny.plan(name, [5] * size, adapter=adapter, strength=strength)


def groups_of(sides: list[str | None]) -> list[str | None]:
    """The side of each stretch of equal sides."""
    return [side for side, _ in itertools.groupby(sides)]


@given(st.lists(SIDES, max_size=30), st.data())
def test_arranging_keeps_rows_and_puts_sides_together(sides: list[str | None], data: st.DataObject) -> None:
    staying = sorted(data.draw(st.sets(st.sampled_from(range(len(sides))))) if sides else set())
    order = arrange(sides, staying)
    assert sorted(order) == staying
    stretches = groups_of([sides[place] for place in order])
    assert len(stretches) == len(set(stretches))


def test_a_leaving_row_moves_at_most_one_row_of_each_side() -> None:
    sides = ["a"] * 5 + [None] * 5 + ["b"] * 5
    for leaving in range(15):
        order = arrange(sides, [place for place in range(15) if place != leaving])
        assert sum(place != row for place, row in enumerate(order)) <= 3


@given(st.lists(st.tuples(SIDES, st.integers(1, 50)), max_size=30))
def test_arranging_by_size_makes_every_side_a_slope(rows: list[tuple[str | None, int]]) -> None:
    sides, sizes = [side for side, _ in rows], [size for _, size in rows]
    order = arrange_by_size(sides, sizes)
    assert sorted(order) == list(range(len(rows)))
    stretches = [list(group) for _, group in itertools.groupby(order, key=lambda place: sides[place])]
    assert len(stretches) == len(set(sides))
    for number, stretch in enumerate(stretches):
        slope = [sizes[place] for place in stretch]
        assert slope == sorted(slope, reverse=number % 2 == 0)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=7), st.integers(0, 100))
def test_splitting_is_the_cheapest_of_all_ways(sizes: list[int], part_cost: int) -> None:
    def cost(parts: tuple[int, ...]) -> int:
        ends = list(itertools.accumulate(parts))
        return sum(part_cost + count * max(sizes[end - count : end]) for count, end in zip(parts, ends, strict=True))

    ways = [
        tuple(b - a for a, b in itertools.pairwise((0, *cuts, len(sizes))))
        for many in range(len(sizes))
        for cuts in itertools.combinations(range(1, len(sizes)), many)
    ]
    assert cost(tuple(split_rows(sizes, part_cost))) == min(cost(way) for way in ways)


def test_nothing_splits_into_nothing() -> None:
    assert split_rows([], 10) == []


def test_free_slots_are_filled_together_and_the_last_rows_at_once() -> None:
    assert rows_to_begin(0, 500, 20, joins=True) == 20
    assert rows_to_begin(20, 480, 20, joins=True) == 0
    assert rows_to_begin(19, 480, 20, joins=True) == 0
    assert rows_to_begin(16, 480, 20, joins=True) == 0
    assert rows_to_begin(15, 480, 20, joins=True) == 5
    assert rows_to_begin(19, 1, 20, joins=True) == 1
    assert rows_to_begin(3, 9, 4, joins=True) == 1
    assert rows_to_begin(0, 9, 0, joins=True) == 9


def test_rows_that_cannot_join_wait_for_the_end_of_the_batch() -> None:
    assert rows_to_begin(1, 480, 20, joins=False) == 0
    assert rows_to_begin(0, 480, 20, joins=False) == 20
    assert rows_to_begin(0, 7, 20, joins=False) == 7


@pytest.mark.parametrize("at_once", [1, 3, 20])
def test_rows_are_begun_near_the_callers_order_with_neighbours_of_like_length(at_once: int) -> None:
    plans = [plan(str(n), 10 + (n * 37) % 60, "a" if n % 2 else None) for n in range(600)]
    ordered = order_rows(plans, at_once)
    assert sorted(p.name for p in ordered) == sorted(p.name for p in plans)
    window = at_once * WINDOW_BATCHES
    for place, row in enumerate(ordered):
        assert place // window == int(row.name) // window
    jumps = [abs(a.size - b.size) for a, b in itertools.pairwise(ordered)]
    given_jumps = [abs(a.size - b.size) for a, b in itertools.pairwise(plans)]
    assert sum(jumps) < sum(given_jumps) / 2


def test_many_adapters_are_taken_a_few_at_a_time() -> None:
    plans = [plan(f"{n}", 10 + n % 7, f"side {n % 9}") for n in range(80)]
    ordered = order_rows(plans, 20)
    for start in range(0, 36, 9):
        assert len({p.side for p in ordered[start : start + 8]}) <= SIDES_AT_ONCE


def test_one_batch_has_the_base_first_and_strength_0_is_the_base() -> None:
    plans = [plan("x", 3, "b"), plan("y", 3), plan("z", 3, "a"), plan("w", 3, "a", 0.0)]
    assert [p.name for p in order_rows(plans, 0)] == ["y", "w", "z", "x"]
    assert [p.side for p in plans] == ["b", None, "a", None]


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=64), st.integers(0, 5))
def test_threads_get_parts_that_take_about_as_long(sizes: list[int], parts: int) -> None:
    counts = split_evenly(sizes, parts)
    assert sum(counts) == len(sizes) and min(counts) > 0 and len(counts) <= max(1, parts)
    rest, costs = iter(sizes), []
    for count in counts:
        costs.append(sum(ROW_POSITIONS + size for size in itertools.islice(rest, count)))
    fair = sum(costs) / max(1, parts)
    assert max(costs) <= fair + ROW_POSITIONS + max(sizes)
