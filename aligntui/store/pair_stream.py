"""Pairs one after another, for lint, statistics and export: as many as there are, a batch of them in memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import islice
from typing import Any

from aligntui.core.pair import Pair, Scope, Verdict
from aligntui.core.prompt_format import Message, Mode
from aligntui.core.turn import Finish, Role
from aligntui.store.connection import Connection
from aligntui.store.pair_filter import PairFilter, PairSort
from aligntui.store.pair_index_schema import instruction_name
from aligntui.store.pair_list import EVERYTHING, PairList
from aligntui.store.pairs import pair_from
from aligntui.store.resolve import shared_length, sides_of

_BATCH = 500
"""Pairs that are read at once."""

_TURNS = 20_000
"""Turns of their histories that are in memory at once, where one history alone is not longer."""

Messages = tuple[tuple[str, str], ...]
"""Messages in turn, each a role (`user`, `assistant`) and its text."""


@dataclass(frozen=True, slots=True)
class CuratedRecord:
    """A pair as lint and exports take it. The chosen side is the left one where the verdict decides nothing."""

    id: str
    session_id: str
    scope: Scope
    prompt: Messages
    """The conversation up to the last prompt that both sides share; no instruction in it."""
    chosen: Messages
    """What follows on the chosen side: one answer, else the conversation from there."""
    rejected: Messages | None
    """What follows on the other side; None for an example."""
    instruction: str
    """Text in force for the chosen answer; empty when none."""
    instruction_label: str
    """Its name in the library; empty where it has none."""
    mode: Mode
    """How it reached the model."""
    injection_every: int
    """k of the injection mode; 1 in the others."""
    instructions_differ: bool
    """Whether the two answers were made under different instructions or modes, as `ResolvedPair.instructions_differ`."""
    chosen_finish: Finish
    """How the answer ended that ends the side."""
    rejected_finish: Finish | None
    """None for an example."""
    chosen_side: str
    """What made it, as `Answer.side`; empty where nobody knows."""
    rejected_side: str
    verdict: Verdict
    annotator: str
    created_at: str
    tags: tuple[str, ...]
    reason: str
    prompt_tokens: int | None
    """Tokens of the rendered prompt; None where they were not counted, as of a conversation that was judged here."""
    chosen_tokens: int | None
    """Tokens of the whole side, likewise."""
    rejected_tokens: int | None
    imported: bool
    """Whether all its answers came from a file."""
    undone: bool
    repeat_of: str | None


@dataclass(frozen=True, slots=True)
class JudgementRow:
    """A verdict over two answers as statistics take it."""

    id: str
    session_id: str
    repeat_of: str | None
    left_id: str
    right_id: str
    left_side: str
    """What made the answer, as `Answer.side`; empty where nobody knows."""
    right_side: str
    left_instruction: str
    """What stands for its instruction in `Facets.instructions`; `none` for none."""
    right_instruction: str
    left_chars: int
    """Length of the answer, of a conversation of its last."""
    right_chars: int
    left_tokens: int | None
    """Tokens of the answer as generated, or of the side as counted at its import; None where nobody counted."""
    right_tokens: int | None
    verdict: Verdict
    annotator: str
    created_at: str
    blind: bool
    shuffled: bool
    tags: tuple[str, ...]
    prompt_key: str
    """The same for every pair on the same prompt text, whatever came before it in its conversation."""


class PairStream(PairList):
    """The part of `Store` that hands pairs out one after another."""

    connection: Connection

    def curated_records(self, filter: PairFilter = EVERYTHING) -> Iterator[CuratedRecord]:
        """Pairs with their texts in the order they were judged.

        Which pairs it are is settled at the first; between two batches the database is free for others, and what is said
        of a pair is what holds when it is read.

        Raises:
            UserError: a time in the filter cannot be read.
            StoreError: the database cannot be read.
        """
        for batch in self._batches(filter):
            with self.connection.read() as conn:
                rows = conn.execute(_CURATED, (json.dumps(batch),)).fetchall()
                records = list(_curated(conn, rows))
            yield from records

    def judgements(self, filter: PairFilter = EVERYTHING, repeats: bool = True) -> Iterator[JudgementRow]:
        """Verdicts over two answers in the order they were given, without their texts; see `curated_records`.

        Args:
            filter: which ones; `repeats` takes the place of what it says of them.
            repeats: also verdicts that were asked again to measure the annotator.
        """
        compared = tuple(one for one in filter.verdicts or Verdict if one is not Verdict.EXAMPLE)
        if not compared:
            return
        wanted = replace(filter, repeats=repeats, verdicts=compared if filter.verdicts else ())
        for batch in self._batches(wanted):
            with self.connection.read() as conn:
                rows = conn.execute(_JUDGED, (json.dumps(batch),)).fetchall()
            yield from map(_judgement, rows)

    def _batches(self, filter: PairFilter) -> Iterator[list[int]]:
        with self.connection.read() as conn:
            seqs = iter(self.pair_seqs(conn, filter, PairSort.OLDEST))
        while batch := list(islice(seqs, _BATCH)):
            yield batch


_TABLES = """
FROM json_each(?) wanted CROSS JOIN pair_index i ON i.seq = wanted.value CROSS JOIN pairs_now p ON p.seq = i.seq
CROSS JOIN turns asked ON asked.seq = i.prompt_seq
CROSS JOIN turns l ON l.seq = i.left_seq CROSS JOIN answers la ON la.seq = i.left_seq
CROSS JOIN conditions lc ON lc.id = la.conditions_id LEFT JOIN instructions li ON li.id = la.instruction_id
LEFT JOIN turns r ON r.seq = i.right_seq LEFT JOIN answers ra ON ra.seq = i.right_seq
LEFT JOIN conditions rc ON rc.id = ra.conditions_id LEFT JOIN instructions ri ON ri.id = ra.instruction_id
"""

_JUDGED = f"""
SELECT p.id, p.session_id, p.repeat_of, p.left_id, p.right_id, i.left_side, i.right_side,
    {instruction_name("l")} AS left_instruction, {instruction_name("r")} AS right_instruction,
    i.left_chars, i.right_chars, i.left_tokens, i.right_tokens, p.verdict, p.annotator, p.created_at, p.blind,
    p.shuffled, p.tags, asked.text AS prompt
{_TABLES} WHERE i.right_seq IS NOT NULL ORDER BY wanted.key
"""

_CURATED = f"""
SELECT p.*, i.left_side, i.right_side, i.prompt_tokens, i.left_tokens, i.right_tokens, i.imported,
    asked.text AS asked, l.depth, l.text AS left_text, r.text AS right_text,
    la.finish AS left_finish, ra.finish AS right_finish,
    la.instruction_label AS left_label, ra.instruction_label AS right_label,
    coalesce(li.text, '') AS left_instruction, coalesce(ri.text, '') AS right_instruction,
    lc.mode AS left_mode, rc.mode AS right_mode,
    json_extract(lc.json, '$.injection_every') AS left_every, json_extract(rc.json, '$.injection_every') AS right_every
{_TABLES} ORDER BY wanted.key
"""

_HISTORIES = """
WITH RECURSIVE path (answer_id, seq, parent_id) AS (
    SELECT t.id, t.seq, t.parent_id FROM json_each(?) wanted CROSS JOIN turns t ON t.id = wanted.value
    UNION ALL
    SELECT path.answer_id, t.seq, t.parent_id FROM path CROSS JOIN turns t ON t.id = path.parent_id
)
SELECT path.answer_id, t.id, t.role, t.text FROM path CROSS JOIN turns t ON t.seq = path.seq
ORDER BY path.answer_id, t.depth
"""


def _curated(conn: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> Iterator[CuratedRecord]:
    """The records of a batch; histories of many turns are read a few at a time."""
    waiting: list[sqlite3.Row] = []
    turns = 0
    for row in rows:
        alone = _is_short(row)
        length = 0 if alone else row["depth"] * (1 + (row["scope"] == Scope.CONVERSATION))
        if waiting and turns + length > _TURNS:
            yield from _with_histories(conn, waiting)
            waiting, turns = [], 0
        waiting.append(row)
        turns += length
    yield from _with_histories(conn, waiting)


def _is_short(row: sqlite3.Row) -> bool:
    """Whether the first prompt of a conversation was answered, and nothing else has to be read."""
    return row["scope"] == Scope.ANSWER and row["depth"] == 1


def _with_histories(conn: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> Iterator[CuratedRecord]:
    pairs = [pair_from(row) for row in rows]
    # both answers of one prompt turn have the same history
    long = [
        answer_id
        for row, pair in zip(rows, pairs, strict=True)
        if not _is_short(row)
        for answer_id in (sides_of(pair) if pair.scope is Scope.CONVERSATION else [pair.left_id])
    ]
    paths: dict[str, list[tuple[str, Message]]] = {}
    for answer_id, turn_id, role, text in conn.execute(_HISTORIES, (json.dumps(long),)) if long else ():
        message = Message("user" if role == Role.PROMPT else "assistant", text)
        paths.setdefault(answer_id, []).append((turn_id, message))
    for row, pair in zip(rows, pairs, strict=True):
        yield _record(row, pair, *_texts(row, pair, paths))


def _texts(
    row: sqlite3.Row, pair: Pair, paths: dict[str, list[tuple[str, Message]]]
) -> tuple[Messages, Messages, Messages | None]:
    """Prompt, left and right side."""
    right_text = row["right_text"]
    left, right = (("assistant", row["left_text"]),), None if right_text is None else (("assistant", right_text),)
    if _is_short(row):
        return (("user", row["asked"]),), left, right
    path = paths[pair.left_id]
    if pair.scope is Scope.ANSWER:
        return _plain(path[:-1]), left, right
    shared = shared_length(pair, paths)
    ends = None if pair.right_id is None else _plain(paths[pair.right_id][shared:])
    return _plain(path[:shared]), _plain(path[shared:]), ends


def _plain(path: Sequence[tuple[str, Message]]) -> Messages:
    return tuple((message.role, message.content) for _, message in path)


def _record(row: sqlite3.Row, pair: Pair, prompt: Messages, left: Messages, right: Messages | None) -> CuratedRecord:
    first, second = ("right", "left") if pair.verdict is Verdict.RIGHT else ("left", "right")
    texts = {"left": left, "right": right}
    chosen = texts[first]
    assert chosen is not None, "only an example has no right side, and its verdict is not right"
    counted = pair.scope is Scope.ANSWER or bool(row["imported"])
    finish = row[f"{second}_finish"]
    return CuratedRecord(
        id=pair.id,
        session_id=pair.session_id,
        scope=pair.scope,
        prompt=prompt,
        chosen=chosen,
        rejected=texts[second],
        instruction=row[f"{first}_instruction"],
        instruction_label=row[f"{first}_label"],
        mode=Mode(row[f"{first}_mode"]),
        injection_every=row[f"{first}_every"] or 1,
        instructions_differ=pair.right_id is not None and _instructions_differ(row),
        chosen_finish=Finish(row[f"{first}_finish"]),
        rejected_finish=None if finish is None else Finish(finish),
        chosen_side=row[f"{first}_side"],
        rejected_side=row[f"{second}_side"] or "",
        verdict=pair.verdict,
        annotator=pair.annotator,
        created_at=pair.created_at,
        tags=pair.tags,
        reason=pair.reason,
        prompt_tokens=row["prompt_tokens"] if counted else None,
        chosen_tokens=row[f"{first}_tokens"] if counted else None,
        rejected_tokens=row[f"{second}_tokens"] if counted else None,
        imported=bool(row["imported"]),
        undone=pair.undone,
        repeat_of=pair.repeat_of,
    )


def _instructions_differ(row: sqlite3.Row) -> bool:
    left, right = row["left_instruction"].strip(), row["right_instruction"].strip()
    return left != right or (bool(left) and row["left_mode"] != row["right_mode"])


def _judgement(row: sqlite3.Row) -> JudgementRow:
    values: dict[str, Any] = {key: row[key] for key in row.keys() if key != "prompt"}  # noqa: SIM118 - of a Row
    values |= {
        "verdict": Verdict(row["verdict"]),
        "blind": bool(row["blind"]),
        "shuffled": bool(row["shuffled"]),
        "tags": tuple(json.loads(row["tags"])),
        "prompt_key": blake2b(row["prompt"].encode(), digest_size=16).hexdigest(),
    }
    return JudgementRow(**values)
