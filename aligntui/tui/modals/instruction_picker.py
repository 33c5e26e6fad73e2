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

    HELP = (
        "**Instructions.** Enter takes the phrasing under the cursor; its whole text stands below the list. "
        "`s` saves the text that stands in the instruction bar under a name of your own: it then stands in this list, in every "
        "session of the workspace. A name that you used before gets a further phrasing."
    )
    HINT = "`Enter` takes it · `s` saves the text in force · `Esc` closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "save", "Save own", tooltip="Save the text of the instruction bar under a name of your own.")
    ]
    CSS = """
    InstructionPicker .dialog-box { height: 90%; max-height: 32; }
    InstructionPicker #library { height: 1fr; }
    InstructionPicker #phrasing { height: auto; min-height: 4; max-height: 8; border-top: solid $surface-lighten-2; padding: 0 1; }
    InstructionPicker #saving { display: none; height: auto; border-top: solid $surface-lighten-2; }
    InstructionPicker #saving .dialog-label { width: 1fr; }
    InstructionPicker #saved { display: none; height: auto; color: $text-success; }
    """

    def __init__(
        self, library: list[InstructionType], current: Instruction, save: Callable[[str, str], Instruction]
    ) -> None:
        """`save` takes a name and a text; it returns the saved instruction or raises an `AligntuiError`."""
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
            with Vertical(id="saving"):
                yield Static(f"Name for “{one_line(self._current.text, 50)}”", classes="dialog-label", markup=False)
                name = LineInput(id="save-name")
                name.add_class("dialog-line")
                yield name
            yield Static("", id="saved", markup=False)
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    def on_mount(self) -> None:
        """Fill the list and put the cursor on the instruction in force."""
        self._fill(self._current)
        self.query_one(VimList).focus()

    def _fill(self, under_cursor: Instruction) -> None:
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
        at = next((i for i, choice in enumerate(self._choices) if choice == under_cursor), None)
        listing.highlighted = at if at is not None else min(1, len(self._choices) - 1)

    @on(OptionList.OptionHighlighted)
    def _show(self, event: OptionList.OptionHighlighted) -> None:
        self.query_one("#phrasing", Static).update(printable(self._choices[event.option_index].text))

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._choices[event.option_index])

    # saving ---------------------------------------------------------------------------------------

    def action_save(self) -> None:
        """Ask for a name."""
        if not self._current.text.strip():
            self.complain("There is no instruction text to save; type one in the instruction bar first.")
            return
        self.complain("")
        self.query_one("#saved").display = False
        self.query_one("#saving").display = True
        self.query_one("#save-name").focus()
        self.say_keys("`Enter` saves it in the library of this workspace · `Esc` back to the list")

    def action_cancel(self) -> None:
        """Go back from the name to the list, or close."""
        if self.query_one("#saving").display:
            self._leave_saving()
        else:
            super().action_cancel()

    def _leave_saving(self) -> None:
        self.complain("")
        self.query_one("#saving").display = False
        self.query_one(VimList).focus()
        self.say_keys(self.HINT)

    @on(Input.Submitted, "#save-name")
    def _named(self, event: Input.Submitted) -> None:
        event.stop()
        name = event.value.strip()
        try:
            saved = self._save(name, self._current.text)
        except AligntuiError as error:
            self.complain(str(error))
            return
        bench = self.console.bench
        self._library = list(bench.library.types)
        self._current = saved
        self._leave_saving()
        self._fill(saved)
        done = f"Saved as “{one_line(name, 40)}” ({saved.label}) in {bench.workspace.own_instructions}."
        line = self.query_one("#saved", Static)
        line.display = True
        line.update(f"{done} Enter takes it.")
        self.console.remember(done, "information")
