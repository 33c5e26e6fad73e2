"""What is to be judged next: verdicts to be asked again, and pairs of answers that were proposed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from aligntui.core.errors import UserError
from aligntui.core.ids import new_id, now_utc
from aligntui.core.pair import Pair
from aligntui.store.pairs import PairTable
from aligntui.store.values import storable


class QueueKind(StrEnum):
    """Why two answers are asked for."""

    REPEAT = "repeat"
    """They were judged before; the annotator is measured."""
    PROPOSED = "proposed"
    """Somebody or something expects that judging them is worth while."""


class QueueState(StrEnum):
    """What became of an item."""

    OPEN = "open"
    JUDGED = "judged"
    DROPPED = "dropped"


@dataclass(frozen=True)
class QueueWish:
    """Two answers to be judged."""

    left_id: str
    right_id: str
    kind: QueueKind = QueueKind.PROPOSED
    repeat_of: str | None = None
    """The pair to be asked again; None for a proposal."""
    annotator: str = ""
    """Who is to judge them; empty for anyone."""
    score: float = 0.0
    """What the proposer makes of them, more is more worth while; for show."""
    position: int | None = None
    """Items come in this order; None: behind all others."""


@dataclass(frozen=True)
class QueueItem:
    """Two answers in the queue."""

    id: str
    kind: QueueKind
    left_id: str
    right_id: str
    repeat_of: str | None
    annotator: str
    score: float
    position: int
    created_at: str
    state: QueueState
    pair_id: str | None
    """The verdict that closed it; None while it is open, or where it was dropped."""


class JudgingQueue(PairTable):
    """The part of `Store` about the queue."""

    def add_queue_items(self, wishes: Iterable[QueueWish]) -> list[QueueItem]:
        """Put pairs of answers into the queue, all or none; those that wait for the same annotator already stay as they are.

        Returns:
            The items that were added.

        Raises:
            UserError: an answer or a pair does not exist, or a repeat names no pair.
            StoreError: nothing could be written.
        """
        added: list[QueueItem] = []
        with self.connection.write() as conn:
            last = conn.execute("SELECT coalesce(max(position), 0) FROM queue_items").fetchone()[0]
            for wish in wishes:
                last = last + 1 if wish.position is None else max(last, wish.position)
                position = last if wish.position is None else wish.position
                item = QueueItem(
                    new_id("queue"), wish.kind, wish.left_id, wish.right_id, wish.repeat_of, storable(wish.annotator),
                    wish.score, position, now_utc(), QueueState.OPEN, None,
                )  # fmt: skip
                self._check(conn, item)
                done = conn.execute(
                    f"INSERT INTO queue_items ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT (min(left_id, right_id), max(left_id, right_id), kind, annotator) "
                    "WHERE state = 'open' DO NOTHING",
                    tuple(getattr(item, name) for name in _COLUMNS.split(", ")),
                )
                if done.rowcount:
                    added.append(item)
        return added

    def next_queue_item(self, annotator: str, after: str | None = None) -> QueueItem | None:
        """The first open item for this annotator or anyone; None when there is none.

        Args:
            annotator: who judges.
            after: id of an item to be passed by: the first one behind it.

        Raises:
            UserError: there is no item `after`.
            StoreError: the database cannot be read.
        """
        with self.connection.read() as conn:
            behind, values = "", ()
            if after is not None:
                _read(conn, after)
                behind = "AND (position, seq) > (SELECT position, seq FROM queue_items WHERE id = ?)"
                values = (after,)
            rows = [
                row
                for who in dict.fromkeys(("", storable(annotator)))
                for row in conn.execute(
                    f"SELECT {_COLUMNS}, seq FROM queue_items WHERE state = 'open' AND annotator = ? {behind} "
                    "ORDER BY position, seq LIMIT 1",
                    (who, *values),
                )
            ]
        first = min(rows, key=lambda row: (row["position"], row["seq"]), default=None)
        return None if first is None else _item(first)

    def judge_queue_item(self, item_id: str, pair: Pair) -> Pair:
        """Store the verdict over the two answers of an item and close it, in one transaction.

        Args:
            item_id: an open item.
            pair: the verdict; sides may be swapped. It becomes a repeat where the item asks for one.

        Returns:
            The pair as it was stored.

        Raises:
            UserError: there is no such item, it is closed, or the verdict is over other answers.
            StoreError: nothing could be written.
        """
        with self.connection.write() as conn:
            item = _read_open(conn, item_id)
            if {item.left_id, item.right_id} != {pair.left_id, pair.right_id}:
                raise UserError(
                    f"The item {item_id} asks for {item.left_id} and {item.right_id}, which were not judged."
                )
            stored = self.add_pair(replace(pair, repeat_of=item.repeat_of))
            self.close_queue_item(item_id, stored.id)
        return stored

    def close_queue_item(self, item_id: str, pair_id: str | None = None) -> QueueItem:
        """Take an item out of the queue: judged by `pair_id`, or dropped.

        Raises:
            UserError: there is no such item or pair, or it is closed already.
            StoreError: nothing could be written.
        """
        state = QueueState.DROPPED if pair_id is None else QueueState.JUDGED
        with self.connection.write() as conn:
            _read_open(conn, item_id)
            if pair_id is not None:
                self.get_pair(pair_id)
            conn.execute("UPDATE queue_items SET state = ?, pair_id = ? WHERE id = ?", (state, pair_id, item_id))
            return _read(conn, item_id)

    def reopen_queue_item(self, item_id: str) -> QueueItem:
        """Put a closed item back in its place, as when its verdict was taken back.

        Raises:
            UserError: there is no such item, it is open, or the same two answers are in the queue again.
            StoreError: nothing could be written.
        """
        with self.connection.write() as conn:
            if _read(conn, item_id).state is QueueState.OPEN:
                raise UserError(f"The item {item_id} is open.")
            done = conn.execute(
                "UPDATE OR IGNORE queue_items SET state = 'open', pair_id = NULL WHERE id = ?", (item_id,)
            )
            if not done.rowcount:
                raise UserError(f"The two answers of the item {item_id} are in the queue again already.")
            return _read(conn, item_id)

    def queue_counts(self, annotator: str | None = None) -> dict[tuple[QueueKind, QueueState], int]:
        """How many items there are of each kind and state, for this annotator or anyone; None for all annotators."""
        where, values = ("", ()) if annotator is None else ("WHERE annotator IN ('', ?)", (storable(annotator),))
        with self.connection.read() as conn:
            rows = conn.execute(f"SELECT kind, state, count(*) FROM queue_items {where} GROUP BY kind, state", values)
            return {(QueueKind(kind), QueueState(state)): count for kind, state, count in rows}

    def queue_item_of(self, pair_id: str) -> QueueItem | None:
        """The item that a verdict closed; None where it came from elsewhere."""
        with self.connection.read() as conn:
            row = conn.execute(f"SELECT {_COLUMNS} FROM queue_items WHERE pair_id = ?", (pair_id,)).fetchone()
        return None if row is None else _item(row)

    def _check(self, conn: sqlite3.Connection, item: QueueItem) -> None:
        if (item.repeat_of is None) == (item.kind is QueueKind.REPEAT):
            raise UserError("A repeat names the pair that it asks again, and nothing else does.")
        if item.repeat_of is not None:
            pair = self.get_pair(item.repeat_of)
            if {pair.left_id, pair.right_id} != {item.left_id, item.right_id}:
                raise UserError(f"The pair {pair.id} is over other answers than {item.left_id} and {item.right_id}.")
        self.scope_of(item.left_id, item.right_id)


_COLUMNS = "id, kind, left_id, right_id, repeat_of, annotator, score, position, created_at, state, pair_id"


def _read(conn: sqlite3.Connection, item_id: str) -> QueueItem:
    row = conn.execute(f"SELECT {_COLUMNS} FROM queue_items WHERE id = ?", (storable(item_id),)).fetchone()
    if row is None:
        raise UserError(f"There is no item {item_id!r} in the queue.")
    return _item(row)


def _read_open(conn: sqlite3.Connection, item_id: str) -> QueueItem:
    item = _read(conn, item_id)
    if item.state is not QueueState.OPEN:
        raise UserError(f"The item {item_id} is {item.state.value} already.")
    return item


def _item(row: sqlite3.Row) -> QueueItem:
    values = {name: row[name] for name in _COLUMNS.split(", ")}
    return QueueItem(**{**values, "kind": QueueKind(row["kind"]), "state": QueueState(row["state"])})
