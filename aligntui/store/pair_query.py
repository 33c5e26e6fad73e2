"""From a filter and an order to rows of `pair_index`, by the index that reads least.

Every index begins with the shelf. Those of the columns that a list is filtered by go on with the time, as do tags and
the pairs that a search found: under any one filter the newest pairs stand next to each other, and a page costs what it
shows. Other conditions are checked row by row, behind the one that fewest pairs meet. Another order than by time has an
index of its own, which is walked where many pairs meet the conditions; few are sorted.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from aligntui.store.pair_filter import ORDERS, Conditions, PairSort
from aligntui.store.pair_index_schema import SORTED
from aligntui.store.pair_origin_schema import FILTERED
from aligntui.store.tree import NO_LIMIT

FEW = 5_000
"""Pairs that are sorted rather than looked for along an index."""

ALL = "at"
"""Name of the source that is every pair of a shelf, by time."""

FOUND = "found_pairs"
"""Temporary table of the pairs that a search found (`pair_search.py`): at, seq."""

CHOSEN = "chosen"
"""Name of the source that is a list of rows."""


_KEPT = {
    kind: f"SELECT sum(count) FROM pair_facets WHERE kind = '{kind}' AND value IN ({{}})"
    for kind in ("verdict", "annotator", "instruction", "side", "tag")
} | {"session": "SELECT sum(pair_count) FROM sessions WHERE seq IN ({})"}
"""Numbers of pairs that count, by source."""


class PairQuery:
    """One filter over `pair_index`.

    Args:
        conn: in a transaction.
        wanted: the filter.
        found: how many pairs the table `FOUND` holds; None where it does not count.
    """

    def __init__(self, conn: sqlite3.Connection, wanted: Conditions, found: int | None = None) -> None:
        self._conn = conn
        self._wanted = wanted
        self._found = found
        self._values: dict[str, Any] = {
            "side": wanted.side,
            "tag": wanted.tag,
            "since": wanted.since_ms,
            "until": wanted.until_ms,
            "seqs": json.dumps(wanted.seqs or ()),
        }
        for column, allowed in wanted.equal.items():
            self._values.update({f"{column}{place}": value for place, value in enumerate(allowed)})

    @property
    def searched(self) -> bool:
        """Whether only pairs in `FOUND` count."""
        return self._found is not None

    def page(
        self,
        sort: PairSort,
        limit: int | None,
        *,
        offset: int = 0,
        after: Sequence[object] | None = None,
        backwards: bool = False,
    ) -> list[int]:
        """Rows of one page.

        Args:
            sort: the order.
            limit: at most so many; None for all.
            offset: leave out so many at the beginning.
            after: the values that a row has in the columns of the order: only rows behind it.
            backwards: turn the order round; the rows come in that turned order.
        """
        if self._wanted.nothing or (limit is not None and limit < 1):
            return []
        columns, down = ORDERS[sort]
        down ^= backwards
        source = self._source_for(columns[0])
        values: dict[str, Any] = {"limit": NO_LIMIT if limit is None else limit, "offset": offset}
        behind = ""
        if after is not None:
            values.update({f"after{place}": value for place, value in enumerate(after)})
            marks = ", ".join(f":after{place}" for place in range(len(columns)))
            behind = f" AND ({', '.join(f'{{{column}}}' for column in columns)}) {'<' if down else '>'} ({marks})"
        named = ", ".join(f"{{{column}}} AS {column}" for column in columns)
        direction = "DESC" if down else "ASC"
        order = ", ".join(f"{column} {direction}" for column in columns)
        rows = self._run(source, f"SELECT {named}", behind, f"ORDER BY {order} LIMIT :limit OFFSET :offset", values)
        return [row["seq"] for row in rows]

    def count(self, at_most: int | None = None) -> int:
        """How many rows there are, or `at_most` where there are more."""
        if self._wanted.nothing:
            return 0
        source = self._narrowest or ALL
        if at_most is None:
            return sum(row[0] for row in self._run(source, "SELECT count(*)"))
        return len(self._run(source, "SELECT 1", tail="LIMIT :limit", values={"limit": at_most}))

    def position(self, sort: PairSort, seq: int) -> tuple[object, ...]:
        """What the row `seq` has in the columns of an order."""
        columns, _ = ORDERS[sort]
        row = self._conn.execute(f"SELECT {', '.join(columns)} FROM pair_index WHERE seq = ?", (seq,)).fetchone()
        return tuple(row)

    # sources ----------------------------------------------------------------------------------------

    def _source_for(self, column: str) -> str:
        """What to read for an order that goes by `column` first."""
        narrowest = self._narrowest
        if column == ALL:
            return narrowest or ALL
        if narrowest is not None and (narrowest == column or self._size(narrowest) < FEW):
            return narrowest
        return column

    @cached_property
    def _narrowest(self) -> str | None:
        """The condition that fewest pairs meet; None where none has an index."""
        wanted = self._wanted
        named = [*wanted.equal, *(["side"] if wanted.side is not None else [])]
        named += ["tag"] if wanted.tag is not None else []
        named += [FOUND] if self._found is not None else []
        named += [CHOSEN] if wanted.seqs is not None else []
        if wanted.since_ms is not None or wanted.until_ms is not None:
            named.append(ALL)
        return named[0] if len(named) == 1 else min(named, key=self._size, default=None)

    def _size(self, source: str) -> int:
        """About how many pairs are in a source: those that count, as triggers keep it, else up to `FEW` of the shelves."""
        if source == FOUND:
            return self._found or 0
        if source == CHOSEN:
            return len(self._wanted.seqs or ())
        kept = _KEPT.get(source)
        if kept is not None and 0 in self._wanted.shelves:
            values = self._wanted.equal.get(source) or (self._values[source],)
            marks = ", ".join("?" * len(values))
            return self._conn.execute(kept.format(marks), values).fetchone()[0] or 0
        parts = [f"SELECT 1 FROM {place} WHERE {where}" for place, where in self._branches(source)]
        rows = self._conn.execute(f"SELECT count(*) FROM ({' UNION ALL '.join(parts)} LIMIT {FEW})", self._values)
        return rows.fetchone()[0]

    def _run(
        self, source: str, select: str, behind: str = "", tail: str = "", values: dict[str, Any] | None = None
    ) -> list[sqlite3.Row]:
        """Rows of all branches of a source under all conditions.

        Args:
            source: name of it.
            select: `SELECT` and its columns, each column of `pair_index` in braces.
            behind: a further condition, likewise.
            tail: order and limit.
            values: for the marks in these.
        """
        first = "t" if source in ("tag", FOUND) else "i"
        names = {column: f"i.{column}" for column in (*FILTERED, *SORTED)}
        names |= {"at": f"{first}.at", "seq": f"{first}.{'pair_seq' if source == 'tag' else 'seq'}"}
        rest = self._residual(source)
        parts = [
            f"{select} FROM {place} WHERE {where}{rest}{behind}".format(**names)
            for place, where in self._branches(source)
        ]
        sql = f"{' UNION ALL '.join(parts)} {tail}"
        return self._conn.execute(sql, {**self._values, **(values or {})}).fetchall()

    def _branches(self, source: str) -> list[tuple[str, str]]:
        """Tables and condition of each stretch of an index that a source is made of."""
        if source == "tag":
            return [("pair_tags t CROSS JOIN pair_index i NOT INDEXED ON i.seq = t.pair_seq", "t.tag = :tag")]
        if source == FOUND:
            return [(f"temp.{FOUND} t CROSS JOIN pair_index i NOT INDEXED ON i.seq = t.seq", "1")]
        if source == CHOSEN:
            return [("json_each(:seqs) t CROSS JOIN pair_index i NOT INDEXED ON i.seq = t.value", "1")]
        if source == "side":
            parts = [
                ("left_side", "i.left_side = :side"),
                ("right_side", "i.right_side = :side AND i.left_side <> :side"),
            ]
        elif source in self._wanted.equal:
            allowed = range(len(self._wanted.equal[source]))
            parts = [(source, f"i.{source} = :{source}{place}") for place in allowed]
        else:
            parts = [(source, "1")]
        return [
            (f"pair_index i INDEXED BY pair_index_by_{column}", f"i.shelf = {shelf} AND {where}{self._times()}")
            for shelf in self._wanted.shelves
            for column, where in parts
        ]

    def _times(self, row: str = "i") -> str:
        since = f" AND {row}.at >= :since" if self._wanted.since_ms is not None else ""
        return since + (f" AND {row}.at < :until" if self._wanted.until_ms is not None else "")

    def _residual(self, source: str) -> str:
        """The conditions that a source does not hold by itself."""
        wanted, parts = self._wanted, []
        if source in ("tag", FOUND, CHOSEN):
            times = self._times("i" if source == CHOSEN else "t")
            parts += [f" AND i.shelf IN ({', '.join(map(str, wanted.shelves))})", times]
        if wanted.seqs is not None and source != CHOSEN:
            parts.append(" AND i.seq IN (SELECT value FROM json_each(:seqs))")
        for column, allowed in wanted.equal.items():
            if column != source:
                marks = ", ".join(f":{column}{place}" for place in range(len(allowed)))
                parts.append(f" AND i.{column} IN ({marks})")
        if wanted.side is not None and source != "side":
            parts.append(" AND (i.left_side = :side OR i.right_side = :side)")
        if wanted.tag is not None and source != "tag":
            parts.append(" AND EXISTS (SELECT 1 FROM pair_tags WHERE tag = :tag AND at = i.at AND pair_seq = i.seq)")
        if self._found is not None and source != FOUND:
            parts.append(f" AND EXISTS (SELECT 1 FROM temp.{FOUND} WHERE at = i.at AND seq = i.seq)")
        return "".join(parts)
