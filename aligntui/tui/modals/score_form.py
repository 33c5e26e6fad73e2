"""Order score runs: which suites, how much of them, asked how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Click
from textual.widget import Widget
from textual.widgets import Input, Static

from aligntui.core.errors import UserError, nearest
from aligntui.core.generation import AT_ONCE, MOST_AT_ONCE
from aligntui.core.instruction import Instruction
from aligntui.core.printable import one_line
from aligntui.score.battery.delivery import Delivery
from aligntui.score.suites.reading import SUITES
from aligntui.tui.help_text import said
from aligntui.tui.modals.choice_field import ChoiceField
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.widgets.path_suggester import PathSuggester
from aligntui.tui.widgets.text_box import LineInput
from aligntui.workbench.generation.base_and_sides import sides_of
from aligntui.workbench.scoring.desk import ScoreDesk, ScoreOrder

ABOUT = {
    "ifeval": "IFEval: 541 prompts with 25 types of instructions that a program can check; strict and loose, with tiers",
    "tracka": "Track A: 480 prompts with one constraint each, 60 of each type",
    "battery": "compliance battery: does an adapter keep to its rules, told and untold? Under four deliveries",
    "verbosity": "how long answers to general questions are",
    "bleed": "how many answers to general questions speak of rules that nobody asked about",
    "repetition": "how many answers to general questions go round in a loop",
}
FIELDS = (
    ("limit", "", "so many prompts of the beginning of each suite; empty for all: a part is no score of the suite"),
    ("seeds", "1", "answers to each prompt, each under a seed of its own; more than one needs a temperature"),
    ("temperature", "0", "0 is greedy, which is usual for scores; the rest of the sampling is the chat's"),
    ("prompts", "", "IFEval's prompts, JSONL as in google/IFEval; empty takes them from the hub. With one suite alone: its prompts"),
    ("battery", "", "a battery of your own (JSONL), asked, and searched for its doctrine by bleed; empty for four-laws"),
    ("base", "no", "whether a battery is asked of the base, too; every other suite is"),
    ("delivery", "", f"how an instruction reaches the model: {', '.join(Delivery)}; empty for what suits the suite"),
    ("instruction", "", "a text, or a name of the library such as concise, given to all sides; empty for the rules of a battery"),
    ("at once", str(AT_ONCE), "answers decoded at the same time: more is faster, until memory or cores run out"),
    ("name", "", "of the run; empty for one made from suite and sides"),
)  # fmt: skip
MOST_SEEDS = 100


@dataclass(frozen=True)
class Ordered:
    """What was filled in."""

    orders: tuple[ScoreOrder, ...]
    """One for each suite, in the order of `SUITES`."""
    at_once: int


class SuitesField(Widget, can_focus=True):
    """The suites, of which any may be ticked: left and right move, Space ticks, a click does both.

    Args:
        ticked: those that are at the beginning.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "move(1)", "Next", show=False, tooltip="Go to the next suite."),
        Binding("left,h", "move(-1)", "Previous", show=False, tooltip="Go to the suite before."),
        Binding("space", "tick", "Tick", show=False, tooltip="Tick the suite, or no longer."),
    ]
    DEFAULT_CSS = """
    SuitesField { height: 2; width: 1fr; padding: 0 1; }
    SuitesField:focus { background: $primary-muted; }
    """
    ALLOW_SELECT = False
    CELLS = 14
    A_LINE = 3

    def __init__(self, ticked: tuple[str, ...], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ticked = set(ticked)
        self.at = next((n for n, name in enumerate(SUITES) if name in self.ticked), 0)
        """Place of the suite that keys act on."""

    @property
    def chosen(self) -> tuple[str, ...]:
        """The ticked ones, in the order of the list."""
        return tuple(name for name in SUITES if name in self.ticked)

    def render(self) -> Content:
        """Three on a line; ticks and the cursor show without colour, too."""
        lines: list[Content] = []
        for start in range(0, len(SUITES), self.A_LINE):
            parts = [self._one(start + n, name) for n, name in enumerate(SUITES[start : start + self.A_LINE])]
            lines.append(Content.assemble(*parts))
        return Content("\n").join(lines)

    def _one(self, place: int, name: str) -> Content:
        text = f"{'●' if name in self.ticked else '○'} {name}"
        style = "reverse" if self.has_focus and place == self.at else ""
        if name in self.ticked:
            style = f"bold {style}".strip()
        return Content.assemble((text, style), " " * (self.CELLS - len(text)))

    def action_move(self, step: int) -> None:
        """Go to the suite beside."""
        self._go((self.at + step) % len(SUITES))

    def action_tick(self) -> None:
        """Tick the suite, or no longer."""
        self.ticked ^= {SUITES[self.at]}
        self._go(self.at)

    def _go(self, place: int) -> None:
        self.at = place
        self.refresh()
        if isinstance(self.screen, ScoreForm):
            self.screen.explain()

    def on_click(self, event: Click) -> None:
        """Tick the suite that was clicked."""
        column = (event.x - self.gutter.left) // self.CELLS
        place = (event.y - self.gutter.top) * self.A_LINE + column
        if 0 <= column < self.A_LINE and 0 <= place < len(SUITES):
            self.at = place
            self.action_tick()


class ScoreForm(Dialog[Ordered]):
    """Fill in what is to be scored.

    Args:
        desk: keeps what was filled in last.
        problem: why that could not be begun, in the manner of `said`.
    """

    HELP = (
        "**Score runs.** Every ticked suite makes a run of its own, one after the other, on the base and the adapters that stand in "
        "the chat. Base and adapters are asked alike; a battery is asked of the adapters alone unless base says yes. Each answer is "
        "stored as it is finished, and one that was made under the same conditions before is taken from the cache."
    )
    HINT = "`↑` `↓` move · `←` `→` `Space` choose · `Enter` begins · `Esc` closes"
    AUTO_FOCUS = "SuitesField"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next", show=False, tooltip="Go to the next line."),
        Binding("up", "app.focus_previous", "Previous", show=False, tooltip="Go to the line before."),
        Binding("enter", "begin", "Begin", show=False, tooltip="Begin the runs."),
    ]
    CSS = """
    ScoreForm .line { height: auto; }
    ScoreForm .name { width: 13; }
    ScoreForm LineInput { width: 1fr; }
    ScoreForm #asked { height: 1; color: $text-secondary; text-wrap: nowrap; text-overflow: ellipsis; }
    ScoreForm #about { height: 2; color: $text-muted; }
    """

    def __init__(self, desk: ScoreDesk, problem: str = "") -> None:
        super().__init__()
        self._desk = desk
        self._problem = problem

    def on_mount(self) -> None:
        """Say what was wrong the last time."""
        self.complain(said(self._problem, self.keys))

    def compose(self) -> ComposeResult:
        """A line for each thing."""
        typed = self._desk.typed
        with Vertical(classes="dialog-box") as box:
            box.border_title = "Begin score runs"
            with Horizontal(classes="line"):
                yield Static("suites", classes="name", markup=False)
                yield SuitesField(tuple(typed.get("suites", "tracka").split()), id="suites")
            for name, usual, _ in FIELDS:
                value = typed.get(name, usual)
                with Horizontal(classes="line"):
                    yield Static(name, classes="name", markup=False)
                    yield self._field(name, value)
            yield Static(self._asked(), id="asked", markup=False)
            yield Static("", id="about", markup=False)
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    def _field(self, name: str, value: str) -> Widget:
        id_ = f"field-{name.replace(' ', '-')}"
        if name == "base":
            return ChoiceField(("no", "yes"), value, id=id_)
        field = LineInput(value, id=id_)
        field.add_class("dialog-line")
        if name in ("prompts", "battery"):
            field.suggester = PathSuggester((".jsonl", ".json"))
        return field

    def _asked(self) -> str:
        names = ", ".join(one_line(column.label, 30) for column in self._desk.chat.state.columns)
        limit = self._desk.chat.settings.sampling.max_new_tokens
        return f"asked of {names or 'nobody'} · at most {limit:,} new tokens, as in the chat's settings"

    def on_descendant_focus(self) -> None:
        """Say what goes into the line that has the focus."""
        self.explain()

    def explain(self) -> None:
        """Say what the line that has the focus is about."""
        about = self.query_one("#about", Static)
        if isinstance(self.focused, SuitesField):
            about.update(ABOUT[SUITES[self.focused.at]])
        elif self.focused is not None:
            texts = {f"field-{name.replace(' ', '-')}": f"{name}: {text}" for name, _, text in FIELDS}
            about.update(texts.get(self.focused.id or "", ""))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_begin()

    def action_begin(self) -> None:
        """Hand the orders back; where something is wrong, say so and stay."""
        try:
            ordered = self._ordered()
        except UserError as error:
            self.complain(said(str(error), self.keys))
            return
        self.dismiss(ordered)

    def _text(self, name: str) -> str:
        field = self.query_one(f"#field-{name.replace(' ', '-')}")
        return field.value.strip() if isinstance(field, Input | ChoiceField) else ""

    def _ordered(self) -> Ordered:
        text = {name: self._text(name) for name, _, _ in FIELDS}
        suites = self.query_one(SuitesField).chosen
        self._desk.typed = {**text, "suites": " ".join(suites)}
        if not suites:
            raise UserError("No suite is ticked.", "Space ticks the one under the cursor.")
        with_base = text["base"] == "yes"
        adapters = [side for side in sides_of(self._desk.chat) if side.adapter is not None]
        if "battery" in suites and not adapters and not with_base:
            raise UserError(
                "A battery is asked of adapters, and none stands in the chat.", "Say yes at base, or add a column."
            )
        if text["battery"] and not {"battery", "bleed"} & set(suites):
            raise UserError("A battery is named, and neither battery nor bleed is ticked.")
        if text["prompts"] and len(suites) > 1 and "ifeval" not in suites:
            raise UserError(
                "Prompts are those of IFEval, or of one suite alone.", "Tick one suite, or leave the line empty."
            )
        limit = _whole("limit", text["limit"])
        seeds = _whole("seeds", text["seeds"], MOST_SEEDS) or 1
        temperature = _number("temperature", text["temperature"])
        deliveries = _deliveries(text["delivery"])
        instruction = self._instruction(text["instruction"])
        orders = tuple(
            ScoreOrder(
                suite=suite,
                prompts=text["prompts"] if suite == "ifeval" or len(suites) == 1 else "",
                battery=text["battery"] if suite in ("battery", "bleed") else "",
                limit=limit,
                seeds=seeds,
                temperature=temperature,
                deliveries=deliveries,
                instruction=instruction,
                with_base=with_base,
                name=text["name"] if len(suites) == 1 or not text["name"] else f"{text['name']} ({suite})",
            )
            for suite in suites
        )
        return Ordered(orders, _whole("at once", text["at once"], MOST_AT_ONCE) or AT_ONCE)

    def _instruction(self, text: str) -> Instruction:
        """The text, or that of the library where it names one."""
        if not text or " " in text:
            return Instruction(text)
        return self.console.bench.library.get(text)


def _whole(name: str, text: str, most: int | None = None) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1 or (most is not None and int(text) > most):
        wanted = "a whole number of at least 1" if most is None else f"a whole number from 1 to {most}"
        raise UserError(f"{name} is {wanted}, not {text!r}.")
    return int(text)


def _number(name: str, text: str) -> float:
    try:
        value = float(text or "0")
    except ValueError:
        value = -1.0
    if not 0 <= value <= 2:
        raise UserError(f"{name} is a number from 0 to 2, not {text!r}.")
    return value


def _deliveries(text: str) -> tuple[Delivery, ...]:
    known = [str(one) for one in Delivery]
    words = text.replace(",", " ").lower().split()
    for word in words:
        if word not in known:
            raise UserError(f"There is no delivery {word!r}.", nearest(word, known))
    return tuple(Delivery(word) for word in dict.fromkeys(words))
