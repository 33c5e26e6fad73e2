"""A list to pick from, with vim movement."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import OptionList

from aligntui.tui.bindings import bindings


class VimList(OptionList):
    """An option list that also moves by j, k, g and G; texts are never markup."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("list"),
        Binding("g", "first", show=False),
        Binding("G", "last", show=False),
    ]
    DEFAULT_CSS = """
    VimList { border: none; padding: 0; height: 1fr; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; scrollbar-size-vertical: 1; }
    VimList:focus { border: none; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
