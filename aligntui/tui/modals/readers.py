"""Dialogs to read: help, the conditions of an answer, past messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content

from aligntui.core.conditions import differences, unintended
from aligntui.core.printable import one_line, printable
from aligntui.tui.bindings import bindings
from aligntui.tui.help_text import KEY_STYLE, KeyGroup, help_content
from aligntui.tui.message_log import PastMessage
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.modals.reading import Block, Heading, Paragraph, ReadingText, Row
from aligntui.tui.turn_text import MUTED
from aligntui.workbench.chat_state import AnswerState


class Reader(Dialog[None]):
    """A text to scroll, with the keys of a list."""

    HELP = "**A text to read.** It scrolls with the keys of a list; `Esc`, `q` and `Enter` close it."
    HINT = (
        "{key:list.down} {key:list.up} {key:list.page_down} {key:list.page_up} scroll · "
        "{key:list.first} beginning · {key:list.last} end · `Esc` closes"
    )
    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("list"),
        Binding("down", "cursor_down", show=False),
        Binding("up", "cursor_up", show=False),
        Binding("space", "page_down", show=False),
        Binding("home", "first", show=False),
        Binding("end", "last", show=False),
        Binding("q,enter", "cancel", show=False),
    ]
    DEFAULT_CSS = """
    Reader VerticalScroll { height: auto; max-height: 72vh; scrollbar-size-vertical: 1; }
    """

    def __init__(self, title: str, blocks: Sequence[Block]) -> None:
        super().__init__()
        self._title = title
        self._blocks = blocks

    def compose(self) -> ComposeResult:
        """The text in a scroll."""
        with Vertical(classes="dialog-box") as box:
            box.border_title = Content(self._title)
            with TextScroll():
                yield ReadingText(self._blocks)
            yield self.hint()

    @property
    def scroll(self) -> VerticalScroll:
        """What scrolls."""
        return self.query_one(VerticalScroll)

    def action_cursor_down(self) -> None:
        """One line down."""
        self.scroll.scroll_relative(y=1, animate=False)

    def action_cursor_up(self) -> None:
        """One line up."""
        self.scroll.scroll_relative(y=-1, animate=False)

    def action_page_down(self) -> None:
        """A page down; the last line stays in view."""
        self.scroll.scroll_relative(y=max(1, self.scroll.size.height - 1), animate=False)

    def action_page_up(self) -> None:
        """A page up."""
        self.scroll.scroll_relative(y=-max(1, self.scroll.size.height - 1), animate=False)

    def action_first(self) -> None:
        """To the beginning."""
        self.scroll.scroll_home(animate=False)

    def action_last(self) -> None:
        """To the end."""
        self.scroll.scroll_end(animate=False)


class TextScroll(VerticalScroll, inherit_bindings=False):
    """A scroll without keys of its own: those of the dialog hold, so that they can be moved."""


class HelpReader(Reader):
    """Help for what has the focus."""

    def __init__(self, prose: str, groups: Sequence[KeyGroup], overrides: Mapping[str, str]) -> None:
        """`prose` may name keys as `{key:ID}`; `groups` are the keys that are live."""
        super().__init__("Help", help_blocks(prose, groups, overrides))


class MessagesReader(Reader):
    """What was said, the latest first."""

    HELP = "**Messages.** What the console said since it was started, the latest first; the last 50 are kept."

    def __init__(self, messages: Sequence[PastMessage]) -> None:
        super().__init__("Messages", message_blocks(messages))


def help_blocks(prose: str, groups: Sequence[KeyGroup], overrides: Mapping[str, str]) -> list[Block]:
    """Help for the focused widget, then every key that is live there, nearest first."""
    blocks: list[Block] = [Paragraph(help_content(piece, overrides)) for piece in prose.split("\n\n") if piece.strip()]
    for group in groups:
        blocks.append(Heading(group.heading))
        blocks += [Row(Content.styled(" ".join(row.keys), KEY_STYLE), Content(row.help)) for row in group.rows]
    return blocks


def message_blocks(messages: Sequence[PastMessage]) -> list[Block]:
    """Past messages with their times, the latest first."""
    if not messages:
        return [Paragraph(Content.styled("Nothing was said yet.", MUTED))]
    style = {"error": "$text-error", "warning": "$text-warning"}
    return [
        Row(
            Content.styled(f"{message.at:%H:%M:%S}", MUTED),
            Content.styled(printable(message.text), style.get(message.severity, "")),
        )
        for message in reversed(messages)
    ]


def conditions_content(answer: AnswerState, other: AnswerState | None) -> list[Block]:
    """Every condition of an answer, and how it differs from the one beside it."""
    c = answer.conditions
    if c is None:
        return [Paragraph(Content.styled("The engine has not rendered this prompt yet.", MUTED))]
    blocks: list[Block] = []
    unmeant: dict[str, Any] = {}
    differ: dict[str, Any] = {}
    if other is not None and other.conditions is not None:
        name = one_line(other.side, 40)
        differ, unmeant = differences(c, other.conditions), unintended(c, other.conditions)
        verdict = (
            (f"Differs from {name} in more than the adapter: {', '.join(unmeant)}", "bold $text-warning")
            if unmeant
            else (f"Equal to {name} in everything but the adapter: comparable.", "bold $text-success")
        )
        blocks.append(Paragraph(Content.assemble(verdict)))
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
        style = "$text-warning" if name in unmeant else ""
        mark = "≠ " if name in differ else ""
        blocks.append(
            Row(
                Content.styled(name.replace("_", " "), "bold"),
                Content.assemble((mark, f"bold {style}".strip()), (text.rstrip("\n"), style)),
            )
        )
    return blocks
