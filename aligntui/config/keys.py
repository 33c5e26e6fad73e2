"""Every action of the console that has a key: one table for bindings, help, palette, docs and the `[keys]` of a config file.

`context` says where the key is live: `global` everywhere, `chat` anywhere on the chat screen, `board` on the chat
screen while no text box has the focus, `prompt` in the prompt box, `list` in lists, pickers and texts to read.
"""

from __future__ import annotations

import re

from aligntui.config.chat_keys import CHAT_KEYS
from aligntui.config.key_action import KeyAction
from aligntui.config.score_keys import SCORE_KEYS
from aligntui.config.screen_keys import SCREEN_KEYS

__all__ = ["ACTIONS", "BY_ID", "CLASHES", "PLACEHOLDER", "KeyAction", "display", "keys_table", "with_default_keys"]


ACTIONS: tuple[KeyAction, ...] = (*CHAT_KEYS, *SCORE_KEYS, *SCREEN_KEYS)

BY_ID = {action.id: action for action in ACTIONS}
CLASHES = (
    ("global", "chat"),
    ("global", "board"),
    ("chat", "board"),
    ("global", "prompt"),
    ("chat", "prompt"),
    ("global", "list"),
    ("global", "pairs"),
    ("list", "pairs"),
    ("global", "queue"),
    ("global", "lint"),
    ("list", "lint"),
    ("global", "stats"),
    ("list", "stats"),
    ("global", "switch"),
    ("global", "runs"),
    ("list", "runs"),
    ("global", "train"),
    ("list", "train"),
    ("global", "score"),
    ("list", "score"),
    ("global", "scored"),
    ("list", "scored"),
)
"""Contexts that are live at the same time, so that one key cannot serve two actions there (nor twice in one context)."""


def with_default_keys(text: str) -> str:
    """A text whose `{key:ID}` placeholders are filled with default keys, for faces that have none of their own."""
    return PLACEHOLDER.sub(
        lambda found: display(BY_ID[found[2]].keys.split(",")[0]) if found[2] in BY_ID else found[0], text
    )


def keys_table() -> str:
    """The table of keys for the docs, as Markdown."""
    rows = ["| key | action | what it does |", "|---|---|---|"]
    for action in ACTIONS:
        keys = ", ".join(f"`{display(key)}`" for key in action.keys.split(","))
        rows.append(f"| {keys} | `{action.id}` | {action.help} |")
    return "\n".join(rows)


PLACEHOLDER = re.compile(r"\{(keys?):([a-z_]+\.[a-z_]+)\}")
"""How a text names the key of an action: `{key:ID}` for the first, `{keys:ID}` for all of them."""

_NAMES = {
    "comma": ",", "full_stop": ".", "less_than_sign": "<", "greater_than_sign": ">", "left_curly_bracket": "{",
    "right_curly_bracket": "}", "left_square_bracket": "[", "right_square_bracket": "]", "plus": "+", "minus": "-",
    "slash": "/", "asterisk": "*", "escape": "esc", "question_mark": "?",
}  # fmt: skip


def display(key: str) -> str:
    """A key as a person writes it: `full_stop` is `.`, `ctrl+p` is `^p`."""
    key = key.strip()
    if key in _NAMES:
        return _NAMES[key]
    if key.startswith("ctrl+"):
        return "^" + key[5:]
    return key.upper() if key.startswith("f") and key[1:].isdigit() else key
