"""A sheet: one prompt asked under several instructions at once, edited, asked again, judged. The switch screen without its screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aligntui.core.errors import AligntuiError, UserError
from aligntui.core.generation import GenerationRun
from aligntui.core.instruction import InstructionType
from aligntui.core.pair import Pair
from aligntui.data.prompt_bank import BankPrompt
from aligntui.data.switch_cases import cross, wordings_of
from aligntui.workbench.chat import Chat
from aligntui.workbench.embedding import Embedder
from aligntui.workbench.engine_link import EngineLink
from aligntui.workbench.generation.base_and_sides import sides_of
from aligntui.workbench.generation.cells import Cell
from aligntui.workbench.generation.filling import Filler
from aligntui.workbench.generation.progress import (
    CellBroken,
    CellEvent,
    CellFilled,
    CellStarted,
    CellText,
    RunMoved,
    RunProgress,
)
from aligntui.workbench.loaded import loaded_engine
from aligntui.workbench.switching.asking import asking_now, free_engine
from aligntui.workbench.switching.cell_pairs import oppose_cells, prefer_cell, take_back
from aligntui.workbench.switching.grid import PROMPT_ID, Grid, GridCell, Row, Stage
from aligntui.workbench.switching.plan import SwitchPlan
from aligntui.workbench.switching.recognising import SheetRecogniser, silent_rows
from aligntui.workbench.switching.running import SwitchWish, begin_run

SHEET = "sheet"
"""Data set of a sheet's run."""
MOST_ROWS = 30
"""Instructions of a sheet at most: more of them no screen shows."""


