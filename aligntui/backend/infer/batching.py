"""Which rows are read together, when they are, and where they stand: the rules of a batch that rows join and leave.

A row that ends leaves a slot, and rows that wait fill it. Two costs pull against each other: a pass that reads
prompts costs something before its first position (weights are read, layers are called), so several free slots are filled by
one pass; and a free slot makes nothing until it is filled. Measured on 2 cores, embedded model, bfloat16: a pass takes
22 ms and 0.9 ms more for every position, a step 15 ms and 1.5 ms more for every row. The constants below are those
measurements; they decide about speed only, never about what a row says. Pinned in tests/backend/test_batching.py.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate, pairwise

from aligntui.backend.infer.rows import RowPlan

PASS_POSITIONS = 24
"""Positions that could be read in the time that one more pass costs (22 ms / 0.9 ms)."""
JOIN_SHARE = 1 / 4
"""Share of the slots that must be free before a pass is made for them.

With n slots, answers of L tokens, a pass of p and a step of s ms before their first row, waiting for g slots costs
p / g + L s (g - 1) / (2 n²) for each row, least at g = n sqrt(2 p / (L s)): n / 4 for answers of 50 tokens, n / 8 for
200. Around the least the cost is flat: 120 rows of 120 tokens, 20 at once, made 217 tokens per second of processor time
when every slot was filled at once, 251 from a sixth of the slots and 251 from a third; the fewer passes, the less a busy
machine disturbs them.
"""
WINDOW_BATCHES = 8
"""Rows are sorted by length within windows of this many batches, so that what is done so far is a fair part of the
caller's order and not the longest prompts."""
SIDES_AT_ONCE = 4
"""Different adapters (the base is one) that are mixed in one stretch of the run: each adds small products to every step."""

LANE_ROWS = 8
"""Rows of a step that a thread of its own must have to do."""
ROW_POSITIONS = 220
"""Cached positions that a step could look at in the time that a row costs besides those it looks at."""


def order_rows(plans: list[RowPlan], at_once: int) -> list[RowPlan]:
    """The order in which rows are begun.

    Args:
        plans: the rows in the caller's order.
        at_once: rows that decode at the same time; 0 is all of them.

    Returns:
        For one batch, rows of one adapter together and the base first. Else windows of the caller's order, sorted by
        length, one from long to short and the next from short to long, so that neighbours are alike everywhere.
    """
    if not at_once:
        return sorted(plans, key=lambda p: (p.adapter is not None, p.adapter.sha256 if p.adapter else "", p.strength))
    ordered: list[RowPlan] = []
    longest_first = True
    for start in range(0, len(plans), at_once * WINDOW_BATCHES):
        window = plans[start : start + at_once * WINDOW_BATCHES]
        ranks = {side: rank for rank, side in enumerate(dict.fromkeys(plan.side for plan in window))}
        for first in range(0, len(ranks), SIDES_AT_ONCE):
            part = [plan for plan in window if first <= ranks[plan.side] < first + SIDES_AT_ONCE]
            ordered += sorted(part, key=lambda plan: plan.size, reverse=longest_first)
            longest_first = not longest_first
    return ordered


def rows_to_begin(open_rows: int, waiting: int, at_once: int, *, joins: bool) -> int:
    """How many rows to begin now.

    Args:
        open_rows: rows that decode.
        waiting: rows that were not begun.
        at_once: the most that may decode at the same time; 0 is all.
        joins: whether rows can join others that decode.
    """
    free = min(waiting, (at_once or waiting) - open_rows)
    if not open_rows or not joins:
        return 0 if open_rows else free
    return free if free == waiting or free >= round(at_once * JOIN_SHARE) else 0


def split_rows(sizes: list[int], part_cost: int) -> list[int]:
    """Split neighbouring rows into parts of like length, so that computing them costs least.

    A part costs `part_cost` positions and, for each of its rows, the positions of its longest one.

    Returns:
        The number of rows of each part.
    """
    costs, cuts = [0], [0]  # of the first n rows: least cost, and where their last part begins
    for end in range(1, len(sizes) + 1):
        longest, best, cut = 0, -1, 0
        for start in range(end - 1, -1, -1):
            longest = max(longest, sizes[start])
            cost = costs[start] + part_cost + (end - start) * longest
            if best < 0 or cost < best:
                best, cut = cost, start
        costs.append(best)
        cuts.append(cut)
    parts, end = [], len(sizes)
    while end:
        parts.append(end - cuts[end])
        end = cuts[end]
    return parts[::-1]


def split_evenly(sizes: list[int], parts: int) -> list[int]:
    """Split neighbouring rows into at most so many parts that take about the same time in a step.

    Args:
        sizes: positions that each row looks at.
        parts: wanted; less than 2 is one.

    Returns:
        The number of rows of each part.
    """
    if parts < 2:
        return [len(sizes)]
    sums = list(accumulate((ROW_POSITIONS + size for size in sizes), initial=0))
    ends = [bisect_left(sums, sums[-1] * part / parts) for part in range(1, parts)]
    # of the two places beside the ideal one, the nearer
    ends = [
        end if sums[end] + sums[end - 1] <= 2 * sums[-1] * part / parts else end - 1 for part, end in enumerate(ends, 1)
    ]
    return [count for start, end in pairwise([0, *ends, len(sizes)]) if (count := end - start)]


def arrange(sides: list[str | None], staying: Iterable[int]) -> list[int]:
    """Put rows of one side together, moving as few as possible: a row that moves takes its cache with it.

    Args:
        sides: of every row, by its present place.
        staying: places of the rows that go on, ascending.

    Returns:
        For each place from now on, the present place of the row that will stand there.
    """
    here = list(staying)
    groups: dict[str | None, list[int]] = {}
    for place in here:
        groups.setdefault(sides[place], []).append(place)
    wanted = [side for side, places in groups.items() for _ in places]
    stays = {place for place in here if place < len(wanted) and wanted[place] == sides[place]}
    movers = {side: [place for place in places if place not in stays] for side, places in groups.items()}
    return [place if place in stays else movers[side].pop() for place, side in enumerate(wanted)]


def arrange_by_size(sides: list[str | None], sizes: list[int]) -> list[int]:
    """Put rows of one side together, and within a side those of like length.

    One side runs from long to short and the next from short to long, so that neighbours are alike everywhere.

    Returns:
        For each place from now on, the present place of the row that will stand there.
    """
    groups: dict[str | None, list[int]] = {}
    for place, side in enumerate(sides):
        groups.setdefault(side, []).append(place)
    order: list[int] = []
    for number, places in enumerate(groups.values()):
        order += sorted(places, key=sizes.__getitem__, reverse=number % 2 == 0)
    return order
