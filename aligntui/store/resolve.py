"""What two answers have in common, and where they part: from a pair to the messages that are trained on."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from aligntui.core.errors import UserError
from aligntui.core.pair import Pair, Scope
from aligntui.core.prompt_format import Message, Mode
from aligntui.core.turn import Answer, Finish
from aligntui.store.connection import Connection
from aligntui.store.tree import message_path
from aligntui.store.turns import as_answer, read_turns


@dataclass(frozen=True)
class ResolvedPair:
    """A decided pair, ready to be laid out for training.

    A preference pair has one instruction. Where the two answers were made under different ones (two takes were
    compared), `instruction` and `mode` are those of the chosen answer: what is learnt is that under this instruction
    the chosen answer is wanted and the other is not. `instructions_differ` tells the caller, who may leave such a pair
    out.
    """

    pair_id: str
    scope: Scope
    instruction: str
    """Text in force for the chosen answer; empty when none."""
    mode: Mode
    """How it reached the model."""
    injection_every: int
    """k of the injection mode; 1 in the others."""
    prompt: list[Message]
    """History up to the last prompt that both share; no instruction in it; the last message is the user's."""
    chosen: list[Message]
    """What follows on the chosen side: one answer in scope `answer`, else the conversation from there."""
    rejected: list[Message]
    """What follows on the rejected side."""
    rejected_instruction: str
    rejected_mode: Mode
    chosen_finish: Finish
    rejected_finish: Finish

    @property
    def instructions_differ(self) -> bool:
        """Whether the two answers were made under different instructions or different modes."""
        if self.instruction.strip() != self.rejected_instruction.strip():
            return True
        return bool(self.instruction.strip()) and self.mode is not self.rejected_mode

    @property
    def partial(self) -> bool:
        """Whether one of the answers was broken off by the user or by a failure."""
        return self.chosen_finish.partial or self.rejected_finish.partial


class PairResolution:
    """The part of `Store` that turns pairs into messages."""

    connection: Connection

    def pair_messages(self, pair: Pair) -> ResolvedPair:
        """Prompt, chosen and rejected messages of a pair that decides.

        The prompt ends with the last prompt turn that both histories share. Where they also share the answer to it and
        part only in what the user said next, that answer opens both `chosen` and `rejected`: a preference record has
        to end its prompt with the user, and a common beginning weighs the same on both sides.

        Raises:
            UserError: the verdict does not decide, or the two answers share no prompt.
            StoreError: the database cannot be read.
        """
        if pair.chosen_id is None or pair.rejected_id is None:
            raise UserError(f"The pair {pair.id} has the verdict {pair.verdict.value}: nothing was chosen.")
        with self.connection.read() as conn:
            scope = scope_between(conn, pair.chosen_id, pair.rejected_id)
            chosen, rejected = _both_answers(conn, pair.chosen_id, pair.rejected_id)
            chosen_path = message_path(conn, pair.chosen_id)
            rejected_path = message_path(conn, pair.rejected_id)
        shared = _shared_prompt(chosen_path, rejected_path)
        conditions = chosen.conditions
        return ResolvedPair(
            pair_id=pair.id,
            scope=scope,
            instruction=conditions.instruction,
            mode=Mode(conditions.mode),
            injection_every=conditions.injection_every or 1,
            prompt=[message for _, message in chosen_path[:shared]],
            chosen=[message for _, message in chosen_path[shared:]],
            rejected=[message for _, message in rejected_path[shared:]],
            rejected_instruction=rejected.conditions.instruction,
            rejected_mode=Mode(rejected.conditions.mode),
            chosen_finish=chosen.finish,
            rejected_finish=rejected.finish,
        )


def scope_between(conn: sqlite3.Connection, left_id: str, right_id: str, session_id: str | None = None) -> Scope:
    """What a verdict over two answers judges; the rules of `Store.scope_of`, and both of `session_id` where given.

    Raises:
        UserError: the two make no pair.
    """
    if left_id == right_id:
        raise UserError("A pair needs two different answers.", "Both sides are the same answer here.")
    heads = [_head(conn, turn_id) for turn_id in (left_id, right_id)]
    for turn_id, head in zip((left_id, right_id), heads, strict=True):
        if session_id is not None and head["session_id"] != session_id:
            raise UserError(f"The answer {turn_id} belongs to session {head['session_id']}, not to {session_id}.")
    left, right = heads
    if left["session_id"] != right["session_id"]:
        raise UserError("The two answers belong to different sessions.", "Compare answers of one session.")
    if left["parent_id"] == right["parent_id"]:
        return Scope.ANSWER
    if left["root_id"] != right["root_id"]:
        raise UserError("The two answers share no prompt.", "Compare answers that go back to one prompt.")
    upper, lower = sorted(heads, key=lambda head: head["depth"])
    if _ancestor(conn, lower["id"], lower["depth"] - upper["depth"]) == upper["id"]:
        raise UserError("One of the two answers continues the other.", "Compare answers on two branches.")
    return Scope.CONVERSATION


def _head(conn: sqlite3.Connection, turn_id: str) -> sqlite3.Row:
    row = conn.execute(
        "SELECT id, session_id, parent_id, root_id, depth, role FROM turns WHERE id = ?", (turn_id,)
    ).fetchone()
    if row is None:
        raise UserError(f"There is no answer {turn_id!r}.")
    if row["role"] != "answer":
        raise UserError(f"{turn_id} is a prompt, not an answer.", "Give the id of one of its answers.")
    return row


def _ancestor(conn: sqlite3.Connection, turn_id: str, levels: int) -> str:
    for _ in range(levels):
        turn_id = conn.execute("SELECT parent_id FROM turns WHERE id = ?", (turn_id,)).fetchone()[0]
    return turn_id


def _both_answers(conn: sqlite3.Connection, first_id: str, second_id: str) -> tuple[Answer, Answer]:
    found = {turn.id: as_answer(turn) for turn in read_turns(conn, [first_id, second_id])}
    return found[first_id], found[second_id]


def _shared_prompt(left: list[tuple[str, Message]], right: list[tuple[str, Message]]) -> int:
    """Number of turns up to and including the last prompt turn on both paths; 0 when there is none."""
    shared = 0
    for length, ((left_id, message), (right_id, _)) in enumerate(zip(left, right, strict=False), start=1):
        if left_id != right_id:
            break
        if message.role == "user":
            shared = length
    return shared
