"""Which instructions are the rows of the switch grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.strip import Strip
from textual.widgets import SelectionList, Static
from textual.widgets.selection_list import Selection

from aligntui.core.instruction import InstructionType
from aligntui.core.printable import one_line
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.turn_text import MUTED
from aligntui.workbench.switching.sheet import MOST_ROWS


class MarkList(SelectionList[int]):
    """A list of things to mark; what is marked can be told without colour, and so can the line of the cursor."""

    DEFAULT_CSS = """
    MarkList { height: auto; background: $surface; }
    MarkList > .option-list--option-highlighted, MarkList:focus > .option-list--option-highlighted { background: $primary-muted; color: $foreground; }
    MarkList > .selection-list--button, MarkList > .selection-list--button-highlighted { background: $surface-lighten-1; }
    MarkList > .selection-list--button-selected, MarkList > .selection-list--button-selected-highlighted { background: $surface-lighten-1; color: $text-success; text-style: bold; }
    """

    def render_line(self, y: int) -> Strip:
        """Textual draws the same sign for both states, in two colours."""
        strip = super().render_line(y)
        index = self.scroll_offset.y + y
        if index >= self.option_count:
            return strip
        left, mark, *rest = strip
        sign = "✓" if self.get_option_at_index(index).value in self.selected else " "
        drawn = Strip([left, Segment(sign, mark.style), *rest])
        return drawn.apply_style(Style(reverse=True)) if index == self.highlighted and self.app.no_color else drawn


class InstructionRows(Dialog["tuple[InstructionType, ...]"]):
    """Mark the instructions to compare; at least two."""

    HELP = (
        "**Instructions of the grid.** `Space` marks one or takes its mark away, `Enter` takes what is marked, in the order of "
        "the list. Own instructions stand below the canonical ones; one without characteristics cannot be recognised."
    )
    HINT = "`Space` marks · `Enter` takes them · `Esc` closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Take", priority=True, tooltip="Take what is marked."),
    ]
    CSS = """
    InstructionRows MarkList, InstructionRows MarkList:focus { border: none; padding: 0; max-height: 60vh; }
    """

    def __init__(self, types: Sequence[InstructionType], chosen: Sequence[str]) -> None:
        super().__init__()
        self._types = list(types)
        self._chosen = set(chosen)

    def compose(self) -> ComposeResult:
        """A line for each type."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = "Instructions of the grid"
            yield MarkList(
                *(
                    Selection(
                        Content.assemble(
                            (one_line(one.type, 18).ljust(19), "bold"),
                            (one_line(one.summary or one.phrasings[0], 120), MUTED),
                        ),
                        number,
                        one.type in self._chosen,
                    )
                    for number, one in enumerate(self._types)
                )
            )
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    def action_take(self) -> None:
        """Return what is marked."""
        marked = sorted(self.query_one(MarkList).selected)
        if not 2 <= len(marked) <= MOST_ROWS:
            self.complain(f"Mark 2 to {MOST_ROWS} instructions; {len(marked)} are marked.")
            return
        self.dismiss(tuple(self._types[number] for number in marked))
