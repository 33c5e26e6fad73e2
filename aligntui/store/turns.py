"""Turns: prompts and answers, written and read back whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from aligntui.core.conditions import Conditions
from aligntui.core.errors import UserError
from aligntui.core.ids import canonical_json, new_id, now_utc, sha256_text
from aligntui.core.turn import Answer, Finish, Prompt, Role
from aligntui.store.connection import Connection
from aligntui.store.values import pack_float32, pack_int32, storable, unpack_float32, unpack_int32

TURN_COLUMNS = """
    t.seq, t.id, t.session_id, t.parent_id, t.role, t.exchange_id, t.take_id, t.created_at, t.text,
    a.column_index, a.finish, a.seed, a.instruction_label, a.prompt_tokens, a.decode_s, a.first_token_s,
    a.edited_from, a.continued_from, a.token_ids, a.logprobs,
    i.text AS instruction, c.json AS conditions, r.text AS rendered_prompt
"""
TURN_JOINS = """
    LEFT JOIN answers a ON a.seq = t.seq
    LEFT JOIN instructions i ON i.id = a.instruction_id
    LEFT JOIN conditions c ON c.id = a.conditions_id
    LEFT JOIN rendered_prompts r ON r.id = a.rendered_prompt_id
"""
"""Everything of a turn `t`; what belongs to answers is NULL on prompts."""

_OWN_COLUMNS = ("instruction", "rendered_prompt", "seed")
"""Conditions that differ from answer to answer and are kept outside the shared JSON."""


class TurnTable:
    """The part of `Store` about single turns."""

    connection: Connection

    def add_prompt(self, session_id: str, parent_id: str | None, exchange_id: str, text: str) -> Prompt:
        """Store what the user sent, as the continuation of one answer (`parent_id`) or as the root of a conversation.

        Raises:
            UserError: there is no such session, or the parent is no answer of it.
            StoreError: it could not be written.
        """
        return self.add_prompts(session_id, [parent_id], exchange_id, text)[0]

    def add_prompts(
        self, session_id: str, parent_ids: Sequence[str | None], exchange_id: str, text: str
    ) -> list[Prompt]:
        """Store one exchange: one prompt turn for each distinct history, all or none.

        Args:
            session_id: session they belong to.
            parent_ids: for each history the answer that it ends with, None for an empty history.
            exchange_id: `new_id("exchange")`, made by the caller.
            text: what the user sent.

        Raises:
            UserError: there is no such session, or a parent is no answer of it.
            StoreError: nothing could be written.
        """
        text = storable(text)
        now = now_utc()
        prompts = [Prompt(new_id("turn"), session_id, parent, exchange_id, text, now) for parent in parent_ids]
        with self.connection.write() as conn:
            _check_session(conn, session_id)
            repeats = conn.execute("SELECT 1 FROM turns WHERE exchange_id = ?", (exchange_id,)).fetchone() is not None
            for prompt in prompts:
                root_id, depth = prompt.id, 0
                if prompt.parent_id is not None:
                    root_id, depth = _place_below(conn, session_id, prompt.parent_id, Role.ANSWER)
                conn.execute(
                    "INSERT INTO turns (id, session_id, parent_id, root_id, depth, role, exchange_id, repeats, "
                    "created_at, text) VALUES (?, ?, ?, ?, ?, 'prompt', ?, ?, ?, ?)",
                    (prompt.id, session_id, prompt.parent_id, root_id, depth, exchange_id, repeats, now, text),
                )
                repeats = True
        return prompts

    def add_answer(self, answer: Answer) -> Answer:
        """Store one answer; see `add_answers`."""
        return self.add_answers([answer])[0]

    def add_answers(self, answers: Sequence[Answer]) -> list[Answer]:
        """Store answers, such as those of one take, all or none. Durable when the call returns.

        Returns:
            The answers as they will be read back: lone surrogates became U+FFFD, log-probs are rounded to float32.

        Raises:
            UserError: an id is taken, the parent is no prompt of the session, or the edited or continued turn is no
                answer of it.
            StoreError: nothing could be written.
        """
        with self.connection.write() as conn:
            for answer in answers:
                insert_answer(conn, answer)
            found = {turn.id: turn for turn in read_turns(conn, [answer.id for answer in answers])}
        return [as_answer(found[answer.id]) for answer in answers]

    def get_turn(self, turn_id: str) -> Prompt | Answer:
        """Find one turn by its id or by a beginning of it that no other turn has.

        Raises:
            UserError: none or several fit.
            StoreError: the database cannot be read.
        """
        with self.connection.read() as conn:
            found = read_turns(conn, [turn_id])
            if not found and turn_id.startswith("turn_") and turn_id != "turn_":
                ids = conn.execute(
                    "SELECT id FROM turns WHERE id >= ? AND id < ? LIMIT 2", (turn_id, turn_id + "\U0010ffff")
                ).fetchall()
                if len(ids) > 1:
                    raise UserError(f"Several turns begin with {turn_id!r}.", "Give more of the id.")
                found = read_turns(conn, [row[0] for row in ids])
        if not found:
            raise UserError(f"There is no turn {turn_id!r}.", "`aligntui sessions show SESSION` lists the turns.")
        return found[0]

    def get_prompt(self, turn_id: str) -> Prompt:
        """Find one prompt turn; see `get_turn`."""
        turn = self.get_turn(turn_id)
        if not isinstance(turn, Prompt):
            raise UserError(f"{turn.id} is an answer, not a prompt.", f"It answers {turn.parent_id}.")
        return turn

    def get_answer(self, turn_id: str) -> Answer:
        """Find one answer turn; see `get_turn`."""
        return as_answer(self.get_turn(turn_id))

    def answers_of(self, prompt_ids: Iterable[str]) -> list[Answer]:
        """All answers to these prompt turns, in the order they were stored."""
        with self.connection.read() as conn:
            return [as_answer(turn) for turn in read_children(conn, prompt_ids)]

    def children_prompts(self, answer_ids: Iterable[str]) -> list[Prompt]:
        """All prompt turns that continue these answers, in the order they were stored."""
        with self.connection.read() as conn:
            return [turn for turn in read_children(conn, answer_ids) if isinstance(turn, Prompt)]

    def recent_prompts(self, limit: int = 100, session_id: str | None = None) -> list[str]:
        """Texts of the prompts sent last, newest first, each text once; for recall in the prompt box.

        Prompts that came from a file were not sent.
        """
        where, values = ("AND session_id = ?", (session_id,)) if session_id else ("", ())
        with self.connection.read() as conn:
            rows = conn.execute(
                "SELECT text FROM turns WHERE role = 'prompt' AND repeats = 0 AND imported = 0 "
                f"{where} ORDER BY seq DESC LIMIT ?",
                (*values, 4 * limit),
            ).fetchall()
        return list(dict.fromkeys(row[0] for row in rows))[:limit]


def read_turns(conn: sqlite3.Connection, ids: Iterable[str]) -> list[Prompt | Answer]:
    """The turns with these ids that exist, in the order they were stored."""
    rows = conn.execute(
        f"SELECT {TURN_COLUMNS} FROM json_each(?) wanted CROSS JOIN turns t ON t.id = wanted.value {TURN_JOINS} "
        "ORDER BY t.seq",
        (json.dumps(list(ids)),),
    )
    return [turn_from(row) for row in rows]


def read_children(conn: sqlite3.Connection, parent_ids: Iterable[str]) -> list[Prompt | Answer]:
    """The turns whose parent is one of these, in the order they were stored."""
    rows = conn.execute(
        f"SELECT {TURN_COLUMNS} FROM json_each(?) wanted CROSS JOIN turns t ON t.parent_id = wanted.value {TURN_JOINS} "
        "ORDER BY t.seq",
        (json.dumps(list(dict.fromkeys(parent_ids))),),
    )
    return [turn_from(row) for row in rows]


def turn_from(row: sqlite3.Row) -> Prompt | Answer:
    """The value behind a row of `TURN_COLUMNS`."""
    if row["role"] == Role.PROMPT:
        return Prompt(
            row["id"], row["session_id"], row["parent_id"], row["exchange_id"], row["text"], row["created_at"]
        )
    shared = dict(_parsed(row["conditions"]))
    shared["versions"] = dict(shared.get("versions", {}))
    own: dict[str, Any] = {
        "instruction": row["instruction"] or "",
        "rendered_prompt": row["rendered_prompt"],
        "seed": row["seed"],
    }
    return Answer(
        id=row["id"],
        session_id=row["session_id"],
        parent_id=row["parent_id"],
        take_id=row["take_id"],
        column=row["column_index"],
        text=row["text"],
        finish=Finish(row["finish"]),
        created_at=row["created_at"],
        conditions=Conditions.from_dict(shared | own),
        instruction_label=row["instruction_label"],
        token_ids=unpack_int32(row["token_ids"]),
        logprobs=unpack_float32(row["logprobs"]),
        prompt_tokens=row["prompt_tokens"],
        decode_s=row["decode_s"],
        first_token_s=row["first_token_s"],
        edited_from=row["edited_from"],
        continued_from=row["continued_from"],
    )


def as_answer(turn: Prompt | Answer) -> Answer:
    """`turn`, which has to be an answer.

    Raises:
        UserError: it is a prompt.
    """
    if not isinstance(turn, Answer):
        raise UserError(f"{turn.id} is a prompt, not an answer.", "Give the id of one of its answers.")
    return turn


@lru_cache(maxsize=256)
def _parsed(conditions: str) -> dict[str, Any]:
    return json.loads(conditions)


def insert_answer(conn: sqlite3.Connection, answer: Answer) -> int:
    """Add an answer inside a write; returns the row of its turn.

    Raises:
        UserError: as `TurnTable.add_answers`.
    """
    root_id, depth = _place_below(conn, answer.session_id, answer.parent_id, Role.PROMPT)
    for source in (answer.edited_from, answer.continued_from):
        if source is not None:
            _place_below(conn, answer.session_id, source, Role.ANSWER)
    if conn.execute("SELECT 1 FROM turns WHERE id = ?", (answer.id,)).fetchone():
        raise UserError(f"The turn {answer.id} is stored already.", "An answer is stored once.")
    shared, own = shared_conditions(answer.conditions)
    instruction = storable(own["instruction"])
    cursor = conn.execute(
        "INSERT INTO turns (id, session_id, parent_id, root_id, depth, role, take_id, created_at, text) "
        "VALUES (?, ?, ?, ?, ?, 'answer', ?, ?, ?)",
        (
            answer.id,
            answer.session_id,
            answer.parent_id,
            root_id,
            depth,
            answer.take_id,
            answer.created_at,
            storable(answer.text),
        ),
    )
    conn.execute(
        "INSERT INTO answers (seq, column_index, finish, seed, instruction_id, instruction_label, conditions_id, "
        "rendered_prompt_id, prompt_tokens, decode_s, first_token_s, edited_from, continued_from, token_ids, logprobs) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            cursor.lastrowid,
            answer.column,
            answer.finish,
            own["seed"],
            kept_once(conn, "instructions", "text", instruction) if instruction else None,
            storable(answer.instruction_label),
            kept_once(conn, "conditions", "json", shared),
            kept_once(conn, "rendered_prompts", "text", storable(own["rendered_prompt"])),
            answer.prompt_tokens,
            answer.decode_s,
            answer.first_token_s,
            answer.edited_from,
            answer.continued_from,
            pack_int32(answer.token_ids),
            pack_float32(answer.logprobs),
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def shared_conditions(conditions: Conditions) -> tuple[str, dict[str, Any]]:
    """Conditions as JSON without those that differ from answer to answer, and these."""
    shared = conditions.as_dict()
    own = {name: shared.pop(name) for name in _OWN_COLUMNS}
    return storable(canonical_json(shared)), own


def kept_once(conn: sqlite3.Connection, table: str, column: str, text: str) -> int:
    """Row id of a text in a table where each text stands once, under its hash."""
    digest = sha256_text(text)
    row = conn.execute(f"SELECT id FROM {table} WHERE sha256 = ?", (digest,)).fetchone()
    if row is not None:
        return row[0]
    done = conn.execute(f"INSERT INTO {table} (sha256, {column}) VALUES (?, ?)", (digest, text))
    assert done.lastrowid is not None
    return done.lastrowid


def _check_session(conn: sqlite3.Connection, session_id: str) -> None:
    if not conn.execute("SELECT 1 FROM sessions WHERE id = ?", (session_id,)).fetchone():
        raise UserError(f"There is no session {session_id!r}.", "List them with `aligntui sessions list`.")


def _place_below(conn: sqlite3.Connection, session_id: str, turn_id: str, role: Role) -> tuple[str, int]:
    """Root and depth of a turn whose parent is `turn_id`, which has to be of that session and role."""
    row = conn.execute("SELECT session_id, role, root_id, depth FROM turns WHERE id = ?", (turn_id,)).fetchone()
    if row is None:
        raise UserError(f"There is no turn {turn_id!r}.", f"An id of an existing {role.value} is needed.")
    if row["session_id"] != session_id:
        raise UserError(f"The turn {turn_id} belongs to session {row['session_id']}, not to {session_id}.")
    if row["role"] != role:
        raise UserError(f"The {row['role']} {turn_id} stands where an id of the other role, {role.value}, is needed.")
    return row["root_id"], row["depth"] + 1
