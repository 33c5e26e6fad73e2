"""What SQLite reports, said so that a user can act on it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from aligntui.core.errors import AligntuiError, StoreError, UserError


def damaged(path: Path, found: str) -> StoreError:
    """The file is no database any more, or a page of it cannot be read."""
    return StoreError(
        f"The database {path} is damaged: {found}.",
        f"Nothing was changed. Copy {path.name}, {path.name}-wal and {path.name}-shm aside, then save what can be read: "
        f"sqlite3 COPY .recover | sqlite3 {path.name}",
    )


def translate(error: sqlite3.Error, path: Path) -> AligntuiError | None:
    """The expected failure behind an error of the driver; None where it is a bug of ours.

    Source: result codes of SQLite, https://www.sqlite.org/rescode.html; the lower 8 bits are the primary code.
    """
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    said = str(error)
    match code & 0xFF:
        case sqlite3.SQLITE_FULL:
            return StoreError(
                f"The disk is full: {path} could not grow.",
                "Everything written before is safe. Free some space and try again.",
            )
        case sqlite3.SQLITE_NOTADB:
            return damaged(path, "it is not a SQLite database")
        case sqlite3.SQLITE_CORRUPT:
            return damaged(path, said)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return StoreError(
                f"The database {path} is read-only: {said}.",
                "Make the file and its folder writable, or use another workspace with --workspace.",
            )
        case sqlite3.SQLITE_CANTOPEN:
            return StoreError(
                f"The database {path} could not be opened: {said}.",
                "Its folder must exist and be writable (SQLite keeps two files beside the database); "
                "or use another workspace with --workspace.",
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreError(
                f"Another process held the database {path} for more than 10 s.",
                "Close the other aligntui or sqlite3 that writes to it, then try again.",
            )
        case sqlite3.SQLITE_IOERR:
            return StoreError(
                f"The disk failed while {path} was read or written: {said}.",
                "Everything written before is kept. Look for a full or unplugged disk, then try again.",
            )
        case sqlite3.SQLITE_TOOBIG:
            return UserError(
                f"The text is too long for the database: {said}.", "At most 1 GB can be stored in one turn."
            )
        case sqlite3.SQLITE_CONSTRAINT:
            return UserError(f"The database refused this: {said}.")
        case _:
            return None
