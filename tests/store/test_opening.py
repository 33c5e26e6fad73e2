"""Opening: from blank, again, and everything that may stand in the way."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from aligntui.core.errors import StoreError
from aligntui.core.turn import Session
from aligntui.store import Store, open_store
from aligntui.store.schema import APPLICATION_ID, SCHEMA_VERSION, VERSIONS
from tests.store.builders import ask, both, make_pair


def test_a_blank_file_gets_the_schema_and_a_record_of_it(path: Path) -> None:
    open_store(path).close()
    with sqlite3.connect(path) as conn:
        assert [row[0] for row in conn.execute("SELECT name FROM _sqlite_migrations")] == [name for name, _ in VERSIONS]
        assert conn.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
        assert conn.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
        assert conn.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_an_empty_file_is_a_blank_one(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.touch()
    with open_store(path) as store:
        assert store.list_sessions() == []


def test_what_the_connection_promises(store: Store) -> None:
    with store.connection.read() as conn:
        assert conn.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        assert conn.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert conn.execute("PRAGMA busy_timeout").fetchone()[0] == 10_000
        strict = dict(
            conn.execute("SELECT name, strict FROM pragma_table_list WHERE type = 'table' AND schema = 'main'")
        )
    for table in ("sessions", "turns", "answers", "conditions", "instructions", "pairs", "pair_events"):
        assert strict[table] == 1


def test_opening_again_changes_nothing(path: Path) -> None:
    with open_store(path) as store:
        made = store.create_session("Kept")
    with open_store(path) as store:
        assert store.list_sessions() == [made]
        assert store.verify() == []


def test_a_failed_migration_leaves_a_blank_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, statements = VERSIONS[0]
    monkeypatch.setattr("aligntui.store.migrations.VERSIONS", ((name, (*statements, "CREATE TABLE sessions (a)")),))
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        open_store(path)
    monkeypatch.undo()
    with sqlite3.connect(path) as conn:
        assert conn.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    with open_store(path) as store:
        assert store.verify() == []


def test_a_newer_schema_is_refused(path: Path) -> None:
    open_store(path).close()
    with sqlite3.connect(path) as conn:
        conn.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(StoreError, match="newer aligntui") as caught:
        open_store(path)
    assert "Upgrade" in caught.value.hint


def test_a_database_of_another_program_is_refused_and_kept(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TABLE bookmarks (url)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        open_store(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("these are my notes, " * 500)
    with pytest.raises(StoreError, match="not a SQLite database") as caught:
        open_store(path)
    assert ".recover" in caught.value.hint
    assert path.read_text().startswith("these are my notes")


def test_a_damaged_file(path: Path) -> None:
    with open_store(path) as store:
        session = store.create_session("Damaged")
        both(store, ask(store, session), "left " * 5000, "right " * 5000)
    data = bytearray(path.read_bytes())
    data[4096 : len(data) // 2] = b"\xa5" * (len(data) // 2 - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged") as caught, open_store(path) as store:
        store.list_sessions()
        store.open_session(session.id, 5)
    assert "Copy" in caught.value.hint


def test_a_file_that_was_cut_short(path: Path) -> None:
    with open_store(path) as store:
        session = store.create_session("Cut")
        both(store, ask(store, session), "left " * 5000, "right " * 5000)
    path.write_bytes(path.read_bytes()[: 4096 * 3])
    with pytest.raises(StoreError, match="damaged"), open_store(path) as store:
        store.open_session(session.id, 5)


def test_verify_lists_damage_instead_of_raising(path: Path) -> None:
    with open_store(path) as store:
        session = store.create_session("Damaged")
        answers = both(store, ask(store, session))
        store.add_pair(make_pair(*answers))
    with sqlite3.connect(path) as conn:
        conn.execute("DROP TRIGGER turns_fts_removed")
        conn.execute("DELETE FROM turns WHERE id = ?", (answers[0].id,))
        conn.execute("UPDATE sessions SET pair_count = 9")
        conn.execute("UPDATE rendered_prompts SET text = 'changed'")
    with open_store(path) as store:
        problems = "\n".join(store.verify())
    for expected in (
        "the left or the right answer is missing",
        "the row of turns that it names is missing",
        "number of turns is not the one counted",
        "number of pairs is not the one counted",
        "not the one that was stored",
        "search index turns_fts",
    ):
        assert expected in problems


def test_a_folder_in_place_of_the_file(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match="is a folder") as caught:
        open_store(path)
    assert "--workspace" in caught.value.hint


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "sessions").write_text("a file")
    with pytest.raises(StoreError, match="cannot be used"):
        open_store(tmp_path / "sessions" / "aligntui.db")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc: no folder that even root cannot write")
@pytest.mark.parametrize("place", ["/proc/aligntui/aligntui.db", "/proc/aligntui.db"])
def test_a_folder_that_cannot_be_written(place: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(Path(place))
    assert "--workspace" in caught.value.hint


OPEN_AS_NOBODY = """
import os, sys
from pathlib import Path
from aligntui.core.errors import StoreError
from aligntui.store import open_store

