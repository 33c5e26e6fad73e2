"""One of a few values, all of them in view: left and right move the mark, a click takes the one under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget


class ChoiceField(Widget, can_focus=True):
    """A line of values, one of them marked.

    Args:
        choices: the values as they are shown.
        value: the marked one.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l,space", "move(1)", "Next", show=False, tooltip="Mark the next value."),
        Binding("left,h", "move(-1)", "Previous", show=False, tooltip="Mark the value before."),
    ]
    DEFAULT_CSS = """
    ChoiceField { height: auto; width: 1fr; padding: 0 1; }
    ChoiceField:focus { background: $primary-muted; }
    """
    ALLOW_SELECT = False
    GAP = 2

    class Changed(Message):
        """Another value is marked."""

    def __init__(self, choices: Sequence[str], value: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.choices = tuple(choices)
        self.value = value
        """The marked one."""

    def render(self) -> Content:
        """Every value; the mark shows without colour, too."""
        style = "bold reverse" if self.has_focus else "bold"
        parts = [
            Content.styled(f"● {choice}", style) if choice == self.value else Content(f"○ {choice}")
            for choice in self.choices
        ]
        return Content(" " * self.GAP).join(parts)

    def action_move(self, step: int) -> None:
        """Mark the value beside; from the last one to the first."""
        at = self.choices.index(self.value) if self.value in self.choices else -1
        self._mark(self.choices[(at + step) % len(self.choices)])

    def on_click(self, event: Click) -> None:
        """Mark the value that was clicked."""
        if event.y != self.gutter.top:
            return  # a line that was wrapped
        start = 0
        for choice in self.choices:
            length = len(choice) + 2
            if start <= event.x - self.gutter.left < start + length:
                self._mark(choice)
            start += length + self.GAP

    def _mark(self, choice: str) -> None:
        if choice != self.value:
            self.value = choice
            self.refresh()
            self.post_message(self.Changed())
