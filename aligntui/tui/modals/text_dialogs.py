"""Dialogs in which something is written: an answer edited, a reason with tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.widgets.text_box import LineInput, TextBox


@dataclass(frozen=True)
class EditedAnswer:
    """An answer as a person changed it."""

    text: str
    chosen: bool
    """Whether the edited text becomes the chosen answer and the original the rejected one."""


class AnswerEditor(Dialog[EditedAnswer]):
    """Edit an answer; keep it beside the original, or make it the chosen one."""

    HELP = (
        "**Edit an answer.** The original stays as it is; the edited text is stored beside it. `Ctrl+S` makes the edited one "
        "chosen and the original rejected, `Ctrl+K` keeps it without a verdict."
    )
    HINT = "`Ctrl+S` makes it the chosen one · `Ctrl+K` keeps it · `Esc` drops it"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "keep(True)", "Save as chosen", priority=True, tooltip="Store it as the chosen answer."),
        Binding("ctrl+k", "keep(False)", "Keep, no verdict", priority=True, tooltip="Store it without a verdict."),
    ]
    CSS = """
    AnswerEditor .dialog-box { height: 80%; }
    AnswerEditor TextBox { height: 1fr; border: none; background: $surface-lighten-1; padding: 0 1; }
    """

    def __init__(self, original: str, side: str, text: str | None = None, problem: str = "") -> None:
        """`text` is an earlier attempt at it, `problem` why that was not stored."""
        super().__init__()
        self._original = original
        self._side = side
        self._text = original if text is None else text
        self._problem = problem
        self._unchanged = ""

    def compose(self) -> ComposeResult:
        """The text and the keys."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = Content(f"Edit the answer of {self._side}")
            yield TextBox(self._text)
            yield Static("", classes="dialog-error", markup=False)
            yield self.hint()

    def on_mount(self) -> None:
        """Start at the end of the text."""
        box = self.query_one(TextBox)
        box.focus()
        box.move_cursor(box.document.end)
        self._unchanged = TextBox.shown_as(self._original)
        self.complain(self._problem)

    def action_keep(self, chosen: bool) -> None:
        """Return the edited text."""
        text = self.query_one(TextBox).text
        if not text.strip() or text == self._unchanged:
            self.complain("The text is empty or unchanged. Esc drops the edit.")
            return
        self.dismiss(EditedAnswer(text, chosen))


@dataclass(frozen=True)
class Note:
    """Why a verdict was given."""

    reason: str
    tags: tuple[str, ...]


class NoteEditor(Dialog[Note]):
    """A reason and tags for a verdict."""

    HELP = "**Why this verdict.** The reason is a sentence, tags are words that several verdicts share. Both are stored with the pair."
    HINT = "`Enter` stores it · `Tab` moves · `Esc` closes"
    CSS = "NoteEditor Input { margin: 0 0 1 0; }"

    def __init__(self, reason: str, tags: tuple[str, ...], problem: str = "") -> None:
        super().__init__()
        self._note = Note(reason, tags)
        self._problem = problem

    def compose(self) -> ComposeResult:
        """Two lines to fill in."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = "Why this verdict"
            for name, label, value in (
                ("reason", "Reason", self._note.reason),
                ("tags", "Tags, separated by commas", ", ".join(self._note.tags)),
            ):
                yield Static(label, classes="dialog-label", markup=False)
                field = LineInput(value, id=name)
                field.add_class("dialog-line")
                yield field
            yield Static(self._problem, classes="dialog-error", markup=False)
            yield self.hint()

    def on_mount(self) -> None:
        """Say why an earlier attempt was not stored."""
        self.complain(self._problem)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Store what stands there."""
        event.stop()
        tags = tuple(
            dict.fromkeys(tag.strip() for tag in self.query_one("#tags", Input).value.split(",") if tag.strip())
        )
        self.dismiss(Note(self.query_one("#reason", Input).value.strip(), tags))
