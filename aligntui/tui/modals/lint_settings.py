"""What a lint run is told besides the pairs: a training length, suites, patterns, options."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from aligntui.core.errors import UserError
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.widgets.path_suggester import PathSuggester
from aligntui.tui.widgets.text_box import LineInput
from aligntui.workbench.curation.linting import LintWish

FIELDS = (
    ("length", "tokens of prompt and answer that training keeps; without it truncation cannot be checked"),
    ("suites", "NAME=FILE, several with commas: prompts that must not be trained on"),
    ("patterns", "a TOML file with contamination patterns of your own: name = 'regex'"),
    ("options", "a TOML file with thresholds and severities"),
)


class LintSettings(Dialog[LintWish]):
    """Four lines to fill in; an empty one asks for nothing."""

    HELP = (
        "**How lint looks.** The training length is needed to see truncation, suites to see evaluation prompts in the training "
        "data. They hold for this console; the command line has the same as flags of `aligntui pairs lint`."
    )
    HINT = "`↑` `↓` move · `→` takes the suggestion · `Enter` looks again with these · `Esc` closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next", show=False, tooltip="Go to the next line."),
        Binding("up", "app.focus_previous", "Previous", show=False, tooltip="Go to the line before."),
    ]
    CSS = """
    LintSettings .line { height: 1; }
    LintSettings .name { width: 10; }
    LintSettings LineInput { width: 1fr; }
    """

    def __init__(self, wish: LintWish) -> None:
        super().__init__()
        self._wish = wish

    def compose(self) -> ComposeResult:
        """A line for each thing."""
        wish = self._wish
        values = {
            "length": str(wish.training_length or ""),
            "suites": ", ".join(wish.suites),
            "patterns": str(wish.patterns_file or ""),
            "options": str(wish.options_file or ""),
        }
        with Vertical(classes="dialog-box") as box:
            box.border_title = "How lint looks"
            for name, about in FIELDS:
                with Horizontal(classes="line"):
                    yield Static(name, classes="name", markup=False)
                    field = LineInput(values[name], placeholder=about, id=f"field-{name}")
                    field.add_class("dialog-line")
                    if name in ("patterns", "options"):
                        field.suggester = PathSuggester()
                    yield field
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            self.dismiss(self._read())
        except UserError as error:
            self.complain(str(error))

    def _read(self) -> LintWish:
        text = {name: self.query_one(f"#field-{name}", Input).value.strip() for name, _ in FIELDS}
        if text["length"] and not (text["length"].isdecimal() and int(text["length"]) > 0):
            raise UserError(f"length is a whole number of tokens, not {text['length']!r}.")
        wish = LintWish(
            options_file=_file(text["options"]),
            training_length=int(text["length"]) if text["length"] else None,
            patterns_file=_file(text["patterns"]),
            suites=tuple(one.strip() for one in text["suites"].split(",") if one.strip()),
        )
        wish.options()  # a wrong file is told here, where it can be put right
        wish.suite_prompts()
        return wish


def _file(text: str) -> Path | None:
    return Path(text).expanduser() if text else None
