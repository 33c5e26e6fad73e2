"""What every dialog shares: a titled box over the screen that Esc closes without an answer."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

Result = TypeVar("Result")


class Dialog(ModalScreen[Result | None], Generic[Result]):
    """A dialog; dismissed with None by Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Close")]
    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 60%; }
    Dialog > .dialog-box { width: 90%; max-width: 110; height: auto; max-height: 90%; background: $surface; border: round $primary; padding: 0 1; border-title-color: $text-accent; }
    Dialog .dialog-hint { color: $text-muted; height: auto; }
    Dialog .dialog-error { color: $text-error; height: auto; display: none; }
    """

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

    def complain(self, text: str) -> None:
        """Show what is wrong inside the dialog; an empty text takes it away."""
        line = self.query_one(".dialog-error", Static)
        line.display = bool(text)
        line.update(text)
