"""Whether what is stored is whole."""

from __future__ import annotations

import sqlite3

from aligntui.core.ids import sha256_text
from aligntui.store.connection import Connection
from aligntui.store.pair_index_schema import COLUMNS

_MAX_PER_CHECK = 20
"""Findings of one kind that are listed; a broken file can have a million."""

_LISTED = ", ".join(COLUMNS)
_ID_OF_SEQ = "(SELECT id FROM pairs WHERE seq = found.seq)"
_SIDES = (
    "(SELECT seq, left_side AS side FROM pair_index WHERE shelf = 0 UNION "
    "SELECT seq, right_side FROM pair_index WHERE shelf = 0)"
)
_FACETS = " UNION ALL ".join(
    f"SELECT '{kind}' AS kind, {value} AS value, count(*) AS count FROM {source} GROUP BY 2"
    for kind, value, source in (
        ("verdict", "verdict", "pair_index WHERE shelf = 0"),
        ("annotator", "annotator", "pair_index WHERE shelf = 0"),
        ("instruction", "instruction", "pair_index WHERE shelf = 0"),
        ("side", "side", f"{_SIDES} WHERE side <> ''"),
        ("tag", "tag", "pair_tags JOIN pair_index ON seq = pair_seq WHERE shelf = 0"),
    )
)


def _unlike(truth: str, kept: str, shown: str) -> str:
    """SQL for what is in only one of two tables that should be the same."""
    return (
        f"SELECT {shown} FROM (SELECT * FROM ({truth}) EXCEPT SELECT * FROM ({kept})) found UNION "
        f"SELECT {shown} FROM (SELECT * FROM ({kept}) EXCEPT SELECT * FROM ({truth})) found"
    )


_CHECKS = (
    (
        "pair {}: the left or the right answer is missing",
        "SELECT p.id FROM pairs p WHERE 2 - (p.right_id IS NULL) <> (SELECT count(*) FROM turns t "
        "JOIN answers a ON a.seq = t.seq WHERE t.id IN (p.left_id, p.right_id) AND t.session_id = p.session_id)",
    ),
    (
        "answer {}: its conditions and tokens are missing",
        "SELECT id FROM turns t WHERE role = 'answer' AND NOT EXISTS (SELECT 1 FROM answers WHERE seq = t.seq)",
    ),
    (
        "answer {}: token ids and log-probs are not of one length",
        "SELECT t.id FROM answers a JOIN turns t ON t.seq = a.seq "
        "WHERE length(a.logprobs) NOT IN (0, length(a.token_ids))",
    ),
    (
        "turn {}: its parent is not of the other role in the same session",
        "SELECT t.id FROM turns t JOIN turns p ON p.id = t.parent_id "
        "WHERE p.role = t.role OR p.session_id <> t.session_id",
    ),
    (
        "session {}: its number of turns is not the one counted",
        "SELECT id FROM sessions s WHERE turn_count <> (SELECT count(*) FROM turns WHERE session_id = s.id)",
    ),
    (
        "session {}: its number of pairs is not the one counted",
        "SELECT id FROM sessions s WHERE pair_count <> "
        "(SELECT count(*) FROM pairs_now WHERE session_id = s.id AND NOT undone AND repeat_of IS NULL)",
    ),
    (
        "pair {}: its row in the list of pairs is not what the pair says",
        _unlike(f"SELECT {_LISTED} FROM pair_facts", f"SELECT {_LISTED} FROM pair_index", _ID_OF_SEQ),
    ),
    (
        "pair {}: its tags in the list of pairs are not those of the pair",
        _unlike(
            "SELECT DISTINCT i.seq, i.at, t.value FROM pairs_now p JOIN pair_index i ON i.seq = p.seq "
            "CROSS JOIN json_each(p.tags) t WHERE t.type = 'text'",
            "SELECT pair_seq AS seq, at, tag FROM pair_tags",
            _ID_OF_SEQ,
        ),
    ),
    (
        "list of pairs: the number of those with {} is not the one counted",
        _unlike(_FACETS, "SELECT kind, value, count FROM pair_facets WHERE count > 0", "kind || ' ' || value"),
    ),
)


class Verification:
    """The part of `Store` that checks the file."""

    connection: Connection

    def verify(self) -> list[str]:
        """Read everything and say what is wrong; empty when nothing is. Takes time in proportion to the file.

        Raises:
            StoreError: the database cannot be read at all.
        """
        problems: list[str] = []
        with self.connection.read() as conn:
            try:
                problems += [row[0] for row in conn.execute("PRAGMA quick_check(20)") if row[0] != "ok"]
                problems += [
                    f"{row['table']} row {row['rowid']}: the row of {row['parent']} that it names is missing"
                    for row in conn.execute("PRAGMA foreign_key_check").fetchmany(_MAX_PER_CHECK)
                ]
                for sentence, query in _CHECKS:
                    rows = conn.execute(f"{query} LIMIT {_MAX_PER_CHECK}")
                    problems += [sentence.format(row[0]) for row in rows]
                for table, column in (("instructions", "text"), ("rendered_prompts", "text"), ("conditions", "json")):
                    problems += _changed_texts(conn, table, column)
            except sqlite3.DatabaseError as error:
                if not problems:
                    raise
                problems.append(f"the check could not go on: {error}")
        for index in ("turns_fts", "instructions_fts", "sessions_fts"):
            # FTS5 takes its check as an insertion, though it changes nothing.
            with self.connection.write() as conn:
                problems += _stale_index(conn, index)
        return problems


def _changed_texts(conn: sqlite3.Connection, table: str, column: str) -> list[str]:
    """Rows of a content-addressed table whose text is not the one of their hash."""
    return [
        f"{table} row {row['id']}: the text is not the one that was stored"
        for row in conn.execute(f"SELECT id, sha256, {column} AS text FROM {table}")
        if sha256_text(row["text"]) != row["sha256"]
    ][:_MAX_PER_CHECK]


def _stale_index(conn: sqlite3.Connection, index: str) -> list[str]:
    """Whether a search index says what its texts say; FTS5 reads both and compares."""
    try:
        conn.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError as error:
        return [f"search index {index}: it does not fit the texts ({error})"]
    return []
