"""Long work beside the event loop: in a thread of its own, and where it needs the database with a connection of its own.

`StoreThread` is for calls that are over at once; what takes seconds would hold up every verdict behind it. The threads here
are daemons: leaving the console does not wait for them. A read that is cut off leaves nothing behind, and of a write
SQLite keeps nothing that was not committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, TypeVar

from aligntui.core.errors import AligntuiError

if TYPE_CHECKING:
    from aligntui.store import Store

T = TypeVar("T")


class Stopped(AligntuiError):
    """The user stopped the work; nothing of it is kept."""


async def in_thread(call: Callable[[], T]) -> T:
    """Run `call` in a daemon thread. A cancelled waiter goes away at once; the thread ends by itself.

    Raises:
        Exception: whatever `call` raises.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(put: Callable[[Any], None], value: object) -> None:
        if not future.done():
            put(value)

    def work() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            try:
                done = call()
            except Exception as error:  # noqa: BLE001 - the edge of the thread: it goes to whoever waits
                loop.call_soon_threadsafe(settle, future.set_exception, error)
            else:
                loop.call_soon_threadsafe(settle, future.set_result, done)

    Thread(target=work, name="aside", daemon=True).start()
    return await future


class Aside:
    """One piece of long work on the database of a workspace, with its progress and a way to stop it.

    Args:
        path: the database; opened by the thread that works on it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stop = Event()
        self.done = 0
        """How far it is, in whatever the work counts."""
        self.total = 0
        """How far it goes; 0 where that is not known."""

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask the work to end; it does at its next `advance`."""
        self._stop.set()

    def advance(self, done: int) -> None:
        """To be called by the work now and then.

        Raises:
            Stopped: the user wants no more of it.
        """
        self.done = done
        if self._stop.is_set():
            raise Stopped("Stopped.", "Nothing of it was kept.")

    async def run(self, call: Callable[[Store], T]) -> T:
        """Run `call(store)` on a connection of its own; when the waiting task is cancelled the work is stopped, too.

        Raises:
            Stopped: it was stopped before it was done.
            StoreError: the database cannot be opened, read or written.
        """

        def work() -> T:
            from aligntui.store import open_store  # imported here for the sake of the first paint

            with open_store(self._path) as store:
                self.advance(0)
                return call(store)

        try:
            return await in_thread(work)
        except asyncio.CancelledError:
            self.stop()
            raise
