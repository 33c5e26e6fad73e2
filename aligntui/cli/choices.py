"""Flags whose values are few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from aligntui.cli.option_flags import value_of
from aligntui.config.options import Option


def choice_of(name: str, words: Sequence[str], help: str) -> Any:
    """A `typer.Option` that takes one of these words, refused as the options of the console are."""
    words = tuple(map(str, words))
    declared = Option(name, words[0], help, "", choices=words)
    return typer.Option(f"--{name}", parser=value_of(declared), metavar=f"<{'|'.join(words)}>", help=help)
