"""What to sample: a file of prompts, how many answers of each side, how many pairs of each prompt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from aligntui.core.errors import UserError
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.widgets.text_box import LineInput
from aligntui.workbench.curation.sampling import SamplePlan, read_prompts


@dataclass(frozen=True)
class SampleWish:
    """A plan, and how many pairs it may propose."""

    plan: SamplePlan
    temperature: float
    per_prompt: int | None


class SampleDialog(Dialog[SampleWish]):
    """Four lines to fill in."""

    HELP = (
        "**Sample answers.** Every column of the chat answers each prompt as often as you say, each time with another seed, "
        "under the instruction and settings of the chat. The pairs that differ most are proposed for judging."
    )
    HINT: ClassVar[str] = "`Enter` samples · `Tab` moves · `Esc` closes"
    CSS = """
    SampleDialog .line { height: 1; }
    SampleDialog .line Static { width: 30; }
    SampleDialog .line Input { width: 1fr; }
    """
    LINES = (
        ("file", "File, one prompt a line", ""),
        ("answers", "Answers of each side", "3"),
        ("temperature", "Temperature", ""),
        ("per-prompt", "Pairs of each prompt, at most", "2"),
    )

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self._temperature = max(temperature, 0.7)

    def compose(self) -> ComposeResult:
        """The lines."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = "Sample answers and propose pairs"
            for name, label, value in self.LINES:
                with Horizontal(classes="line"):
                    yield Static(label, classes="dialog-label", markup=False)
                    field = LineInput(value or (f"{self._temperature:g}" if name == "temperature" else ""), id=name)
                    field.add_class("dialog-line")
                    yield field
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Check what was typed, and return it."""
        event.stop()
        try:
            self.dismiss(self._read())
        except UserError as error:
            self.complain(str(error))

    def _read(self) -> SampleWish:
        text = {name: self.query_one(f"#{name}", Input).value.strip() for name, _, _ in self.LINES}
        if not text["file"]:
            raise UserError("Name a file with one prompt a line.")
        prompts = read_prompts(Path(text["file"]).expanduser())
        temperature = _number("The temperature", text["temperature"], float, 0, 5)
        plan = SamplePlan(prompts, int(_number("Answers of each side", text["answers"], int, 1, 20)))
        plan.check(temperature)
        pairs = text["per-prompt"]
        most = int(_number("Pairs of each prompt", pairs, int, 1, 100)) if pairs else None
        return SampleWish(plan, temperature, most)


def _number(what: str, text: str, kind: type[int] | type[float], low: float, high: float) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not low <= value <= high:
        raise UserError(
            f"{what} must be a {'whole ' if kind is int else ''}number from {low:g} to {high:g}, not {text!r}."
        )
    return value
