"""The console's own themes; all of Textual's are there beside them."""

from __future__ import annotations

from textual.theme import Theme

ALIGNTUI_DARK = Theme(
    name="aligntui",
    primary="#5f87d7",
    secondary="#87afd7",
    accent="#d7af5f",
    foreground="#d8d8d8",
    background="#121417",
    surface="#191c20",
    panel="#20242a",
    success="#87af5f",
    warning="#d7875f",
    error="#d75f5f",
    dark=True,
)

ALIGNTUI_LIGHT = Theme(
    name="aligntui-light",
    primary="#2f5fb3",
    secondary="#3a6ea5",
    accent="#9a6a00",
    foreground="#1f2328",
    background="#fbfaf7",
    surface="#f2f0ea",
    panel="#e8e5dc",
    success="#4a7a1f",
    warning="#b3541e",
    error="#b3261e",
    dark=False,
)
