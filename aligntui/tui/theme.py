"""The console's own themes, all of Textual's beside them, and which one it begins with."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from textual.theme import Theme

from aligntui.config.options import Layer, Settings, Source
from aligntui.config.remembered import remembered_theme

# Muted colours are solid ones: shares of the foreground fall below a contrast of 4.5 on the cursor row (test_theme.py).
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
    variables={
        "foreground-muted": "#9da1a8",
        "primary-muted": "#293650",
        "text-disabled": "auto 52%",
        "block-cursor-blurred-background": "#293650",
        "scrollbar": "#3d4a63",
        "scrollbar-background": "#191c20",
    },
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
    variables={
        "foreground-muted": "#565a60",
        "primary-muted": "#d5deed",
        "text-disabled": "auto 58%",
        "footer-key-foreground": "#7a5400",
        "block-cursor-blurred-background": "#d5deed",
        "scrollbar": "#a9b8d4",
        "scrollbar-background": "#f2f0ea",
    },
)


def theme_at_start(settings: Settings, known: Collection[str]) -> tuple[str, str]:
    """The theme to begin with, and a complaint where the one asked for does not exist (empty otherwise).

    A flag or an environment variable holds for this start; else the theme chosen last in the console, else the one
    that a file configures, else our own.
    """
    source = settings.sources.get("theme", Source(Layer.DEFAULT))
    named_now = source.layer in (Layer.FLAG, Layer.ENVIRONMENT)
    chosen = "" if named_now else remembered_theme(settings.theme)
    name = chosen or settings.theme or ALIGNTUI_DARK.name
    if name in known:
        return name, ""
    where = "chosen last" if chosen else source.place
    return (
        ALIGNTUI_DARK.name,
        f"There is no theme {name!r} ({where}); the console's own is used. {near_themes(name, known)}",
    )


def near_themes(name: str, known: Collection[str]) -> str:
    """The themes whose names are like it, or all of them."""
    near = get_close_matches(name.casefold(), sorted(known), n=3, cutoff=0.5)
    return f"The nearest: {', '.join(near)}." if near else f"There are {', '.join(sorted(known))}."
