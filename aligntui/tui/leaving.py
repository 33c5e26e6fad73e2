"""Leaving when the system asks: SIGTERM, and SIGHUP when the terminal goes away with its SSH line or its tmux.

What was flagged is stored already; what streams is stopped and stored, the engine ends, the terminal is given back where there
still is one, and the shell learns the signal. Pinned on a real pseudo-terminal in tests/e2e/test_terminal.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import termios
import threading
from collections.abc import Awaitable, Callable

from textual.app import App

GRACE_S = 15.0
"""A console that has not left by then is ended as it stands: one without a terminal that stayed would hold the model's memory."""


def leave_on_signals(app: App[int], close: Callable[[], Awaitable[None]]) -> None:
    """Have SIGTERM and SIGHUP leave the app in good order.

    Args:
        app: a running one.
        close: stores and ends what has to be; called once.
    """
    loop = asyncio.get_running_loop()
    asked: set[int] = set()
    tasks: list[asyncio.Task[None]] = []

    def begin(number: int) -> None:
        gone = not terminal_is_there()
        if gone and app._driver is not None:
            app._driver.write = lambda data: None  # type: ignore[method-assign]  its queue fills and then blocks for ever
        # Not one of Textual's workers: those are cancelled when the app ends by itself.
        tasks.append(loop.create_task(leave(number, gone=gone)))

    async def leave(number: int, *, gone: bool) -> None:
        try:
            await close()
        finally:
            if gone:
                os._exit(128 + number)  # nobody is left whose terminal could be put in order
            app.exit(128 + number, return_code=128 + number)

    def asked_to(number: int, _frame: object) -> None:
        if not asked:  # by the system and by a shell both, as at the end of an SSH line
            watchdog = threading.Timer(GRACE_S, os._exit, (128 + number,))
            watchdog.daemon = True
            watchdog.start()
            loop.call_soon_threadsafe(begin, number)
        asked.add(number)

    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):
        with contextlib.suppress(AttributeError):  # SIGHUP is not everywhere
            signal.signal(getattr(signal, name), asked_to)


def terminal_is_there() -> bool:
    """Whether standard input is a terminal that has not been hung up."""
    try:
        termios.tcgetattr(sys.__stdin__.fileno() if sys.__stdin__ else 0)
    except (termios.error, OSError, ValueError):
        return False
    return True
