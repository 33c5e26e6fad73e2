"""Pairs from a file: a session of their own, in one transaction, each record once.

A record becomes a small conversation. Its prompt stands as prompt and answer turns in turn, the answers that its sides
begin with are one take, chosen in column 0 and rejected in column 1, and every answer says that it was imported. Whoever
reads the pair gets the fields of the record back (tests/store/test_imports.py).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, ClassVar

from aligntui.core.conditions import Conditions
from aligntui.core.ids import new_id, now_utc
from aligntui.core.pair import Scope, Verdict
from aligntui.core.prompt_format import Message, Mode
from aligntui.core.turn import Finish, SessionKind
from aligntui.store.connection import Connection
from aligntui.store.import_record import ImportEntry, ImportHead, ImportOutcome, ImportRecord, check_turns
from aligntui.store.pairs import tags_json
from aligntui.store.sessions import checked_name
from aligntui.store.turns import kept_once, shared_conditions
from aligntui.store.values import storable

_BATCH = 500
"""Records in memory at once."""

_CACHED = 1_000
"""Instructions whose rows are remembered; a file seldom has more, and one that has is only slower."""


class ImportTable:
    """The part of `Store` that takes pairs from files."""

    connection: Connection

    def import_records(self, head: ImportHead, records: Iterable[ImportRecord]) -> ImportOutcome:
        """Store records as pairs of a new session, all of them or none; those that are known already are counted.

        Records are taken one batch at a time. An exception that `records` raises leaves the database as it was and goes
        on to the caller. Other writers wait until the import has ended.

        Raises:
            UserError: the name is blank, or a record's messages are not in turn.
            StoreError: nothing could be written.
            RuntimeError: called inside a write; an import is a transaction of its own.
        """
        name = checked_name(head.name)
        with self.connection.write(outermost=True) as conn:
            intake = _Intake(conn, name, head.annotator)
            source = iter(records)
            while batch := list(islice(source, _BATCH)):
                intake.take(batch)
            return intake.finish(head)

    def list_imports(self) -> list[ImportEntry]:
        """Every import that added something, newest first."""
        with self.connection.read() as conn:
            rows = conn.execute(
                "SELECT id, session_id, source, source_sha256, layout, mapping, annotator, tokenizer, created_at, counts "
                "FROM imports ORDER BY seq DESC"
            )
            return [
                ImportEntry(**{**row, "mapping": json.loads(row["mapping"]), "counts": json.loads(row["counts"])})
                for row in map(dict, rows)
            ]


class _LaterIndex:
    """Brings the search indexes up to date in one go: FTS5 writes to its tables at the end of each statement.

    Row by row the same texts took four times as long (30,000 texts of 400 characters: 5.2 s against 1.4 s). When the
    import fails, the transaction that is rolled back has the triggers still.
    """

    _VIEWS: ClassVar[dict[str, str]] = {"turns_fts": "turn_texts", "instructions_fts": "instruction_texts"}

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self._first = _last_row(conn, "turns") + 1
        self._triggers: list[str] = []
        for index in self._VIEWS:
            name = f"{index}_added"
            self._triggers += conn.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
            conn.execute(f"DROP TRIGGER {name}")

    def write(self) -> None:
        """Index what was added since, and whatever comes row by row again."""
        for index, view in self._VIEWS.items():
            self._conn.execute(
                f"INSERT INTO {index} (rowid, text) SELECT seq, text FROM {view} WHERE seq >= ?", (self._first,)
            )
        for trigger in self._triggers:
            self._conn.execute(trigger)


class _Intake:
    """One import under way.

    Args:
        conn: in a transaction.
        name: of the session to be made with the first record.
        annotator: whose verdicts these are.
    """

    def __init__(self, conn: sqlite3.Connection, name: str, annotator: str) -> None:
        self._conn = conn
        self._name = name
        self._annotator = storable(annotator)
        self._now = now_utc()
        self._session_id: str | None = None
        self._index: _LaterIndex | None = None
        self._import_id = new_id("import")
        self._turn_seq = _last_row(conn, "turns")
        self._pair_seq = _last_row(conn, "pairs")
        self._made_by: dict[tuple[str, Mode, int | None], tuple[int | None, int, int]] = {}
        self._counts = {"added": 0, "examples": 0, "known": 0, "known_deleted": 0}
        self._clear()

    def _clear(self) -> None:
        self._turns: list[tuple[Any, ...]] = []
        self._answers: list[tuple[Any, ...]] = []
        self._pairs: list[tuple[Any, ...]] = []
        self._fingerprints: list[tuple[Any, ...]] = []

    def take(self, batch: Sequence[ImportRecord]) -> None:
        """Store those of a batch that are not known."""
        known = self._known([record.fingerprint for record in batch])
        for record in batch:
            if record.fingerprint in known:
                self._counts["known"] += 1
                self._counts["known_deleted"] += known[record.fingerprint]
            else:
                known[record.fingerprint] = False
                self._add(record)
        self._write()

    def finish(self, head: ImportHead) -> ImportOutcome:
        """Make what was added searchable and store what is said of the import; nothing where nothing was added."""
        if self._session_id is None or self._index is None:
            return ImportOutcome(**self._counts, session_id=None, import_id=None)
        self._index.write()
        self._conn.execute(
            "INSERT INTO imports (id, session_id, source, source_sha256, layout, mapping, annotator, tokenizer, "
            "created_at, counts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._import_id,
                self._session_id,
                storable(head.source),
                head.source_sha256,
                head.layout,
                storable(json.dumps(dict(head.mapping), ensure_ascii=False)),
                self._annotator,
                storable(head.tokenizer),
                self._now,
                storable(json.dumps({**head.counts, **self._counts}, ensure_ascii=False)),
            ),
        )
        return ImportOutcome(**self._counts, session_id=self._session_id, import_id=self._import_id)

    def _known(self, fingerprints: list[str]) -> dict[str, bool]:
        """Which of these were imported before, and whether their pair was taken back since."""
        rows = self._conn.execute(
            "SELECT f.fingerprint, i.shelf & 1 FROM json_each(?) wanted "
            "CROSS JOIN import_fingerprints f ON f.fingerprint = wanted.value "
            "CROSS JOIN pairs p ON p.id = f.pair_id CROSS JOIN pair_index i ON i.seq = p.seq",
            (json.dumps(fingerprints),),
        )
        return {fingerprint: bool(undone) for fingerprint, undone in rows}

    def _add(self, record: ImportRecord) -> None:
        check_turns(record)
        session_id = self._session()
        above: _Place | None = None
        for message in record.prompt:
            above = self._turn(record, message, above, 0, "" if message.role == "user" else new_id("take"))
        assert above is not None
        prompt, first_take, sides = above, new_id("take"), []
        for column, side in enumerate((record.chosen, record.rejected or ())):
            take_id, last = first_take, prompt
            for message in side:
                last = self._turn(record, message, last, column, take_id)
                take_id = new_id("take") if message.role == "user" else take_id
            sides.append(last[0])
        example = record.rejected is None
        several = max(len(record.chosen), len(record.rejected or ())) > 1
        self._pair_seq += 1
        pair_id = new_id("pair")
        self._pairs.append(
            (
                self._pair_seq,
                pair_id,
                session_id,
                sides[0],
                None if example else sides[1],
                Verdict.EXAMPLE if example else Verdict.LEFT,
                Scope.CONVERSATION if several else Scope.ANSWER,
                self._annotator,
                self._now,
                storable(record.reason),
                tags_json(record.tags),
                prompt[0] if several else None,
            )
        )
        self._fingerprints.append(
            (
                record.fingerprint,
                pair_id,
                self._import_id,
                storable(record.record_id),
                storable(record.place),
                record.prompt_tokens,
                record.chosen_tokens,
                record.rejected_tokens,
            )
        )
        self._counts["added"] += 1
        self._counts["examples"] += example

    def _turn(self, record: ImportRecord, message: Message, above: _Place | None, column: int, take_id: str) -> _Place:
        """Note one message for storing, below the turn `above`."""
        turn_id = new_id("turn")
        parent_id, root_id, depth = (above[0], above[1], above[2] + 1) if above else (None, turn_id, 0)
        self._turn_seq += 1
        asked = message.role == "user"
        groups = ("prompt", new_id("exchange"), None) if asked else ("answer", None, take_id)
        self._turns.append(
            (
                self._turn_seq,
                turn_id,
                self._session_id,
                parent_id,
                root_id,
                depth,
                *groups,
                self._now,
                storable(message.content),
            )
        )
        if not asked:
            instruction_id, conditions_id, rendered_id = self._origin(record)
            label = storable(record.instruction_label)
            self._answers.append(
                (self._turn_seq, column, Finish.IMPORTED, instruction_id, label, conditions_id, rendered_id)
            )
        return turn_id, root_id, depth

    def _session(self) -> str:
        if self._session_id is None:
            self._index = _LaterIndex(self._conn)
            self._session_id = new_id("session")
            self._conn.execute(
                "INSERT INTO sessions (id, name, created_at, updated_at, kind) VALUES (?, ?, ?, ?, ?)",
                (self._session_id, self._name, self._now, self._now, SessionKind.IMPORT),
            )
        return self._session_id

    def _origin(self, record: ImportRecord) -> tuple[int | None, int, int]:
        """Rows of instruction, conditions and rendered prompt of a record's answers."""
        key = record.instruction, record.mode, record.injection_every
        found = self._made_by.get(key)
        if found is None:
            if len(self._made_by) >= _CACHED:
                self._made_by.clear()
            instruction = storable(record.instruction)
            shared, own = shared_conditions(Conditions.unknown(instruction, record.mode.value, record.injection_every))
            found = self._made_by[key] = (
                kept_once(self._conn, "instructions", "text", instruction) if instruction else None,
                kept_once(self._conn, "conditions", "json", shared),
                kept_once(self._conn, "rendered_prompts", "text", own["rendered_prompt"]),
            )
        return found

    def _write(self) -> None:
        for statement, rows in zip(
            _INSERTS, (self._turns, self._answers, self._pairs, self._fingerprints), strict=True
        ):
            self._conn.executemany(statement, rows)
        self._clear()


_Place = tuple[str, str, int]
"""Id, root and depth of a turn."""

_INSERTS = (
    "INSERT INTO turns (seq, id, session_id, parent_id, root_id, depth, role, exchange_id, take_id, imported, created_at, "
    "text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
    "INSERT INTO answers (seq, column_index, finish, seed, instruction_id, instruction_label, conditions_id, "
    "rendered_prompt_id, prompt_tokens, decode_s, first_token_s, token_ids, logprobs) "
    "VALUES (?, ?, ?, 0, ?, ?, ?, ?, 0, 0, 0, x'', x'')",
    "INSERT INTO pairs (seq, id, session_id, left_id, right_id, verdict, scope, blind, shuffled, annotator, created_at, "
    "reason, tags, prompt_id) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?)",
    "INSERT INTO import_fingerprints (fingerprint, pair_id, import_id, record_id, place, prompt_tokens, chosen_tokens, "
    "rejected_tokens) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
)


def _last_row(conn: sqlite3.Connection, table: str) -> int:
    return conn.execute(f"SELECT coalesce(max(seq), 0) FROM {table}").fetchone()[0]
