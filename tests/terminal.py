"""A program on a real pseudo-terminal, its screen kept by pyte: type, press, read, resize, kill."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence

import pyte

KEYS = {"enter": "\r", "esc": "\x1b", "tab": "\t", "f1": "\x1bOP", "f2": "\x1bOQ", "f3": "\x1bOR", "f4": "\x1bOS", "f5": "\x1b[15~", "f7": "\x1b[18~", "f9": "\x1b[20~", "f12": "\x1b[24~"}  # fmt: skip
# pyte does not know these forms and would print them
_UNKNOWN = re.compile(rb"\x1b\[[<>=?][0-9;]*[pqu]|\x1b\[[?0-9;]*\$[a-z]|\x1bP[^\x1b]*\x1b\\")


class Terminal:
    """Runs `argv` on a pseudo-terminal of `columns` by `rows` cells."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], *, columns: int = 120, rows: int = 40) -> None:
        self.raw = bytearray()
        self._undrawn = bytearray()
        self.exit_code: int | None = None
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.pid, self._fd = pty.fork()
        if self.pid == 0:  # the child never returns
            os.execvpe(argv[0], list(argv), {**env, "TERM": "xterm-256color", "COLORTERM": "truecolor"})
        self.resize(columns, rows)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill(signal.SIGKILL)
        if self._fd >= 0:
            os.close(self._fd)

    def hang_up(self, deadline_s: float = 60) -> int:
        """Take the terminal away, as a lost SSH line does; the program's exit code. Nothing can be typed or read afterwards."""
        os.close(self._fd)
        self._fd = -1
        end = time.monotonic() + deadline_s
        while self.exit_code is None:
            if time.monotonic() > end:
                raise AssertionError(f"still running {deadline_s} s after its terminal went away")
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.exit_code = os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        return self.exit_code

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._screen.resize(rows, columns)

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def press(self, *keys: str) -> None:
        for key in keys:
            self.type(KEYS.get(key) or (chr(ord(key[5].upper()) & 0x1F) if key.startswith("ctrl+") else key))
            self.read(0.02)

    def receive(self, seconds: float) -> bool:
        """Take what the program writes within `seconds` into `raw`, without drawing it; False when nothing came."""
        if self.exit_code is not None or not select.select([self._fd], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:
            data = b""
        if not data:
            self._reap()
            return False
        self.raw += data
        self._undrawn += data
        return True

    def catch_up(self) -> None:
        """Draw what was received."""
        data, self._undrawn = bytes(self._undrawn), bytearray()
        self._stream.feed(_UNKNOWN.sub(b"", data))

    def read(self, seconds: float) -> bool:
        """Receive and draw; False when nothing came."""
        came = self.receive(seconds)
        if came:
            self.catch_up()
        return came

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display)

    def wait(self, pattern: str, deadline_s: float = 180) -> str:
        """Read until the screen matches; the screen is part of the failure."""
        end = time.monotonic() + deadline_s
        while not re.search(pattern, self.text, re.MULTILINE):
            if time.monotonic() > end or self.exit_code is not None:
                raise AssertionError(f"no {pattern!r} within {deadline_s} s (exit code {self.exit_code}):\n{self.text}")
            self.read(0.05)
        return self.text

    def ended(self, deadline_s: float = 60) -> int:
        """Read until the program has left; its exit code."""
        end = time.monotonic() + deadline_s
        while self.exit_code is None:
            if time.monotonic() > end:
                raise AssertionError(f"still running after {deadline_s} s:\n{self.text}")
            self.read(0.05)
        return self.exit_code

    def kill(self, number: int) -> None:
        """Signal the program (not its children) and read what is left."""
        if self.exit_code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            if number == signal.SIGKILL:
                self._reap()

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            _, status = os.waitpid(self.pid, 0)
            self.exit_code = os.waitstatus_to_exitcode(status)
