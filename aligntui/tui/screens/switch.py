"""Switch: one prompt under many instructions, by every side, in one grid that fills at once."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input

from aligntui.core.errors import UserError
from aligntui.core.printable import one_line
from aligntui.tui.bindings import bindings
from aligntui.tui.screens.switch_board import SwitchBoard
from aligntui.tui.switch_text import row_name
from aligntui.tui.widgets.switch_grid import SwitchGrid
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.switching.grid import Grid, GridCell


class SwitchScreen(SwitchBoard):
    """The keys of a sheet."""

    HELP = (
        "**Switch.** Each row is an instruction, each column a side; the same prompt is asked in every cell, all in one batch. "
        "`✓` says that the answer alone shows its instruction, `✗` that it was taken for another; the block beside it, and the warmth "
        "behind the text, grow with the distance from the neutral row. The bars at the bottom count over the prompts asked so far, "
        "`┊` is chance.\n\n"
        "{key:switch.pin} pins a cell to compare others with; {key:switch.oppose} makes contrastive pairs of it and the one "
        "under the cursor, each wanted under its own instruction; {key:switch.prefer} says that this cell is better, "
        "{key:switch.prefer_pinned} that the pinned one is. {key:switch.edit} edits an instruction; only its cells are asked "
        "again. `~` marks answers to something else than what is asked now, {key:switch.changed} asks those. What was asked before "
        "under the same conditions comes from the cache. {key:switch.runs} measures many prompts."
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings("switch")

    @property
    def two(self) -> tuple[GridCell, GridCell]:
        """The pinned cell and the one under the cursor.

        Raises:
            UserError: none is pinned.
        """
        grid = self.sheet.grid
        if grid.pin is None:
            raise UserError("A pair needs two cells.", "{key:switch.pin} pins one; then go to the other.")
        return grid.pin, grid.current

    # keys -------------------------------------------------------------------------------------------

    def key_applies(self, action_id: str) -> bool:
        """Whether a key belongs in the footer now."""
        sheet, grid = self.sheet, self.sheet.grid
        running, filled = sheet.running, bool(grid.answered())
        match action_id:
            case "switch.stop":
                return running
            case "switch.restart":
                return sheet.chat.state.engine.phase in (Phase.EXITED, Phase.FAILED)
            case "switch.changed":
                return bool(grid.prompt) and not running and bool(grid.unanswered())
            case "switch.rows" | "switch.back":
                return not running or action_id == "switch.back"
        if isinstance(self.focused, Input):
            return False
        match action_id:
            case "switch.oppose" | "switch.prefer" | "switch.prefer_pinned":
                return grid.pinned not in (None, grid.cursor)
            case "switch.diff":
                return grid.pinned is not None
            case "switch.pin" | "switch.open":
                return bool(grid.prompt)
            case "switch.undo":
                return bool(sheet.flagged)
            case "switch.again_row" | "switch.again_side" | "switch.again_cell":
                return filled and not running
            case "switch.edit":
                return not running
        return True

    def action_back(self) -> None:
        """From the prompt to the grid, from there to the chat."""
        if isinstance(self.focused, Input):
            self.grid.focus()
        else:
            self.dismiss(None)

    def action_prompt(self) -> None:
        """Go to the prompt."""
        self.query_one("#prompt-line").focus()

    @on(Input.Submitted, "#prompt-line")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()

        def ask() -> None:
            self.sheet.check(event.value)
            self.grid.focus()
            self._beside(self.sheet.ask(event.value))

        self.attempt(ask)

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Ask the engine: not this screen's own work, so that cells go on filling when it is left."""
        self.show_note("", "")
        self.console.work_beside(work, "sheet")

    def action_move(self, rows: int, sides: int) -> None:
        """Move the cursor of the grid."""
        self.grid.move(rows, sides)

    def action_scroll(self, pages: int) -> None:
        """Scroll what is read."""
        for scroll in self.query("#reading VerticalScroll").results(VerticalScroll):
            scroll.scroll_relative(y=pages * max(1, scroll.size.height - 2), animate=False)

    @on(SwitchGrid.Opened)
    def action_open(self) -> None:
        """Read the cell in full, the pinned one below it."""
        from aligntui.tui.modals.cell_reader import CellReader

        grid = self.sheet.grid
        if grid.prompt:
            self.app.push_screen(CellReader(grid, grid.current, grid.pin if self._diff else None))

    def action_pin(self) -> None:
        """Pin the cell, or take the pin away."""
        grid = self.sheet.grid
        grid.pinned = None if grid.pinned == grid.cursor else grid.cursor
        self.draw()

    def action_diff(self) -> None:
        """Mark the differences from the pinned cell, or not."""
        self._diff = not self._diff
        self._draw_detail()

    def action_edit(self) -> None:
        """Edit the instruction of the row."""

        def edit() -> None:
            self.sheet.refuse_while_running()
            row = self.sheet.grid.cursor[0]
            self.ask(lambda: self._edit(row))

        self.attempt(edit)

    async def _edit(self, row: int) -> None:
        from aligntui.tui.modals.text_editor import TextEditor

        grid = self.sheet.grid
        wording = grid.rows[row].wording
        text = await self.app.push_screen_wait(TextEditor(f"Instruction of the row {wording.type}", wording.text))
        if text is not None and self.sheet.edit_row(row, text) and grid.prompt and grid.unanswered():
            self._beside(self.sheet.ask_changed())

    def action_ask_changed(self) -> None:
        """Ask what has no answer to what is asked now."""
        self._beside(self.sheet.ask_changed())

    def action_again(self, what: str) -> None:
        """Ask a row, a column or a cell again."""
        grid = self.sheet.grid
        row, side = grid.cursor
        cells = {"row": grid.of_row(row), "side": grid.of_side(side)}.get(what, [grid.current])
        self._beside(self.sheet.ask_again(cells))

    def action_rows(self) -> None:
        """Choose the instructions."""

        def choose() -> None:
            self.sheet.refuse_while_running()
            self.ask(self._choose_rows)

        self.attempt(choose)

    async def _choose_rows(self) -> None:
        from aligntui.tui.modals.instruction_rows import InstructionRows

        now = [row.wording.type for row in self.sheet.grid.rows]
        types = await self.app.push_screen_wait(InstructionRows(self.console.bench.library.types, now))
        if types is not None:
            self.sheet.set_rows(types)
            if self.sheet.grid.prompt:
                self._beside(self.sheet.ask_changed())

    def action_runs(self) -> None:
        """Measure many prompts."""
        from aligntui.tui.screens.switch_runs import SwitchRunsScreen

        self.app.push_screen(SwitchRunsScreen(self.console.switch_desk))

    def action_restart(self) -> None:
        """Start the engine again."""
        self.console.restart_engine()

    def action_stop(self) -> None:
        """Stop the answers."""
        if self.sheet.running:
            self.work_on(self._stop(), "stop")

    async def _stop(self) -> None:
        await self.sheet.stop()
        self.say("Stopped; whole answers are kept. {key:switch.changed} asks the rest.", severity="warning")

    # pairs ------------------------------------------------------------------------------------------

    def action_oppose(self) -> None:
        """Make contrastive pairs of the pinned cell and this one."""

        def oppose() -> None:
            pinned, current = self.two
            self.act(lambda: self._oppose(pinned, current))

        self.attempt(oppose)

    async def _oppose(self, pinned: GridCell, current: GridCell) -> None:
        grid = self.sheet.grid
        await self.sheet.oppose(pinned, current)
        self.say(
            f"Two pairs stored: under {_named(grid, pinned)} the pinned answer is chosen, under "
            f"{_named(grid, current)} this one. {{key:switch.undo}} takes them back."
        )

    def action_prefer(self, which: str) -> None:
        """Flag a pair: this cell over the pinned one, or the other way round."""

        def prefer() -> None:
            pinned, current = self.two
            self.act(lambda: self._prefer(*((current, pinned) if which == "this" else (pinned, current)), which))

        self.attempt(prefer)

    async def _prefer(self, chosen: GridCell, other: GridCell, which: str) -> None:
        await self.sheet.prefer(chosen, other)
        name = "this cell" if which == "this" else "the pinned cell"
        under = _named(self.sheet.grid, chosen)
        self.say(f"Pair stored: {name} is chosen, under {under}. {{key:switch.undo}} takes it back.")

    def action_undo(self) -> None:
        """Take back the last pairs that were flagged here."""
        self.act(self._undo)

    async def _undo(self) -> None:
        pairs = await self.sheet.undo()
        self.say("Taken back: one pair." if len(pairs) == 1 else f"Taken back: {len(pairs)} pairs.")


def _named(grid: Grid, cell: GridCell) -> str:
    return one_line(row_name(grid, cell.row), 40)
