"""Flags whose values are few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from aligntui.cli.option_flags import value_of
from aligntui.config.options import Option


def choice_of(name: str, values: Sequence[str], help: str) -> Any:
    """A `typer.Option` that takes one of these words and hands it on in their type.

    What is none of them is refused in the words of the console's own options.

    Args:
        name: of the flag, without its dashes.
        values: texts, or members of one `StrEnum`.
        help: one sentence.
    """
    words = tuple(map(str, values))
    declared = Option(name, values[0], help, "", choices=words)
    return typer.Option(f"--{name}", parser=value_of(declared), metavar=f"<{'|'.join(words)}>", help=help)
