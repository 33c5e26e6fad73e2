"""What is known of the answers of a sheet: how far apart they are, what each is taken for, how often that is right so far."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aligntui.workbench.switching.grid import Grid, GridCell, Stage

if TYPE_CHECKING:
    from aligntui.score.results import Rate
    from aligntui.score.switching.cells import AnswerCell
    from aligntui.workbench.switching.grid import Vector
    from aligntui.workbench.switching.measuring import Vectors

Embed = Callable[[Sequence[str]], Awaitable["Vectors"]]
"""Unit-norm sentence embeddings of texts, (n, d)."""


@dataclass(frozen=True)
class LiveRate:
    """The switch rate of a side on a sheet so far."""

    side: str
    rate: Rate
    wanted: int = 0
    """Answers that it will be of once the grid is full; more than the rate counts while cells are still answered."""


class SheetRecogniser:
    """Judges one grid after another; the rates go over all of them that were asked alike.

    Args:
        embed: sentence embeddings.
    """

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self.rates: tuple[LiveRate, ...] = ()
        """Of each side over the prompts so far that were asked under the same rows, sides and settings. Cells that are
        not answered yet are left out, so chance is a little off while a grid fills."""
        self._expected: dict[str, Vector] = {}
        self._earlier: dict[str, list[tuple[AnswerCell, Vector | None]]] = {}
        self._alike: object = None

    async def embed(self, grid: Grid) -> None:
        """Embed answers and characteristics that are not embedded yet.

        Raises:
            EnvironmentProblem: the embedding model cannot be had.
            EngineError: the engine went away.
        """
        cells = [cell for cell in grid.answered() if cell.text.strip() and cell.vector is None]
        if not cells:
            return
        texts = [cell.text for cell in cells]
        expected = list(dict.fromkeys(text for row in grid.rows for text in row.characteristics))
        vectors = await self._embed([*texts, *expected])
        for cell, text, vector in zip(cells, texts, vectors, strict=False):
            if cell.stage is Stage.FILLED and cell.text == text:  # it may have been asked again meanwhile
                cell.vector = vector
        self._expected.update(zip(expected, vectors[len(texts) :], strict=True))

    def judge(self, grid: Grid) -> None:
        """Say of each cell how far it is from the neutral row and what it is taken for, and count; asks nobody."""
        alike = (tuple(grid.rows), grid.sides, replace(grid.asking, sampling=replace(grid.asking.sampling, seed=0)))
        if alike != self._alike:
            self._earlier.clear()
            self._alike = alike
        for cell in grid.cells.values():
            cell.unjudged()
        cells = [cell for cell in grid.answered() if cell.vector is not None or not cell.text.strip()]
        for cell in cells:
            neutral = grid.cells[grid.neutral, cell.side]
            if cell.vector is not None and neutral.vector is not None and not grid.is_stale(neutral):
                cell.distance = float(1 - cell.vector @ neutral.vector)
        earlier = [one for prompt, answers in self._earlier.items() if prompt != grid.prompt for one in answers]
        known = all(row.characteristics and row.characteristics[0] in self._expected for row in grid.rows)
        self.rates = self._recognise(grid, cells, earlier) if known and (cells or earlier) else ()

    def turn_over(self, grid: Grid) -> None:
        """Keep what a whole grid says before another prompt takes its place."""
        cells = grid.answered()
        if grid.prompt and len(cells) == len(grid.cells) and all(cell.recognised for cell in cells):
            self._earlier[grid.prompt] = [(_answer(grid, cell), cell.vector) for cell in cells]

    def _recognise(
        self, grid: Grid, cells: list[GridCell], earlier: list[tuple[AnswerCell, Vector | None]]
    ) -> tuple[LiveRate, ...]:
        import numpy as np

        from aligntui.score.switching.cells import answer_table, prototypes
        from aligntui.score.switching.rates import credit_rate, plain_rows
        from aligntui.score.switching.recogniser import recognise
        from aligntui.score.switching.slots import grids

        types = {row.wording.type: row.characteristics for row in grid.rows}
        protos = prototypes(types, lambda texts: np.stack([self._expected[text] for text in texts]))
        answers = [*((_answer(grid, cell), cell.vector) for cell in cells), *earlier]
        blank = np.zeros_like(protos.vectors[0])
        vectors = np.stack([blank if vector is None else vector for _, vector in answers])
        table = answer_table([answer for answer, _ in answers], vectors)
        slots = grids(table, protos.types)
        found = recognise(table, protos, slots, unfinished=True)
        for number, cell in enumerate(cells):
            cell.taken_for, cell.recognised = found.named(number), bool(found.counted[number])
        credit, chance = found.credit.tolist(), 1 / len(protos.types)
        rates = []
        for side in grid.sides:
            rows = [i for i in plain_rows(table, side.name) if found.counted[i]]
            rate = credit_rate([(table.cells[i].prompt, credit[i]) for i in rows], chance)
            wanted = len(grid.rows) + sum(answer.side == side.name for answer, _ in earlier)
            rates.append(LiveRate(side.name, rate, wanted))
        return tuple(rates)


def silent_rows(grid: Grid) -> list[str]:
    """Instruction types of which nothing says what an answer is like: with one of them nothing can be recognised."""
    return [row.wording.type for row in grid.rows if not row.characteristics]


def _answer(grid: Grid, cell: GridCell) -> AnswerCell:
    """A cell as the measures take it; its seed may be another one than its neighbours', and it stands in their grid all the same."""
    from aligntui.score.switching.cells import AnswerCell

    return AnswerCell(
        prompt=grid.prompt,
        instruction=grid.rows[cell.row].wording.type,
        side=grid.sides[cell.side].name,
        answer=cell.text,
        phrasing=str(cell.row),
    )
