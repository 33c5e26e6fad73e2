"""The board of the switch screen: what stands where, and how it is drawn from the sheet."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Paste
from textual.widgets import Input, Static

from aligntui.core.printable import one_line
from aligntui.tui.guarded import GuardedScreen
from aligntui.tui.help_text import help_content
from aligntui.tui.redraw import Redraw
from aligntui.tui.switch_text import cell_detail, rates_lines, title_line
from aligntui.tui.widgets.lines import KeyBar
from aligntui.tui.widgets.switch_grid import SwitchGrid
from aligntui.tui.widgets.text_box import LineInput
from aligntui.workbench.changes import Change, EngineChanged
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.switching.sheet import Sheet

BESIDE = 100
"""From this many cells on the pinned cell stands beside the one under the cursor."""
BRIEF = 10
"""Below this many lines the instruction of a cell gets one line."""


class PromptLine(LineInput):
    """The prompt of the grid: several lines that are pasted become one."""

    def _on_paste(self, event: Paste) -> None:
        event.text = one_line(event.text)
        super()._on_paste(event)


class SwitchBoard(GuardedScreen[None]):
    """A sheet on a screen; follows it. The keys are added by `SwitchScreen`.

    Args:
        sheet: kept while the screen is left.
    """

    AUTO_FOCUS = "#prompt-line"
    CSS = """
    SwitchScreen #title { height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    SwitchScreen #asking { height: 1; background: $panel; }
    SwitchScreen #asking Static { width: auto; padding: 0 1; color: $text-muted; background: $panel; }
    SwitchScreen #asking Input { width: 1fr; height: 1; border: none; padding: 0 1; background: $panel; }
    SwitchScreen #asking Input:focus { background: $surface-lighten-1; }
    SwitchScreen #reading { height: 1fr; border-top: solid $surface-lighten-2; }
    SwitchScreen #reading VerticalScroll { height: 1fr; width: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    SwitchScreen #pinned { display: none; border-right: solid $surface-lighten-2; }
    SwitchScreen #rates { height: auto; max-height: 3; padding: 0 1; background: $surface; }
    """

    def __init__(self, sheet: Sheet) -> None:
        super().__init__()
        self.sheet = sheet
        self._diff = True
        self._redraw = Redraw(self, self.draw)

    def compose(self) -> ComposeResult:
        """Title, prompt, grid, the current cell, rates, note, keys."""
        yield Static("Switch", id="title", markup=False)
        with Horizontal(id="asking"):
            yield Static("Prompt", id="prompt-label", markup=False)
            yield PromptLine(
                self.sheet.grid.prompt, placeholder="one prompt for every cell; Enter asks it", id="prompt-line"
            )
        yield SwitchGrid(self.sheet.grid)
        with Horizontal(id="reading"):
            with VerticalScroll(id="pinned", can_focus=False):
                yield Static("", id="pinned-text", markup=False)
            with VerticalScroll(id="detail", can_focus=False):
                yield Static("", id="text", markup=False)
        yield Static("", id="rates", markup=False)
        yield Static("", id="note", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Follow the sheet and the engine."""
        self.sheet.emit = self._redraw
        self.console.change_signal.subscribe(self, self._on_change)
        self.attempt(self.sheet.refresh)
        if self.sheet.grid.prompt:
            self.grid.focus()
        self.draw()

    def on_unmount(self) -> None:
        """Nobody looks any more; what was asked goes on."""
        self.sheet.emit = lambda: None

    def on_screen_resume(self) -> None:
        """Back from the runs, from a dialog or from a smaller terminal."""
        self.draw()

    def on_resize(self) -> None:
        """Share the lines anew."""
        self.call_after_refresh(self.draw)

    @property
    def grid(self) -> SwitchGrid:
        """The grid on screen."""
        return self.query_one(SwitchGrid)

    # drawing ----------------------------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if isinstance(change, EngineChanged):
            self._redraw()

    def draw(self) -> None:
        """Everything from the sheet."""
        if not self.is_attached or not self.size.height:
            return
        sheet, width = self.sheet, self.size.width - 2
        rates = rates_lines(sheet.recogniser.rates, width, sheet.unmeasured)
        self.query_one("#rates", Static).update(rates)
        self.grid.show(sheet.grid, self.size.height - 4 - (rates.plain.count("\n") + 1))
        self.query_one("#title", Static).update(title_line(sheet, width, self.keys))
        self._draw_prompt()
        self._draw_detail()
        self.query_one(KeyBar).draw()

    @on(Input.Changed, "#prompt-line")
    def _draw_prompt(self) -> None:
        """Say whether what stands in the line is what the cells answer."""
        grid = self.sheet.grid
        differs = bool(grid.prompt) and one_line(self.query_one("#prompt-line", Input).value) != one_line(grid.prompt)
        label = Content.styled("Prompt, not asked", "$text-warning") if differs else Content("Prompt")
        self.query_one("#prompt-label", Static).update(label)

    def _draw_detail(self) -> None:
        grid, text = self.sheet.grid, self.query_one("#text", Static)
        pin, reading = grid.pin, self.query_one("#reading")
        beside = pin is not None and pin.place != grid.cursor and self.size.width >= BESIDE
        self.query_one("#pinned").display = beside
        if not grid.prompt:
            text.update(help_content(self._empty_text(), self.keys))
            return
        width = (self.size.width // 2 if beside else self.size.width) - 4
        brief = reading.size.height < BRIEF
        text.update(cell_detail(grid, grid.current, pin if self._diff else None, width, brief=brief))
        if beside and pin is not None:
            marked = grid.current if self._diff else None
            detail = cell_detail(grid, pin, marked, width, brief=brief)
            self.query_one("#pinned-text", Static).update(Content.assemble(("▐ ", "bold $text-accent"), detail))

    def _empty_text(self) -> str:
        ready = self.sheet.chat.state.engine.phase is Phase.READY
        return (
            "Type a prompt above and press `Enter`: every instruction answers it on every side, all in one batch.\n\n"
            "{key:switch.rows} chooses the instructions. `Esc` leaves the prompt; then {key:switch.edit} edits an instruction and "
            "{key:switch.runs} measures many prompts at once."
            + ("" if ready else "\n\nThe model is not ready yet; you can type already.")
        )

    @on(SwitchGrid.Moved)
    def _moved(self) -> None:
        self._draw_detail()
        for scroll in self.query("#reading VerticalScroll").results(VerticalScroll):
            scroll.scroll_home(animate=False)
        self.query_one(KeyBar).draw()
