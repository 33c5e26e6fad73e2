"""The checkpoints of a run, one of which becomes a column of the chat."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from aligntui.core.printable import one_line
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.vim_list import VimList
from aligntui.workbench.adapters import AdapterChoice


class LadderDialog(Dialog[AdapterChoice]):
    """The latest checkpoint first; the finished adapter above them.

    Args:
        name: of the run.
        rungs: what there is, the latest first.
    """

    HELP = (
        "**Checkpoints.** `Enter` opens the one under the cursor as a column of the chat, and so of the switch screen, beside the "
        "base: the base weights stay loaded, and the run trains on."
    )
    HINT = "`Enter` opens it beside the base · {key:list.down} {key:list.up} move · `Esc` closes"
    CSS = "LadderDialog .dialog-box { max-width: 84; } LadderDialog VimList { height: auto; max-height: 60vh; }"

    def __init__(self, name: str, rungs: Sequence[AdapterChoice]) -> None:
        super().__init__()
        self._name = name
        self._rungs = tuple(rungs)

    def compose(self) -> ComposeResult:
        """The list."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = Content(f"Checkpoints of {self._name}")
            yield VimList()
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    def on_mount(self) -> None:
        """Fill it."""
        listing = self.query_one(VimList)
        for rung in self._rungs:
            begin = ("✖ ", "$text-error") if rung.problem else "  "
            listing.add_option(
                Option(
                    Content.assemble(
                        begin, (rung.name, "bold"), (f"  {one_line(rung.problem or rung.detail, 90)}", MUTED)
                    )
                )
            )
        listing.highlighted = 0
        listing.focus()

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        rung = self._rungs[event.option_index]
        if rung.problem:
            self.complain(one_line(rung.problem))
        else:
            self.dismiss(rung)
