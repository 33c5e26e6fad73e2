"""Texts that name keys, and the keys that are live where the user is: both from the keys as they are, moved ones included.

A text names the key of an action by a placeholder: `{key:prompt.send}` becomes `Enter`, `{keys:prompt.newline}` all keys of
the action, as `Ctrl+J, Shift+Enter or Alt+Enter`. Everything else in the text stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from textual.binding import Binding
from textual.command import CommandPalette
from textual.content import Content
from textual.dom import DOMNode
from textual.keys import key_to_character
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import TextArea

from aligntui.config.keys import ACTIONS, BY_ID, PLACEHOLDER, display

KEY_STYLE = "bold $text-accent"
"""How a key looks wherever one is named."""

_PIECE = re.compile(r"\*\*(?P<bold>.+?)\*\*|`(?P<code>.+?)`|(?P<key>\{keys?:[a-z_]+\.[a-z_]+\})")
_SPOKEN = {
    "escape": "Esc", "enter": "Enter", "tab": "Tab", "space": "Space", "backspace": "Backspace", "delete": "Del",
    "up": "Up", "down": "Down", "left": "Left", "right": "Right", "home": "Home", "end": "End",
    "pageup": "PgUp", "pagedown": "PgDn", "insert": "Ins",
}  # fmt: skip
_CONTEXTS = {
    "prompt": "In the prompt box",
    "board": "On the answers",
    "chat": "Anywhere on the chat screen",
    "list": "In lists and texts to read",
    "global": "Everywhere",
}
_HERE = "On this screen"
_PALETTE_HELP = (
    "**Commands.** Type a word of what you want to do; the arrows move, `Enter` does it, `Esc` closes. The key beside a name does "
    "the same without this list."
)
_TOPICS = {
    "judging": ("left_better", "right_better", "tie", "both_bad", "skip", "undo", "note", "blind"),
    "answers": ("regenerate", "continue", "edit", "details", "copy", "copy_code", "older_take", "newer_take", "version"),
    "turns and branches": (
        "branch", "edit_prompt", "older_branch", "newer_branch", "previous_turn", "next_turn", "new_session",
    ),
    "columns": ("weaker", "stronger", "add_column", "remove_column", "previous_pane", "next_pane", "zoom"),
}  # fmt: skip
"""Headings for the many keys of the answers; what stands in none of them comes last."""


def spoken(key: str) -> str:
    """A key as it is written in a sentence: `Esc`, `Ctrl+J`, `Shift+Up`, `F5`, `,`.

    Args:
        key: in Textual's names; a letter keeps its case, since `k` and `K` are different keys.
    """
    *modifiers, last = key.strip().split("+") if len(key.strip()) > 1 else [key.strip()]
    last = _SPOKEN.get(last) or _character(last) or display(last)
    if "ctrl" in modifiers and len(last) == 1:
        last = last.upper()
    return "+".join([*(modifier.capitalize() for modifier in modifiers), last])


def _character(key: str) -> str | None:
    """The visible character that a key types; None for one that types none."""
    text = key if len(key) == 1 else display(key)
    return text if len(text) == 1 else key_to_character(key)


def keys_of(action_id: str, overrides: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of an action as they are written in a sentence.

    Args:
        action_id: `context.verb`, see `aligntui.config.keys`.
        overrides: keys that the user moved: action id to comma-separated keys (`Settings.keys`).

    Raises:
        KeyError: there is no such action.
    """
    return tuple(spoken(key) for key in overrides.get(action_id, BY_ID[action_id].keys).split(","))


def help_text(template: str, overrides: Mapping[str, str]) -> str:
    """The text with every placeholder replaced by the key that is in force; a text without any comes back as it is.

    Args:
        template: text with `{key:ID}` (the first key) or `{keys:ID}` (all of them); other braces are left alone.
        overrides: as for `keys_of`.

    Raises:
        KeyError: a placeholder names no action. Pinned for every text of the console in tests/tui/test_help.py.
    """

    def resolve(found: re.Match[str]) -> str:
        keys = keys_of(found[2], overrides)
        if found[1] == "key" or len(keys) == 1:
            return keys[0]
        return f"{', '.join(keys[:-1])} or {keys[-1]}"

    return PLACEHOLDER.sub(resolve, template)


def said(message: str, overrides: Mapping[str, str]) -> str:
    """A message with its keys filled in. What names no action stays: a message may quote a text of the user."""
    try:
        return help_text(message, overrides)
    except KeyError:
        return message


