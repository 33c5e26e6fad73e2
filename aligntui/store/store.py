"""The database of a workspace as one object."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from aligntui.store.connection import Connection, connect
from aligntui.store.generation import GenerationTable
from aligntui.store.imports import ImportTable
from aligntui.store.judging_queue import JudgingQueue
from aligntui.store.pair_bulk import PairBulk
from aligntui.store.pair_detail import PairDetails
from aligntui.store.pair_stream import PairStream
from aligntui.store.resolve import PairResolution
from aligntui.store.search import SearchIndex
from aligntui.store.sessions import SessionTable
from aligntui.store.tree import TreeTable
from aligntui.store.turns import TurnTable
from aligntui.store.unanswered import UnansweredPrompts
from aligntui.store.verify import Verification
from aligntui.store.waivers import WaiverTable


class Store(
    SessionTable,
    GenerationTable,
    TurnTable,
    TreeTable,
    UnansweredPrompts,
    JudgingQueue,
    PairResolution,
    PairDetails,
    PairStream,
    PairBulk,
    ImportTable,
    WaiverTable,
    SearchIndex,
    Verification,
):
    """Sessions, turns, pairs, what curating them needs, and runs of generation. Every write is on the disk when its call returns.

    One connection; calls from several threads wait for each other. Other processes may use the same file: readers never
    wait, writers wait for each other up to `connection.BUSY_TIMEOUT_S`.

    Every method raises StoreError when the database cannot be read or written; nothing of a failed call is kept.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @property
    def path(self) -> Path:
        """The database file."""
        return self.connection.path

    def close(self) -> None:
        """Close the file. The store is of no use afterwards; closing twice is allowed."""
        self.connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_store(path: Path) -> Store:
    """Open the database at `path`, make it with its folder where it is missing, and bring its schema up to date.

    Raises:
        StoreError: unwritable or missing folder, no database, damaged, read-only, full disk, a newer schema.
    """
    return Store(connect(path))
