"""A list to pick from, with vim movement."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual.binding import BindingType
from textual.strip import Strip
from textual.widgets import OptionList

from aligntui.tui.bindings import bindings


class VimList(OptionList):
    """An option list that also moves by j, k, g and G; texts are never markup."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("list")
    DEFAULT_CSS = """
    VimList { border: none; padding: 0; height: 1fr; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; scrollbar-size-vertical: 1; }
    VimList:focus { border: none; background-tint: $foreground 0%; }
    VimList > .option-list--option-highlighted, VimList:focus > .option-list--option-highlighted { color: $foreground; background: $primary-muted; text-style: none; }
    VimList:focus > .option-list--option-highlighted { text-style: bold; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)

    def render_line(self, y: int) -> Strip:
        """A line; without colour the row under the cursor is reversed, which CSS cannot say of a part of a widget."""
        strip = super().render_line(y)
        if self.app.no_color and any(
            segment.style and segment.style.meta.get("option", -1) == self.highlighted for segment in strip
        ):
            return strip.apply_style(Style(reverse=True))
        return strip
