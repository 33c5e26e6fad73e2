"""What every dialog shares: a titled box over the screen that Esc closes without an answer."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from aligntui.tui.guarded import GuardedScreen
from aligntui.tui.help_text import help_content

Result = TypeVar("Result")


class Dialog(GuardedScreen[Result | None], ModalScreen[Result | None], Generic[Result]):
    """A dialog; dismissed with None by Esc."""

    HINT: ClassVar[str] = "`Esc` closes"
    """The line at the bottom, with `{key:ID}` for keys that can be moved."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Close", tooltip="Close without changing anything.")
    ]
    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 60%; }
    Dialog > .dialog-box { width: 90%; max-width: 110; height: auto; max-height: 90%; background: $surface; border: round $primary; padding: 0 1; border-title-color: $text-accent; }
    Dialog .dialog-hint { color: $text-muted; height: auto; margin: 1 0 0 0; }
    Dialog .dialog-error { color: $text-error; height: auto; display: none; }
    Dialog .dialog-label { color: $text-muted; width: auto; height: auto; }
    Dialog .dialog-line { height: 1; border: none; padding: 0 1; background: $surface-lighten-1; }
    Dialog .dialog-line:focus { background: $primary-muted; }
    """

    def hint(self) -> Static:
        """The line that says which keys apply."""
        return Static(help_content(self.HINT, self.keys), classes="dialog-hint", markup=False)

    def say_keys(self, hint: str) -> None:
        """Let the line at the bottom say something else, in the manner of `HINT`."""
        self.query_one(".dialog-hint", Static).update(help_content(hint, self.keys))

    def show_note(self, text: str, severity: str) -> None:
        """In the dialog's own line for complaints."""
        self.complain(text)

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

    def complain(self, text: str) -> None:
        """Show what is wrong inside the dialog; an empty text takes it away."""
        line = self.query_one(".dialog-error", Static)
        line.display = bool(text)
        line.update(Content(text))
