"""From the words of a query to an expression of the trigram index.

Words of three characters and more are looked up as they are. Shorter ones have no entry of their own; they stand for the
entries that begin with them, as long as those are few: the usual case for a Chinese or Japanese word of two characters.
A short word with many such entries is left to LIKE; it is common, so that a scan soon has found it often enough.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from aligntui.store.query import Query, like_pattern, phrase

_MAX_ENTRIES = 128
"""Entries that may stand for one short word; each costs a seek."""


@dataclass(frozen=True)
class Plan:
    """How to look for a query in one index."""

    match: str
    """FTS5 expression; empty when the index cannot help."""
    common: tuple[str, ...]
    """Short words that are left to LIKE."""
    hopeless: bool = False
    """Whether a word is known to occur nowhere."""


def plan(conn: sqlite3.Connection, index: str, query: Query) -> Plan:
    """Look the short words up and say what is to be asked."""
    parts = [phrase(word) for word in query.long]
    common: list[str] = []
    for word in query.short:
        trigrams = _beginning_with(conn, index, word)
        if trigrams is None:
            common.append(word)
        elif trigrams:
            parts.append("(" + " OR ".join(map(phrase, trigrams)) + ")")
        else:
            return Plan("", (), hopeless=True)
    return Plan(" AND ".join(parts), tuple(common))


def like_filters(words: Sequence[str], column: str) -> tuple[str, dict[str, str]]:
    """SQL that asks for every word by LIKE, which takes only ASCII letters of both cases for the same."""
    parts: list[str] = []
    values: dict[str, str] = {}
    for word in words:
        alternatives: list[str] = []
        for variant in dict.fromkeys((word, word.lower(), word.upper(), word.title())):
            name = f"like{len(values)}"
            values[name] = like_pattern(variant)
            alternatives.append(f"{column} LIKE :{name} ESCAPE '\\'")
        parts.append("AND (" + " OR ".join(alternatives) + ")")
    return " ".join(parts), values


def _beginning_with(conn: sqlite3.Connection, index: str, word: str) -> list[str] | None:
    """The entries of the index that begin with a short word; None when there are too many to ask for.

    Each step seeks the first entry after the last one found: the cost does not depend on how often an entry occurs.
    """
    if len(word) == 1 and word.isascii() and word.isalnum():
        return None
    folded = "".join(char.lower() if len(char.lower()) == 1 else char for char in word)
    found: list[str] = []
    after = folded
    while len(found) < _MAX_ENTRIES:
        row = conn.execute(f"SELECT term FROM {index}_terms WHERE term >= ? ORDER BY term LIMIT 1", (after,)).fetchone()
        if row is None or not row[0].startswith(folded):
            return found
        found.append(row[0])
        after = row[0] + "\x01"
    return None
