"""Ask before a run is deleted; its name has to be typed, since nothing brings it back."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.widgets.text_box import LineInput
from aligntui.workbench.training.screen_runs import Row


class DeleteDialog(Dialog[bool]):
    """What would be gone, and a line for the name.

    Args:
        row: the run.
    """

    HELP = (
        "**Delete.** The folder of the run is removed with its adapter and all checkpoints. Pairs and data sets stay."
    )
    HINT = "`Enter` deletes it when the name is right · `Esc` leaves everything as it is"
    CSS = "DeleteDialog .dialog-box { max-width: 76; } DeleteDialog #what { height: auto; margin: 1 0; }"

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._row = row

    def compose(self) -> ComposeResult:
        """What would be gone."""
        row = self._row
        count = len(row.run.story.checkpoints)
        checkpoints = f"{count} checkpoint{'s' * (count != 1)}"
        with Vertical(classes="dialog-box") as box:
            box.border_title = Content(f"Delete {row.name}")
            yield Static(
                f"Its folder {row.run.folder.adapter} is removed: adapter, {checkpoints}, curves and log. Nothing brings them "
                "back.\n\nType the name of the run to delete it.",
                id="what",
                markup=False,
            )
            field = LineInput(id="name")
            field.add_class("dialog-line")
            yield field
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip() == self._row.name:
            self.dismiss(True)
        else:
            self.complain(f"That is not its name, which is {self._row.name}.")
