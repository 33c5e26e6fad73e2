"""What two answers have in common, and where they part: from a pair to the messages that are trained on."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from aligntui.core.errors import UserError
from aligntui.core.pair import Pair, Scope, Verdict
from aligntui.core.prompt_format import Message, Mode
from aligntui.core.turn import Finish
from aligntui.store.connection import Connection
from aligntui.store.tree import message_path
from aligntui.store.turns import as_answer, read_turns


@dataclass(frozen=True)
class ResolvedPair:
    """A decided pair or an example, ready to be laid out for training.

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
    rejected: list[Message] | None
    """What follows on the rejected side; None for an example."""
    rejected_instruction: str
    """Of an example that of the chosen answer, as its mode."""
    rejected_mode: Mode
    chosen_finish: Finish
    rejected_finish: Finish | None
    """None for an example."""

    @property
    def instructions_differ(self) -> bool:
        """Whether the two answers were made under different instructions or different modes."""
        if self.instruction.strip() != self.rejected_instruction.strip():
            return True
        return bool(self.instruction.strip()) and self.mode is not self.rejected_mode

    @property
    def partial(self) -> bool:
        """Whether one of the answers was broken off by the user or by a failure."""
        return self.chosen_finish.partial or (self.rejected_finish is not None and self.rejected_finish.partial)


class PairResolution:
    """The part of `Store` that turns pairs into messages."""

    connection: Connection

    def pair_messages(self, pair: Pair) -> ResolvedPair:
        """Prompt, chosen and rejected messages of a pair that decides, or of an example.

        The prompt ends with the last prompt turn that both histories share. Where they also share the answer to it and
        part only in what the user said next, that answer opens both `chosen` and `rejected`: a preference record has
        to end its prompt with the user, and a common beginning weighs the same on both sides.

        Raises:
            UserError: nothing was chosen, or the two answers share no prompt.
            StoreError: the database cannot be read.
        """
        if pair.chosen_id is None:
            raise UserError(f"The pair {pair.id} has the verdict {pair.verdict.value}: nothing was chosen.")
        with self.connection.read() as conn:
            scope = scope_of_pair(conn, pair)
            answers = {turn.id: as_answer(turn) for turn in read_turns(conn, sides_of(pair))}
            paths = {answer_id: message_path(conn, answer_id) for answer_id in answers}
        shared = shared_length(pair, paths)
        sides = {answer_id: [message for _, message in path[shared:]] for answer_id, path in paths.items()}
        chosen = answers[pair.chosen_id]
        rejected = None if pair.rejected_id is None else answers[pair.rejected_id]
        other = (rejected or chosen).conditions
        return ResolvedPair(
            pair_id=pair.id,
            scope=scope,
            instruction=chosen.conditions.instruction,
            mode=Mode(chosen.conditions.mode),
            injection_every=chosen.conditions.injection_every or 1,
            prompt=[message for _, message in paths[chosen.id][:shared]],
            chosen=sides[chosen.id],
            rejected=None if rejected is None else sides[rejected.id],
            rejected_instruction=other.instruction,
            rejected_mode=Mode(other.mode),
            chosen_finish=chosen.finish,
            rejected_finish=None if rejected is None else rejected.finish,
        )


def sides_of(pair: Pair) -> list[str]:
    """Ids of the one or two answers that were judged, left first."""
    return [pair.left_id] if pair.right_id is None else [pair.left_id, pair.right_id]


def scope_of_pair(conn: sqlite3.Connection, pair: Pair, session_id: str | None = None) -> Scope:
    """What a pair judges; see `scope_between`. An example judges its answer, or all from its `prompt_id` on.

    Raises:
        UserError: its answers make no pair, an example has two or another verdict one, or `prompt_id` is no prompt that
            its answers go back to.
    """
    if (pair.right_id is None) != (pair.verdict is Verdict.EXAMPLE):
        raise UserError(
            f"The verdict {pair.verdict.value} does not fit {len(sides_of(pair))} of 2 answers.",
            "An example is one answer; every other verdict is over two.",
        )
    if pair.prompt_id is not None:
        for answer_id in sides_of(pair):
            _check_above(conn, pair.prompt_id, answer_id)
    if pair.right_id is not None:
        return scope_between(conn, pair.left_id, pair.right_id, session_id)
    _checked_head(conn, pair.left_id, session_id)
    return Scope.ANSWER if pair.prompt_id is None else Scope.CONVERSATION


def shared_length(pair: Pair, paths: dict[str, list[tuple[str, Message]]]) -> int:
    """Number of turns at the beginning of the paths of a pair's answers that are its prompt."""
    left = paths[pair.left_id]
    if pair.prompt_id is not None:
        return 1 + next(place for place, (turn_id, _) in enumerate(left) if turn_id == pair.prompt_id)
    return len(left) - 1 if pair.right_id is None else _shared_prompt(left, paths[pair.right_id])


def scope_between(conn: sqlite3.Connection, left_id: str, right_id: str, session_id: str | None = None) -> Scope:
    """What a verdict over two answers judges; the rules of `Store.scope_of`, and both of `session_id` where given.

    Raises:
        UserError: the two make no pair.
    """
    if left_id == right_id:
        raise UserError("A pair needs two different answers.", "Both sides are the same answer here.")
    heads = [_checked_head(conn, turn_id, session_id) for turn_id in (left_id, right_id)]
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


def _checked_head(conn: sqlite3.Connection, turn_id: str, session_id: str | None) -> sqlite3.Row:
    head = _head(conn, turn_id)
    if session_id is not None and head["session_id"] != session_id:
        raise UserError(f"The answer {turn_id} belongs to session {head['session_id']}, not to {session_id}.")
    return head


def _check_above(conn: sqlite3.Connection, prompt_id: str, answer_id: str) -> None:
    """Refuse a prompt that is not on the path to an answer."""
    prompt = conn.execute("SELECT depth FROM turns WHERE id = ? AND role = 'prompt'", (prompt_id,)).fetchone()
    levels = 0 if prompt is None else _head(conn, answer_id)["depth"] - prompt["depth"]
    if levels <= 0 or _ancestor(conn, answer_id, levels) != prompt_id:
        raise UserError(f"{prompt_id} is no prompt that the answer {answer_id} goes back to.")


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


def _shared_prompt(left: list[tuple[str, Message]], right: list[tuple[str, Message]]) -> int:
    """Number of turns up to and including the last prompt turn on both paths; 0 when there is none."""
    shared = 0
    for length, ((left_id, message), (right_id, _)) in enumerate(zip(left, right, strict=False), start=1):
        if left_id != right_id:
            break
        if message.role == "user":
            shared = length
    return shared
