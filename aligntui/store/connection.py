"""One connection to the database: opening, transactions, durability."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aligntui.core.errors import StoreError
from aligntui.store.faults import damaged, translate
from aligntui.store.migrations import migrate, schema_version
from aligntui.store.schema import APPLICATION_ID, SCHEMA_VERSION

BUSY_TIMEOUT_S = 10.0
"""How long a write waits for the writer of another process."""

_OLDEST_SQLITE = (3, 37, 0)
"""First release with STRICT tables; the trigram tokenizer came in 3.34."""


class Connection:
    """A database connection that any thread may use, one at a time.

    Args:
        conn: opened by `connect`, `isolation_level` None.
        path: file, for messages.
    """

    def __init__(self, conn: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self._conn = conn
        # Protects the transaction state of the connection: a second thread waits until the first has committed.
        self._lock = threading.RLock()
        self._writing = False

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Several SELECTs that all see the same state of the database. Reads may be nested, in writes as well.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._lock, self._translated():
            if self._conn.in_transaction:
                yield self._conn
                return
            self._conn.execute("BEGIN")
            try:
                yield self._conn
            finally:
                if self._conn.in_transaction:
                    self._conn.execute("COMMIT")

    @contextmanager
    def write(self, *, outermost: bool = False) -> Iterator[sqlite3.Connection]:
        """Several statements, all or none; durable when the outermost block has ended.

        BEGIN IMMEDIATE takes the write lock at once: a transaction that reads first and writes later could find that
        another process has written meanwhile, which no busy timeout heals.

        Args:
            outermost: refuse to stand inside another write, which could go on and keep half of this one.

        Raises:
            StoreError: the file cannot be written; nothing of the block is kept.
            UserError: the schema refuses a row; nothing of the block is kept.
            RuntimeError: it stands inside a read, or inside a write although `outermost`.
        """
        with self._lock, self._translated():
            if self._conn.in_transaction:
                if not self._writing:
                    raise RuntimeError("a write stands inside a read, which could not take the write lock any more")
                if outermost:
                    raise RuntimeError("a transaction of its own stands inside another write")
                yield self._conn
                return
            self._conn.execute("BEGIN IMMEDIATE")
            self._writing = True
            try:
                yield self._conn
                self._conn.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors, a full disk among them
                if self._conn.in_transaction:
                    self._conn.execute("ROLLBACK")
                raise
            finally:
                self._writing = False

    @property
    def writing(self) -> bool:
        """Whether the block that asks stands inside a write, which may be rolled back."""
        return self._writing

    def close(self) -> None:
        """Close the file; the last connection folds the write-ahead log into it."""
        with self._lock:
            self._conn.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            expected = translate(error, self.path)
            if expected is None:
                raise
            raise expected from error


def connect(path: Path) -> Connection:
    """Open the database at `path`, made with its folder where it is missing, and bring its schema up to date.

    Raises:
        StoreError: the folder cannot be made or written, the file is a folder, damaged, read-only, of another program
            or of a newer aligntui, the disk is full, or SQLite is too old.
    """
    path = path.expanduser().absolute()
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StoreError(
            f"aligntui needs SQLite 3.37 or later; this Python has {sqlite3.sqlite_version}.", "Use a newer Python."
        )
    _prepare_folder(path)
    try:
        conn = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise translate(error, path) or error from error
    try:
        _set_up(conn, path)
    except sqlite3.Error as error:
        conn.close()
        raise translate(error, path) or error from error
    except BaseException:
        conn.close()
        raise
    return Connection(conn, path)


def _prepare_folder(path: Path) -> None:
    try:
        if path.is_dir():
            raise StoreError(
                f"The database {path} is a folder.", "Move it away, or use another workspace with --workspace."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder {path.parent} for the database cannot be used: {error.strerror}.",
            "Make it writable, or use another workspace with --workspace.",
        ) from error


def _set_up(conn: sqlite3.Connection, path: Path) -> None:
    conn.row_factory = sqlite3.Row
    conn.execute("PRAGMA foreign_keys = ON")
    conn.execute("PRAGMA synchronous = FULL")  # with WAL: the log is flushed to the disk before a commit returns
    conn.execute("PRAGMA temp_store = MEMORY")  # what a search found is a few MB and is dropped by the next one
    conn.execute("PRAGMA cache_size = -8000")  # KiB: a search at 100,000 turns reads more than the default 2 MB
    version = schema_version(conn)
    _refuse_foreign(conn, path, version)
    _use_wal(conn)
    if version < SCHEMA_VERSION:
        migrate(conn)
    _refuse_read_only(conn)


def _refuse_read_only(conn: sqlite3.Connection) -> None:
    """Raise sqlite3.OperationalError now and not when the first verdict is lost; nothing is written.

    SQLite begins even an IMMEDIATE transaction on a read-only file, and complains at the first change.
    """
    conn.execute("BEGIN IMMEDIATE")
    try:
        conn.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    finally:
        if conn.in_transaction:
            conn.execute("ROLLBACK")


def _refuse_foreign(conn: sqlite3.Connection, path: Path, version: int) -> None:
    application_id = conn.execute("PRAGMA application_id").fetchone()[0]
    tables = conn.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if tables and application_id != APPLICATION_ID:
        raise StoreError(
            f"{path} is a SQLite database of another program.",
            "Move it away, or use another workspace with --workspace.",
        )
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"The database {path} was written by a newer aligntui (schema {version}; this one knows {SCHEMA_VERSION}).",
            "Upgrade aligntui. Nothing was changed.",
        )
    if version and not tables:
        raise damaged(path, "it says that it has tables and has none")


def _use_wal(conn: sqlite3.Connection) -> None:
    """Switch a new file to write-ahead logging, so that readers and one writer do not wait for each other.

    The switch takes an exclusive lock for which SQLite does not run the busy timeout. Where a file system cannot do
    WAL, SQLite stays with its rollback journal: slower, and just as durable.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            conn.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
