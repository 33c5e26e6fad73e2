"""The database from an event loop: one worker thread owns the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from aligntui.store import Store

T = TypeVar("T")


class StoreThread:
    """Runs store calls one after another in a thread of its own, so that neither fsync nor search holds the screen up.

    The database is opened by the first call (sqlite-utils takes longer to import than the console to paint).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._store: Store | None = None

    async def run(self, call: Callable[[Store], T]) -> T:
        """Run `call(store)` in the store's thread.

        The call is never abandoned: when the awaiting task is cancelled the write still happens.

        Raises:
            StoreError: the database cannot be opened, read or written.
        """
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._pool, self._call, call))

    def _call(self, call: Callable[[Store], T]) -> T:
        if self._store is None:
            from aligntui.store import open_store  # imported here for the sake of the first paint

            self._store = open_store(self.path)
        return call(self._store)

    async def close(self) -> None:
        """Finish what is queued and close the connection."""

        def finish() -> None:
            if self._store is not None:
                self._store.close()
                self._store = None

        await asyncio.get_running_loop().run_in_executor(self._pool, finish)
        self._pool.shutdown(wait=True)
