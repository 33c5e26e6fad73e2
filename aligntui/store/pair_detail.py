"""Everything about one pair."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from aligntui.core.pair import Pair
from aligntui.core.prompt_format import Message
from aligntui.core.turn import Answer, SessionKind
from aligntui.store.connection import Connection
from aligntui.store.pairs import read_pair
from aligntui.store.resolve import shared_length, sides_of
from aligntui.store.tree import message_path
from aligntui.store.turns import as_answer, read_turns


@dataclass(frozen=True)
class PairEvent:
    """Something that was done to a pair after it was judged."""

    kind: str
    """`undone`, `restored` or `annotated`."""
    annotator: str
    created_at: str
    reason: str = ""
    """The reason in force from then on, where it was annotated."""
    tags: tuple[str, ...] = ()
    """Likewise."""


@dataclass(frozen=True)
class PairOrigin:
    """The record of a file that a pair came from."""

    import_id: str
    source: str
    """File or address, as the user named it."""
    source_sha256: str
    layout: str
    place: str
    """Where in it the record stands."""
    record_id: str
    fingerprint: str
    tokenizer: str
    """What the tokens were counted with; empty where nobody counted."""
    prompt_tokens: int | None
    """Tokens of the rendered prompt; None where nobody counted."""
    chosen_tokens: int | None
    """Tokens of the whole side."""
    rejected_tokens: int | None


@dataclass(frozen=True)
class PairDetail:
    """A pair with its texts, where they stand, and what became of it."""

    pair: Pair
    session_name: str
    session_kind: SessionKind
    prompt_turn_id: str
    """The last prompt turn that both sides share; its answers begin the sides."""
    exchange_id: str
    """The exchange of that prompt turn."""
    prompt: tuple[Message, ...]
    """The conversation up to it; no instruction in it."""
    left: Answer
    """The answer that ends the left side."""
    right: Answer | None
    """None for an example."""
    left_messages: tuple[Message, ...]
    """What follows the prompt on the left side: one answer, else the conversation from there."""
    right_messages: tuple[Message, ...] | None
    history: tuple[PairEvent, ...]
    """Oldest first."""
    replaces: str | None
    """Pair in whose place it was judged."""
    replaced_by: str | None
    """Pair that was judged in its place last."""
    origin: PairOrigin | None
    """None where it was judged here."""


class PairDetails:
    """The part of `Store` that shows one pair."""

    connection: Connection

    def pair_detail(self, pair_id: str) -> PairDetail:
        """One pair whole, undone or not.

        Raises:
            UserError: there is no such pair.
            StoreError: the database cannot be read.
        """
        with self.connection.read() as conn:
            pair = read_pair(conn, pair_id)
            answers = {turn.id: as_answer(turn) for turn in read_turns(conn, sides_of(pair))}
            paths = {answer_id: message_path(conn, answer_id) for answer_id in answers}
            shared = shared_length(pair, paths)
            prompt = paths[pair.left_id][:shared]
            sides = {answer_id: tuple(message for _, message in path[shared:]) for answer_id, path in paths.items()}
            place = conn.execute(
                "SELECT s.name, s.kind, t.exchange_id, p.replaces, "
                "(SELECT id FROM pairs WHERE replaces = p.id ORDER BY seq DESC LIMIT 1) AS replaced_by "
                "FROM pairs p JOIN sessions s ON s.id = p.session_id JOIN turns t ON t.id = ? WHERE p.id = ?",
                (prompt[-1][0], pair_id),
            ).fetchone()
            history = _history(conn, pair_id)
            origin = _origin(conn, pair_id)
        return PairDetail(
            pair=pair,
            session_name=place["name"],
            session_kind=SessionKind(place["kind"]),
            prompt_turn_id=prompt[-1][0],
            exchange_id=place["exchange_id"],
            prompt=tuple(message for _, message in prompt),
            left=answers[pair.left_id],
            right=None if pair.right_id is None else answers[pair.right_id],
            left_messages=sides[pair.left_id],
            right_messages=None if pair.right_id is None else sides[pair.right_id],
            history=history,
            replaces=place["replaces"],
            replaced_by=place["replaced_by"],
            origin=origin,
        )


def _history(conn: sqlite3.Connection, pair_id: str) -> tuple[PairEvent, ...]:
    rows = conn.execute(
        "SELECT kind, annotator, created_at, reason, tags FROM pair_events WHERE pair_id = ? ORDER BY seq", (pair_id,)
    )
    return tuple(PairEvent(*values, tags=tuple(json.loads(tags))) for *values, tags in rows)


def _origin(conn: sqlite3.Connection, pair_id: str) -> PairOrigin | None:
    """Where a pair came from, or the one that it was edited or judged anew from."""
    row = conn.execute(
        "WITH RECURSIVE line (id, depth) AS (SELECT :pair, 0 UNION ALL "
        "SELECT p.replaces, depth + 1 FROM line JOIN pairs p ON p.id = line.id WHERE p.replaces IS NOT NULL) "
        "SELECT f.import_id, m.source, m.source_sha256, m.layout, f.place, f.record_id, f.fingerprint, m.tokenizer, "
        "f.prompt_tokens, f.chosen_tokens, f.rejected_tokens "
        "FROM line JOIN import_fingerprints f ON f.pair_id = line.id JOIN imports m ON m.id = f.import_id "
        "ORDER BY depth LIMIT 1",
        {"pair": pair_id},
    ).fetchone()
    return None if row is None else PairOrigin(*row)
