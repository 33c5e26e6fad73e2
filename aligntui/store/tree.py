"""Walking the tree of a session, a screenful at a time.

Each call costs what it returns, whether the session holds ten turns or a hundred thousand; a whole session is read page
by page.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Message
from aligntui.core.turn import Answer, Prompt, Role, SessionKind
from aligntui.store.connection import Connection
from aligntui.store.turns import TURN_COLUMNS, TURN_JOINS, as_answer, read_children, turn_from

NO_LIMIT = -1
"""SQLite reads a negative LIMIT as none."""

PAGE = 50
"""Exchanges that are in memory at once while a whole session is read."""


@dataclass(frozen=True)
class Take:
    """The answers that were made together for one exchange."""

    id: str
    exchange_id: str
    answers: tuple[Answer, ...]
    """By column, from the left; within a column in the order they were stored."""


@dataclass(frozen=True)
class Exchange:
    """One prompt as the user sent it, with everything that answered it."""

    id: str
    session_id: str
    prompts: tuple[Prompt, ...]
    """One turn for each distinct history, in the order they were stored; never empty."""
    takes: tuple[Take, ...]
    """Oldest first; empty while nothing is stored."""

    @property
    def text(self) -> str:
        """What the user sent."""
        return self.prompts[0].text

    @property
    def created_at(self) -> str:
        """When it was sent, ISO 8601 UTC."""
        return self.prompts[0].created_at

    @property
    def parent_ids(self) -> tuple[str, ...]:
        """The answers that it continues, one for each history; empty at the root."""
        return tuple(prompt.parent_id for prompt in self.prompts if prompt.parent_id is not None)


class TreeTable:
    """The part of `Store` that walks the tree."""

    connection: Connection

    def path_to_root(self, turn_id: str, limit: int | None = None) -> list[Prompt | Answer]:
        """The turns from the root of the conversation to this one, both included.

        Args:
            turn_id: a prompt or an answer.
            limit: only the last so many; the cost is that of what is returned.

        Raises:
            UserError: there is no such turn.
            StoreError: the database cannot be read.
        """
        with self.connection.read() as conn:
            rows = conn.execute(
                f"{_PATH} SELECT {TURN_COLUMNS} FROM path CROSS JOIN turns t ON t.seq = path.seq {TURN_JOINS} "
                "ORDER BY path.depth DESC",
                (turn_id, NO_LIMIT if limit is None else limit),
            ).fetchall()
        if not rows:
            raise UserError(f"There is no turn {turn_id!r}.")
        return [turn_from(row) for row in rows]

    def messages_of(self, turn_id: str) -> list[Message]:
        """The conversation up to and including this turn, as user and assistant messages without instructions.

        Raises:
            UserError: there is no such turn.
            StoreError: the database cannot be read.
        """
        with self.connection.read() as conn:
            return [message for _, message in message_path(conn, turn_id)]

    def exchange(self, exchange_id: str) -> Exchange:
        """One exchange with all its takes.

        Raises:
            UserError: there is no such exchange.
            StoreError: the database cannot be read.
        """
        with self.connection.read() as conn:
            found = read_exchanges(conn, [exchange_id])
        if not found:
            raise UserError(f"There is no exchange {exchange_id!r}.")
        return found[0]

    def exchange_of(self, turn_id: str) -> Exchange:
        """The exchange that a prompt or an answer belongs to.

        Raises:
            UserError: there is no such turn.
            StoreError: the database cannot be read.
        """
        with self.connection.read() as conn:
            row = conn.execute(
                "SELECT coalesce(t.exchange_id, p.exchange_id) FROM turns t LEFT JOIN turns p ON p.id = t.parent_id "
                "WHERE t.id = ?",
                (turn_id,),
            ).fetchone()
            if row is None:
                raise UserError(f"There is no turn {turn_id!r}.")
            return read_exchanges(conn, [row[0]])[0]

    def exchanges(self, session_id: str) -> Iterator[Exchange]:
        """All exchanges of a session on all branches, in the order in which they were sent; none where there is no session.

        Between two pages the database is free for others, so that exchanges stored meanwhile come along at the end.

        Raises:
            StoreError: the database cannot be read.
        """
        after = 0
        while True:
            with self.connection.read() as conn:
                ids, after = _page(conn, session_id, after)
                page = read_exchanges(conn, ids)
            if not page:
                return
            yield from page

    def take(self, take_id: str) -> Take:
        """One take with all its answers.

        Raises:
            UserError: there is no such take.
            StoreError: the database cannot be read.
        """
        with self.connection.read() as conn:
            row = conn.execute(
                "SELECT p.exchange_id FROM turns a CROSS JOIN turns p ON p.id = a.parent_id WHERE a.take_id = ? LIMIT 1",
                (take_id,),
            ).fetchone()
            if row is None:
                raise UserError(f"There is no take {take_id!r}.", "`aligntui sessions show SESSION` lists the takes.")
            (exchange,) = read_exchanges(conn, [row["exchange_id"]])
        return next(take for take in exchange.takes if take.id == take_id)

    def takes_of(self, exchange_id: str) -> list[Take]:
        """The takes of an exchange, oldest first."""
        return list(self.exchange(exchange_id).takes)

    def last_exchange(self, session_id: str) -> Exchange | None:
        """The exchange that was sent last in a session, on whatever branch; None in an empty session."""
        with self.connection.read() as conn:
            row = conn.execute(
                "SELECT exchange_id FROM turns WHERE session_id = ? AND role = 'prompt' ORDER BY seq DESC LIMIT 1",
                (session_id,),
            ).fetchone()
            return read_exchanges(conn, [row[0]])[0] if row else None

    def earlier_exchanges(self, exchange_id: str, limit: int) -> list[Exchange]:
        """The last `limit` exchanges before this one on its branch, oldest first; empty at the root.

        Where the columns of an exchange continue answers of different exchanges, the history of its first prompt turn
        (the leftmost column) is followed.
        """
        with self.connection.read() as conn:
            return read_exchanges(conn, _ids_above(conn, exchange_id, limit))

    def open_session(self, session_id: str, limit: int) -> list[Exchange]:
        """What a screen shows when a session is opened: its last exchange and those before it, oldest first.

        Args:
            session_id: id of the session.
            limit: at most so many exchanges.
        """
        with self.connection.read():
            last = self.last_exchange(session_id)
            if last is None:
                return []
            return [*self.earlier_exchanges(last.id, limit - 1), last]

    def child_exchanges(self, take_id: str) -> list[Exchange]:
        """The exchanges that continue a take, oldest first."""
        with self.connection.read() as conn:
            ids = conn.execute(
                "SELECT DISTINCT p.exchange_id FROM turns a CROSS JOIN turns p ON p.parent_id = a.id WHERE a.take_id = ?",
                (take_id,),
            )
            return read_exchanges(conn, [row[0] for row in ids])

    def sibling_ids(self, exchange_id: str) -> list[str]:
        """Ids of the exchanges that continue the same take as this one, itself included, oldest first.

        For an exchange at the root these are the roots of the session; only itself where the roots have nothing to do with
        each other, as in an import.

        Raises:
            UserError: there is no such exchange.
            StoreError: the database cannot be read.
        """
        with self.connection.read() as conn:
            first = conn.execute(
                "SELECT t.parent_id, t.session_id, s.kind FROM turns t JOIN sessions s ON s.id = t.session_id "
                "WHERE t.exchange_id = ? ORDER BY t.seq LIMIT 1",
                (exchange_id,),
            ).fetchone()
            if first is None:
                raise UserError(f"There is no exchange {exchange_id!r}.")
            if first["parent_id"] is None and first["kind"] != SessionKind.CHAT:
                return [exchange_id]
            if first["parent_id"] is None:
                rows = conn.execute(
                    "SELECT exchange_id FROM turns WHERE session_id = ? AND parent_id IS NULL GROUP BY exchange_id ORDER BY min(seq)",
                    (first["session_id"],),
                )
            else:
                rows = conn.execute(
                    "SELECT p.exchange_id FROM turns a CROSS JOIN turns p ON p.parent_id = a.id "
                    "WHERE a.take_id = (SELECT take_id FROM turns WHERE id = ?) GROUP BY p.exchange_id ORDER BY min(p.seq)",
                    (first["parent_id"],),
                )
            return [row[0] for row in rows]

    def sibling_exchanges(self, exchange_id: str) -> list[Exchange]:
        """The exchanges of `sibling_ids`, whole."""
        with self.connection.read() as conn:
            return read_exchanges(conn, self.sibling_ids(exchange_id))


_PATH = """
WITH RECURSIVE path (seq, parent_id, depth) AS (
    SELECT seq, parent_id, 0 FROM turns WHERE id = ?
    UNION ALL
    SELECT t.seq, t.parent_id, path.depth + 1 FROM path CROSS JOIN turns t ON t.id = path.parent_id
    LIMIT ?
)
"""


def message_path(conn: sqlite3.Connection, turn_id: str) -> list[tuple[str, Message]]:
    """Turn id and message of each turn from the root to this one.

    Raises:
        UserError: there is no such turn.
    """
    rows = conn.execute(
        f"{_PATH} SELECT t.id, t.role, t.text FROM path CROSS JOIN turns t ON t.seq = path.seq "
        "ORDER BY path.depth DESC",
        (turn_id, NO_LIMIT),
    ).fetchall()
    if not rows:
        raise UserError(f"There is no turn {turn_id!r}.")
    return [(row["id"], Message("user" if row["role"] == Role.PROMPT else "assistant", row["text"])) for row in rows]


def read_exchanges(conn: sqlite3.Connection, exchange_ids: Iterable[str]) -> list[Exchange]:
    """These exchanges with prompts and takes, in the order they were sent; three statements in all."""
    rows = conn.execute(
        f"SELECT {TURN_COLUMNS} FROM json_each(?) wanted CROSS JOIN turns t ON t.exchange_id = wanted.value {TURN_JOINS} "
        "ORDER BY t.seq",
        (json.dumps(list(exchange_ids)),),
    )
    prompts: dict[str, list[Prompt]] = {}
    exchange_of: dict[str, str] = {}
    for row in rows:
        prompt = turn_from(row)
        assert isinstance(prompt, Prompt)
        prompts.setdefault(prompt.exchange_id, []).append(prompt)
        exchange_of[prompt.id] = prompt.exchange_id
    takes: dict[str, dict[str, list[Answer]]] = {}
    for turn in read_children(conn, exchange_of):
        answer = as_answer(turn)
        takes.setdefault(exchange_of[answer.parent_id], {}).setdefault(answer.take_id, []).append(answer)
    return [
        Exchange(
            id=exchange_id,
            session_id=turns[0].session_id,
            prompts=tuple(turns),
            takes=tuple(
                Take(take_id, exchange_id, tuple(sorted(answers, key=lambda answer: answer.column)))
                for take_id, answers in takes.get(exchange_id, {}).items()
            ),
        )
        for exchange_id, turns in prompts.items()
    ]


def _page(conn: sqlite3.Connection, session_id: str, after: int) -> tuple[list[str], int]:
    """Ids of the next exchanges in the order they were sent, and the row of the last one."""
    rows = conn.execute(
        "SELECT seq, exchange_id FROM turns WHERE session_id = ? AND role = 'prompt' AND repeats = 0 AND seq > ? "
        "ORDER BY seq LIMIT ?",
        (session_id, after, PAGE),
    ).fetchall()
    return [row["exchange_id"] for row in rows], rows[-1]["seq"] if rows else after


def _ids_above(conn: sqlite3.Connection, exchange_id: str, limit: int) -> list[str]:
    rows = conn.execute(
        """
        WITH RECURSIVE above (exchange_id, parent_id, depth) AS (
            SELECT exchange_id, parent_id, 0 FROM
                (SELECT exchange_id, parent_id FROM turns WHERE exchange_id = ? ORDER BY seq LIMIT 1)
            UNION ALL
            SELECT prompt.exchange_id, prompt.parent_id, above.depth + 1
            FROM above CROSS JOIN turns answer ON answer.id = above.parent_id
            CROSS JOIN turns prompt ON prompt.id = answer.parent_id
            LIMIT ?
        )
        SELECT exchange_id FROM above WHERE depth > 0
        """,
        (exchange_id, max(limit, 0) + 1),
    )
    return [row[0] for row in rows]