if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    open_store(Path(sys.argv[1]))
except StoreError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
@pytest.mark.parametrize(
    ("file_mode", "folder_mode", "expected"),
    [(0o444, 0o777, "read-only"), (0o444, 0o555, "read-only"), (0o000, 0o777, "could not be opened")],
)
def test_files_and_folders_without_permission(file_mode: int, folder_mode: int, expected: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sessions" / "aligntui.db"
        with open_store(path) as store:
            made = store.create_session("Kept")
        Path(folder).chmod(0o755)
        path.chmod(file_mode)
        path.parent.chmod(folder_mode)
        run = subprocess.run([sys.executable, "-c", OPEN_AS_NOBODY, path], capture_output=True, text=True, check=True)
        assert expected in run.stdout
        assert "--workspace" in run.stdout
        path.parent.chmod(0o755)
        path.chmod(0o644)
        with open_store(path) as store:
            assert store.list_sessions() == [made]


def test_a_read_only_connection(store: Store, session: Session) -> None:
    with store.connection.read() as conn:
        conn.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="read-only") as caught:
        store.create_session("Not kept")
    assert "writable" in caught.value.hint
    assert [one.name for one in store.list_sessions()] == [session.name]


def test_a_full_disk_loses_nothing(path: Path, store: Store, session: Session) -> None:
    kept = both(store, ask(store, session))
    pair = store.add_pair(make_pair(*kept))
    with store.connection.read() as conn:
        pages = conn.execute("PRAGMA page_count").fetchone()[0]
        conn.execute(f"PRAGMA max_page_count = {pages + 4}")
    prompt = ask(store, session, "One more?")
    for _ in range(2):
        with pytest.raises(StoreError, match="disk is full") as caught:
            both(store, prompt, "x" * 50_000, "y" * 50_000)
        assert "Free some space" in caught.value.hint
    assert store.list_pairs() == [pair]
    assert store.answers_of([prompt[0].id]) == []
    with store.connection.read() as conn:
        conn.execute("PRAGMA max_page_count = 100000")
    assert len(both(store, prompt, "x" * 50_000, "y" * 50_000)) == 2
    store.close()
    with open_store(path) as again:
        assert again.verify() == []
        assert again.get_session(session.id).turn_count == 6


def test_closing_twice_is_allowed(store: Store) -> None:
    store.close()
    store.close()


def test_opening_does_not_import_pandas(path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from aligntui.store import open_store\n"
        "open_store(pathlib.Path(sys.argv[1])).close()\n"
        "made = 'sqlite_utils' in sys.modules, 'pandas' in sys.modules\n"
        "print(*made)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        for _ in "12"
    ]
    assert [run.stdout.split() for run in runs] == [["True", "False"], ["False", "False"]]
