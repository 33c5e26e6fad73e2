"""Keeps the protocol clean: claims standard input and output before anything else can write to them.

C code inside torch, CUDA and bitsandbytes prints to file descriptor 1 when it likes, and a library that asks a
question reads descriptor 0. So the first thing a backend process does, before it imports torch, is to move
both to private descriptors: afterwards 1 is the log and 0 is empty, for this process and its children.
This module imports the standard library only. Pinned in tests/backend/test_protocol.py.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import BinaryIO

ENGINE_NICENESS = 10
"""Lower priority than the console, so that typing stays smooth while the model decodes."""

ENVIRONMENT = {
    # Threads that wait for each other spin by default, which stops a machine as soon as anything else wants a core
    # (2 cores, pair decode beside one busy process: 10 tokens/s spinning, 70 sleeping); see infer/threads.py.
    "OMP_WAIT_POLICY": "PASSIVE",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "BITSANDBYTES_NOWELCOME": "1",
}
"""Set before torch is imported, where the user has not set them."""

_children: set[subprocess.Popen[str]] = set()


@dataclass
class Pipe:
    """The two private ends that carry the protocol."""

    requests: BinaryIO
    events: BinaryIO
    _lock: threading.Lock

    def write(self, line: bytes) -> None:
        """Write one whole line; lines of different threads never mix.

        When nobody reads any more the process has no purpose: it leaves at once and frees the weights.
        """
        with self._lock:
            try:
                self.events.write(line)
                self.events.flush()
            except (BrokenPipeError, ValueError):
                leave(0)


def claim(niceness: int = ENGINE_NICENESS) -> Pipe:
    """Take standard input and output for the protocol and point descriptor 1 at the log.

    Args:
        niceness: added to the process's own; not changed where the system has none.
    """
    requests = os.fdopen(os.dup(0), "rb", buffering=1 << 16)
    events = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    # Ctrl-C in the terminal is for the console, which closes the pipe when it means the engine too
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    settle_environment()
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(niceness)
    return Pipe(requests, events, threading.Lock())


def settle_environment() -> None:
    """Set what the libraries read when they are imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def run_child(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run a program to its end; it dies with this process.

    Returns:
        Its exit code and all that it printed.
    """
    child = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    _children.add(child)
    try:
        output, _ = child.communicate()
    finally:
        _children.discard(child)
    return child.returncode, output


def leave(code: int) -> None:
    """End the process now, also while another thread is inside C code; the system frees the memory."""
    for child in list(_children):
        with contextlib.suppress(OSError):
            child.kill()
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)
