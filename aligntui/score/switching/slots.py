"""The grids of a table: which answers stand in one, and the mean answer of each of its instructions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aligntui.score.switching.cells import AnswerTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aligntui.score.switching.cells import Floats, Indices, Mask


@dataclass(frozen=True, eq=False)
class Grids:
    """Grids and their slots. A grid is a prompt, side, seed and family of wordings; a slot is an instruction in it.

    Direct wordings and paraphrases stand in one grid, because a run may draw one of an instruction's phrasings for each
    cell; every other kind of wording has a grid of its own. Where a slot has several answers (several phrasings), their
    mean stands for the instruction, so that each instruction weighs the same.

    Shapes: n cells, G grids, S slots with a text, M types, d dimensions.
    """

    keys: tuple[tuple[str, str, int, str], ...]
    """(G,), prompt, side, seed and family, by first cell."""
    of_cell: Indices
    """(n,), grid of each cell."""
    place: Indices
    """(n,), type of each cell; -1 for none of the types."""
    answered: Indices
    """(G,), types with an answer, be it empty."""
    complete: Mask
    """(G,), grids with a text for each of the M types."""
    grid: Indices
    """(S,), grid of each slot."""
    type: Indices
    """(S,), type of each slot."""
    count: Floats
    """(S,), texts in the slot."""
    mean: Floats
    """(S, d), mean of the slot's unit vectors; not scaled again."""

    def total(self, values: Floats) -> Floats:
        """Sum over the slots of each grid. Shapes: (S,) or (S, d) to (G,) or (G, d)."""
        import numpy as np  # function-level: numpy would slow the console's start

        result = np.zeros((len(self.keys), *values.shape[1:]))
        if len(values):
            # slots are sorted by grid, so that each grid is one stretch of them
            starts = np.flatnonzero(np.diff(self.grid, prepend=-1))
            result[self.grid[starts]] = np.add.reduceat(values, starts, axis=0)
        return result

    @property
    def filled(self) -> Floats:
        """(G,), types with a text."""
        return self.total(self.count * 0 + 1)

    def between(self) -> Floats:
        """Mean over pairs of instructions of 1 - cosine, for each grid. Shapes: (G,), NaN below two instructions.

        Where an instruction has several answers, every one of them is held against every one of the other instruction.
        Without a loop over pairs: the products of all pairs of slot means are the square of their sum less their own.

        Source: "semantic shift", arXiv 2601.06157 (M1). Pinned by hand and against the loop over pairs in
            tests/score/test_switching_shift.py.
        """
        import numpy as np  # function-level: numpy would slow the console's start

        of_sum = (self.total(self.mean) ** 2).sum(1)  # (G,)
        own = self.total((self.mean**2).sum(1))  # (G,)
        pairs = self.filled * (self.filled - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.clip(1 - np.where(pairs > 0, (of_sum - own) / pairs, np.nan), 0, 2)

    def within(self) -> Floats:
        """Mean over pairs of one instruction's answers of 1 - cosine, for each slot. Shapes: (S,), NaN below two answers."""
        return pair_shift(self.mean * self.count[:, None], self.count)


def grids(table: AnswerTable, types: Sequence[str]) -> Grids:
    """Sort the answers of a table into grids; types outside `types` are in no slot."""
    import numpy as np  # function-level: numpy would slow the console's start

    number: dict[tuple[str, str, int, str], int] = {}
    of_cell = np.array(
        [number.setdefault((c.prompt, c.side, c.seed, c.wording.family), len(number)) for c in table.cells], dtype=int
    )
    place, m = table.places(types), len(types)
    slot_of_cell = of_cell * m + place
    known = np.unique(slot_of_cell[table.answered & (place >= 0)])
    rows = np.flatnonzero(table.filled & (place >= 0))
    slots, sums, count = grouped(slot_of_cell[rows], table.vectors[rows])
    filled = np.bincount(slots // m, minlength=len(number))
    return Grids(
        keys=tuple(number),
        of_cell=of_cell,
        place=place,
        answered=np.bincount(known // m, minlength=len(number)),
        complete=filled == m,
        grid=slots // m,
        type=slots % m,
        count=count,
        mean=sums / count[:, None],
    )


def grouped(keys: Indices, rows: Floats) -> tuple[Indices, Floats, Floats]:
    """Sums of rows that share a key. Shapes: (n,) and (n, d) to keys (S,) in order, sums (S, d), counts (S,)."""
    import numpy as np  # function-level: numpy would slow the console's start

    order = np.argsort(keys, kind="stable")
    found, starts, count = np.unique(keys[order], return_index=True, return_counts=True)
    sums = np.add.reduceat(rows[order], starts, axis=0) if len(found) else np.zeros((0, rows.shape[1]))
    return found, sums, count.astype(float)


def pair_shift(sums: Floats, count: Floats) -> Floats:
    """Mean over pairs of 1 - cosine of unit vectors, from their sum and number. Shapes: (S, d), (S,) to (S,).

    NaN below two vectors. The cosines of all pairs are the square of the sum less the vectors' own squares, which are 1.
    """
    import numpy as np  # function-level: numpy would slow the console's start

    pairs = count * (count - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip(1 - np.where(pairs > 0, ((sums**2).sum(1) - count) / pairs, np.nan), 0, 2)
