"""Many pairs at once: taken back, brought back, tagged. Each call is one transaction and says what it changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from aligntui.core.errors import UserError
from aligntui.core.ids import now_utc
from aligntui.store.connection import Connection
from aligntui.store.pairs import tags_json
from aligntui.store.values import storable


class PairBulk:
    """The part of `Store` that changes many pairs."""

    connection: Connection

    def undo_pairs(self, ids: Iterable[str], annotator: str = "") -> list[str]:
        """Take pairs back; they stay in the database, marked. What they had replaced does not count again by this.

        Returns:
            Those that counted before, for `restore_pairs`.

        Raises:
            UserError: one does not exist; nothing was changed.
            StoreError: nothing could be written.
        """
        return self._turn(ids, "undone", annotator)

    def restore_pairs(self, ids: Iterable[str], annotator: str = "") -> list[str]:
        """Let pairs count again.

        Returns:
            Those that did not count before, for `undo_pairs`.

        Raises:
            UserError: one does not exist; nothing was changed.
            StoreError: nothing could be written.
        """
        return self._turn(ids, "restored", annotator)

    def retag_pairs(
        self, ids: Iterable[str], add: Sequence[str] = (), remove: Sequence[str] = (), annotator: str = ""
    ) -> dict[str, tuple[str, ...]]:
        """Give tags to pairs and take others away; reasons stay, and the order of the tags that were there.

        Returns:
            The tags before of each pair that was changed, for `set_tags`.

        Raises:
            UserError: one does not exist; nothing was changed.
            StoreError: nothing could be written.
        """
        added, removed = _clean(add), set(_clean(remove))
        with self.connection.write() as conn:
            now = _noted(conn, ids)
            wanted = {
                pair_id: _clean([*(tag for tag in tags if tag not in removed), *added])
                for pair_id, (_, tags) in now.items()
            }
            return _annotate(conn, now, wanted, annotator)

    def set_tags(self, tags: Mapping[str, Sequence[str]], annotator: str = "") -> dict[str, tuple[str, ...]]:
        """Give each pair these tags and no others; reasons stay.

        Returns:
            The tags before of each pair that was changed.

        Raises:
            UserError: one does not exist; nothing was changed.
            StoreError: nothing could be written.
        """
        with self.connection.write() as conn:
            now = _noted(conn, tags)
            return _annotate(conn, now, {pair_id: tuple(map(storable, tags[pair_id])) for pair_id in now}, annotator)

    def _turn(self, ids: Iterable[str], kind: str, annotator: str) -> list[str]:
        wanted = list(dict.fromkeys(ids))
        with self.connection.write() as conn:
            rows = conn.execute(
                "SELECT p.id, i.shelf & 1 AS undone FROM json_each(?) wanted CROSS JOIN pairs p ON p.id = wanted.value "
                "CROSS JOIN pair_index i ON i.seq = p.seq ORDER BY wanted.key",
                (json.dumps(wanted),),
            ).fetchall()
            _check_known(wanted, [row["id"] for row in rows])
            changed = [row["id"] for row in rows if row["undone"] != (kind == "undone")]
            now, who = now_utc(), storable(annotator)
            conn.executemany(
                "INSERT INTO pair_events (pair_id, kind, annotator, created_at) VALUES (?, ?, ?, ?)",
                ((pair_id, kind, who, now) for pair_id in changed),
            )
        return changed


def _noted(conn: sqlite3.Connection, ids: Iterable[str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Reason and tags of each pair."""
    wanted = list(dict.fromkeys(ids))
    rows = conn.execute(
        "SELECT p.id, p.reason, p.tags FROM json_each(?) wanted CROSS JOIN pairs_now p ON p.id = wanted.value "
        "ORDER BY wanted.key",
        (json.dumps(wanted),),
    )
    found = {pair_id: (reason, tuple(json.loads(tags))) for pair_id, reason, tags in rows}
    _check_known(wanted, found)
    return found


def _annotate(
    conn: sqlite3.Connection,
    now: Mapping[str, tuple[str, tuple[str, ...]]],
    wanted: Mapping[str, tuple[str, ...]],
    annotator: str,
) -> dict[str, tuple[str, ...]]:
    before = {pair_id: tags for pair_id, (_, tags) in now.items() if tags != wanted[pair_id]}
    at, who = now_utc(), storable(annotator)
    conn.executemany(
        "INSERT INTO pair_events (pair_id, kind, annotator, created_at, reason, tags) VALUES (?, 'annotated', ?, ?, ?, ?)",
        ((pair_id, who, at, now[pair_id][0], tags_json(wanted[pair_id])) for pair_id in before),
    )
    return before


def _check_known(wanted: Sequence[str], found: Iterable[str]) -> None:
    if missing := set(wanted).difference(found):
        shown = ", ".join(repr(pair_id) for pair_id in wanted if pair_id in missing)[:200]
        raise UserError(f"There is no pair {shown}.", "Nothing was changed. `aligntui pairs list` shows them.")


def _clean(tags: Iterable[str]) -> tuple[str, ...]:
    """Each tag once, without blank ones and the white space around them."""
    return tuple(dict.fromkeys(tag for tag in (storable(one).strip() for one in tags) if tag))
