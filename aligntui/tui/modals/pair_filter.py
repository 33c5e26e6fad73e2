"""Which pairs are listed: one line for each thing to filter by, with what there is to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import DescendantFocus
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from aligntui.core.errors import UserError, nearest
from aligntui.core.pair import Verdict
from aligntui.core.printable import one_line
from aligntui.core.turn import Session
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.widgets.text_box import LineInput

if TYPE_CHECKING:
    from aligntui.store import Facets, PairFilter

FIELDS = (
    ("verdict", "left, right, tie, bad, skip or example; several with commas"),
    ("instruction", "name in the library, such as concise or concise/2"),
    ("tag", "a tag"),
    ("side", "base or an adapter, as it stands in the table"),
    ("annotator", "who judged"),
    ("session", "name of a session, or its id"),
    ("since", "a day, such as 2026-11-21: judged on it or later"),
    ("until", "a day: judged before its end"),
    ("origin", "here: judged in this workspace; file: the verdict came with a file; empty for both"),
    ("deleted", "yes lists deleted pairs, so that they can be brought back; both lists all"),
)


class PairFilterForm(Dialog["PairFilter"]):
    """Fill in what the listed pairs must have; an empty line asks for nothing."""

    HELP = (
        "**Filter.** Every line that is filled in must hold. What there is to choose from stands below, the most frequent "
        "first; the right arrow takes the suggestion in the line."
    )
    HINT = "`↑` `↓` move · `→` takes the suggestion · `Enter` applies · `Ctrl+X` clears all · `Esc` closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next", show=False, tooltip="Go to the next line."),
        Binding("up", "app.focus_previous", "Previous", show=False, tooltip="Go to the line before."),
        Binding("ctrl+x", "clear", "Clear", show=False, priority=True, tooltip="Empty every line."),
    ]
    CSS = """
    PairFilterForm VerticalScroll { height: auto; max-height: 60vh; scrollbar-size-vertical: 1; }
    PairFilterForm .line { height: 1; }
    PairFilterForm .name { width: 13; }
    PairFilterForm LineInput { width: 1fr; }
    PairFilterForm #about { height: auto; min-height: 3; border-top: solid $surface-lighten-2; color: $text-muted; }
    """

    def __init__(self, current: PairFilter, facets: Facets, sessions: Sequence[Session] = ()) -> None:
        super().__init__()
        self._current = current
        self._sessions = list(sessions)
        self._known: dict[str, dict[str, int]] = {
            "verdict": {str(name): count for name, count in facets.verdicts.items()},
            "instruction": dict(facets.instructions),
            "tag": dict(facets.tags),
            "side": dict(facets.sides),
            "annotator": dict(facets.annotators),
            "session": {session.name: session.pair_count for session in reversed(self._sessions)},
            "origin": {"here": 0, "file": 0},
            "deleted": {"yes": 0, "no": 0, "both": 0},
        }

    def compose(self) -> ComposeResult:
        """A line for each thing; below, what the focused one can be."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = "Filter pairs"
            with VerticalScroll(can_focus=False):
                for name, _ in FIELDS:
                    with Horizontal(classes="line"):
                        yield Static(name, classes="name", markup=False)
                        field = LineInput(self._value(name), id=f"field-{name}")
                        field.suggester = SuggestFromList(list(self._known.get(name, ())), case_sensitive=False)
                        field.add_class("dialog-line")
                        yield field
            yield Static("", id="about", markup=False)
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    def on_mount(self) -> None:
        """Begin at the first line."""
        self.query_one("#field-verdict").focus()

    def _value(self, name: str) -> str:
        f = self._current
        match name:
            case "verdict":
                return ", ".join(verdict.value for verdict in f.verdicts)
            case "session":
                return next((one.name for one in self._sessions if one.id == f.session_id), f.session_id or "")
            case "origin":
                return {None: "", True: "file", False: "here"}[f.imported]
            case "deleted":
                return {None: "both", True: "yes", False: ""}[f.deleted]
        return str(getattr(f, name) or "")

    @on(DescendantFocus)
    def _explain(self, event: DescendantFocus) -> None:
        name = (event.widget.id or "").removeprefix("field-")
        about = next((text for known, text in FIELDS if known == name), "")
        if about:
            known = [
                f"{one_line(value, 30)}{f' ({count:,})' if count else ''}"
                for value, count in self._known.get(name, {}).items()
            ]
            more = f" Here: {', '.join(known[:12])}{' …' if len(known) > 12 else ''}." if known else ""
            self.query_one("#about", Static).update(f"{name}: {about}.{more}")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            self.dismiss(self._read())
        except UserError as error:
            self.complain(str(error))

    def _session(self, text: str) -> str | None:
        """The session of that name, the one used last of several, or of that id."""
        if not text:
            return None
        for session in self._sessions:
            if text in (session.name, session.id):
                return session.id
        raise UserError(
            f"No session with pairs is called {text!r}.", nearest(text, [session.name for session in self._sessions])
        )

    def action_clear(self) -> None:
        """Empty every line."""
        for name, _ in FIELDS:
            self.query_one(f"#field-{name}", Input).value = ""
        self._current = replace(self._current, ids=None, text="")

    def _read(self) -> PairFilter:
        text = {name: self.query_one(f"#field-{name}", Input).value.strip() for name, _ in FIELDS}
        verdicts = tuple(_verdict(word) for word in text["verdict"].replace(",", " ").split())
        for name in ("since", "until"):
            _check_day(name, text[name])
        origins = {"": None, "here": False, "file": True}
        if text["origin"] not in origins:
            raise UserError(f"origin is here or file, not {text['origin']!r}.")
        deleted = {"": False, "no": False, "yes": True, "both": None}
        if text["deleted"] not in deleted:
            raise UserError(f"deleted is yes, no or both, not {text['deleted']!r}.")
        return replace(
            self._current,
            verdicts=verdicts,
            instruction=text["instruction"] or None,
            tag=text["tag"] or None,
            side=text["side"] or None,
            annotator=text["annotator"] or None,
            session_id=self._session(text["session"]),
            since=text["since"] or None,
            until=text["until"] or None,
            imported=origins[text["origin"]],
            deleted=deleted[text["deleted"]],
        )


def _verdict(word: str) -> Verdict:
    try:
        return Verdict(word.lower())
    except ValueError:
        raise UserError(f"There is no verdict {word!r}.", nearest(word, [v.value for v in Verdict])) from None


def _check_day(name: str, text: str) -> None:
    from datetime import date

    try:
        if text:
            date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{name} is a day such as 2026-11-21, not {text!r}.") from None
