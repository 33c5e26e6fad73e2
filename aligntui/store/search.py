"""Full-text search over prompts, answers and instructions, newest first.

Words of three characters and more are looked up in a trigram index. Shorter ones have no entry there, and a scan of all
texts would grow with the table; they are found in three steps: the newest texts are scanned (common words end there), the
trigrams that begin with the word are looked up (rare words end there, the usual case for a Chinese or Japanese word of two
characters), and only a word that is neither is looked for in all texts, where it soon has been found often enough.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aligntui.core.turn import Role
from aligntui.store.connection import Connection
from aligntui.store.query import Query, like_pattern, parse_query, phrase
from aligntui.store.schema import TEXT_END

_NEWEST = 1_000
"""Texts that are scanned before the index is asked about a short word."""

_MAX_TRIGRAMS = 400
"""Trigrams that stand for a short word; a word with more of them is common enough for a scan."""

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
            in_instruction = _Index(conn, "instructions_fts", "instruction_texts", bounds).find(parsed, limit)
            found = {seq: (text, False) for seq, text in in_text}
            for seq, text in in_instruction:
                found.setdefault(seq, (text, True))
            newest = sorted(found, reverse=True)[:limit]
            return [_hit(conn, seq, *found[seq], parsed) for seq in newest]


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

    def find(self, query: Query, limit: int) -> list[tuple[int, str]]:
        """Row id and text of the newest matches."""
        if not query.long:
            newest = self._scan(query.short, limit, self.bounds.last - _NEWEST + 1)
            if len(newest) >= limit:
                return newest
        expression = [phrase(word) for word in query.long]
        common: list[str] = []
        for word in query.short:
            trigrams = self._trigrams(word)
            if trigrams is None:
                common.append(word)
            elif trigrams:
                expression.append("(" + " OR ".join(map(phrase, trigrams)) + ")")
            else:
                return []
        if not expression:
            return self._scan(query.short, limit, self.bounds.first)
        return self._match(" AND ".join(expression), common, limit)

    def _match(self, expression: str, common: Sequence[str], limit: int) -> list[tuple[int, str]]:
        filters, values = _filters(common)
        return self._rows(
            f"SELECT v.seq, v.text FROM {self.fts} f CROSS JOIN {self.view} v ON v.seq = f.rowid "
            f"WHERE {self.fts} MATCH :match AND f.rowid BETWEEN :first AND :last "
            f"AND (:session IS NULL OR v.session_id = :session) {filters} ORDER BY f.rowid DESC LIMIT :limit",
            {"match": expression, "first": self.bounds.first, "limit": limit, **values},
        )

    def _scan(self, words: Sequence[str], limit: int, first: int) -> list[tuple[int, str]]:
        filters, values = _filters(words)
        session = "AND v.session_id = :session" if self.bounds.session_id else ""
        return self._rows(
            f"SELECT v.seq, v.text FROM {self.view} v "
            f"WHERE v.seq BETWEEN :first AND :last {session} {filters} ORDER BY v.seq DESC LIMIT :limit",
            {"first": max(first, self.bounds.first), "limit": limit, **values},
        )

    def _rows(self, sql: str, values: dict[str, Any]) -> list[tuple[int, str]]:
        values |= {"last": self.bounds.last, "session": self.bounds.session_id}
        return [(row[0], row[1].removesuffix(TEXT_END)) for row in self.conn.execute(sql, values)]

    def _trigrams(self, word: str) -> list[str] | None:
        """The entries of the index that begin with a short word; None when there are too many to ask for."""
        folded = "".join(char.lower() if len(char.lower()) == 1 else char for char in word)
        found: list[str] = []
        after = folded
        while len(found) < _MAX_TRIGRAMS:
            row = self.conn.execute(
                f"SELECT term FROM {self.fts}_terms WHERE term >= ? ORDER BY term LIMIT 1", (after,)
            ).fetchone()
            if row is None or not row[0].startswith(folded):
                return found
            found.append(row[0])
            after = row[0] + "\x01"
        return None


def _filters(words: Sequence[str]) -> tuple[str, dict[str, str]]:
    """SQL that asks for every word by LIKE, in the cases that LIKE does not know to be the same."""
    parts: list[str] = []
    values: dict[str, str] = {}
    for word in words:
        alternatives: list[str] = []
        for variant in dict.fromkeys((word, word.lower(), word.upper())):
            name = f"like{len(values)}"
            values[name] = like_pattern(variant)
            alternatives.append(f"v.text LIKE :{name} ESCAPE '\\'")
        parts.append("AND (" + " OR ".join(alternatives) + ")")
    return " ".join(parts), values


def _hit(conn: sqlite3.Connection, seq: int, text: str, in_instruction: bool, query: Query) -> Hit:
    row = conn.execute(
        "SELECT t.id, t.session_id, s.name, t.role, t.created_at FROM turns t JOIN sessions s ON s.id = t.session_id "
        "WHERE t.seq = ?",
        (seq,),
    ).fetchone()
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
