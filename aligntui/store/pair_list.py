"""The list of pairs: pages in any order under any filter, counts, and what there is to filter by."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from aligntui.core.errors import UserError
from aligntui.core.pair import Verdict
from aligntui.store.connection import Connection
from aligntui.store.pair_filter import Conditions, PairFilter, PairSort, conditions_of
from aligntui.store.pair_query import PairQuery
from aligntui.store.pair_row import PairRow, read_rows
from aligntui.store.pair_search import READ_FIRST, PairSearch, read_through, reads_alike

EVERYTHING = PairFilter()
"""Pairs that count."""

_FAR = 1_000
"""Rows from which on it is worth counting which end of the list is nearer."""


@dataclass(frozen=True)
class Facets:
    """What there is to filter by, the most frequent first, with how many pairs that count have it."""

    verdicts: Mapping[Verdict, int]
    annotators: Mapping[str, int]
    instructions: Mapping[str, int]
    sides: Mapping[str, int]
    tags: Mapping[str, int]

    @property
    def total(self) -> int:
        """How many pairs count."""
        return sum(self.verdicts.values())


class PairList:
    """The part of `Store` that lists pairs."""

    connection: Connection
    _search: PairSearch | None = None

    def pair_rows(
        self,
        filter: PairFilter = EVERYTHING,
        sort: PairSort = PairSort.NEWEST,
        limit: int = 100,
        *,
        after: str | None = None,
        before: str | None = None,
    ) -> list[PairRow]:
        """Pairs next to one that is known, in the order of the list; its cost does not depend on where that is.

        Args:
            filter: which pairs.
            sort: in which order.
            limit: at most so many.
            after: id of a pair: those behind it. It need not be in the list any more.
            before: id of a pair: those right in front of it.

        Raises:
            UserError: a time in the filter cannot be read, or there is no pair `after` or `before`.
            StoreError: the database cannot be read.
            ValueError: both are given.
        """
        if after is not None and before is not None:
            raise ValueError("rows stand after one pair or before one, not both")
        with self.connection.read() as conn:
            start = before or after
            seq = None if start is None else _seq_of(conn, start)
            seqs = self._seqs(conn, conditions_of(conn, filter), sort, limit, seq=seq, backwards=before is not None)
            return read_rows(conn, seqs[::-1] if before is not None else seqs)

    def pair_rows_at(
        self, filter: PairFilter = EVERYTHING, sort: PairSort = PairSort.NEWEST, offset: int = 0, limit: int = 100
    ) -> list[PairRow]:
        """Pairs from a place of the list on, counted from the nearer end where the list is long.

        Args:
            filter: which pairs.
            sort: in which order.
            offset: rows in front of the first; a negative one counts from the end, -1 is the last row.
            limit: at most so many.

        Raises:
            UserError: a time in the filter cannot be read.
            StoreError: the database cannot be read.
        """
        with self.connection.read() as conn:
            wanted = conditions_of(conn, filter)
            from_end = max(0, -offset - limit) if offset < 0 else None
            limit = min(limit, -offset) if offset < 0 else limit
            if offset > _FAR:
                total = self._count(conn, wanted, None)
                limit = max(0, min(limit, total - offset))
                if offset > total // 2:
                    from_end = total - offset - limit
            if from_end is None:
                return read_rows(conn, self._seqs(conn, wanted, sort, limit, offset=offset))
            return read_rows(conn, self._seqs(conn, wanted, sort, limit, offset=from_end, backwards=True)[::-1])

    def pair_ids(self, filter: PairFilter = EVERYTHING, sort: PairSort = PairSort.NEWEST) -> list[str]:
        """Ids of all pairs of the list."""
        with self.connection.read() as conn:
            seqs = self.pair_seqs(conn, filter, sort)
            rows = conn.execute(
                "SELECT p.id FROM json_each(?) wanted CROSS JOIN pairs p ON p.seq = wanted.value ORDER BY wanted.key",
                (json.dumps(seqs),),
            )
            return [row[0] for row in rows]

    def pair_seqs(self, conn: sqlite3.Connection, filter: PairFilter, sort: PairSort) -> list[int]:
        """Rows of `pairs` of the whole list."""
        return self._query(conn, conditions_of(conn, filter)).page(sort, None)

    def count_pair_rows(self, filter: PairFilter = EVERYTHING, at_most: int | None = None) -> int:
        """How many pairs the list has.

        Args:
            filter: which pairs.
            at_most: stop there; None counts all.

        Raises:
            UserError: a time in the filter cannot be read.
            StoreError: the database cannot be read.
        """
        with self.connection.read() as conn:
            return self._count(conn, conditions_of(conn, filter), at_most)

    def pair_facets(self) -> Facets:
        """What there is to filter by among pairs that count."""
        found: dict[str, dict[str, int]] = {}
        with self.connection.read() as conn:
            rows = conn.execute(
                "SELECT kind, value, count FROM pair_facets WHERE count > 0 ORDER BY kind, count DESC, value"
            )
            for kind, value, count in rows:
                found.setdefault(kind, {})[value] = count
        return Facets(
            verdicts={Verdict(value): count for value, count in found.get("verdict", {}).items()},
            annotators=found.get("annotator", {}),
            instructions=found.get("instruction", {}),
            sides=found.get("side", {}),
            tags=found.get("tag", {}),
        )

    def _seqs(
        self,
        conn: sqlite3.Connection,
        wanted: Conditions,
        sort: PairSort,
        limit: int,
        *,
        offset: int = 0,
        seq: int | None = None,
        backwards: bool = False,
    ) -> list[int]:
        """Rows of one page."""
        query = self._query(conn, wanted, read_first=True)
        after = None if seq is None else query.position(sort, seq)
        words = wanted.words
        if words.words and not query.searched:
            first = query.page(sort, READ_FIRST, after=after, backwards=backwards)
            fitting = read_through(conn, first, words)
            if len(first) < READ_FIRST or len(fitting) >= offset + limit:
                return fitting[offset : offset + limit]
            query = self._query(conn, wanted)
        return query.page(sort, limit, offset=offset, after=after, backwards=backwards)

    def _query(self, conn: sqlite3.Connection, wanted: Conditions, *, read_first: bool = False) -> PairQuery:
        """The query of a filter; with `read_first` without its words, where they may be looked for by reading."""
        words = wanted.words
        if not words.words:
            return PairQuery(conn, wanted)
        self._search = self._search or PairSearch()
        found = self._search.known(conn, words)
        if found is None and not (read_first and reads_alike(words)):
            found = self._search.find(conn, words)
            if self.connection.writing:
                self._search = None  # a rollback takes back what the temporary table holds, too
        return PairQuery(conn, wanted, found)

    def _count(self, conn: sqlite3.Connection, wanted: Conditions, at_most: int | None) -> int:
        kept = _counted_already(conn, wanted)
        if kept is None:
            return self._query(conn, wanted).count(at_most)
        return kept if at_most is None else min(kept, at_most)


def _counted_already(conn: sqlite3.Connection, wanted: Conditions) -> int | None:
    """The number of pairs where triggers keep it: of all that count, or of those under one condition."""
    one = dict(wanted.equal)
    one |= {} if wanted.side is None else {"side": (wanted.side,)}
    one |= {} if wanted.tag is None else {"tag": (wanted.tag,)}
    narrowed = wanted.since_ms is not None or wanted.until_ms is not None or wanted.seqs is not None
    if wanted.shelves != (0,) or wanted.words.words or narrowed or len(one) > 1 or "from_file" in one:
        return None
    if "session" in one:
        rows = conn.execute("SELECT sum(pair_count) FROM sessions WHERE seq = ?", one["session"] or (0,))
    else:
        kind, values = next(iter(one.items())) if one else ("verdict", tuple(Verdict))
        marks = ", ".join("?" * len(values))
        rows = conn.execute(
            f"SELECT sum(count) FROM pair_facets WHERE kind = ? AND value IN ({marks})", (kind, *values)
        )
    return rows.fetchone()[0] or 0


def _seq_of(conn: sqlite3.Connection, pair_id: str) -> int:
    row = conn.execute("SELECT seq FROM pairs WHERE id = ?", (pair_id,)).fetchone()
    if row is None:
        raise UserError(f"There is no pair {pair_id!r}.", "`aligntui pairs list` shows them.")
    return row[0]
