"""Words in the texts of a pair: prompt, left and right answer together.

A pair is found when each word stands in one of its texts. The first pairs of a list are simply read, which shows a page
of a common word at once. Where that is not enough, the trigram index is asked for every turn with each word, and the
pairs of these turns are kept in a temporary table until the database changes: scrolling, other orders and the count then
ask only that table. It takes time in proportion to the hits, 0.2 s for a word in every second of 300,000 texts.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from aligntui.store.fts import like_filters, plan
from aligntui.store.pair_query import FEW, FOUND
from aligntui.store.query import TRIGRAM, Query

READ_FIRST = 300
"""Pairs that are read before the index is asked."""

_PROBED = 1_000
"""Turns up to which words are compared by how rare they are, and pairs whose texts are read for the rarer ones."""

_HITS = "hit_turns"


class PairSearch:
    """The pairs that the last search found, as long as nothing was written since."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] | None = None
        self._count = 0

    def known(self, conn: sqlite3.Connection, words: Query) -> int | None:
        """How many pairs the table `FOUND` holds for these words; None where it does not hold them."""
        return self._count if self._key == (words, *_version(conn)) else None

    def find(self, conn: sqlite3.Connection, words: Query) -> int:
        """Fill the table `FOUND` with every pair that has all the words.

        Returns:
            How many there are.
        """
        count = self.known(conn, words)
        if count is None:
            self._key = None
            _make_tables(conn)
            _fill(conn, words)
            count = self._count = conn.execute(f"SELECT count(*) FROM temp.{FOUND}").fetchone()[0]
            self._key = (words, *_version(conn))
        return count


def read_through(conn: sqlite3.Connection, seqs: Sequence[int], words: Query) -> list[int]:
    """Those of the pairs that have all the words, in the order given."""
    filters, values = like_filters(words.words, "(p.text || char(10) || l.text || char(10) || coalesce(r.text, ''))")
    rows = conn.execute(
        "SELECT i.seq FROM json_each(:seqs) wanted CROSS JOIN pair_index i ON i.seq = wanted.value "
        "CROSS JOIN turns p ON p.seq = i.prompt_seq CROSS JOIN turns l ON l.seq = i.left_seq "
        f"LEFT JOIN turns r ON r.seq = i.right_seq WHERE 1 {filters} ORDER BY wanted.key",
        {"seqs": json.dumps(list(seqs)), **values},
    )
    return [row[0] for row in rows]


def reads_alike(words: Query) -> bool:
    """Whether reading finds what the index finds: LIKE knows upper and lower case of ASCII letters only."""
    return all(word.isascii() or len(word) < TRIGRAM for word in words.words)


def _version(conn: sqlite3.Connection) -> tuple[int, int]:
    """Changes with every write, by this connection or another."""
    return conn.execute("PRAGMA data_version").fetchone()[0], conn.total_changes


def _make_tables(conn: sqlite3.Connection) -> None:
    conn.execute(f"CREATE TEMP TABLE IF NOT EXISTS {_HITS} (seq INTEGER PRIMARY KEY)")
    conn.execute(
        f"CREATE TEMP TABLE IF NOT EXISTS {FOUND} "
        "(at INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (at, seq)) WITHOUT ROWID"
    )
    conn.execute(f"DELETE FROM temp.{FOUND}")


def _fill(conn: sqlite3.Connection, words: Query) -> None:
    """Look for the rarest word first; of few pairs with it the texts are read for the others."""
    left = list(words.words)
    if len(left) > 1:
        left.sort(key=lambda word: _estimate(conn, word))
    _add_pairs(conn, _find_turns(conn, left.pop(0)))
    while left:
        found = conn.execute(f"SELECT seq FROM temp.{FOUND} LIMIT {_PROBED + 1}").fetchall()
        rest = Query(tuple(left), ())
        if len(found) <= _PROBED and reads_alike(rest):
            kept = read_through(conn, [row[0] for row in found], rest)
            conn.execute(
                f"DELETE FROM temp.{FOUND} WHERE seq NOT IN (SELECT value FROM json_each(?))", (json.dumps(kept),)
            )
            break
        _find_turns(conn, left.pop(0))
        _keep_pairs(conn)
    # the next search should not wait for the rows of this one to be dropped
    conn.execute(f"DELETE FROM temp.{_HITS}")


def _turns_with(conn: sqlite3.Connection, word: str) -> tuple[str, dict[str, str]] | None:
    """SQL for the turns that have a word; None where none can."""
    query = Query((word,), ()) if len(word) >= TRIGRAM else Query((), (word,))
    planned = plan(conn, "turns_fts", query)
    if planned.hopeless:
        return None
    if planned.match:
        return "SELECT rowid FROM turns_fts WHERE turns_fts MATCH :match", {"match": planned.match}
    filters, values = like_filters(planned.common, "v.text")
    return f"SELECT v.seq FROM turn_texts v WHERE 1 {filters}", values


def _estimate(conn: sqlite3.Connection, word: str) -> int:
    """How many turns have a word, up to `_PROBED`; of a word that the index does not know, so many."""
    found = _turns_with(conn, word)
    if found is None:
        return 0
    sql, values = found
    if "match" not in values:
        return _PROBED
    return conn.execute(f"SELECT count(*) FROM ({sql} LIMIT {_PROBED})", values).fetchone()[0]


def _find_turns(conn: sqlite3.Connection, word: str) -> int:
    """Fill the table of turns with those that have a word; returns how many."""
    conn.execute(f"DELETE FROM temp.{_HITS}")
    found = _turns_with(conn, word)
    if found is None:
        return 0
    sql, values = found
    return conn.execute(f"INSERT INTO temp.{_HITS} (seq) {sql}", values).rowcount


def _add_pairs(conn: sqlite3.Connection, hits: int) -> None:
    if hits < FEW:
        parts = [
            f"SELECT i.at, i.seq FROM temp.{_HITS} h CROSS JOIN pair_index i "
            f"INDEXED BY pair_index_by_{column} ON i.{column} = h.seq"
            for column in ("prompt_seq", "left_seq", "right_seq")
        ]
        sql = " UNION ".join(parts)
    else:
        sql = f"SELECT i.at, i.seq FROM pair_index i NOT INDEXED WHERE {_IN_HITS} ORDER BY i.at, i.seq"
    conn.execute(f"INSERT INTO temp.{FOUND} (at, seq) {sql}")


def _keep_pairs(conn: sqlite3.Connection) -> None:
    conn.execute(
        f"DELETE FROM temp.{FOUND} WHERE NOT EXISTS (SELECT 1 FROM pair_index i "
        f"WHERE i.seq = {FOUND}.seq AND ({_IN_HITS}))"
    )


_IN_HITS = " OR ".join(
    f"+i.{column} IN (SELECT seq FROM temp.{_HITS})" for column in ("prompt_seq", "left_seq", "right_seq")
)
