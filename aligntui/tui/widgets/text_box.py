"""Text boxes: the prompt, with recall, and the instruction bar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input, TextArea

from aligntui.config.keys import BY_ID
from aligntui.core.printable import one_line, printable
from aligntui.tui.bindings import bindings

_TAKEN = ("f6", "f7", "ctrl+c", "super+c")
"""Keys that TextArea binds and the console needs: F6 and F7 are chat keys, Ctrl+C stops."""


class TextBox(TextArea):
    """A plain multi-line text box that leaves the console's keys alone and takes no control characters."""

    def __init__(self, text: str = "", *, id: str | None = None, placeholder: str = "") -> None:
        super().__init__(
            self.shown_as(text), id=id, placeholder=placeholder, compact=True, soft_wrap=True, show_line_numbers=False,
            highlight_cursor_line=False, tab_behavior="focus",
        )  # fmt: skip
        for key in _TAKEN:
            self._bindings.key_to_bindings.pop(key, None)

    def wrap_anew(self) -> None:
        """Break the lines at the width there is now; Textual does so only where the box's own size changed."""
        self._rewrap_and_refresh_virtual_size()
        self.refresh(layout=True)

    @staticmethod
    def shown_as(text: str) -> str:
        """The text as a box holds it: printable, and with one kind of line end."""
        return "\n".join(printable(text).split("\n"))

    def load_text(self, text: str) -> None:
        """Replace the text; control characters never get in."""
        super().load_text(self.shown_as(text))

    async def _on_paste(self, event: events.Paste) -> None:
        event.text = printable(event.text)
        await super()._on_paste(event)


class LineInput(Input):
    """One line to type in; control characters never get in."""

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:
        super().__init__(one_line(value), placeholder=placeholder, id=id)

    def _on_paste(self, event: events.Paste) -> None:
        event.text = printable(event.text)
        super()._on_paste(event)


class PromptBox(TextBox):
    """The prompt: Enter sends, arrows recall earlier prompts at the first and last line."""

    HELP = (
        "**Prompt.** {key:prompt.send} sends it to every column; {key:prompt.newline} starts a new line (where the terminal "
        "can tell them apart, Shift+Enter and Alt+Enter do too). Up on the first line recalls earlier prompts. {key:chat.editor} "
        "opens $EDITOR. {key:chat.escape} goes to the answers, where single keys judge and move."
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings("prompt")
    DEFAULT_CSS = """
    PromptBox { height: auto; min-height: 1; max-height: 8; border: none; padding: 0 1; background: $surface; }
    PromptBox:focus { background: $surface-lighten-1; }
    """

    class Sent(Message):
        """Enter was pressed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, *, id: str | None = None, keys: Mapping[str, str] | None = None) -> None:
        """`keys` are the user's own keys by action id; the defaults hold for the rest."""
        super().__init__(id=id, placeholder="Type a prompt · Enter sends it to every column")
        keys = keys or {}
        # looked at while keys are handled in order: a binding with priority would overtake characters still in the queue
        self._send_keys = frozenset(keys.get("prompt.send", BY_ID["prompt.send"].keys).split(","))
        self._newline_keys = frozenset(keys.get("prompt.newline", BY_ID["prompt.newline"].keys).split(","))
        self.earlier: list[str] = []
        """Earlier prompts, newest first."""
        self._at = -1
        self._draft = ""

    async def _on_key(self, event: events.Key) -> None:
        if event.key in self._send_keys or event.key in self._newline_keys:
            event.stop()
            event.prevent_default()
            if event.key in self._send_keys:
                self.action_send()
            else:
                self.action_newline()
            return
        if (
            event.key == "up"
            and self.cursor_location[0] == 0
            and self.wrapped_document.location_to_offset(self.cursor_location).y == 0
        ):
            event.stop()
            event.prevent_default()
            self.action_recall_older()
            return
        if event.key == "down" and self._at >= 0 and self.cursor_location[0] == self.document.line_count - 1:
            event.stop()
            event.prevent_default()
            self.action_recall_newer()
            return
        await super()._on_key(event)

    def action_send(self) -> None:
        """Send what stands here."""
        self.post_message(self.Sent(self.text))

    def action_newline(self) -> None:
        """Start a new line."""
        self.insert("\n")

    def action_recall_older(self) -> None:
        """Show the earlier prompt."""
        if self._at + 1 < len(self.earlier):
            if self._at < 0:
                self._draft = self.text
            self._at += 1
            self._show(self.earlier[self._at])

    def action_recall_newer(self) -> None:
        """Show the later prompt, at last what was being typed."""
        if self._at >= 0:
            self._at -= 1
            self._show(self.earlier[self._at] if self._at >= 0 else self._draft)

    def take_back(self, text: str) -> None:
        """A prompt could not be sent: it stands here again, before what was typed since."""
        if self.earlier and self.earlier[0] == text:
            del self.earlier[0]
        self.load_text(f"{text}\n{self.text}" if self.text.strip() else text)
        self.move_cursor(self.document.end)

    def replace_draft(self, text: str) -> None:
        """Show another text; a draft that stood here can be recalled like a prompt that was sent."""
        if self.text.strip():
            self.earlier.insert(0, self.text)
        self._at = -1
        self._show(text)
        self.focus()

    def sent(self, text: str) -> None:
        """The prompt is on its way: remember it and start with an empty box."""
        if not self.earlier or self.earlier[0] != text:
            self.earlier.insert(0, text)
        self._at = -1
        self._draft = ""
        self.load_text("")

    def _show(self, text: str) -> None:
        self.load_text(printable(text))
        self.move_cursor(self.document.end)


class InstructionBox(TextBox):
    """The alignment instruction in force, editable in place."""

    HELP = (
        "**Instruction.** Edit the text; {key:chat.rerun} answers the current turn again under it. Earlier answers keep the "
        "instruction that made them. {key:chat.instructions} picks one from the library and saves your own there; {key:chat.mode} "
        "switches how it reaches the model. {key:chat.escape} goes to the answers."
    )
    DEFAULT_CSS = """
    InstructionBox { height: auto; min-height: 1; max-height: 4; border: none; padding: 0 1; background: $panel; }
    InstructionBox:focus { background: $surface-lighten-1; }
    """

    class Edited(Message):
        """The text was changed by hand."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, placeholder="No instruction · type one, or F2 for the library")
        self._shown = ""

    def show(self, text: str) -> None:
        """Put a text there without it counting as edited."""
        if self.shown_as(text) != self.text:
            self.load_text(text)
        self._shown = self.text

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Tell the screen of an edit by hand."""
        event.stop()
        if self.text != self._shown:
            self._shown = self.text
            self.post_message(self.Edited(self.text))
