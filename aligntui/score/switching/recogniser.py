"""Naming the instruction from the answer alone: by the nearest prototype, or by a model judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aligntui.score.results import Coverage, coverage
from aligntui.score.switching.cells import AnswerTable, Prototypes
from aligntui.score.switching.slots import Grids, grids

if TYPE_CHECKING:
    from aligntui.score.switching.cells import Floats, Mask

NEAREST = "nearest prototype"
"""Name of the default recogniser's column."""
NO_DIRECTION = 1e-5
"""Norm below which an answer does not differ from its grid's mean: embeddings of one text, made in batches padded
differently, differ by less than this, two answers that differ in a word by ten thousand times more."""
TIE = 1e-9
"""Difference of cosines below which two prototypes are equally near."""

NOT_ANSWERED = "not answered"
NO_TYPE = "no characteristics for its instruction"
INCOMPLETE = "another instruction to the prompt not answered"
NOT_JUDGED = "not judged"
PARTLY_JUDGED = "another answer to the prompt not judged"

EMPTY = "empty answer"
UNDIVIDED = "equally near to several"
COULD_NOT_TELL = "judge could not tell"
NAMED_ANOTHER = "named another"


@dataclass(frozen=True, eq=False)
class Recognition:
    """Which instruction each answer was taken to have had. Shapes: n cells, M types."""

    name: str
    """Who names: `nearest prototype`, or a judge."""
    types: tuple[str, ...]
    """The M candidates."""
    shares: Floats
    """(n, M), what each candidate gets of the naming: 1 for the one named, 1 / t for each of t that are equally near, and 0
    throughout where none is named."""
    counted: Mask
    """(n,), cells that a rate counts."""
    left_out: tuple[str, ...]
    """(n,), why a cell is not counted; empty where it is."""
    none: tuple[str, ...]
    """(n,), why no single candidate is named; empty where one is."""
    intended: tuple[int, ...]
    """(n,), place of the cell's own instruction among the candidates; -1 where it is none of them."""

    @property
    def credit(self) -> Floats:
        """(n,), 1 where its own instruction is named, 1 / t where that is one of t equally near, else 0; NaN: not counted."""
        import numpy as np  # function-level: numpy would slow the console's start

        own = np.array(self.intended, dtype=int)
        credit = self.shares[np.arange(len(own)), own] if len(own) else np.zeros(0)
        return np.where(self.counted, credit, np.nan)

    def named(self, cell: int) -> str | None:
        """The one candidate that was named for a cell; None where there is none."""
        best = int(self.shares[cell].argmax())
        return self.types[best] if self.shares[cell, best] == 1 else None

    def coverage(self, cells: Sequence[int]) -> Coverage:
        """How many of some cells are counted, and why not the rest."""
        reasons = Counter(self.left_out[i] for i in cells)
        used = reasons.pop("", 0)
        return coverage(used, reasons)