class Sheet:
    """One grid and the run that holds its answers.

    Args:
        chat: whose engine, columns, settings and database.
        types: instructions of the rows, each by its first phrasing.
        emit: told after every change.
    """

    def __init__(self, chat: Chat, types: Sequence[InstructionType], emit: Callable[[], None]) -> None:
        self.chat = chat
        self.emit = emit
        self.grid: Grid = Grid("", _rows(types), sides_of(chat), asking_now(chat))
        self.run: GenerationRun | None = None
        self.progress: RunProgress | None = None
        self.unmeasured = ""
        """Why nothing is recognised; empty while it is."""
        self.flagged: list[list[Pair]] = []
        """Pairs stored from this sheet, for taking them back, the last ones last."""
        self._filler: Filler | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._asked: set[str] = set()
        self._measuring = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self._news = False
        """Whether answers came since the last look at them."""
        self._blind = False
        """Whether the last look found that nothing can be embedded; the end of a batch looks again all the same."""
        self.recogniser = SheetRecogniser(Embedder(lambda request: loaded_engine(chat).embed(request)))

    @property
    def running(self) -> bool:
        """Whether cells are being answered."""
        return not self._idle.is_set()

    @property
    def measuring(self) -> bool:
        """Whether answers are being embedded."""
        return self._measuring.locked()

    @property
    def tokens_per_s(self) -> float:
        """Speed of what is being answered, cells that still stream among it; 0 before the first token."""
        progress = self.progress
        if progress is None or progress.elapsed_s <= 0:
            return 0.0
        streaming = sum(cell.tokens for cell in self.grid.cells.values() if cell.stage is Stage.STREAMING)
        return (progress.tokens + streaming) / progress.elapsed_s

    # asking -----------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Take over the chat's columns and settings as they are now; what was made otherwise is stale by that."""
        if not self.running:
            self.grid.take_over(sides_of(self.chat), asking_now(self.chat))
            self.recogniser.judge(self.grid)
            self.emit()

    def check(self, prompt: str) -> EngineLink:
        """The engine, where a prompt could be asked now.

        Raises:
            UserError: the prompt is blank, an adapter is not loaded, the mode hands no instruction on, or cells are being
                answered.
            EngineError: no base is loaded, or the engine answers somebody else.
        """
        self.refuse_while_running()
        if not prompt.strip():
            raise UserError("The prompt is empty.", "Type something first.")
        return free_engine(self.chat)

    def set_rows(self, types: Sequence[InstructionType]) -> None:
        """Other instructions; nothing is asked of the new grid yet."""
        self.refuse_while_running()
        if not 2 <= len(types) <= MOST_ROWS:
            raise UserError(f"A grid has 2 to {MOST_ROWS} instructions, not {len(types)}.")
        self._begin(self.grid.prompt, _rows(types))
        self.emit()

    def edit_row(self, row: int, text: str) -> bool:
        """Change an instruction in place; its answers are stale until they are asked again. Whether it is another one now.

        Raises:
            UserError: the text is blank, or cells are being answered.
        """
        self.refuse_while_running()
        if not text.strip():
            raise UserError("An instruction needs a text.", "Leave the row as it is, or choose other instructions.")
        if text.strip() == self.grid.rows[row].wording.text:
            return False
        self.grid.edit(row, text)
        self.recogniser.judge(self.grid)
        self.emit()
        return True

    async def ask(self, prompt: str) -> None:
        """Ask a prompt under every instruction of every side.

        Raises: as `check`; and EngineError where the engine goes away in the middle.
        """
        self.check(prompt)
        self._begin(prompt.strip(), self.grid.rows)
        await self._ask(list(self.grid.cells.values()))

    async def ask_changed(self) -> None:
        """Ask what has no answer, or one to something else: an edited instruction, another adapter, other settings."""
        self._check_asked()
        self.refresh()
        cells = self.grid.unanswered()
        if not cells:
            raise UserError(
                "Every cell has its answer.", "{key:switch.again_row} asks a row again, under another seed."
            )
        await self._ask(cells)

    async def ask_again(self, cells: Sequence[GridCell]) -> None:
        """Ask cells once more, each under its next seed."""
        self._check_asked()
        if self.chat.settings.sampling.temperature == 0:
            raise UserError(
                "At temperature 0 another seed gives the same answer.",
                "In the chat, {key:chat.settings} sets a temperature.",
            )
        places = [cell.place for cell in cells]
        self.refresh()
        await self._ask([self.grid.cells[place] for place in places if place in self.grid.cells], next_seed=True)

    def _check_asked(self) -> None:
        self.refuse_while_running()
        if not self.grid.prompt:
            raise UserError("There is no prompt yet.", "{key:switch.prompt} goes to it.")
        self.check(self.grid.prompt)

    def _begin(self, prompt: str, rows: list[Row]) -> None:
        """An empty grid for another prompt or other rows."""
        old = self.grid
        self.recogniser.turn_over(old)
        self.grid = Grid(prompt, list(rows), sides_of(self.chat), asking_now(self.chat))
        self.grid.move_to(*old.cursor)
        self.run, self._asked = None, set()
        self.recogniser.judge(self.grid)

    async def _ask(self, cells: list[GridCell], *, next_seed: bool = False) -> None:
        """Ask some cells; returns when they have their answers, or were stopped."""
        engine, grid = free_engine(self.chat), self.grid
        self._idle.clear()
        try:
            cells += await self._run_for(cells)
            wanted = grid.ask(cells, next_seed=next_seed)
            self.recogniser.judge(self.grid)
            self._filler = Filler(self.chat.store, engine, self._on_event)
            await self._fill(self._filler, wanted)
        finally:
            self._filler = None
            self._idle.set()
            grid.break_off()
            self.emit()
        await self.measure()

    async def _fill(self, filler: Filler, wanted: Sequence[Cell]) -> None:
        assert self.run is not None, "a run comes before its cells"
        begun, new = self.run, {cell.key for cell in wanted} - self._asked
        if new:
            self.run = await self.chat.store.run(lambda store: store.extend_run(begun, len(new)))
            self._asked |= new
        self.emit()
        await filler.fill(self.run, wanted, self.grid.sides, self.grid.asking, at_once=len(wanted), stream=True)

    async def _run_for(self, cells: Sequence[GridCell]) -> list[GridCell]:
        """Begin a run where there is none for these sides and settings; cells that stand and belong to it as well.

        Their answers are in the cache: they cost nothing, and any two cells stay answers of one run, which can be judged.
        """
        grid = self.grid
        if self.run is not None:
            plan = SwitchPlan.from_dict(self.run.plan)
            if plan.sides == grid.sides and plan.asking == grid.asking:
                return []
        types = [
            InstructionType(row.wording.type, row.wording.type, "", (row.wording.text,), row.characteristics)
            for row in grid.rows
        ]
        dataset = cross(SHEET, [BankPrompt(PROMPT_ID, grid.prompt)], types, [row.wording for row in grid.rows])
        wish = SwitchWish(dataset, noise=False, name=f"sheet: {' '.join(grid.prompt.split())[:80]}")
        self.run = await begin_run(self.chat, wish)
        self._asked = set(SwitchPlan.from_dict(self.run.plan).places)
        return [cell for cell in grid.answered() if cell not in cells]

    async def stop(self) -> None:
        """End at the token at hand, and wait until that is done; whole answers stay."""
        if self._filler is not None:
            await self._filler.stop()
            await self._idle.wait()

    def refuse_while_running(self) -> None:
        """Raise UserError while cells are being answered."""
        if self.running:
            raise UserError("Cells are being answered.", "{key:switch.stop} stops them.")

    def _on_event(self, event: CellEvent) -> None:
        match event:
            case CellStarted(key):
                self.grid.started(key)
            case CellText(key, text, tokens):
                self.grid.text_came(key, text, tokens)
            case CellFilled(key, answer, cached):
                self.grid.filled(key, answer, cached)
                self._watch()
            case CellBroken(key):
                self.grid.broke(key)
            case RunMoved(progress):
                self.progress = progress
        self.emit()

    # judging ----------------------------------------------------------------------------------------

    async def oppose(self, first: GridCell, second: GridCell) -> list[Pair]:
        """Make opposed pairs of two cells: each is wanted under its own instruction.

        Raises:
            UserError: a cell has no answer, or the two cannot be opposed.
            StoreError: it could not be written.
        """
        return await self._flag(first, second, oppose_cells)

    async def prefer(self, chosen: GridCell, other: GridCell) -> list[Pair]:
        """Flag a pair of two cells; what is learnt is that the first is wanted under its own instruction.

        Raises:
            UserError: a cell has no answer, it is one cell, or the two say the same.
            StoreError: it could not be written.
        """
        return await self._flag(chosen, other, prefer_cell)

    async def _flag(self, first: GridCell, second: GridCell, store_pairs: Callable[..., list[Pair]]) -> list[Pair]:
        if first.place == second.place:
            raise UserError("A pair needs two cells.", "{key:switch.pin} pins one; then go to the other.")
        for cell in (first, second):
            if cell.stage is not Stage.FILLED or self.grid.is_stale(cell):
                raise UserError(
                    "One of the two cells has no answer to what is asked now.", "{key:switch.changed} asks it."
                )
        run, keys, annotator = self.run, (first.key, second.key), self.chat.settings.annotator
        pairs = await self.chat.store.run(lambda store: store_pairs(store, run, *keys, annotator))
        self.flagged.append(pairs)
        self.emit()
        return pairs

    async def undo(self) -> list[Pair]:
        """Take back the pairs flagged last.

        Raises:
            UserError: there are none.
            StoreError: it could not be written.
        """
        if not self.flagged:
            raise UserError("There is nothing to undo.", "No pair was flagged on this sheet.")
        pairs, annotator = self.flagged[-1], self.chat.settings.annotator
        await self.chat.store.run(lambda store: take_back(store, pairs, annotator))
        self.flagged.pop()
        self.emit()
        return pairs

    # measuring --------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """See to it that the answers are measured while others are still made; waits for nobody."""
        self._news = True
        if not self._blind and (self._watching is None or self._watching.done()):
            self._watching = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """Measure what is there until nothing new has come meanwhile: answers that come together are one look."""
        while self._news and self.running and not self._blind:
            self._news = False
            await self.measure()

    async def measure(self) -> None:
        """Embed what is there, and say of each cell how far it is from the neutral row and what it is taken for.

        Where embeddings cannot be had the reason stands in `unmeasured`, and everything else works on.
        """
        async with self._measuring:
            grid = self.grid
            self.emit()
            try:
                await self.recogniser.embed(grid)
            except AligntuiError as error:
                self.unmeasured = f"{error.message} {error.hint}".strip()
                self._blind = True
            else:
                self._blind = False
                silent = silent_rows(grid)
                self.unmeasured = (
                    f"no characteristics say what answers under {', '.join(silent)} are like" if silent else ""
                )
        self.recogniser.judge(self.grid)
        self.emit()


def _rows(types: Sequence[InstructionType]) -> list[Row]:
    characteristics = {one.type: one.characteristics for one in types}
    return [Row(wording, characteristics[wording.type]) for wording in wordings_of(types, ("direct",))]
