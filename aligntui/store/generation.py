"""Runs of generation: begun, filled cell by cell, found in the cache, read back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aligntui.core.errors import UserError, nearest
from aligntui.core.generation import GenerationRun, RunCell, RunKind
from aligntui.core.ids import canonical_json, new_id, now_utc
from aligntui.core.turn import Answer, SessionKind
from aligntui.store.sessions import checked_name
from aligntui.store.turns import TURN_COLUMNS, TURN_JOINS, TurnTable, as_answer, insert_answer, turn_from
from aligntui.store.values import storable

_RUN = """
    SELECT r.seq, r.id, r.kind, r.name, r.session_id, r.plan, r.created_at, r.cells,
        (SELECT count(*) FROM generation_cells WHERE run_seq = r.seq) AS done,
        (SELECT count(*) FROM generation_cells WHERE run_seq = r.seq AND cached) AS cached
    FROM generation_runs r
"""
_AT_ONCE = 500
"""Values bound in one statement; SQLite allows 32,766."""


class GenerationTable(TurnTable):
    """The part of `Store` about runs of generation."""

    def begin_run(self, kind: RunKind, name: str, plan: Mapping[str, Any], cells: int) -> GenerationRun:
        """Make a run with a session of its own, both empty.

        Args:
            kind: what it is for.
            name: of the run and of its session.
            plan: JSON-ready; whoever goes on with the run reads it.
            cells: how many answers are wanted, at least 1.

        Raises:
            UserError: the name is blank, or nothing is wanted.
            StoreError: it could not be written.
        """
        name = checked_name(name)
        if cells < 1:
            raise UserError("A run needs at least one cell to fill.")
        run_id, session_id, now = new_id(kind), new_id("session"), now_utc()
        with self.connection.write() as conn:
            conn.execute(
                "INSERT INTO sessions (id, name, created_at, updated_at, kind) VALUES (?, ?, ?, ?, ?)",
                (session_id, name, now, now, SessionKind.SAMPLING),
            )
            conn.execute(
                "INSERT INTO generation_runs (id, kind, name, session_id, plan, cells, created_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (run_id, kind, name, session_id, storable(canonical_json(dict(plan))), cells, now),
            )
            return _run(conn.execute(f"{_RUN} WHERE r.id = ?", (run_id,)).fetchone())

    def list_runs(self, kind: RunKind | None = None) -> list[GenerationRun]:
        """Runs, newest first."""
        where = "WHERE r.kind = ?" if kind else ""
        with self.connection.read() as conn:
            return [_run(row) for row in conn.execute(f"{_RUN} {where} ORDER BY r.seq DESC", (kind,) if kind else ())]

    def get_run(self, key: str, kind: RunKind | None = None) -> GenerationRun:
        """Find one run by its id, the beginning of its id, or its exact name (the newest of several).

        Raises:
            UserError: none or several fit.
            StoreError: the database cannot be read.
        """
        key = storable(key.strip())
        where, values = ("WHERE kind = ?", (kind,)) if kind else ("", ())
        with self.connection.read() as conn:
            known = conn.execute(f"SELECT id, name FROM generation_runs {where} ORDER BY seq DESC", values).fetchall()
            found = [run_id for run_id, name in known if key in (run_id, name)][:1]
            found = found or [run_id for run_id, _ in known if key and _begins(run_id, key)]
            if len(found) == 1:
                return _run(conn.execute(f"{_RUN} WHERE r.id = ?", found).fetchone())
        if found:
            raise UserError(f"{len(found)} runs begin with {key!r}.", f"Give more of the id, such as {found[0]}.")
        names = [word for run_id, name in known[:50] for word in (name, run_id)]
        what = f"{kind} run" if kind else "run"
        raise UserError(f"There is no {what} {key!r}.", nearest(key, names) if names else "There is none yet.")

    def run_prompts(self, run: GenerationRun) -> dict[str, str]:
        """Texts and ids of the first prompts in a run's session: what need not be stored again."""
        with self.connection.read() as conn:
            rows = conn.execute(
                "SELECT text, id FROM turns WHERE session_id = ? AND role = 'prompt' AND parent_id IS NULL "
                "ORDER BY seq DESC",
                (run.session_id,),
            )
            return dict(rows.fetchall())

    def filled_cells(self, run: GenerationRun) -> dict[str, RunCell]:
        """The cells of a run that have an answer, by key."""
        with self.connection.read() as conn:
            rows = conn.execute(
                "SELECT c.key, t.id AS answer_id, c.cached FROM generation_cells c JOIN turns t ON t.seq = c.answer_seq "
                "WHERE c.run_seq = (SELECT seq FROM generation_runs WHERE id = ?)",
                (run.id,),
            )
            return {key: RunCell(key, answer_id, bool(cached)) for key, answer_id, cached in rows}

    def fill_cells(self, run: GenerationRun, filled: Sequence[tuple[str, str, Answer]]) -> None:
        """Store answers of a run and put them into the cache, all or none. Durable when the call returns.

        Args:
            run: theirs.
            filled: key of the cell, hash of what decides the answer, and the answer, whose parent is a prompt of the
                run's session. A cell that another process filled meanwhile keeps what it has.

        Raises:
            UserError: a parent is no prompt of the session, or an id is taken.
            StoreError: nothing could be written.
        """
        with self.connection.write() as conn:
            run_seq = _seq(conn, run)
            for key, sha256, answer in filled:
                if _is_filled(conn, run_seq, key):
                    continue
                seq = insert_answer(conn, answer)
                conn.execute(
                    "INSERT INTO answer_cache (sha256, answer_seq) VALUES (?, ?) ON CONFLICT (sha256) DO NOTHING",
                    (sha256, seq),
                )
                conn.execute(
                    "INSERT INTO generation_cells (run_seq, key, answer_seq, cached) VALUES (?, ?, ?, 0)",
                    (run_seq, storable(key), seq),
                )

    def extend_run(self, run: GenerationRun, more: int) -> GenerationRun:
        """Want so many more cells of a run.

        Raises:
            UserError: there is no such run.
            StoreError: it could not be written.
        """
        with self.connection.write() as conn:
            seq = _seq(conn, run)
            conn.execute("UPDATE generation_runs SET cells = cells + ? WHERE seq = ?", (more, seq))
            return _run(conn.execute(f"{_RUN} WHERE r.seq = ?", (seq,)).fetchone())

    def own_answer(self, run: GenerationRun, key: str) -> Answer:
        """The answer of a cell as a turn of the run's own session: one from the cache is copied there, once.

        Two answers can only be judged where they answer one prompt turn.

        Raises:
            UserError: the cell has no answer.
            StoreError: it could not be written.
        """
        with self.connection.write() as conn:
            found = dict(self.run_answers(run, [storable(key)]))
            if not found:
                raise UserError("This cell has no answer yet.")
            (answer,) = found.values()
            if answer.session_id == run.session_id:
                return answer
            prompt = self.get_turn(answer.parent_id)
            parent_id = self.run_prompts(run).get(prompt.text)
            if parent_id is None:
                parent_id = self.add_prompt(run.session_id, None, new_id("exchange"), prompt.text).id
            copy = replace(
                answer,
                id=new_id("turn"),
                session_id=run.session_id,
                parent_id=parent_id,
                take_id=new_id("take"),
                edited_from=None,
                continued_from=None,
            )
            seq = insert_answer(conn, copy)
            conn.execute(
                "UPDATE generation_cells SET answer_seq = ? WHERE run_seq = ? AND key = ?",
                (seq, _seq(conn, run), storable(key)),
            )
            return copy

    def fill_from_cache(self, run: GenerationRun, wanted: Mapping[str, str]) -> set[str]:
        """Fill cells with answers that were made under the same conditions before.

        Args:
            run: theirs.
            wanted: hash of what decides the answer, by key of the cell.

        Returns:
            Keys of the cells that have an answer now.

        Raises:
            StoreError: nothing could be written.
        """
        keys: dict[str, list[str]] = {}
        for key, sha256 in wanted.items():
            keys.setdefault(sha256, []).append(key)
        filled: set[str] = set()
        with self.connection.write() as conn:
            run_seq = _seq(conn, run)
            for some in _batches(list(keys)):
                marks = ", ".join("?" * len(some))
                found = conn.execute(
                    f"SELECT sha256, answer_seq FROM answer_cache WHERE sha256 IN ({marks})", some
                ).fetchall()
                for sha256, answer_seq in found:
                    for key in keys[sha256]:
                        if not _is_filled(conn, run_seq, key):
                            conn.execute(
                                "INSERT INTO generation_cells (run_seq, key, answer_seq, cached) VALUES (?, ?, ?, 1)",
                                (run_seq, storable(key), answer_seq),
                            )
                        filled.add(key)
        return filled

    def run_answers(self, run: GenerationRun, keys: Collection[str] | None = None) -> Iterator[tuple[str, Answer]]:
        """Key and answer of every filled cell, or of those with these keys, in the order of their keys; read in portions."""
        keys = sorted(self.filled_cells(run) if keys is None else keys)
        for some in _batches(keys):
            with self.connection.read() as conn:
                marks = ", ".join("?" * len(some))
                rows = conn.execute(
                    f"SELECT g.key, {TURN_COLUMNS} FROM generation_cells g JOIN turns t ON t.seq = g.answer_seq "
                    f"{TURN_JOINS} WHERE g.run_seq = (SELECT seq FROM generation_runs WHERE id = ?) "
                    f"AND g.key IN ({marks}) ORDER BY g.key",
                    (run.id, *some),
                ).fetchall()
            for row in rows:
                yield row["key"], as_answer(turn_from(row))


def _run(row: sqlite3.Row) -> GenerationRun:
    return GenerationRun(
        id=row["id"],
        kind=RunKind(row["kind"]),
        name=row["name"],
        session_id=row["session_id"],
        plan=json.loads(row["plan"]),
        created_at=row["created_at"],
        cells=row["cells"],
        done=row["done"],
        cached=row["cached"],
    )


def _begins(run_id: str, key: str) -> bool:
    return run_id.startswith(key) or run_id.partition("_")[2].startswith(key)


def _seq(conn: sqlite3.Connection, run: GenerationRun) -> int:
    row = conn.execute("SELECT seq FROM generation_runs WHERE id = ?", (run.id,)).fetchone()
    if row is None:
        raise UserError(f"There is no run {run.id!r}.")
    return row[0]


def _is_filled(conn: sqlite3.Connection, run_seq: int, key: str) -> bool:
    found = conn.execute("SELECT 1 FROM generation_cells WHERE run_seq = ? AND key = ?", (run_seq, storable(key)))
    return found.fetchone() is not None


def _batches(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))
