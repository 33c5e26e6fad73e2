"""How far a run of generation has come, on stderr: one line drawn over on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time

from aligntui.cli import output
from aligntui.workbench.generation.progress import RunProgress

_CELLS = 24
_EVERY_S = 0.2
_ELSEWHERE_S = 30.0
"""Between two lines where nothing can be drawn over."""


class ProgressLine:
    """Shows one run."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
        self._shown_at = -_ELSEWHERE_S  # the clock may begin at 0
        self._drawn = False

    def show(self, progress: RunProgress) -> None:
        """Draw the counts, not too often."""
        now = time.monotonic()
        if now - self._shown_at < (_EVERY_S if self._is_terminal else _ELSEWHERE_S):
            return
        self._shown_at = now
        text = progress_text(progress)
        if not self._is_terminal:
            output.say(text)
            return
        filled = _CELLS * progress.done // max(1, progress.cells)
        line = f"[{'#' * filled}{'.' * (_CELLS - filled)}] {text}"
        self._write(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}")
        self._drawn = True

    def clear(self) -> None:
        """Take the line away."""
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False

    @staticmethod
    def _write(text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()


def progress_text(progress: RunProgress) -> str:
    """`1,200 of 4,000 answers, 300 cached, 251 tokens/s, padding 4.3%, about 12 min left`."""
    parts = [f"{progress.done:,} of {progress.cells:,} answers"]
    parts += [f"{progress.cached:,} cached"] if progress.cached else []
    parts += [f"{progress.failed:,} broke off"] if progress.failed else []
    parts += [f"{progress.refused:,} refused"] if progress.refused else []
    parts += [f"{progress.tokens_per_s:.0f} tokens/s"] if progress.tokens else []
    parts += [f"padding {progress.padding_share:.1%}"] if progress.padding_share is not None else []
    parts += [f"about {duration(progress.eta_s)} left"] if progress.eta_s is not None else []
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3.2 h`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
