"""What the engine cannot say itself: that it is gone."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from aligntui.core.errors import EngineError

_MEANINGS = {
    signal.SIGKILL: "probably because the machine ran out of memory",
    signal.SIGSEGV: "it crashed inside a native library",
    signal.SIGBUS: "it crashed inside a native library",
    signal.SIGFPE: "it crashed inside a native library",
    signal.SIGILL: "a native library used an instruction that this processor does not have",
    signal.SIGABRT: "a native library gave up",
    signal.SIGTERM: "something asked it to end",
    signal.SIGHUP: "its terminal went away",
    signal.SIGINT: "something interrupted it",
}


@dataclass(frozen=True)
class EngineExited:
    """The engine process has ended. Delivered exactly once for each process that was started."""

    code: int | None
    """Exit code; None when a signal ended it."""
    signal: int | None
    """Number of the signal that ended it; None when it left by itself."""
    last_lines: tuple[str, ...] = ()
    """End of what it wrote to its log, safe to print."""
    asked: bool = False
    """Whether we ended it: `stop` or `hard_stop`."""
    log: str = ""
    """Path of its log; empty when none could be written."""

    @property
    def message(self) -> str:
        """What happened, in one sentence."""
        if self.asked:
            return "The engine was stopped."
        if self.signal is not None:
            try:
                name, meaning = signal.Signals(self.signal).name, _MEANINGS.get(signal.Signals(self.signal), "")
            except ValueError:
                name, meaning = "", ""
            number = f"signal {self.signal}" + (f" ({name})" if name else "")
            return f"The engine was killed by {number}" + (f": {meaning}." if meaning else ".")
        if self.code == 0:
            return "The engine left by itself."
        return f"The engine ended with exit code {self.code}."

    @property
    def hint(self) -> str:
        """What to do about it."""
        if self.asked:
            return "Start it again to go on."
        smaller = "Start it again, with a smaller model, nf4 or a shorter limit if that repeats"
        again = smaller if self.signal == signal.SIGKILL else "Start it again"
        return f"{again}; its log is {self.log}." if self.log else f"{again}."

    def as_error(self) -> EngineError:
        """The error that a request gets which was open when the engine went."""
        said = f" Its last words: {self.last_lines[-1]}" if self.last_lines and not self.asked else ""
        return EngineError(self.message + said, self.hint)
