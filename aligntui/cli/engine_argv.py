"""The engine's command line, where a test puts another program in its place."""

from __future__ import annotations

import json
import os

from aligntui.core.errors import UserError

VARIABLE = "ALIGNTUI_ENGINE_ARGV"
"""For tests only, and therefore in no help: a JSON list that is run in place of the real engine."""


def engine_argv() -> list[str] | None:
    """The command to run, None for the real engine.

    Raises:
        UserError: the variable is no JSON list of texts.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        argv = json.loads(text)
    except ValueError:
        argv = None
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        raise UserError(f"{VARIABLE} must be a JSON list of texts, not {text!r}.", "Unset it.")
    return argv
