"""Sessions: made, renamed, listed, found."""

from __future__ import annotations

import sqlite3
from typing import Any

from aligntui.core.errors import UserError, nearest
from aligntui.core.ids import new_id, now_utc
from aligntui.core.turn import Session, SessionKind
from aligntui.store.connection import Connection
from aligntui.store.fts import like_filters, plan
from aligntui.store.query import Query, parse_query
from aligntui.store.values import storable

_COLUMNS = "id, name, created_at, updated_at, turn_count, pair_count, kind"
_ORDER = "ORDER BY updated_at DESC, seq DESC"
_PAGE = "LIMIT :limit OFFSET :offset"
_RECENT = 200
"""Sessions whose names are scanned before the index is asked."""

_AFTER_EVERY_ID = "\U0010ffff"


class SessionTable:
    """The part of `Store` about sessions."""

    connection: Connection

    def create_session(self, name: str, kind: SessionKind = SessionKind.CHAT) -> Session:
        """Make an empty session. Several sessions may have one name.

        Raises:
            UserError: the name is blank.
            StoreError: it could not be written.
        """
        now = now_utc()
        session = Session(new_id("session"), checked_name(name), now, now, kind=kind)
        with self.connection.write() as conn:
            conn.execute(
                "INSERT INTO sessions (id, name, created_at, updated_at, kind) VALUES (?, ?, ?, ?, ?)",
                (session.id, session.name, now, now, kind),
            )
        return session

    def rename_session(self, session_id: str, name: str) -> Session:
        """Give a session another name; its place in the list stays.

        Raises:
            UserError: the name is blank, or there is no such session.
            StoreError: it could not be written.
        """
        name = checked_name(name)
        with self.connection.write() as conn:
            done = conn.execute("UPDATE sessions SET name = ? WHERE id = ?", (name, session_id))
            if done.rowcount == 0:
                raise UserError(f"There is no session {session_id!r}.", "List them with `aligntui sessions list`.")
            return _session(conn.execute(f"SELECT {_COLUMNS} FROM sessions WHERE id = ?", (session_id,)).fetchone())

    def list_sessions(self, limit: int = 50, offset: int = 0, query: str = "") -> list[Session]:
        """Sessions, those used last first.

        Args:
            limit: at most so many.
            offset: leave out so many from the top.
            query: only sessions whose name holds all of these words, in the manner of `Store.search`.

        Raises:
            StoreError: the database cannot be read.
        """
        with self.connection.read() as conn:
            if query.strip():
                return _named(conn, parse_query(query), limit, offset)
            return _listed(
                conn, f"SELECT {_COLUMNS} FROM sessions {_ORDER} {_PAGE}", {"limit": limit, "offset": offset}
            )

    def get_session(self, key: str) -> Session:
        """Find one session by its id, its exact name, or the beginning of its id (with or without `session_`).

        Raises:
            UserError: none or several fit.
            StoreError: the database cannot be read.
        """
        key = storable(key.strip())
        with self.connection.read() as conn:
            for where, value in (("id = ?", key), ("name = ?", key)):
                found = conn.execute(
                    f"SELECT {_COLUMNS} FROM sessions WHERE {where} ORDER BY seq DESC LIMIT 6", (value,)
                ).fetchall()
                if found:
                    return _session(_only(found, key))
            prefix = key if key.startswith("session_") else f"session_{key}"
            if key and prefix != "session_":
                found = conn.execute(
                    f"SELECT {_COLUMNS} FROM sessions WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 6",
                    (prefix, prefix + _AFTER_EVERY_ID),
                ).fetchall()
                if found:
                    return _session(_only(found, key))
            names = [r[0] for r in conn.execute("SELECT name FROM sessions ORDER BY updated_at DESC LIMIT 200")]
        hint = nearest(key, names[:8]) if names else "There is none yet."
        raise UserError(f"There is no session {key!r}.", hint)


def _named(conn: sqlite3.Connection, query: Query, limit: int, offset: int) -> list[Session]:
    """Sessions by name: those used last are scanned, and where that is not enough, all are looked up in the index."""
    filters, values = like_filters(query.words, "name")
    recent = f"(SELECT * FROM sessions {_ORDER} LIMIT {_RECENT})"
    page = {"limit": limit, "offset": offset}
    found = _listed(conn, f"SELECT {_COLUMNS} FROM {recent} WHERE 1 {filters} {_PAGE}", values | page)
    if len(found) >= limit:
        return found
    planned = plan(conn, "sessions_fts", query)
    if planned.hopeless:
        return []
    filters, values = like_filters(planned.common, "name")
    where = "seq IN (SELECT rowid FROM sessions_fts WHERE sessions_fts MATCH :match)" if planned.match else "1"
    return _listed(
        conn,
        f"SELECT {_COLUMNS} FROM sessions WHERE {where} {filters} {_ORDER} {_PAGE}",
        {"match": planned.match, **values, **page},
    )


def _listed(conn: sqlite3.Connection, sql: str, values: dict[str, Any]) -> list[Session]:
    return [_session(row) for row in conn.execute(sql, values)]


def checked_name(name: str) -> str:
    """A name of a session on one line.

    Raises:
        UserError: it is blank.
    """
    name = " ".join(storable(name).split())
    if not name:
        raise UserError("A session needs a name.", "Type at least one letter.")
    return name


def _only(rows: list[sqlite3.Row], key: str) -> sqlite3.Row:
    if len(rows) == 1:
        return rows[0]
    shown = ", ".join(row["id"] for row in rows[:5]) + (", ..." if len(rows) > 5 else "")
    raise UserError(f"Several sessions fit {key!r}: {shown}.", "Give the id.")


def _session(row: sqlite3.Row) -> Session:
    *values, kind = row
    return Session(*values, kind=SessionKind(kind))
