"""Give tags to several pairs at once, or take them away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.widgets.text_box import LineInput


@dataclass(frozen=True)
class TagChange:
    """Tags to give and tags to take away."""

    add: tuple[str, ...]
    remove: tuple[str, ...]


def tags_of(text: str) -> tuple[str, ...]:
    """Tags as they are typed, separated by commas; each once."""
    return tuple(dict.fromkeys(tag.strip() for tag in text.split(",") if tag.strip()))


class TagDialog(Dialog[TagChange]):
    """Two lines: tags to give, tags to take away."""

    HELP = "**Tags of several pairs.** Reasons and other tags of each pair stay as they are."
    HINT: ClassVar[str] = "`Enter` stores it · `Tab` moves · `Esc` closes"
    CSS = "TagDialog Input { margin: 0 0 1 0; }"

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def compose(self) -> ComposeResult:
        """Two lines to fill in."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = f"Tags of {self._count:,} pairs"
            for name, label in (("add", "Give these tags (commas between them)"), ("remove", "Take these away")):
                yield Static(label, classes="dialog-label", markup=False)
                field = LineInput("", id=name)
                field.add_class("dialog-line")
                yield field
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Return what is to be changed."""
        event.stop()
        change = TagChange(*(tags_of(self.query_one(f"#{name}", Input).value) for name in ("add", "remove")))
        if not change.add and not change.remove:
            self.complain("Type a tag into one of the two lines; Esc closes.")
            return
        self.dismiss(change)
