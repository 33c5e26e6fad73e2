"""Textual bindings from the one table of keys (aligntui.config.keys)."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from aligntui.config.keys import ACTIONS, KeyAction
from aligntui.tui.help_text import spoken


def bindings(*contexts: str, priority: tuple[str, ...] = ()) -> list[BindingType]:
    """Bindings of all actions whose context is one of `contexts`; ids let a config file move them.

    Args:
        contexts: see `aligntui.config.keys`.
        priority: ids of actions whose key works even where a focused text box would take it.
    """
    return [as_binding(action, priority=action.id in priority) for action in ACTIONS if action.context in contexts]


def as_binding(action: KeyAction, *, priority: bool = False) -> Binding:
    """One action as a Textual binding."""
    return Binding(
        action.keys,
        action.action,
        action.label,
        show=bool(action.footer),
        key_display=spoken(action.keys.split(",")[0]),
        tooltip=action.help,
        id=action.id,
        priority=priority,
    )
