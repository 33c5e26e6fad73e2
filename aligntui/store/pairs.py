"""Verdicts: given, taken back, annotated. Nothing is ever changed or deleted; the newest event counts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aligntui.core.errors import UserError
from aligntui.core.ids import now_utc
from aligntui.core.pair import Pair, Scope, Verdict
from aligntui.store.connection import Connection
from aligntui.store.resolve import scope_between, scope_of_pair
from aligntui.store.tree import NO_LIMIT
from aligntui.store.values import storable


@dataclass(frozen=True)
class Undone:
    """What an undo changed."""

    pair: Pair
    """The verdict that was taken back."""
    restored: Pair | None
    """The verdict that it had replaced and that counts again by this; None where nothing was brought back."""


class PairTable:
    """The part of `Store` about verdicts."""

    connection: Connection

    def add_pair(self, pair: Pair, *, replaces: str | None = None) -> Pair:
        """Store a verdict. Durable when the call returns.

        Args:
            pair: complete; its scope is checked against the tree and not made up. `undone` is not stored. With
                `repeat_of` it asks a verdict again to measure the annotator.
            replaces: a pair to undo in the same transaction, when the annotator changes a verdict; undoing the new
                verdict brings it back.

        Returns:
            The pair as it will be read back.

        Raises:
            UserError: an answer does not exist, is of another session or no answer, both are the same, an example has
                two or another verdict one, the scope is not theirs, the id is taken, `replaces` is unknown, undone
                already, of another session or a repeat, or `repeat_of` is no verdict on the same two answers.
            StoreError: nothing could be written.
        """
        with self.connection.write() as conn:
            scope = scope_of_pair(conn, pair, session_id=pair.session_id)
            if scope is not pair.scope:
                raise UserError(
                    f"The two answers part in the scope {scope.value!r}, not {pair.scope.value!r}.",
                    "Answers to one prompt turn have the scope answer, others the scope conversation.",
                )
            if conn.execute("SELECT 1 FROM pairs WHERE id = ?", (pair.id,)).fetchone():
                raise UserError(f"The pair {pair.id} is stored already.", "A verdict is stored once.")
            if pair.repeat_of is not None:
                _check_repeat(conn, pair, replaces)
            if replaces is not None:
                earlier = _add_event(conn, replaces, "undone", pair.annotator)
                if earlier.repeat_of is not None:
                    raise UserError(f"The pair {replaces} is a repeat, which nothing can take the place of.")
                if earlier.session_id != pair.session_id:
                    raise UserError(f"The pair {replaces} belongs to session {earlier.session_id}.")
            conn.execute(
                "INSERT INTO pairs (id, session_id, left_id, right_id, verdict, scope, blind, shuffled, annotator, "
                "created_at, reason, tags, replaces, repeat_of, prompt_id) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    pair.id,
                    pair.session_id,
                    pair.left_id,
                    pair.right_id,
                    pair.verdict,
                    pair.scope,
                    pair.blind,
                    pair.shuffled,
                    storable(pair.annotator),
                    pair.created_at,
                    storable(pair.reason),
                    tags_json(pair.tags),
                    replaces,
                    pair.repeat_of,
                    pair.prompt_id,
                ),
            )
            return read_pair(conn, pair.id)

    def get_pair(self, pair_id: str) -> Pair:
        """One pair, undone or not.

        Raises:
            UserError: there is none with this id.
            StoreError: the database cannot be read.
        """
        with self.connection.read() as conn:
            return read_pair(conn, pair_id)

    def undo_pair(self, pair_id: str, annotator: str = "") -> Undone:
        """Take a verdict back; it stays in the database, marked. One that it had replaced counts again.

        Raises:
            UserError: there is no such pair, or it is undone already.
            StoreError: it could not be written.
        """
        with self.connection.write() as conn:
            return _undo(conn, pair_id, annotator)

    def undo_last_pair(self, session_id: str | None, annotator: str) -> Undone | None:
        """Take back the newest verdict of this annotator that still counts, as `undo_pair` does; never a repeat.

        Args:
            session_id: of this session only; None for all sessions.
            annotator: whose verdict.

        Returns:
            What was changed; None when no verdict counts.

        Raises:
            StoreError: it could not be written.
        """
        where, values = ("AND session_id = ?", (session_id,)) if session_id is not None else ("", ())
        with self.connection.write() as conn:
            row = conn.execute(
                "SELECT id FROM pairs_now WHERE annotator = ? AND NOT undone AND repeat_of IS NULL "
                f"{where} ORDER BY seq DESC LIMIT 1",
                (storable(annotator), *values),
            ).fetchone()
            return _undo(conn, row["id"], annotator) if row else None

    def restore_pair(self, pair_id: str, annotator: str = "") -> Pair:
        """Let an undone verdict count again.

        Raises:
            UserError: there is no such pair, or it is not undone.
            StoreError: it could not be written.
        """
        with self.connection.write() as conn:
            return _add_event(conn, pair_id, "restored", annotator)

    def annotate_pair(self, pair_id: str, reason: str, tags: Sequence[str] = (), annotator: str = "") -> Pair:
        """Give a pair a reason and tags, in place of those it had; the earlier ones stay in the event log.

        Raises:
            UserError: there is no such pair.
            StoreError: it could not be written.
        """
        with self.connection.write() as conn:
            return _add_event(conn, pair_id, "annotated", annotator, reason, tags)

    def pairs_over(self, first_id: str, second_id: str) -> list[Pair]:
        """Every verdict over two answers, in whichever order they stood, undone ones included; oldest first."""
        with self.connection.read() as conn:
            rows = conn.execute(
                "SELECT id FROM pairs WHERE (left_id = :a AND right_id = :b) OR (left_id = :b AND right_id = :a) "
                "ORDER BY seq",
                {"a": first_id, "b": second_id},
            ).fetchall()
            return [read_pair(conn, row[0]) for row in rows]

    def list_pairs(
        self,
        session_id: str | None = None,
        include_undone: bool = False,
        limit: int | None = None,
        offset: int = 0,
        *,
        oldest_first: bool = False,
        repeats: bool = False,
    ) -> list[Pair]:
        """Pairs, newest first unless asked otherwise.

        Args:
            session_id: of one session only.
            include_undone: those taken back as well.
            limit: at most so many; None for all.
            offset: leave out so many from the top.
            oldest_first: in the order they were judged, as an export writes them.
            repeats: also verdicts that were asked again to measure the annotator.
        """
        where = ["1"] if include_undone else ["NOT undone"]
        if not repeats:
            where.append("repeat_of IS NULL")
        values: list[object] = []
        if session_id is not None:
            where.append("session_id = ?")
            values.append(session_id)
        order = "ASC" if oldest_first else "DESC"
        with self.connection.read() as conn:
            rows = conn.execute(
                f"SELECT * FROM pairs_now WHERE {' AND '.join(where)} ORDER BY seq {order} LIMIT ? OFFSET ?",
                (*values, NO_LIMIT if limit is None else limit, offset),
            ).fetchall()
        return [pair_from(row) for row in rows]

    def pairs_of(self, answer_ids: Iterable[str], include_undone: bool = False) -> list[Pair]:
        """Pairs in which one of these answers stands on either side, in the order they were judged; no repeats."""
        wanted = json.dumps(list(answer_ids))
        with self.connection.read() as conn:
            return read_pairs_of(conn, wanted, include_undone)

    def count_pairs(self, session_id: str | None = None, include_undone: bool = False) -> int:
        """How many verdicts there are, or how many still count; repeats left out."""
        if include_undone:
            count, column = "SELECT count(*) FROM pairs WHERE repeat_of IS NULL", "session_id"
        else:
            count, column = "SELECT coalesce(sum(pair_count), 0) FROM sessions WHERE 1", "id"
        where, values = (f"AND {column} = ?", (session_id,)) if session_id else ("", ())
        with self.connection.read() as conn:
            return conn.execute(f"{count} {where}", values).fetchone()[0]

    def scope_of(self, left_id: str, right_id: str) -> Scope:
        """What a verdict over these two answers judges.

        Raises:
            UserError: one does not exist or is no answer, both are the same, they are of different sessions, one
                continues the other, or they share no prompt.
            StoreError: the database cannot be read.
        """
        with self.connection.read() as conn:
            return scope_between(conn, left_id, right_id)


def read_pairs_of(conn: sqlite3.Connection, answer_ids_json: str, include_undone: bool) -> list[Pair]:
    """Pairs with an answer from a JSON list of ids on either side, in the order they were judged; no repeats."""
    rows = conn.execute(
        """
        SELECT * FROM pairs_now WHERE seq IN (
            SELECT p.seq FROM json_each(:ids) CROSS JOIN pairs p ON p.left_id = value
            UNION SELECT p.seq FROM json_each(:ids) CROSS JOIN pairs p ON p.right_id = value
        ) AND repeat_of IS NULL AND (:all OR NOT undone) ORDER BY seq
        """,
        {"ids": answer_ids_json, "all": include_undone},
    )
    return [pair_from(row) for row in rows]


def read_pair(conn: sqlite3.Connection, pair_id: str) -> Pair:
    """One pair.

    Raises:
        UserError: there is none with this id.
    """
    row = conn.execute("SELECT * FROM pairs_now WHERE id = ?", (pair_id,)).fetchone()
    if row is None:
        raise UserError(f"There is no pair {pair_id!r}.", "`aligntui pairs list` shows them.")
    return pair_from(row)


def _check_repeat(conn: sqlite3.Connection, pair: Pair, replaces: str | None) -> None:
    original = read_pair(conn, pair.repeat_of or "")
    if original.repeat_of is not None or {original.left_id, original.right_id} != {pair.left_id, pair.right_id}:
        raise UserError(
            f"The pair {original.id} cannot be repeated by a verdict over {pair.left_id} and {pair.right_id}.",
            "A repeat asks for the same two answers as the first verdict on them.",
        )
    if replaces is not None:
        raise UserError("A repeat takes no place of another verdict.", "Undo it and judge again.")


def _undo(conn: sqlite3.Connection, pair_id: str, annotator: str) -> Undone:
    pair = _add_event(conn, pair_id, "undone", annotator)
    earlier = conn.execute(
        "SELECT earlier.id FROM pairs p JOIN pairs_now earlier ON earlier.id = p.replaces "
        "WHERE p.id = ? AND earlier.undone",
        (pair_id,),
    ).fetchone()
    return Undone(pair, _add_event(conn, earlier["id"], "restored", annotator) if earlier else None)


def _add_event(
    conn: sqlite3.Connection, pair_id: str, kind: str, annotator: str, reason: str = "", tags: Sequence[str] = ()
) -> Pair:
    pair = read_pair(conn, pair_id)
    if kind == "undone" and pair.undone:
        raise UserError(f"The pair {pair_id} is undone already.")
    if kind == "restored" and not pair.undone:
        raise UserError(f"The pair {pair_id} is not undone.")
    conn.execute(
        "INSERT INTO pair_events (pair_id, kind, annotator, created_at, reason, tags) VALUES (?, ?, ?, ?, ?, ?)",
        (pair_id, kind, storable(annotator), now_utc(), storable(reason), tags_json(tags)),
    )
    return read_pair(conn, pair_id)


def tags_json(tags: Sequence[str]) -> str:
    """Tags as the database keeps them."""
    return json.dumps([storable(tag) for tag in tags], ensure_ascii=False)


def pair_from(row: sqlite3.Row) -> Pair:
    """The value behind a row of `pairs_now`."""
    return Pair(
        id=row["id"],
        session_id=row["session_id"],
        left_id=row["left_id"],
        right_id=row["right_id"],
        verdict=Verdict(row["verdict"]),
        scope=Scope(row["scope"]),
        blind=bool(row["blind"]),
        shuffled=bool(row["shuffled"]),
        annotator=row["annotator"],
        created_at=row["created_at"],
        reason=row["reason"],
        tags=tuple(json.loads(row["tags"])),
        undone=bool(row["undone"]),
        repeat_of=row["repeat_of"],
        prompt_id=row["prompt_id"],
    )
