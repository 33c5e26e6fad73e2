"""Order a switch run."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from aligntui.core.errors import UserError
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.widgets.text_box import LineInput
from aligntui.workbench.switching.desk import RunOrder

SUITES = ("honest-confident", "strict-permissive", "concise-detailed")
FIELDS = (
    ("dataset", "isd", "isd (500 prompts, bundled), a data set built here, or a file of prompts or cases"),
    ("prompts", "20", "how many of its beginning, which is spread over its subjects; empty for all"),
    ("seeds", "1", "answers to each case, each under a seed of its own"),
    ("instructions", "", "only these, with commas between; empty for all of the data set"),
    ("suites", "", f"opposed instructions as well: {', '.join(SUITES)}; or all"),
    ("name", "", "of the run; empty for one made from data set and sides"),
)


class RunDialog(Dialog[RunOrder]):
    """Fill in what is to be measured."""

    HELP = (
        "**A run.** Every prompt is asked under every instruction, on the base and the adapters that stand in the chat, with the "
        "chat's settings. Each answer is stored as it is finished; a run that was stopped can be gone on with."
    )
    HINT = "`↑` `↓` move · `Enter` begins · `Esc` closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next", show=False, tooltip="Go to the next line."),
        Binding("up", "app.focus_previous", "Previous", show=False, tooltip="Go to the line before."),
    ]
    CSS = """
    RunDialog .line { height: 1; }
    RunDialog .name { width: 14; }
    RunDialog LineInput { width: 1fr; }
    RunDialog .about { height: 2; margin: 1 0 0 0; color: $text-secondary; }
    """

    def compose(self) -> ComposeResult:
        """A line for each thing."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = "Begin a switch run"
            for name, value, _ in FIELDS:
                with Horizontal(classes="line"):
                    yield Static(name, classes="name", markup=False)
                    field = LineInput(value, id=f"field-{name}")
                    field.add_class("dialog-line")
                    yield field
            yield Static("", classes="about", markup=False)
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    def on_descendant_focus(self) -> None:
        """Say what goes into the line that has the focus."""
        if self.focused is not None:
            about = {f"field-{name}": f"{name}: {about}" for name, _, about in FIELDS}
            self.query_one(".about", Static).update(about.get(self.focused.id or "", ""))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            self.dismiss(self._order())
        except UserError as error:
            self.complain(str(error))

    def _order(self) -> RunOrder:
        text = {name: self.query_one(f"#field-{name}", Input).value.strip() for name, _, _ in FIELDS}
        suites = SUITES if text["suites"] == "all" else _names(text["suites"])
        return RunOrder(
            dataset=text["dataset"] or "isd",
            sample=_number("prompts", text["prompts"]),
            seeds=_number("seeds", text["seeds"]) or 1,
            instructions=_names(text["instructions"]),
            suites=suites,
            name=text["name"],
        )


def _number(name: str, text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"{name} is a whole number of at least 1, not {text!r}.")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
