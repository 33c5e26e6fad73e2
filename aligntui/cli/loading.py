"""Where loading stands, on stderr: a bar on a terminal, a line for each stage elsewhere."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys

from aligntui.cli import output
from aligntui.config.texts import LOADING_STAGES
from aligntui.wire.engine import LoadProgressed
from aligntui.workbench.chat_state import EngineState, Phase

_BAR_CELLS = 24


class LoadingLine:
    """Shows the progress of one load."""

    def __init__(self) -> None:
        self._drawn = False
        self._stage = ""
        # a dumb terminal cannot go back to the beginning of a line and clear it
        self._is_terminal = sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")

    def show(self, state: EngineState) -> None:
        """Draw the state as it is now."""
        if state.phase is not Phase.LOADING:
            self.clear()
            return
        progress = state.progress
        if progress is None:
            return
        if self._is_terminal:
            self._draw(progress)
        elif progress.stage != self._stage:
            output.say(f"{LOADING_STAGES.get(progress.stage, progress.stage)} ...")
        self._stage = progress.stage

    def clear(self) -> None:
        """Take the bar away, so that what is printed next has the line for itself."""
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False

    def _draw(self, progress: LoadProgressed) -> None:
        text = LOADING_STAGES.get(progress.stage, progress.stage)
        if progress.total > 0:
            filled = min(_BAR_CELLS, _BAR_CELLS * progress.done // progress.total)
            text = f"[{'#' * filled}{'.' * (_BAR_CELLS - filled)}] {text} {_amount(progress)}"
        width = shutil.get_terminal_size().columns - 1
        self._write(f"\r\x1b[K{text[:width]}")
        self._drawn = True

    @staticmethod
    def _write(text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()


def _amount(progress: LoadProgressed) -> str:
    if progress.unit == "bytes":
        return f"{progress.done / 1e6:.1f} of {progress.total / 1e6:.1f} MB"
    return f"{progress.done} of {progress.total} {progress.unit}".rstrip()
