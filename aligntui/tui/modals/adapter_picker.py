"""Pick an adapter, a checkpoint of one, or the base for a column."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from aligntui.core.printable import one_line, printable
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.text_box import LineInput
from aligntui.tui.widgets.vim_list import VimList
from aligntui.workbench.adapters import AdapterChoice
from aligntui.workbench.chat_state import Column

BASE = "The base weights without any adapter."


class AdapterPicker(Dialog[Column]):
    """Adapters of the workspace and their checkpoints."""

    HELP = (
        "**Adapters.** Enter takes the adapter or checkpoint under the cursor; the strength can be typed first: 1 is the "
        "adapter as trained, 0 the base, 2 twice its weight change. Below the list stands all that is known of the one under the "
        "cursor, or why it (✖) cannot be used."
    )
    HINT = "`Enter` takes it · `Tab` to the strength and back · `Esc` closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "Strength", show=False, tooltip="Go between the list and the strength.")
    ]
    CSS = """
    AdapterPicker #adapters { height: auto; max-height: 50vh; }
    AdapterPicker #about { height: auto; min-height: 2; max-height: 8; border-top: solid $surface-lighten-2; color: $text-muted; }
    AdapterPicker .strength { height: auto; }
    AdapterPicker #strength { width: 10; }
    """

    def __init__(self, title: str, choices: list[AdapterChoice], current: Column) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._current = current.adapter
        self._strength = current.strength

    def compose(self) -> ComposeResult:
        """List, what is known of the one under the cursor, strength."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = Content(self._title)
            yield VimList(id="adapters")
            yield Static("", id="about", markup=False)
            with Horizontal(classes="strength"):
                yield Static("Strength ", classes="dialog-label", markup=False)
                strength = LineInput(f"{self._strength:g}", id="strength")
                strength.add_class("dialog-line")
                yield strength
                yield Static(" 0 to 2; 1 as trained, 0 is the base", classes="dialog-label", markup=False)
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    def on_mount(self) -> None:
        """Fill the list."""
        listing = self.query_one(VimList)
        listing.add_option(
            Option(Content.assemble("  ", ("base", "bold"), ("  the weights without any adapter", MUTED)))
        )
        for choice in self._choices:
            name = one_line(f"└ {choice.name}" if choice.checkpoint else choice.name, 40)
            about = one_line(choice.problem or choice.detail, 100)
            # one that cannot be used stays within reach of the cursor: how else would its reason be read
            begin = ("✖ ", "$text-error") if choice.problem else "  "
            listing.add_option(
                Option(Content.assemble(begin, (name, MUTED if choice.problem else "bold"), (f"  {about}", MUTED)))
            )
        current = self._current
        at = 0 if current is None else next((i + 1 for i, c in enumerate(self._choices) if c.path == current.path), 0)
        listing.highlighted = at
        listing.focus()

    @on(OptionList.OptionHighlighted)
    def _show(self, event: OptionList.OptionHighlighted) -> None:
        about = self.query_one("#about", Static)
        self.complain("")
        if event.option_index == 0:
            about.update(BASE)
            return
        choice = self._choices[event.option_index - 1]
        if choice.problem:
            about.update(Content.styled(f"Cannot be used: {printable(choice.problem)}", "$text-error"))
        else:
            about.update(
                Content.assemble((one_line(choice.name), "bold"), f"  {printable(choice.detail)}\n{choice.path}")
            )

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        self._finish(event.option_index)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._finish(self.query_one(VimList).highlighted or 0)

    def _finish(self, index: int) -> None:
        choice = self._choices[index - 1] if index else None
        if choice is not None and choice.problem:
            self.complain(f"{one_line(choice.name)} cannot be used; the reason stands above. Pick another one.")
            return
        field = self.query_one("#strength", Input)
        try:
            strength = float(field.value.strip() or "1")
        except ValueError:
            strength = -1.0
        if not 0 <= strength <= 2:
            self.complain(f"The strength must be a number from 0 to 2, not {field.value.strip()!r}.")
            field.focus()
            return
        self.dismiss(choice.column(strength) if choice else Column())
