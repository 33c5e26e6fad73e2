"""Change sampling, seed, mode, history and blind mode; built from the one declaration of each option."""

from __future__ import annotations

from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input, Static

from aligntui.config.options import BY_NAME, Option
from aligntui.core.errors import AligntuiError
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.widgets.text_box import LineInput

SHOWN = ("temperature", "top_p", "max_new_tokens", "seed", "mode", "injection_every", "history", "blind", "annotator")
"""Options that may change while a chat goes on, in the order of the form."""


class SettingsForm(Dialog[dict[str, Any]]):
    """One line for each option; Enter takes what was changed, a wrong value is refused where it stands."""

    HELP = "**Settings.** They count from the next answer on; answers already made keep theirs."
    CSS = """
    SettingsForm .line { height: 1; margin: 0 0 1 0; }
    SettingsForm .name { width: 18; }
    SettingsForm Input { width: 24; height: 1; border: none; background: $surface-lighten-1; padding: 0 1; }
    SettingsForm Input:focus { background: $primary-muted; }
    SettingsForm .about { width: 1fr; color: $text-muted; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    SettingsForm VerticalScroll { height: auto; max-height: 22; }
    """

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__()
        self._values = values

    def compose(self) -> ComposeResult:
        """Name, value, meaning."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = "Settings of this chat"
            with VerticalScroll():
                for name in SHOWN:
                    option = BY_NAME[name]
                    with Horizontal(classes="line"):
                        yield Static(name, classes="name", markup=False)
                        yield LineInput(_text(self._values[name]), id=f"option-{name}")
                        yield Static(_about(option), classes="about", markup=False)
            yield Static("", classes="dialog-error", markup=False)
            yield Static("Tab moves · Enter takes what was changed · Esc drops it", classes="dialog-hint", markup=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        values: dict[str, Any] = {}
        for name in SHOWN:
            field = self.query_one(f"#option-{name}", Input)
            if field.value == _text(self._values[name]):
                continue
            if name == "annotator" and not field.value.strip():
                self.complain("The annotator's name is stored with every verdict; it cannot be empty.")
                field.focus()
                return
            try:
                values[name] = BY_NAME[name].parse(field.value, name)
            except AligntuiError as error:
                self.complain(str(error))
                field.focus()
                return
        self.dismiss(values)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _about(option: Option) -> str:
    if option.choices:
        return " | ".join(choice for choice in option.choices if choice)
    return f"{option.wanted}. {option.help}" if option.type in (int, float) else option.help
