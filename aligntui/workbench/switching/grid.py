"""One prompt under several instructions, by every side: the state of the switch screen, and the fold of events into it.

Nothing here waits, writes or draws. `Sheet` (sheet.py) owns one `Grid` and changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from aligntui.core.ids import sha256_text
from aligntui.core.instruction import Instruction
from aligntui.core.turn import Answer
from aligntui.data.switch_cases import Wording
from aligntui.workbench.generation.cells import Asking, Cell, Side
from aligntui.workbench.switching.plan import GRID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

PROMPT_ID = "sheet"
"""Id of the prompt of a sheet in its run's plan."""
Place = tuple[int, int]
"""Row and side."""


class Stage(StrEnum):
    """How far a cell has come."""

    EMPTY = "empty"
    """Nothing was asked yet."""
    WAITING = "waiting"
    """Asked; the engine has not begun with it."""
    STREAMING = "streaming"
    FILLED = "filled"
    BROKEN = "broken"
    """It broke off."""


@dataclass(frozen=True)
class Asked:
    """What an answer was made under, seed apart. Where the grid now asks something else, the answer is stale."""

    instruction: str
    side: Side
    asking: Asking


@dataclass
class GridCell:
    """One answer of the grid."""

    row: int
    side: int
    seed: int
    stage: Stage = Stage.EMPTY
    key: str = ""
    """Of the cell in the run that holds its answer; empty before it is asked."""
    text: str = ""
    tokens: int = 0
    asked: Asked | None = None
    answer: Answer | None = None
    cached: bool = False
    vector: Vector | None = None
    """Embedding of the answer, (d,), unit norm."""
    distance: float | None = None
    """1 - cosine to the answer of the neutral row, 0 to 2; None until both are embedded."""
    taken_for: str | None = None
    """The instruction type that the recogniser names; None where it named none."""
    recognised: bool = False
    """Whether the recogniser saw it."""
    before: GridCell | None = None
    """What stood here when it was asked again; it comes back where nothing whole takes its place."""

    @property
    def place(self) -> Place:
        """Row and side."""
        return self.row, self.side

    @property
    def under_way(self) -> bool:
        """Whether the engine was asked for it and has not ended with it."""
        return self.stage in (Stage.WAITING, Stage.STREAMING)

    def ask(self, key: str, seed: int, asked: Asked) -> None:
        """Begin anew; what stood here is kept until something whole takes its place."""
        whole = replace(self, before=None) if self.stage is Stage.FILLED else self.before
        self._become(GridCell(self.row, self.side, seed, Stage.WAITING, key, asked=asked, before=whole))

    def end(self) -> None:
        """Nothing more comes: what stood here before comes back, else what there is of the answer stays, broken off."""
        if self.before is not None:
            self._become(self.before)
        else:
            self.stage = Stage.BROKEN if self.stage is Stage.STREAMING else Stage.EMPTY

    def unjudged(self) -> None:
        """Forget what was found out about the answer."""
        self.distance, self.taken_for, self.recognised = None, None, False

    def _become(self, other: GridCell) -> None:
        for one in fields(self):
            setattr(self, one.name, getattr(other, one.name))


@dataclass(frozen=True)
class Row:
    """One instruction of the grid."""

    wording: Wording
    characteristics: tuple[str, ...] = ()
    edited: bool = False
    """Whether its text is one that a person changed here."""


