"""What a returned write is worth: SIGKILL right after it, and two processes at once."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aligntui.core.errors import StoreError
from aligntui.core.turn import Session
from aligntui.store import Store, open_store
from tests.store.builders import ask, both, make_pair

REPOSITORY = Path(__file__).parents[2]

# Forked children spare fifty starts of Python; the parent never opens the database, which must not cross a fork.
FLAG_AND_DIE = """
import os, signal, sys
from pathlib import Path
from aligntui.store import open_store
from tests.store.builders import make_pair

for line in sys.stdin:
    if os.fork() == 0:
        store = open_store(Path(sys.argv[1]))
        left, right = (store.get_answer(one) for one in line.split())
        pair = store.add_pair(make_pair(left, right))
        os.write(1, (pair.id + "\\n").encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.wait()
"""

WRITE = """
import sys
from pathlib import Path
from aligntui.store import open_store
from tests.store.builders import ask, both, make_pair

store = open_store(Path(sys.argv[1]))
session = store.get_session(sys.argv[2])
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    answers = both(store, ask(store, session, f"{sys.argv[4]} {number}"))
    store.add_pair(make_pair(*answers, annotator=sys.argv[4]))
print("done")
"""

OPEN = """
import sys
from pathlib import Path
from aligntui.store import open_store

sys.stdin.readline()
open_store(Path(sys.argv[1])).create_session(sys.argv[2])
"""


def _start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no fork and no SIGKILL")
def test_fifty_verdicts_survive_fifty_kills(path: Path, store: Store, session: Session) -> None:
    answers = both(store, ask(store, session))
    line = " ".join(answer.id for answer in answers) + "\n"
    out, err = _start(FLAG_AND_DIE, path).communicate(line * 50, timeout=60)
    told = out.split()
    assert len(told) == 50, err
    assert {pair.id for pair in store.list_pairs()} == set(told)
    assert store.get_session(session.id).pair_count == 50
    store.close()
    with open_store(path) as again:
        assert again.count_pairs(include_undone=True) == 50
        assert again.verify() == []


def test_two_processes_write_at_once(path: Path, store: Store, session: Session) -> None:
    count = 40
    writers = [_start(WRITE, path, session.id, count, name) for name in ("left", "right")]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    seen = 0
    while any(writer.poll() is None for writer in writers):
        seen = max(seen, len(store.list_pairs()))
    for writer in writers:
        assert writer.communicate()[0] == "done\n"
    assert store.count_pairs() == 2 * count
    assert store.get_session(session.id).turn_count == 2 * count * 3
    assert {pair.annotator for pair in store.list_pairs()} == {"left", "right"}
    assert store.verify() == []


def test_processes_that_open_a_blank_file_at_once(path: Path) -> None:
    openers = [_start(OPEN, path, f"Session {number}") for number in range(4)]
    failures = [opener.communicate("go\n", timeout=60)[1] for opener in openers]
    assert failures == [""] * 4
    with open_store(path) as store:
        assert len(store.list_sessions()) == 4
        assert store.verify() == []


def test_a_writer_that_never_ends_is_told(path: Path, store: Store, session: Session) -> None:
    with open_store(path) as other, other.connection.write() as conn:
        conn.execute("UPDATE sessions SET name = 'half way'")
        with store.connection.read() as own:
            own.execute("PRAGMA busy_timeout = 50")
        with pytest.raises(StoreError, match="Another process") as caught:
            store.create_session("Waiting")
        assert "Close the other" in caught.value.hint
        assert [one.name for one in store.list_sessions()] == ["First"], "readers do not wait"


def test_half_a_transaction_is_none(path: Path, store: Store, session: Session) -> None:
    with pytest.raises(KeyboardInterrupt), store.connection.write():
        both(store, ask(store, session))
        raise KeyboardInterrupt
    assert store.get_session(session.id).turn_count == 0
    assert store.verify() == []
    assert len(both(store, ask(store, session))) == 2


def test_threads_wait_for_each_other(store: Store, session: Session) -> None:
    def flag(_: int) -> None:
        store.add_pair(make_pair(*both(store, ask(store, session))))
        store.search("left")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(flag, range(40)))
    assert store.count_pairs() == 40
    assert store.verify() == []


def test_a_write_inside_a_read_is_our_bug(store: Store, session: Session) -> None:
    with pytest.raises(RuntimeError, match="inside a read"), store.connection.read():
        store.create_session("Second")
    assert store.create_session("Second").name == "Second"
