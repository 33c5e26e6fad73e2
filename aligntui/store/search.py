"""Full-text search over prompts, answers and instructions, newest first.

Words are looked up in a trigram index (`fts.py`); a query of words of one or two characters is first looked for in the
newest turns, where a common one is found often enough at once. The index is read backwards from the newest turn and
only up to the limit: what a search costs depends on how far back the hits reach. The one exception is a word that occurs
nowhere although other words hold each of its trigrams; their lists are read to the end, 2 ms at 100,000 turns.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aligntui.core.turn import Role
from aligntui.store.connection import Connection
from aligntui.store.fts import like_filters, plan
from aligntui.store.query import Query, parse_query

_NEWEST = 1_000
"""Turns that are scanned before the index is asked about short words."""

_BEFORE, _AFTER = 40, 120
"""Characters of a snippet before and after the first match."""


@dataclass(frozen=True)
class Hit:
    """A turn that was found."""

    turn_id: str
    session_id: str
    session_name: str
    role: Role
    in_instruction: bool
    """Whether the words stand in the instruction; the turn is then the first that the session made under it."""
    snippet: str
    """A piece of the text around the first match, as stored, with an ellipsis where it was cut: make it printable
    before it is shown."""
    matches: tuple[tuple[int, int], ...]
    """Start and end of each match in `snippet`; may be empty where only a rare case folding matched."""
    created_at: str


class SearchIndex:
    """The part of `Store` that searches."""

    connection: Connection

    def search(self, query: str, limit: int = 50, session_id: str | None = None) -> list[Hit]:
        """Turns in which all words of the query occur, newest first.

        Words are found inside other words, without regard to case. Quotation marks keep words together; nothing else has
        a meaning of its own, so no query is a mistake. An empty query finds nothing.

        Args:
            query: as typed; the first 500 characters and 20 words count.
            limit: at most so many hits.
            session_id: in one session only.

        Raises:
            StoreError: the database cannot be read.
        """
        parsed = parse_query(query)
        if not parsed.words or limit < 1:
            return []
        with self.connection.read() as conn:
            bounds = _bounds(conn, session_id)
            in_text = _Index(conn, "turns_fts", "turn_texts", bounds).find(parsed, limit)
            in_instruction = set(_Index(conn, "instructions_fts", "instruction_texts", bounds).find(parsed, limit))
            in_instruction.difference_update(in_text)
            newest = sorted([*in_text, *in_instruction], reverse=True)[:limit]
            rows = conn.execute(_HITS, (json.dumps(newest),)).fetchall()
        return [_hit(row, row["seq"] in in_instruction, parsed) for row in rows]


_HITS = """
SELECT t.seq, t.id, t.session_id, s.name, t.role, t.created_at, t.text, i.text AS instruction
FROM json_each(?) wanted CROSS JOIN turns t ON t.seq = wanted.value JOIN sessions s ON s.id = t.session_id
LEFT JOIN answers a ON a.seq = t.seq LEFT JOIN instructions i ON i.id = a.instruction_id
ORDER BY t.seq DESC
"""


@dataclass(frozen=True)
class _Bounds:
    """Which turns count: all, or those of a session, which lie between two row ids."""

    session_id: str | None
    first: int
    last: int


def _bounds(conn: sqlite3.Connection, session_id: str | None) -> _Bounds:
    where, values = ("WHERE session_id = ?", (session_id,)) if session_id else ("", ())
    first = conn.execute(f"SELECT min(seq) FROM turns {where}", values).fetchone()[0]
    last = conn.execute(f"SELECT max(seq) FROM turns {where}", values).fetchone()[0]
    return _Bounds(session_id, first or 0, last or 0)


@dataclass(frozen=True)
class _Index:
    """One of the two search indexes, with the view that it covers."""

    conn: sqlite3.Connection
    fts: str
    view: str
    bounds: _Bounds

    def find(self, query: Query, limit: int) -> list[int]:
        """Row ids of the newest matches, newest first."""
        if not query.long:
            newest = self._scan(query.short, limit, self.bounds.last - _NEWEST + 1)
            if len(newest) >= limit:
                return newest
        planned = plan(self.conn, self.fts, query)
        if planned.hopeless:
            return []
        if not planned.match:
            return self._scan(planned.common, limit, self.bounds.first)
        return self._match(planned.match, planned.common, limit)

    def _match(self, expression: str, common: Sequence[str], limit: int) -> list[int]:
        filters, values = like_filters(common, "v.text")
        view = f"CROSS JOIN {self.view} v ON v.seq = f.rowid" if common or self.bounds.session_id else ""
        session = "AND v.session_id = :session" if self.bounds.session_id else ""
        return self._row_ids(
            f"SELECT f.rowid FROM {self.fts} f {view} WHERE {self.fts} MATCH :match "
            f"AND f.rowid BETWEEN :from AND :to {session} {filters} ORDER BY f.rowid DESC LIMIT :limit",
            {"match": expression, "from": self.bounds.first, "to": self.bounds.last, "limit": limit, **values},
        )

    def _scan(self, words: Sequence[str], limit: int, first: int) -> list[int]:
        filters, values = like_filters(words, "v.text")
        session = "AND v.session_id = :session" if self.bounds.session_id else ""
        return self._row_ids(
            f"SELECT v.seq FROM {self.view} v WHERE v.seq BETWEEN :from AND :to {session} {filters} "
            "ORDER BY v.seq DESC LIMIT :limit",
            {"from": max(first, self.bounds.first), "to": self.bounds.last, "limit": limit, **values},
        )

    def _row_ids(self, sql: str, values: dict[str, Any]) -> list[int]:
        return [row[0] for row in self.conn.execute(sql, {**values, "session": self.bounds.session_id})]


def _hit(row: sqlite3.Row, in_instruction: bool, query: Query) -> Hit:
    text = row["instruction" if in_instruction else "text"]
    snippet, matches = _snippet(text, query.spans(text))
    return Hit(
        turn_id=row["id"],
        session_id=row["session_id"],
        session_name=row["name"],
        role=Role(row["role"]),
        in_instruction=in_instruction,
        snippet=snippet,
        matches=matches,
        created_at=row["created_at"],
    )


def _snippet(text: str, spans: list[tuple[int, int]]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The surroundings of the first match, with an ellipsis at each end that was cut, and the matches inside."""
    middle = spans[0][0] if spans else 0
    start, end = max(0, middle - _BEFORE), min(len(text), middle + _AFTER)
    lead = "…" if start else ""
    shift = len(lead) - start
    inside = tuple((first + shift, min(last, end) + shift) for first, last in spans if start <= first < end)
    return lead + text[start:end] + ("…" if end < len(text) else ""), inside