def recognise(
    table: AnswerTable, prototypes: Prototypes, of: Grids | None = None, *, unfinished: bool = False
) -> Recognition:
    """Name each answer's instruction: the prototype nearest by cosine once the prompt's mean answer is taken off.

    The mean is that of the answer's own grid: the M answers to the prompt from the same side, with the same seed and the
    same family of wordings (direct and paraphrased in one, every other kind for itself), each instruction weighing the
    same. An instruction without a text does not move it.

    The prototypes are not centred. The definition subtracts from the answer alone, and with prototypes of unit norm a part
    that they all share adds the same to every candidate's cosine, so taking it off would change nothing; scaling them to
    unit norm again after that would, and would be another definition.

    Chance is 1 / M in a complete grid, one with an answer under each of the M instructions: were its answers dealt out to
    the instructions at random, each name, however often it is given, would fall on its own instruction once in M times, so
    a recogniser that favours a type gains nothing from it. In a grid with gaps it does: names that suit the instructions
    that happen to be there fall right more often than 1 / M. So only the cells of complete grids are counted.

    Ties get what a fair draw among the t nearest would get on average: credit 1 / t. An answer that equals its grid's mean
    has no direction, is as near to each prototype as to any other and gets 1 / M. So M identical answers score exactly
    chance, never above it, and not below it either: a rate below chance would read as reversed switching. An empty answer
    is not embedded and names nothing: no credit, and it does not move the mean.

    Args:
        table: answers and embeddings.
        prototypes: of the M candidates, in the same space.
        of: `grids(table, prototypes.types)`, where the caller has them already.
        unfinished: count every grid that has answers under at least two instructions, to show a run while it fills; its rate
            has no exact chance level.

    Returns:
        One column of names.

    Raises:
        ValueError: answers and prototypes are embedded in different spaces.

    Source: default recogniser of the switch rate in this project. Pinned by hand in
        tests/score/test_switching_recogniser.py.
    """
    import numpy as np  # function-level: numpy would slow the console's start

    n, m = len(table), len(prototypes.types)
    given = of if of is not None else grids(table, prototypes.types)
    shares = np.zeros((n, m))
    rows = np.flatnonzero(table.filled & (given.place >= 0))
    if len(rows):
        if table.vectors.shape[1] != prototypes.vectors.shape[1]:
            raise ValueError(
                f"Answers have {table.vectors.shape[1]} dimensions and prototypes {prototypes.vectors.shape[1]}:"
                " they come from different embedding models."
            )
        mean = given.total(given.mean) / np.maximum(given.filled, 1)[:, None]  # (G, d)
        centred = table.vectors[rows] - mean[given.of_cell[rows]]  # (rows, d)
        norm = np.linalg.norm(centred, axis=1)
        flat = norm < NO_DIRECTION
        cosine = centred @ prototypes.vectors.T / np.where(flat, 1, norm)[:, None]  # (rows, M)
        nearest = (cosine >= cosine.max(1, keepdims=True) - TIE) | flat[:, None]
        shares[rows] = nearest / nearest.sum(1, keepdims=True)
    left_out = _left_out(table, given, m, unfinished)
    none = tuple(
        "" if share == 1 else UNDIVIDED if filled else EMPTY
        for share, filled in zip(shares.max(1, initial=0), table.filled, strict=True)
    )
    return Recognition(
        NEAREST, prototypes.types, shares, np.array([not why for why in left_out], bool), left_out, none,
        tuple(map(int, given.place)),
    )  # fmt: skip


def judged(
    table: AnswerTable,
    types: Sequence[str],
    verdicts: Mapping[tuple, str | None],
    name: str,
    *,
    unfinished: bool = False,
) -> Recognition:
    """A judge's column: the type that a model named for each answer.

    Args:
        table: of the run.
        types: the M candidates that the judge chose from.
        verdicts: by `AnswerCell.key`, the type named, or None where the judge could not tell or its reply could not be
            read: such an answer counts as not switched. Answers without an entry were not judged; they are left out, and
            so is the rest of their grid, for which chance would no longer be one in M.
        name: of the judge; the column's name.
        unfinished: as for `recognise`.

    Raises:
        ValueError: a verdict is no candidate, or the judge goes by the default recogniser's name.
    """
    import numpy as np  # function-level: numpy would slow the console's start

    if name == NEAREST:
        raise ValueError(f"A judge needs a name of its own, not {name!r}.")
    given = grids(table, types)
    place = {kind: i for i, kind in enumerate(types)}
    shares = np.zeros((len(table), len(types)))
    left_out = list(_left_out(table, given, len(types), unfinished))
    none: list[str] = []
    waiting: set[int] = set()
    for i, cell in enumerate(table.cells):
        said = verdicts.get(cell.key)
        if said is not None and said not in place:
            raise ValueError(f"The judge {name!r} named {said!r}, which is none of: {', '.join(types)}.")
        if cell.filled and cell.key not in verdicts:
            left_out[i] = left_out[i] or NOT_JUDGED
            waiting.add(int(given.of_cell[i]))
        # a judge is not asked about an empty answer; a name given to one all the same says nothing about it
        named = said if cell.filled else None
        none.append("" if named is not None else COULD_NOT_TELL if cell.filled else EMPTY)
        if named is not None:
            shares[i, place[named]] = 1
    if not unfinished:
        left_out = [
            why or (PARTLY_JUDGED if grid in waiting else "")
            for why, grid in zip(left_out, given.of_cell.tolist(), strict=True)
        ]
    counted = np.array([not why for why in left_out], bool)
    return Recognition(name, tuple(types), shares, counted, tuple(left_out), tuple(none), tuple(map(int, given.place)))


def _left_out(table: AnswerTable, given: Grids, m: int, unfinished: bool) -> tuple[str, ...]:
    """Why each cell is not counted; empty where it is."""
    needed = 2 if unfinished else m
    whole = (given.answered >= needed).tolist()
    return tuple(
        NO_TYPE if place < 0 else NOT_ANSWERED if not answered else "" if whole[grid] else INCOMPLETE
        for place, answered, grid in zip(given.place, table.answered, given.of_cell, strict=True)
    )
