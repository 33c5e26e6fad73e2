"""Pick an alignment instruction from the library, or save the present text there."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from aligntui.core.errors import AligntuiError
from aligntui.core.instruction import Instruction, InstructionType
from aligntui.core.printable import one_line, printable
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.text_box import LineInput
from aligntui.tui.widgets.vim_list import VimList


class InstructionPicker(Dialog[Instruction]):
    """The library: types with their phrasings; own ones below."""

    HELP = "**Instructions.** Enter takes a phrasing, `s` saves the present text under a name of your own."
    BINDINGS: ClassVar[list[BindingType]] = [Binding("s", "save", "Save own")]
    CSS = """
    InstructionPicker .dialog-box { height: 90%; max-height: 30; }
    InstructionPicker #library { height: 1fr; }
    InstructionPicker #phrasing { height: 4; border-top: solid $surface-lighten-2; padding: 0 1; }
    InstructionPicker #save-name { display: none; }
    """

    def __init__(
        self, library: list[InstructionType], current: Instruction, save: Callable[[str, str], Instruction]
    ) -> None:
        super().__init__()
        self._library = library
        self._current = current
        self._save = save
        self._choices: list[Instruction] = []

    def compose(self) -> ComposeResult:
        """List, full text of the phrasing under the cursor, name to save under."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = "Alignment instructions"
            yield VimList(id="library")
            yield Static("", id="phrasing", markup=False)
            yield LineInput(placeholder="Name for the present text, then Enter", id="save-name")
            yield Static("", classes="dialog-error", markup=False)
            yield Static(
                "Enter takes it · s saves the present text as your own · Esc closes",
                classes="dialog-hint",
                markup=False,
            )

    def on_mount(self) -> None:
        """Fill the list and put the cursor on the instruction in force."""
        self._fill()
        self.query_one(VimList).focus()

    def _fill(self) -> None:
        listing = self.query_one(VimList)
        listing.clear_options()
        self._choices = [Instruction()]
        listing.add_option(Option(Content.styled("none: no instruction", MUTED)))
        for kind in self._library:
            for number, text in enumerate(kind.phrasings, 1):
                self._choices.append(Instruction(text, kind.type, number))
                title = f"{one_line(kind.title):<18.18} {number}" if number == 1 else f"{'':<18} {number}"
                mark = " (own)" if kind.own and number == 1 else ""
                listing.add_option(
                    Option(
                        Content.assemble(
                            (title, "bold" if number == 1 else ""), mark, ("  " + one_line(text, 120), MUTED)
                        )
                    )
                )
        at = next((i for i, choice in enumerate(self._choices) if choice == self._current), None)
        listing.highlighted = at if at is not None else min(1, len(self._choices) - 1)

    @on(OptionList.OptionHighlighted)
    def _show(self, event: OptionList.OptionHighlighted) -> None:
        self.query_one("#phrasing", Static).update(printable(self._choices[event.option_index].text))

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._choices[event.option_index])

    def action_save(self) -> None:
        """Ask for a name."""
        if not self._current.text.strip():
            self.complain("There is no instruction text to save; type one in the instruction bar first.")
            return
        field = self.query_one("#save-name", Input)
        field.display = True
        field.focus()

    @on(Input.Submitted, "#save-name")
    def _named(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            saved = self._save(event.value.strip(), self._current.text)
        except AligntuiError as error:
            self.complain(str(error))
            return
        self.dismiss(saved)