def help_content(template: str, overrides: Mapping[str, str]) -> Content:
    """`help_text` with its keys, its **bold** and its `code` styled."""
    parts: list[Content | str | tuple[str, str]] = []
    at = 0
    for found in _PIECE.finditer(template):
        parts.append(template[at : found.start()])
        text = help_text(found["bold"] or found["code"] or found["key"], overrides)
        parts.append((text, "bold" if found["bold"] else KEY_STYLE))
        at = found.end()
    return Content.assemble(*parts, template[at:])


def nearest_help(screen: Screen[object]) -> str:
    """The `HELP` of what has the focus, else of what it stands in; empty where nobody has one."""
    if isinstance(screen, CommandPalette):
        return _PALETTE_HELP
    start: DOMNode = screen.focused or screen
    return next((str(text) for node in start.ancestors_with_self if (text := getattr(node, "HELP", ""))), "")


@dataclass(frozen=True)
class KeyRow:
    """The keys of one action, and what it does."""

    keys: tuple[str, ...]
    help: str


@dataclass(frozen=True)
class KeyGroup:
    """Keys that are live in the same place."""

    heading: str
    rows: tuple[KeyRow, ...]


def live_keys(screen: Screen[object], overrides: Mapping[str, str]) -> list[KeyGroup]:
    """Exactly the keys that do something for the focused widget, nearest first; what types a character is no key.

    Only bindings with a sentence of their own (`Binding.tooltip`) are named; what Textual's text boxes do with arrows and
    the like goes without saying. A binding of Textual for the same action lends its key to the one that is named.

    Args:
        screen: the screen on top.
        overrides: as for `keys_of`.
    """
    found: dict[tuple[int, str], _Bound] = {}
    for key, node, binding in _live(screen):
        live = found.setdefault((id(node), binding.action), _Bound())
        if binding.tooltip:
            live.binding, live.node = binding, node
            live.own.append(spoken(key))
        else:
            live.lent.append(spoken(key))
    groups: dict[str, list[KeyRow]] = {}
    for live in sorted(found.values(), key=_Bound.rank):
        if live.binding is not None and live.node is not None:
            row = KeyRow((*live.own, *live.lent), live.binding.tooltip)
            groups.setdefault(_heading(live.node, live.binding), []).append(row)
    # the app's own keys have priority and work in dialogs too, where Textual does not count them as active
    groups[_CONTEXTS["global"]] = [
        KeyRow(keys_of(action.id, overrides), action.help) for action in ACTIONS if action.context == "global"
    ]
    return [KeyGroup(heading, tuple(groups[heading])) for heading in _ordered(groups)]


@dataclass
class _Bound:
    """The bindings of one action in one place."""

    own: list[str] = field(default_factory=list)
    lent: list[str] = field(default_factory=list)
    """Keys of Textual's own binding for the same action."""
    binding: Binding | None = None
    node: DOMNode | None = None

    def rank(self) -> int:
        """Place in the table of keys; what does not stand there comes after it."""
        return _RANK.get(self.binding.id or "", len(_RANK)) if self.binding else len(_RANK)


_RANK = {action.id: place for place, action in enumerate(ACTIONS)}


def _live(screen: Screen[object]) -> Iterator[tuple[str, DOMNode, Binding]]:
    focused = screen.focused
    for key, (node, binding, enabled, _) in screen.active_bindings.items():
        # Textual leaves out what a text box types, but before it moves keys, and does not know `plus` for a character
        typed = focused is not None and node is not focused and _types(focused, key)
        if enabled and not typed and node is not screen.app:
            yield key, node, binding


def _types(widget: Widget, key: str) -> bool:
    """Whether a text box takes the key for itself."""
    breaks_line = key == "enter" and isinstance(widget, TextArea)
    return breaks_line or widget.check_consume_key(key, " " if key == "space" else _character(key))


def _heading(node: DOMNode, binding: Binding) -> str:
    action = BY_ID.get(binding.id or "")
    if action is None:
        return "In this dialog" if node.is_modal else _HERE
    if action.context == "board":
        verb = action.id.partition(".")[2]
        topic = next((topic for topic, verbs in _TOPICS.items() if verb in verbs), "moving about")
        return f"{_CONTEXTS['board']}: {topic}"
    return _CONTEXTS.get(action.context, _HERE)


def _ordered(groups: Mapping[str, object]) -> list[str]:
    """Headings in the order of nearness; the topics of the answers in the order of their table."""
    topics = [f"{_CONTEXTS['board']}: {topic}" for topic in (*_TOPICS, "moving about")]
    order = [
        _CONTEXTS["prompt"], _CONTEXTS["list"], "In this dialog", _HERE, *topics,
        _CONTEXTS["chat"], _CONTEXTS["global"],
    ]  # fmt: skip
    return sorted(groups, key=lambda heading: order.index(heading) if heading in order else -1)
