"""Change sampling, seed, mode, history and blind mode; built from the one declaration of each option."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import DescendantBlur, DescendantFocus
from textual.widget import Widget
from textual.widgets import Input, Static

from aligntui.config.options import BY_NAME, Option
from aligntui.core.errors import AligntuiError, UserError
from aligntui.tui.modals.choice_field import ChoiceField
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.widgets.text_box import LineInput

SHOWN = ("temperature", "top_p", "max_new_tokens", "seed", "mode", "injection_every", "history", "blind", "annotator")
"""Options that may change while a chat goes on, in the order of the form."""


class SettingsForm(Dialog[dict[str, Any]]):
    """One line for each option; Enter takes what was changed, a wrong value is refused where it stands."""

    HELP = (
        "**Settings.** They count from the next answer on; answers already made keep theirs. Type numbers and names, choose "
        "among values with the arrows. The line below the form explains the option that has the focus."
    )
    HINT = "`↑` `↓` move · `←` `→` choose · `Enter` applies · `Esc` drops the changes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next", show=False, tooltip="Go to the next option (Tab does, too)."),
        Binding("up", "app.focus_previous", "Previous", show=False, tooltip="Go to the option before."),
        Binding("enter", "apply", "Apply", show=False, tooltip="Take what was changed."),
    ]
    CSS = """
    SettingsForm VerticalScroll { height: auto; max-height: 60vh; scrollbar-size-vertical: 1; }
    SettingsForm .line { height: auto; }
    SettingsForm .name { width: 18; }
    SettingsForm LineInput { width: 20; }
    SettingsForm #option-annotator { width: 32; }
    SettingsForm .wrong { width: 1fr; height: auto; padding: 0 0 0 1; color: $text-error; }
    SettingsForm #about { height: auto; min-height: 3; border-top: solid $surface-lighten-2; color: $text-muted; }
    """

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__()
        self._values = values

    def compose(self) -> ComposeResult:
        """Name, value and what is wrong with it; below, what the focused option means."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = "Settings of this chat"
            with VerticalScroll(can_focus=False):
                for name in SHOWN:
                    with Horizontal(classes="line"):
                        yield Static(name, classes="name", markup=False)
                        yield (field := self._field(BY_NAME[name]))
                        if not isinstance(field, ChoiceField):
                            yield Static("", id=f"wrong-{name}", classes="wrong", markup=False)
            yield Static("", id="about", markup=False)
            yield self.hint()

    def _field(self, option: Option) -> Widget:
        value = _text(self._values[option.name])
        if option.choices:
            return ChoiceField(option.choices, value, id=f"option-{option.name}")
        if option.type is bool:
            return ChoiceField(("no", "yes"), value, id=f"option-{option.name}")
        field = LineInput(value, id=f"option-{option.name}")
        field.add_class("dialog-line")
        return field

    def on_mount(self) -> None:
        """Begin at the first option."""
        self.query_one(f"#option-{SHOWN[0]}").focus()

    @on(DescendantFocus)
    def _explain(self, event: DescendantFocus) -> None:
        name = _name(event.widget)
        if name:
            option = BY_NAME[name]
            wanted = f"{option.wanted[:1].upper()}{option.wanted[1:]}. " if option.type in (int, float) else ""
            self.query_one("#about", Static).update(Content.assemble((name, "bold"), f": {option.help} {wanted}"))

    @on(DescendantBlur)
    def _left(self, event: DescendantBlur) -> None:
        if (name := _name(event.widget)) and self.is_running:
            self._check(name)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        name = _name(event.input)
        if name and self.query_one(f"#wrong-{name}", Static).content:  # a complaint goes as soon as it is heeded
            self._check(name)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_apply()

    def action_apply(self) -> None:
        """Return what was changed; where something is wrong, say so beside it and stay."""
        values: dict[str, Any] = {}
        wrong = [name for name in SHOWN if not self._check(name, values)]
        if wrong:
            self.query_one(f"#option-{wrong[0]}").focus()
            return
        self.dismiss(values)

    def _check(self, name: str, into: dict[str, Any] | None = None) -> bool:
        """Whether the value of an option may stand; a changed one is put `into` a mapping."""
        field = self.query_one(f"#option-{name}")
        text = field.value if isinstance(field, Input | ChoiceField) else ""
        complaint = ""  # never about a choice
        if text != _text(self._values[name]):
            try:
                value = _parsed(BY_NAME[name], text)
                if into is not None:
                    into[name] = value
            except AligntuiError as error:
                complaint = error.message.removeprefix(f"{name} ")
        for beside in self.query(f"#wrong-{name}").results(Static):
            beside.update(complaint)
        return not complaint


def _parsed(option: Option, text: str) -> Any:
    if option.name == "annotator" and not text.strip():
        raise UserError("cannot be empty: the name is stored with every verdict.")
    return option.parse(text, option.name)


def _name(field: Widget) -> str:
    return (field.id or "").removeprefix("option-") if (field.id or "").startswith("option-") else ""


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
