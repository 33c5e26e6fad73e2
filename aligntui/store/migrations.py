"""Brings a database to the schema of this version, through the migrations of sqlite-utils.

sqlite-utils records each migration in `_sqlite_migrations`, in one transaction with its effect. It is imported here and
only when something is to be applied: it imports pandas where that is installed, which costs 0.25 s and 70 MB that the
console does not have to spare; `PRAGMA user_version` tells without it whether a file is up to date.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aligntui.store.schema import APPLICATION_ID, SCHEMA_VERSION, VERSIONS

if TYPE_CHECKING:
    from sqlite_utils import Database


def migrate(conn: sqlite3.Connection) -> None:
    """Apply what is missing, all of it or nothing.

    Two processes that open a blank file at once are let in one after the other; the second finds nothing to do.

    Foreign keys are off meanwhile: a table that is built anew takes the place of one that others refer to. SQLite takes
    the switch only outside a transaction.

    Args:
        conn: connection without an open transaction, `isolation_level` None. Foreign keys are on afterwards.

    Raises:
        sqlite3.Error: the file cannot be written; nothing was applied.
    """
    conn.execute("PRAGMA foreign_keys = OFF")
    try:
        conn.execute("BEGIN IMMEDIATE")
        try:
            if schema_version(conn) < SCHEMA_VERSION:
                _apply(conn)
            conn.execute("COMMIT")
        except BaseException:
            if conn.in_transaction:
                conn.execute("ROLLBACK")
            raise
    finally:
        conn.execute("PRAGMA foreign_keys = ON")


def schema_version(conn: sqlite3.Connection) -> int:
    """How many migrations the file has seen; 0 for a blank one."""
    return conn.execute("PRAGMA user_version").fetchone()[0]


def _apply(conn: sqlite3.Connection) -> None:
    with _without_pandas():
        from sqlite_utils import Database
        from sqlite_utils.migrations import Migrations

    migrations = Migrations("aligntui")
    for name, statements in VERSIONS:

        def run(db: Database, statements: tuple[str, ...] = statements) -> None:
            for statement in statements:
                db.execute(statement)

        migrations(name=name)(run)
    migrations.apply(Database(conn, recursive_triggers=False, execute_plugins=False))
    conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    conn.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def _without_pandas() -> Iterator[None]:
    """Let `import pandas` fail inside, unless it is loaded already: sqlite-utils does without it.

    It would fail in another thread as well, for these 0.1 s in the life of a workspace; nothing in the processes that
    open the database imports pandas.
    """
    if "pandas" in sys.modules:
        yield
        return
    sys.modules["pandas"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["pandas"]
