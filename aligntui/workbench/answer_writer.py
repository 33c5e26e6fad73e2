"""Answers on their way into the database: in order, one at a time, none lost when the disk is full."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from aligntui.config.paths import log_dir
from aligntui.core.errors import StoreError, UserError
from aligntui.core.ids import canonical_json, new_id
from aligntui.core.turn import Answer
from aligntui.workbench.store_thread import StoreThread


class AnswerWriter:
    """The only one who writes answers of a chat.

    Args:
        store: the workspace's database.
        on_stored: called for each answer once it is in the database.
    """

    def __init__(self, store: StoreThread, on_stored: Callable[[Answer], None]) -> None:
        self.waiting: list[Answer] = []
        """Ended answers that are not in the database yet, oldest first."""
        self._store = store
        self._on_stored = on_stored
        self._turn = asyncio.Lock()

    async def write(self, answer: Answer) -> None:
        """Write an answer, after those that wait already.

        Raises:
            StoreError: the database will not take it; it is kept and tried again with the next write.
            UserError: it does not belong there (its prompt is gone); it is not tried again.
        """
        self.waiting.append(answer)
        await self.drain()

    async def drain(self) -> None:
        """Write whatever waits; raises as `write`."""
        async with self._turn:
            while self.waiting:
                answer = self.waiting[0]
                try:
                    await self._store.run(lambda store, answer=answer: store.add_answer(answer))
                except StoreError:
                    raise
                except UserError:
                    self.waiting.pop(0)  # one that can never be written must not hold up the others
                    raise
                self.waiting.pop(0)
                self._on_stored(answer)

    def rescue(self) -> Path | None:
        """Put what still waits into a file, as JSON lines; None when nothing waits or no file can be written."""
        if not self.waiting:
            return None
        path = log_dir() / f"unsaved-{new_id('answers')}.jsonl"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(
                "".join(canonical_json(asdict(answer)) + "\n" for answer in self.waiting), "utf-8", "replace"
            )
        except OSError:
            return None
        return path
