"""Fill in what is to be trained. Below the lines stands what can be chosen for the one that has the focus."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from aligntui.core.errors import UserError
from aligntui.core.printable import one_line
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.turn_text import MUTED
from aligntui.tui.widgets.path_suggester import PathSuggester
from aligntui.tui.widgets.text_box import LineInput
from aligntui.tui.widgets.vim_list import VimList
from aligntui.workbench.training.desk import TrainDesk
from aligntui.workbench.training.screen_choices import Choice, Choices
from aligntui.workbench.training.screen_plan import Plan, TrainWish

FIELDS = (
    ("preset", "how to train: a preset below, or a YAML file of settings"),
    ("data", "a data set below, or a file of pairs (JSONL, CSV, Parquet, ...)"),
    ("name", "of the adapter that comes out of it"),
    ("model", "empty takes the preset's; a folder, or an id of the hub"),
    ("set", "changed settings with spaces between: max_steps=100 lr=2e-5"),
)


class TrainForm(Dialog[Plan]):
    """What is to be trained, on what, under which name.

    Args:
        desk: puts the run together, and keeps what was filled in last.
        choices: what can be chosen.
    """

    HELP = (
        "**A training run.** `Up` and `Down` choose from the list for the line that has the focus, `Tab` goes to the next line; "
        "whatever is not in the list can be typed. `Enter` reads data and model and shows what the run comes to: nothing is "
        "started before that was read."
    )
    HINT = "`↑` `↓` choose · `Tab` next line · `Enter` shows what it comes to · `Esc` closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "choose(1)", "Choose", show=False, tooltip="Take the next of the list."),
        Binding("up", "choose(-1)", "Choose", show=False, tooltip="Take the one before."),
        Binding("tab", "app.focus_next", "Next", show=False, tooltip="Go to the next line."),
        Binding("shift+tab", "app.focus_previous", "Previous", show=False, tooltip="Go to the line before."),
    ]
    AUTO_FOCUS = "#field-preset"
    CSS = """
    TrainForm .line { height: 1; }
    TrainForm .name { width: 8; }
    TrainForm LineInput { width: 1fr; }
    TrainForm #about { height: 3; margin: 1 0 0 0; color: $text-secondary; }
    TrainForm VimList { height: 7; background: $surface; }
    """

    def __init__(self, desk: TrainDesk, choices: Choices) -> None:
        super().__init__()
        self._desk = desk
        self._choices = choices
        self._shown: Sequence[Choice] = ()
        self._field = "preset"
        self._given = ""
        """The name that was put into its line here, and follows the preset until another one is typed."""
        self._working = False

    def compose(self) -> ComposeResult:
        """A line for each thing, and the list."""
        wish = self._desk.wish
        data = wish.data or next((one.value for one in self._choices.data if not one.problem), "")
        typed = wish.name if wish.name not in self._choices.taken else ""
        self._given = "" if typed else self._choices.free_name(wish.preset)
        values = {
            "preset": wish.preset,
            "data": data,
            "name": typed or self._given,
            "model": wish.model,
            "set": shlex.join(wish.settings),
        }
        with Vertical(classes="dialog-box") as box:
            box.border_title = "A training run"
            for name, _ in FIELDS:
                with Horizontal(classes="line"):
                    yield Static(name, classes="name", markup=False)
                    field = LineInput(values[name], id=f"field-{name}")
                    field.add_class("dialog-line")
                    if name in ("data", "preset"):
                        field.suggester = PathSuggester((".jsonl", ".json", ".csv", ".parquet", ".yaml"))
                    yield field
            yield Static("", id="about", markup=False)
            listing = VimList(id="choices")
            listing.can_focus = False
            yield listing
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    # the list -----------------------------------------------------------------------------------------

    def on_descendant_focus(self) -> None:
        """Show what can be chosen for the line that has the focus."""
        if isinstance(self.focused, Input) and self.focused.id:
            self._field = self.focused.id.removeprefix("field-")
            self._show_choices()

    def _line(self, name: str) -> Input:
        return self.query_one(f"#field-{name}", Input)

    def _show_choices(self) -> None:
        choices = self._choices
        offered = {
            "preset": choices.presets, "data": choices.data, "model": choices.models, "set": choices.settings,
        }  # fmt: skip
        self._shown = offered.get(self._field, ())
        listing = self.query_one(VimList)
        listing.clear_options()
        widest = max((len(one.value) for one in self._shown), default=0)
        for one in self._shown:
            name = one.value or "(preset's)"
            begin = ("✖ ", "$text-error") if one.problem else "  "
            listing.add_option(
                Option(
                    Content.assemble(
                        begin, (f"{name:<{widest + 2}}", MUTED if one.problem else "bold"), (one_line(one.about), MUTED)
                    )
                )
            )
        self._mark()

    def _mark(self) -> None:
        """Mark what stands in the line, or the first that begins so."""
        value = self._line(self._field).value.strip()
        if self._field == "set":
            value = (value.split() or [""])[-1].partition("=")[0]
        names = [one.value for one in self._shown]
        at = names.index(value) if value in names else None
        if at is None and value:
            at = next(
                (
                    n
                    for n, name in enumerate(names)
                    if name.startswith(value) or name.rpartition(".")[2].startswith(value)
                ),
                None,
            )
        self.query_one(VimList).highlighted = at
        self._describe(at)

    def _describe(self, at: int | None) -> None:
        """What goes into the line, and all that is known of the choice that is marked."""
        about = one_line(self._shown[at].about) if at is not None else ""
        lines = [Content(f"{self._field}: {dict(FIELDS)[self._field]}"), Content.styled(about, MUTED)]
        self.query_one("#about", Static).update(Content("\n").join(lines))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        if event.input.id == f"field-{self._field}":
            self._mark()
            self.complain("")
        if event.input.id == "field-preset" and event.value.strip() and self._line("name").value == self._given:
            self._given = self._choices.free_name(event.value.strip())
            self._line("name").value = self._given

    def action_choose(self, step: int) -> None:
        """Take the next of the list into the line."""
        if not self._shown:
            return
        at = self.query_one(VimList).highlighted
        start = -1 if at is None and step > 0 else 0 if at is None else at
        self._take((start + step) % len(self._shown))

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._take(event.option_index)

    def _take(self, at: int) -> None:
        value = self._shown[at].value
        line = self._line(self._field)
        if self._field == "set":
            words = line.value.split()
            # a setting that has no value yet is the one that is being chosen
            if (words and "=" not in words[-1]) or (words and words[-1].endswith("=")):
                words.pop()
            value = " ".join([*words, f"{value}="])
        line.value = value
        line.cursor_position = len(value)
        self.query_one(VimList).highlighted = at
        self._describe(at)

    # going on -----------------------------------------------------------------------------------------

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._working:
            self.work_on(self._go_on, "plan")

    async def _go_on(self) -> None:
        wish = self._wish()
        self._working = True
        self.say_keys("◌ Reading data and model ... · `Esc` closes")
        try:
            plan = await self._desk.plan(wish)
        finally:
            self._working = False
            self.say_keys(self.HINT)
        self.dismiss(plan)

    def _wish(self) -> TrainWish:
        text = {name: self._line(name).value.strip() for name, _ in FIELDS}
        try:
            settings = tuple(shlex.split(text["set"]))
        except ValueError as error:
            raise UserError(f"The changed settings cannot be read: {error}.", "Close the quotation mark.") from error
        return TrainWish(text["preset"], text["data"], text["name"], text["model"], settings)
