"""Databases of earlier schema versions: every row is there afterwards, and everything works."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aligntui.core.ids import now_utc, sha256_text
from aligntui.core.pair import Verdict
from aligntui.core.turn import SessionKind
from aligntui.store import PairFilter, open_store
from aligntui.store.schema import APPLICATION_ID, VERSIONS
from tests.store.builders import ask, both, import_all, make_conditions, make_pair, make_record

TABLES = {
    "sessions": "id, name, created_at, updated_at, turn_count, pair_count",
    "turns": "seq, id, session_id, parent_id, root_id, depth, role, exchange_id, take_id, repeats, created_at, text",
    "instructions": "id, sha256, text",
    "rendered_prompts": "id, sha256, text",
    "conditions": "id, sha256, json",
    "answers": "seq, column_index, finish, seed, instruction_id, instruction_label, conditions_id, rendered_prompt_id, "
    "prompt_tokens, decode_s, first_token_s, edited_from, continued_from, token_ids, logprobs",
    "instruction_uses": "turn_seq, session_id, instruction_id",
    "pairs": "seq, id, session_id, left_id, right_id, verdict, scope, blind, shuffled, annotator, created_at, reason, "
    "tags, replaces",
    "pair_events": "seq, pair_id, kind, annotator, created_at, reason, tags",
}
"""Columns of the first version."""


def first_version(path: Path) -> sqlite3.Connection:
    """A blank database as the first release made it."""
    path.parent.mkdir(parents=True)
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute("PRAGMA foreign_keys = ON")
    name, statements = VERSIONS[0]
    for statement in statements:
        conn.execute(statement)
    conn.execute(
        "CREATE TABLE _sqlite_migrations (id INTEGER PRIMARY KEY, migration_set TEXT, name TEXT, applied_at TEXT)"
    )
    conn.execute("CREATE UNIQUE INDEX idx ON _sqlite_migrations (migration_set, name)")
    conn.execute("INSERT INTO _sqlite_migrations VALUES (1, 'aligntui', ?, '2026-11-21')", (name,))
    conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    conn.execute("PRAGMA user_version = 1")
    return conn


def fill(conn: sqlite3.Connection) -> None:
    """Ten exchanges of two answers in two columns, half of them in one conversation, with verdicts of every kind."""
    own = ("instruction", "rendered_prompt", "seed")
    for adapter in (None, "demo"):
        values = {k: v for k, v in make_conditions(adapter=adapter).as_dict().items() if k not in own}
        text = json.dumps(values)
        conn.execute("INSERT INTO conditions (sha256, json) VALUES (?, ?)", (sha256_text(text), text))
    for table, text in (("instructions", "Be concise."), ("rendered_prompts", "<user>")):
        conn.execute(f"INSERT INTO {table} (sha256, text) VALUES (?, ?)", (sha256_text(text), text))
    for session in ("session_a", "session_b"):
        conn.execute(
            "INSERT INTO sessions (id, name, created_at, updated_at) VALUES (?, ?, ?, ?)",
            (session, f"Name of {session}", now_utc(), now_utc()),
        )
    parents: list[str | None] = [None, None]
    roots = ["", ""]
    for number in range(10):
        session = "session_a" if number < 5 else "session_b"
        alone = number >= 5
        answers = []
        for column in range(2):
            parent = None if alone else parents[column]
            prompt, answer = f"turn_p{number}{column}", f"turn_a{number}{column}"
            if column and parent is None:
                prompt = f"turn_p{number}0"  # one prompt turn for both columns
            else:
                roots[column] = prompt if parent is None else roots[column]
                add_turn(
                    conn, prompt, session, parent, roots[column], 0 if parent is None else 2 * number, "prompt",
                    exchange_id=f"exchange_{number}", repeats=column, text=f"Question {number} 天気",
                )  # fmt: skip
            roots[column] = roots[0] if parent is None else roots[column]
            seq = add_turn(
                conn, answer, session, prompt, roots[column], 1 if parent is None else 2 * number + 1, "answer",
                take_id=f"take_{number}", text=f"Answer {number} of column {column}",
            )  # fmt: skip
            conn.execute(
                "INSERT INTO answers VALUES (?, ?, 'stop', 7, 1, 'concise/1', ?, 1, 12, 1.5, 0.5, NULL, NULL, ?, ?)",
                (seq, column, column + 1, b"\1\0\0\0\2\0\0\0", b"\0\0\0\xbf\0\0\0\xbf"),
            )
            parents[column] = None if alone else answer
            answers.append(answer)
        add_pair(
            conn, number, session, answers, list(Verdict)[number % 5], "conversation" if 0 < number < 5 else "answer"
        )
    conn.execute(
        "INSERT INTO pair_events (pair_id, kind, annotator, created_at) VALUES ('pair_1', 'undone', 'ann', '')"
    )
    add_pair(conn, 20, "session_a", ["turn_a10", "turn_a11"], Verdict.TIE, "conversation", replaces="pair_1")
    conn.execute(
        "INSERT INTO pair_events (pair_id, kind, annotator, created_at, reason, tags) "
        "VALUES ('pair_2', 'annotated', 'bob', '', 'kinder', '[\"tone\"]')"
    )


def add_turn(conn: sqlite3.Connection, *values: Any, **named: Any) -> int:
    names = ("id", "session_id", "parent_id", "root_id", "depth", "role")
    row = dict(zip(names, values, strict=True)) | named | {"created_at": now_utc()}
    done = conn.execute(
        f"INSERT INTO turns ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values())
    )
    assert done.lastrowid is not None
    return done.lastrowid


def add_pair(
    conn: sqlite3.Connection,
    number: int,
    session: str,
    answers: list[str],
    verdict: Verdict,
    scope: str,
    replaces: str | None = None,
) -> None:
    conn.execute(
        "INSERT INTO pairs (id, session_id, left_id, right_id, verdict, scope, blind, shuffled, annotator, created_at, "
        "reason, tags, replaces) VALUES (?, ?, ?, ?, ?, ?, 0, 0, 'ann', ?, '', '[\"old\"]', ?)",
        (f"pair_{number}", session, *answers, verdict, scope, now_utc(), replaces),
    )


def rows_of(conn: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: [tuple(row) for row in conn.execute(f"SELECT {columns} FROM {table} ORDER BY 1")]
        for table, columns in TABLES.items()
    }


@pytest.fixture
def filled(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    conn = first_version(path)
    fill(conn)
    rows = rows_of(conn)
    conn.close()
    assert {table: len(found) for table, found in rows.items()} | {"turns": 0} == {
        "sessions": 2, "turns": 0, "instructions": 1, "rendered_prompts": 1, "conditions": 2, "answers": 20,
        "instruction_uses": 2, "pairs": 11, "pair_events": 2,
    }  # fmt: skip
    return rows


def test_every_row_of_the_first_version_is_there(path: Path, filled: dict[str, list[tuple[Any, ...]]]) -> None:
    with open_store(path) as store:
        with store.connection.read() as conn:
            assert rows_of(conn) == filled
            assert conn.execute("PRAGMA foreign_key_check").fetchall() == []
            assert conn.execute("PRAGMA foreign_keys").fetchone()[0] == 1
            applied = [row[0] for row in conn.execute("SELECT name FROM _sqlite_migrations ORDER BY id")]
            left_over = conn.execute("SELECT name FROM sqlite_schema WHERE sql LIKE '%m002%'").fetchall()
        assert applied == [name for name, _ in VERSIONS]
        assert left_over == []
        assert store.verify() == []


def test_a_migrated_database_has_the_schema_of_a_new_one(path: Path, filled: object, tmp_path: Path) -> None:
    schemas = []
    for place in (path, tmp_path / "blank.db"):
        with open_store(place) as store, store.connection.read() as conn:
            rows = conn.execute(
                "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE '%sqlite_migrations%' AND name <> 'idx'"
            )
            schemas.append({(kind, name): sql for kind, name, sql in rows})
    assert schemas[0] == schemas[1]


def test_the_list_knows_the_pairs_that_were_there(path: Path, filled: object) -> None:
    with open_store(path) as store:
        assert len(store.pair_ids()) == store.count_pair_rows() == store.count_pairs() == 10
        assert store.pair_ids(PairFilter(deleted=True)) == ["pair_1"]
        assert store.pair_ids(PairFilter(tag="tone")) == ["pair_2"]
        assert set(store.pair_ids(PairFilter(text="question 7"))) == {"pair_7"}
        facets = store.pair_facets()
        assert facets.sides == {"base": 10, "demo": 10}
        assert facets.tags == {"old": 9, "tone": 1}
        assert {session.kind for session in store.list_sessions()} == {SessionKind.CHAT}
        detail = store.pair_detail("pair_4")
        assert [message.content for message in detail.left_messages[-2:]] == ["Question 4 天気", "Answer 4 of column 0"]
        assert store.undo_last_pair("session_a", "ann") is not None


def test_what_is_new_works_after_the_migration(path: Path, filled: object) -> None:
    with open_store(path) as store:
        session = store.get_session("session_b")
        pair = store.add_pair(make_pair(*both(store, ask(store, session))))
        store.add_pair(
            make_pair(*(store.get_answer(one) for one in (pair.left_id, pair.right_id or "")), repeat_of=pair.id)
        )
        import_all(store, make_record(rejected=None))
        assert store.search("Because")[0].session_name == "From a file"
        assert store.verify() == []


def test_a_failed_migration_leaves_the_first_version(
    path: Path, filled: dict[str, list[tuple[Any, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, statements = VERSIONS[1]
    broken = (VERSIONS[0], (name, (*statements, "CREATE TABLE pairs (a)")))
    monkeypatch.setattr("aligntui.store.migrations.VERSIONS", broken)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        open_store(path)
    monkeypatch.undo()
    with sqlite3.connect(path) as conn:
        assert conn.execute("PRAGMA user_version").fetchone()[0] == 1
        assert rows_of(conn) == filled
        assert "repeat_of" not in conn.execute("SELECT sql FROM sqlite_schema WHERE name = 'pairs'").fetchone()[0]
    with open_store(path) as store:
        assert store.verify() == []


def test_processes_that_migrate_at_once(path: Path, filled: dict[str, list[tuple[Any, ...]]]) -> None:
    code = (
        "import sys, pathlib\n"
        "from aligntui.store import open_store\n"
        "sys.stdin.readline()\n"
        "print(open_store(pathlib.Path(sys.argv[1])).count_pairs())"
    )
    openers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    assert [opener.communicate("go\n", timeout=60) for opener in openers] == [("10\n", "")] * 3
    with open_store(path) as store, store.connection.read() as conn:
        assert rows_of(conn) == filled
        assert conn.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()[0] == len(VERSIONS)


def test_a_pair_whose_turn_is_missing_does_not_keep_the_database_shut(path: Path, filled: object) -> None:
    with sqlite3.connect(path) as conn:
        conn.execute("PRAGMA foreign_keys = OFF")
        conn.execute("DROP TRIGGER turns_fts_removed")
        conn.execute("DELETE FROM turns WHERE id = 'turn_a71'")
        conn.execute("DELETE FROM turns WHERE id = 'turn_p80'")
    with open_store(path) as store:
        problems = "\n".join(store.verify())
        assert "pair_7: the left or the right answer is missing" in problems
        assert "pair_8: its row in the list of pairs" in problems
        assert "pair_6" in store.pair_ids()
