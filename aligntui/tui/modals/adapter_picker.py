"""Pick an adapter, a checkpoint of one, or the base for a column."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from aligntui.core.printable import one_line
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.vim_list import VimList
from aligntui.workbench.adapters import AdapterChoice
from aligntui.workbench.chat_state import Column


class AdapterPicker(Dialog[Column]):
    """Adapters of the workspace and their checkpoints."""

    HELP = "**Adapters.** Enter takes the adapter or checkpoint under the cursor; the strength can be typed first."
    CSS = """
    AdapterPicker #adapters { height: auto; max-height: 16; }
    AdapterPicker Input { width: 24; }
    """

    def __init__(self, title: str, choices: list[AdapterChoice], current: Column) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._current = current.adapter
        self._strength = current.strength

    def compose(self) -> ComposeResult:
        """List and strength."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = self._title
            yield VimList(id="adapters")
            yield Input(f"{self._strength:g}", placeholder="strength 0 to 2", id="strength", type="number")
            yield Static("", classes="dialog-error", markup=False)
            yield Static(
                "Enter takes it · Tab to the strength (0 to 2, 1 as trained) · Esc closes",
                classes="dialog-hint",
                markup=False,
            )

    def on_mount(self) -> None:
        """Fill the list."""
        listing = self.query_one(VimList)
        listing.add_option(Option(Content.assemble(("base", "bold"), ("  the weights without any adapter", MUTED))))
        for choice in self._choices:
            name = f"  └ {choice.name}" if choice.checkpoint else choice.name
            if choice.problem:
                listing.add_option(
                    Option(
                        Content.assemble(
                            (f"✖ {one_line(name, 40)}  ", "$text-error"), (one_line(choice.problem, 100), MUTED)
                        ),
                        disabled=True,
                    )
                )
            else:
                listing.add_option(
                    Option(Content.assemble((one_line(name, 40), "bold"), ("  " + one_line(choice.detail, 100), MUTED)))
                )
        current = self._current
        at = 0 if current is None else next((i + 1 for i, c in enumerate(self._choices) if c.path == current.path), 0)
        listing.highlighted = at
        listing.focus()

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        self._finish(event.option_index)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._finish(self.query_one(VimList).highlighted or 0)

    def _finish(self, index: int) -> None:
        try:
            strength = float(self.query_one("#strength", Input).value or "1")
        except ValueError:
            strength = -1.0
        if not 0 <= strength <= 2:
            self.complain("The strength must be a number from 0 to 2.")
            return
        self.dismiss(self._choices[index - 1].column(strength) if index else Column())
