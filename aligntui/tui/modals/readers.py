"""Dialogs to read: help, and the conditions of an answer."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from aligntui.config.keys import ACTIONS, display
from aligntui.core.conditions import Conditions, unintended
from aligntui.core.printable import one_line, printable
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.turn_text import MUTED
from aligntui.workbench.chat_state import AnswerState

_CONTEXTS = {
    "prompt": "In the prompt box",
    "board": "On the answers (leave the prompt box with Esc)",
    "chat": "Anywhere on the chat screen",
    "list": "In lists",
    "global": "Everywhere",
}


class Reader(Dialog[None]):
    """A text to scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,enter,f1", "cancel", "Close", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]
    DEFAULT_CSS = "Reader .dialog-box { height: 90%; } Reader VerticalScroll { height: 1fr; }"

    def __init__(self, title: str, content: Content) -> None:
        super().__init__()
        self._title = title
        self._content = content

    def compose(self) -> ComposeResult:
        """The text in a scroll."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = self._title
            with VerticalScroll():
                yield Static(self._content, markup=False)
            yield Static("j k scroll · Esc closes", classes="dialog-hint", markup=False)

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def help_content(focused_help: str, keymap: dict[str, str], contexts: list[str]) -> Content:
    """Help for the focused pane, then every key that applies, in the order of nearness."""
    parts: list[Content] = []
    if focused_help:
        parts += [Content.from_markup(_markup(focused_help)), Content("")]
    ordered = [*contexts, *[c for c in _CONTEXTS if c not in contexts]]
    for context in ordered:
        parts.append(Content.styled(_CONTEXTS[context], "bold $text-accent"))
        for action in ACTIONS:
            if action.context == context:
                keys = " ".join(display(key) for key in keymap.get(action.id, action.keys).split(","))
                parts.append(Content.assemble((f"  {keys:<16} ", "bold"), action.help))
        parts.append(Content(""))
    return Content("\n").join(parts)


def _markup(markdown: str) -> str:
    """The little Markdown of a HELP text (bold and code) as Textual markup; only our own texts come here."""
    import re

    text = markdown.replace("[", r"\[")
    text = re.sub(r"\*\*(.+?)\*\*", r"[bold]\1[/bold]", text)
    return re.sub(r"`(.+?)`", r"[bold $text-accent]\1[/]", text)


def conditions_content(answer: AnswerState, other: AnswerState | None) -> Content:
    """Every condition of an answer, and how it differs from the one beside it."""
    c = answer.conditions
    if c is None:
        return Content.styled("The engine has not rendered this prompt yet.", MUTED)
    parts: list[Content] = []
    if other is not None and other.conditions is not None:
        differ = unintended(c, other.conditions)
        if differ:
            parts.append(
                Content.styled(
                    f"Differs from {one_line(other.side, 40)} in more than the adapter: {', '.join(differ)}",
                    "bold $text-warning",
                )
            )
        else:
            parts.append(
                Content.styled(
                    f"Equal to {one_line(other.side, 40)} in everything but the adapter: comparable.",
                    "bold $text-success",
                )
            )
        parts.append(Content(""))
    rows: dict[str, Any] = {"side": answer.side, "answer": answer.id, **c.as_dict()}
    if answer.record:
        r = answer.record
        rows |= {
            "finish": r.finish.value,
            "tokens": f"{r.prompt_tokens} prompt + {len(r.token_ids)} answer",
            "first token": f"{r.first_token_s:.2f} s",
            "decode": f"{r.decode_s:.2f} s, {r.tokens_per_s:.1f} tok/s",
        }
        if r.logprobs:
            rows["log-probability"] = f"{sum(r.logprobs):.1f} nats, {sum(r.logprobs) / len(r.logprobs):.2f} a token"
    for name, value in rows.items():
        if isinstance(value, dict):
            value = ", ".join(f"{k} {v}" for k, v in value.items())
        text = printable(str(value)) if value is not None else "none"
        differs = (
            other is not None
            and other.conditions is not None
            and name in Conditions.__dataclass_fields__
            and getattr(other.conditions, name) != getattr(c, name)
        )
        text = text.replace("\n", "\n" + " " * 18)
        parts.append(Content.assemble((f"{name:<17.17} ", "bold"), (text, "$text-warning" if differs else "")))
    return Content("\n").join(parts)
