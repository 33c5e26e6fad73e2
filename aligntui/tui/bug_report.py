"""What is left of an unexpected exception: a file for us, a sentence for the user."""

from __future__ import annotations

import traceback
from pathlib import Path

from aligntui import __version__
from aligntui.config.paths import log_dir
from aligntui.core.ids import now_utc


def write_bug_report(error: BaseException) -> Path:
    """Append the traceback to the console's log; returns the file (whether or not it could be written)."""
    path = log_dir() / "console.log"
    text = "".join(traceback.format_exception(error))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(f"{now_utc()} aligntui {__version__}\n{text}\n")
    except OSError:
        pass  # the sentence on the screen has to do
    return path
