"""One engine process: started without a shell, in its own process group, with a private log.

It lowers its own priority (`aligntui.backend.stdio`), so that typing stays smooth.
Lines are cut out of its standard output here and handed on as bytes; what they mean is the client's affair.
asyncio's `Process.wait` also waits for the pipes, which a grandchild (pip fetching a model) may hold open long
after the engine was killed, so the end is taken from `process_exited` instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from aligntui.core.errors import EngineError
from aligntui.core.printable import one_line

LOGS_KEPT = 3
MAX_LINE_BYTES = 256 << 20
"""Longest line that is waited for. An answer of 100,000 tokens with log-probabilities takes about 3 MiB."""
DRAIN_S = 1.0
"""How long the pipe is read on after the process has ended, where something outside its group holds it open."""
TAIL_LINES = 20


class EngineProcess(asyncio.SubprocessProtocol):
    """A running engine, from its start to its end.

    Args:
        on_line: called with each line of standard output, without its line break.
    """

    def __init__(self, on_line: Callable[[bytes], None]) -> None:
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = loop.create_future()
        """Return code as `subprocess` gives it: negative for a signal."""
        self.log: Path | None = None
        self.pid = 0
        self._drained: asyncio.Future[None] = loop.create_future()
        self._on_line = on_line
        self._buffer = bytearray()
        self._searched = 0
        self._too_long = False
        self._transport: asyncio.SubprocessTransport | None = None
        self._log_descriptor = -1

    @classmethod
    async def start(
        cls, argv: Sequence[str], on_line: Callable[[bytes], None], log_directory: Path, env: Mapping[str, str]
    ) -> EngineProcess:
        """Start `argv`.

        Raises:
            EngineError: it cannot be started.
        """
        loop = asyncio.get_running_loop()
        process = cls(on_line)
        process.log, process._log_descriptor = open_log(log_directory)
        try:
            transport, _ = await loop.subprocess_exec(
                lambda: process,
                *argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=process._log_descriptor,
                env=dict(env),
                start_new_session=True,
            )
        except BaseException as error:
            process._close_log()
            if not isinstance(error, OSError | ValueError):
                raise
            raise EngineError(
                f"The engine could not be started ({' '.join(argv)}): {error}.",
                "Check that this Python and the memory of the machine are in order.",
            ) from error
        process._transport = transport
        process.pid = transport.get_pid()
        _offer_to_the_memory_killer(process.pid)
        return process

    def write(self, data: bytes) -> None:
        """Queue `data` for standard input.

        Raises:
            EngineError: the process no longer listens.
        """
        pipe = self._transport.get_pipe_transport(0) if self._transport else None
        if not isinstance(pipe, asyncio.WriteTransport) or pipe.is_closing() or self.exited.done():
            raise EngineError("The engine no longer listens.", "Start it again.")
        pipe.write(data)

    def close_input(self) -> None:
        """Close standard input: the engine leaves when it sees that."""
        pipe = self._transport.get_pipe_transport(0) if self._transport else None
        if pipe is not None:
            pipe.close()

    def note(self, text: str) -> None:
        """Add a line of our own to the engine's log, so that the log tells the whole story."""
        with contextlib.suppress(OSError):
            if self._log_descriptor >= 0:
                os.write(self._log_descriptor, f"[console] {text}\n".encode("utf-8", "backslashreplace"))

    def tail(self, lines: int = TAIL_LINES) -> tuple[str, ...]:
        """The end of the log, made safe to print."""
        with contextlib.suppress(OSError):
            if self._log_descriptor >= 0:
                size = os.fstat(self._log_descriptor).st_size
                text = os.pread(self._log_descriptor, 1 << 16, max(0, size - (1 << 16))).decode("utf-8", "replace")
                # progress bars rewrite their line with carriage returns; the last state is the one to show
                shown = (one_line(line.rstrip("\r").rpartition("\r")[2], 500) for line in text.split("\n"))
                return tuple(line for line in shown if line)[-lines:]
        return ()

    async def wait(self) -> int:
        """Wait for the end, end what the process had started, read what is left in the pipe; return the return code."""
        code = await asyncio.shield(self.exited)
        # what the engine had started has no purpose without it, and may hold its pipe or the accelerator's memory
        self.signal_group(signal.SIGKILL)
        await asyncio.wait({self._drained}, timeout=DRAIN_S)
        return code

    async def end(self, grace_s: float) -> None:
        """Ask the process group to end, and kill it after `grace_s`.

        Raises:
            EngineError: it does not even die of SIGKILL (it hangs in a driver).
        """
        for asked, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
            self.signal_group(asked)
            done, _ = await asyncio.wait({self.exited}, timeout=patience_s)
            if done:
                self.signal_group(signal.SIGKILL)
                return
        raise EngineError(
            f"The engine (process {self.pid}) cannot be ended: it hangs inside a driver.",
            "Wait for it, or restart the machine; everything is stored.",
        )

    def signal_group(self, number: int) -> None:
        """Send a signal to the process and all that it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def close(self) -> None:
        """Let go of pipes and log; the process must have ended."""
        if self._transport is not None:
            self._transport.close()
        self._close_log()

    def _close_log(self) -> None:
        if self._log_descriptor >= 0:
            os.close(self._log_descriptor)
            self._log_descriptor = -1

    # called by asyncio --------------------------------------------------------------------------

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Cut lines out of what has come so far."""
        buffer = self._buffer
        buffer += data
        start = 0
        while (end := buffer.find(b"\n", max(start, self._searched))) >= 0:
            line, start = bytes(buffer[start:end]), end + 1
            if self._too_long:
                self._too_long = False  # the rest of a line that was given up
            else:
                self._on_line(line)
        del buffer[:start]
        self._searched = len(buffer)
        if len(buffer) > MAX_LINE_BYTES:
            self.note(f"a line of more than {MAX_LINE_BYTES} bytes was dropped")
            buffer.clear()
            self._searched, self._too_long = 0, True

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Standard output has ended."""
        if fd == 1 and not self._drained.done():
            self._drained.set_result(None)

    def process_exited(self) -> None:
        """The process has ended and was waited for."""
        code = self._transport.get_returncode() if self._transport else None
        if not self.exited.done():
            self.exited.set_result(-signal.SIGKILL if code is None else code)


def open_log(directory: Path) -> tuple[Path | None, int]:
    """Open a fresh private log and remove all but the newest ones.

    Returns:
        Its path and a descriptor to read and append; no path and the null device where none can be written,
        because a full disk is no reason to refuse a chat.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # one file per process, not one name in turn: two consoles must not rename each other's log
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        path = directory / f"engine-{stamp}-{os.getpid()}.log"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError:
        return None, os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for old in sorted(directory.glob("engine-*.log"))[:-LOGS_KEPT]:
        with contextlib.suppress(OSError):
            old.unlink()
    return path, descriptor


def _offer_to_the_memory_killer(pid: int) -> None:
    # when memory runs out the kernel should take the weights and not the console with its unsaved work
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("500")
