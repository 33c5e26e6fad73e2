"""What lint asks: whether to fix, why something may stand, and which waiver is withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from aligntui.core.printable import one_line
from aligntui.data.lint import ANY
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.text_box import LineInput
from aligntui.tui.widgets.vim_list import VimList

if TYPE_CHECKING:
    from aligntui.store import StoredWaiver


class FixDialog(Dialog[bool]):
    """Ask before pairs are deleted.

    Args:
        title: what is fixed.
        lines: what will happen, from the figures on.
    """

    HELP = (
        "**Fix.** Pairs are deleted, never erased: undo brings them back, and a filter of the pairs screen lists them."
    )
    HINT = "`Enter` does it · `Esc` leaves everything as it is"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "agree", "Do it", tooltip="Delete these pairs."),
        Binding("n", "cancel", "Leave", show=False, tooltip="Leave everything as it is."),
    ]
    CSS = "FixDialog .dialog-box { max-width: 76; } FixDialog #plan { height: auto; padding: 1 0 0 0; }"

    def __init__(self, title: str, lines: Sequence[Content]) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        """What will happen."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = Content(self._title)
            yield Static(Content("\n").join(self._lines), id="plan", markup=False)
            yield self.hint()

    def action_agree(self) -> None:
        """Yes."""
        self.dismiss(True)


class WaiveDialog(Dialog[str]):
    """Ask why a finding may stand.

    Args:
        what: what is waived, in a sentence.
        problem: why an earlier attempt was not stored.
        reason: what was written then.
    """

    HELP = (
        "**Waive.** A waiver stays with the database: the finding does not count again as long as its texts stay the same, and the "
        "reason goes into every report. {key:lint.waivers} on the lint screen withdraws it."
    )
    HINT = "`Enter` waives · `Esc` leaves it open"
    CSS = "WaiveDialog #what { height: auto; margin: 1 0; } WaiveDialog .dialog-error { margin: 1 0 0 0; }"

    def __init__(self, what: str, reason: str = "", problem: str = "") -> None:
        super().__init__()
        self._what = what
        self._reason = reason
        self._problem = problem

    def compose(self) -> ComposeResult:
        """What is waived, and a line for the reason."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = "Let it stand"
            yield Static(self._what, id="what", markup=False)
            yield Static("Reason", classes="dialog-label", markup=False)
            field = LineInput(self._reason, placeholder="why it may stand", id="reason")
            field.add_class("dialog-line")
            yield field
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    def on_mount(self) -> None:
        """Say what was wrong with an earlier attempt."""
        self.complain(self._problem)

    @on(Input.Submitted)
    def _given(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self.dismiss(event.value.strip())
        else:
            self.complain("A waiver needs a reason: a few words that whoever trains on this can judge.")


class WaiverList(Dialog[str]):
    """Waivers in force; returns the id of one to withdraw.

    Args:
        waivers: oldest first.
        stale: rule and key of those that cover nothing any more.
    """

    HELP = (
        "**Waivers.** What was let stand, by whom and why. One that covers nothing any more is marked: its texts changed, or its "
        "pairs are gone. A withdrawn waiver stays in the database."
    )
    HINT = "`Enter` withdraws the one under the cursor · `Esc` closes"
    AUTO_FOCUS = "#waivers"
    CSS = (
        "WaiverList VimList { height: auto; max-height: 60vh; margin: 1 0 0 0; } WaiverList #none { margin: 1 0 0 0; }"
    )

    def __init__(self, waivers: Sequence[StoredWaiver], stale: frozenset[tuple[str, str]]) -> None:
        super().__init__()
        self._waivers = waivers
        self._stale = stale

    def compose(self) -> ComposeResult:
        """One entry of two lines for each."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = "Waivers"
            if self._waivers:
                yield VimList(id="waivers")
            else:
                yield Static("Nothing is waived.", id="none", markup=False)
            yield self.hint()

    def on_mount(self) -> None:
        """Fill the list."""
        if not self._waivers:
            self.say_keys("`Esc` closes")
            return
        listing = self.query_one(VimList)
        listing.add_options([Option(self._entry(waiver), id=waiver.id) for waiver in self._waivers])
        listing.highlighted = 0

    def _entry(self, waiver: StoredWaiver) -> Content:
        scope = "all of it" if waiver.key == ANY else "one finding"
        about = f" · {one_line(waiver.subject, 40)}" if waiver.subject else ""
        stale = ("  covers nothing any more", "$text-warning") if (waiver.rule, waiver.key) in self._stale else ""
        return Content.assemble(
            (waiver.rule, "bold"), (f"{about} · {scope}", "$text-secondary"), stale, "\n",
            (f"  {waiver.created_at[:10]} {one_line(waiver.annotator or 'nobody', 24)}: ", MUTED), one_line(waiver.reason, 160),
        )  # fmt: skip

    @on(OptionList.OptionSelected)
    def _withdraw(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option.id)