@dataclass
class Grid:
    """The prompt, its rows and sides, a cell for each, and where a person stands in them."""

    prompt: str
    rows: list[Row]
    sides: tuple[Side, ...]
    asking: Asking = field(default_factory=Asking)
    """How cells are asked now; its seed is the first seed of every cell."""
    cells: dict[Place, GridCell] = field(default_factory=dict)
    cursor: Place = (0, 0)
    pinned: Place | None = None

    def __post_init__(self) -> None:
        if not self.cells:
            places = [(row, side) for row in range(len(self.rows)) for side in range(len(self.sides))]
            self.cells = {(row, side): GridCell(row, side, self.asking.sampling.seed) for row, side in places}

    # looking ----------------------------------------------------------------------------------------

    @property
    def neutral(self) -> int:
        """The row that distances are measured from: that of the type `neutral`, else the first."""
        return next((n for n, row in enumerate(self.rows) if row.wording.type == "neutral"), 0)

    @property
    def current(self) -> GridCell:
        """The cell under the cursor."""
        return self.cells[self.cursor]

    @property
    def pin(self) -> GridCell | None:
        """The pinned cell."""
        return self.cells.get(self.pinned) if self.pinned else None

    @property
    def running(self) -> bool:
        """Whether cells wait or stream."""
        return any(cell.under_way for cell in self.cells.values())

    def of_row(self, row: int) -> list[GridCell]:
        """The cells of a row, from the left."""
        return [self.cells[row, side] for side in range(len(self.sides))]

    def of_side(self, side: int) -> list[GridCell]:
        """The cells of a side, from the top."""
        return [self.cells[row, side] for row in range(len(self.rows))]

    def condition(self, cell: GridCell) -> Asked:
        """What an answer of this cell would be made under now."""
        sampling = replace(self.asking.sampling, seed=0)
        asking = replace(self.asking, sampling=sampling)
        return Asked(self.rows[cell.row].wording.text, self.sides[cell.side], asking)

    def is_stale(self, cell: GridCell) -> bool:
        """Whether a cell has an answer to something else than what is asked now."""
        return cell.stage is Stage.FILLED and cell.asked != self.condition(cell)

    def answered(self) -> list[GridCell]:
        """Cells with a whole answer to what is asked now."""
        return [cell for cell in self.cells.values() if cell.stage is Stage.FILLED and not self.is_stale(cell)]

    def stale(self) -> list[GridCell]:
        """Cells with an answer to something else."""
        return [cell for cell in self.cells.values() if self.is_stale(cell)]

    def unanswered(self) -> list[GridCell]:
        """What is to be asked: cells without an answer, or with one to something else."""
        return [
            cell
            for cell in self.cells.values()
            if not cell.under_way and (cell.stage is not Stage.FILLED or self.is_stale(cell))
        ]

    # changing ---------------------------------------------------------------------------------------

    def move_to(self, row: int, side: int) -> None:
        """Put the cursor on a cell, the nearest one where there is none."""
        self.cursor = (min(max(0, row), len(self.rows) - 1), min(max(0, side), len(self.sides) - 1))

    def edit(self, row: int, text: str) -> None:
        """Give a row another instruction; its answers are stale."""
        before, text = self.rows[row], text.strip()
        # the id tells the texts of a row apart, in the run's keys and in the stored answers
        wording = Wording(before.wording.type, f"edited-{sha256_text(text)[:6]}", before.wording.kind, text)
        self.rows[row] = Row(wording, before.characteristics, edited=True)

    def take_over(self, sides: Sequence[Side], asking: Asking) -> None:
        """Ask other sides, or in another way, from now on.

        Answers stay with their side wherever it stands now; those of a side that became another one (an adapter exchanged, a
        strength turned) stay in its place and are stale; those of a side that is gone go with it.
        """
        self.asking = asking
        if tuple(sides) == self.sides:
            return
        stay = {place: self.sides.index(side) for place, side in enumerate(sides) if side in self.sides}
        left = [place for place in range(len(self.sides)) if place not in stay.values()]
        came_from = {**{place: place for place in left if place < len(sides) and place not in stay}, **stay}
        old, self.sides = self.cells, tuple(sides)
        self.cells = {}
        for row in range(len(self.rows)):
            for side in range(len(sides)):
                kept = old.get((row, came_from[side])) if side in came_from else None
                cell = GridCell(row, side, asking.sampling.seed) if kept is None else replace(kept, side=side)
                self.cells[row, side] = cell
        self.pinned = self.pinned if self.pinned in self.cells else None
        self.move_to(*self.cursor)

    def ask(self, cells: Iterable[GridCell], *, next_seed: bool = False) -> list[Cell]:
        """Mark cells as asked and say what is to be asked of the engine."""
        wanted = []
        for cell in cells:
            wording, seed = self.rows[cell.row].wording, cell.seed + next_seed
            number = int(wording.id) if wording.id.isdigit() else 0
            instruction = Instruction(wording.text, wording.type if number else "", number)
            key = self._key(cell, seed)
            cell.ask(key, seed, self.condition(cell))
            wanted.append(Cell(key, self.prompt, cell.side, instruction, wording.label, seed))
        return wanted

    def _key(self, cell: GridCell, seed: int) -> str:
        """As the run's plan names the cell, so that the run can be gone on with and measured like any other."""
        return f"{GRID}|{PROMPT_ID}|{self.rows[cell.row].wording.label}|{self.sides[cell.side].name}|{seed}"

    # events -----------------------------------------------------------------------------------------

    def find(self, key: str) -> GridCell | None:
        """The cell that is asked under a key now; None where it was asked anew since."""
        return next((cell for cell in self.cells.values() if cell.key == key and cell.under_way), None)

    def started(self, key: str) -> None:
        """The engine reads the prompt of a cell."""
        if (cell := self.find(key)) is not None:
            cell.stage = Stage.STREAMING

    def text_came(self, key: str, text: str, tokens: int) -> None:
        """More text of a cell."""
        if (cell := self.find(key)) is not None:
            cell.stage, cell.text, cell.tokens = Stage.STREAMING, cell.text + text, tokens

    def filled(self, key: str, answer: Answer, cached: bool) -> None:
        """A cell has its answer."""
        if (cell := self.find(key)) is not None:
            cell.stage, cell.answer, cell.cached, cell.before = Stage.FILLED, answer, cached, None
            cell.text, cell.tokens = answer.text, len(answer.token_ids)

    def broke(self, key: str) -> None:
        """An answer broke off."""
        if (cell := self.find(key)) is not None:
            cell.end()

    def break_off(self) -> None:
        """Nothing more comes."""
        for cell in self.cells.values():
            if cell.under_way:
                cell.end()
