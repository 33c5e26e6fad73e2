"""One text to change."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.widgets.text_box import TextBox


class TextEditor(Dialog[str]):
    """Edit a text; returns it when it was changed.

    Args:
        title: what is edited.
        original: as it is now; a text equal to it is not returned.
        text: an earlier attempt, where that could not be stored.
        problem: why not.
    """

    HELP = "**Edit.** `Ctrl+S` stores the text; the one before is kept."
    HINT = "`Ctrl+S` stores it · `Esc` drops it"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "store", "Store", priority=True, tooltip="Store the text."),
    ]
    CSS = """
    TextEditor .dialog-box { height: 80%; }
    TextEditor TextBox { height: 1fr; border: none; background: $surface-lighten-1; padding: 0 1; }
    """

    def __init__(self, title: str, original: str, text: str | None = None, problem: str = "") -> None:
        super().__init__()
        self._title = title
        self._original = TextBox.shown_as(original)
        self._text = original if text is None else text
        self._problem = problem

    def compose(self) -> ComposeResult:
        """The text and the keys."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = Content(self._title)
            yield TextBox(self._text)
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    def on_mount(self) -> None:
        """Start at the end of the text."""
        box = self.query_one(TextBox)
        box.focus()
        box.move_cursor(box.document.end)
        self.complain(self._problem)

    def action_store(self) -> None:
        """Return the text."""
        text = self.query_one(TextBox).text
        if not text.strip() or text == self._original:
            self.complain("The text is empty or unchanged. Esc drops the edit.")
            return
        self.dismiss(text)
