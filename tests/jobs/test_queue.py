from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.jobs.queue import Queue
from aligntui.jobs.starting import start_run
from tests.jobs.runs import make_run, no_process_left


@pytest.fixture
def queue(workspace: Workspace) -> Queue:
    for name in ("a", "b", "c"):
        make_run(workspace, name)
    return Queue(workspace)


def names(queue: Queue) -> list[str]:
    return [entry.name for entry in queue.entries()]


def test_first_come_first_served_and_order_can_be_changed(queue: Queue) -> None:
    assert names(queue) == []
    for name in ("a", "b", "c"):
        queue.add(name)
    assert names(queue) == ["a", "b", "c"]
    assert [entry.name for entry in queue.move("c", 1)] == ["c", "a", "b"]
    assert names(queue) == ["c", "a", "b"]
    queue.remove("a")
    assert names(queue) == ["c", "b"]


def test_a_claimed_run_stands_first_until_its_turn_is_over(queue: Queue) -> None:
    queue.add("a")
    queue.add("b", resume=True)
    claimed = queue.claim()
    assert claimed is not None and claimed.name == "a" and claimed.running
    assert [(entry.name, entry.running, entry.resume) for entry in queue.entries()] == [
        ("a", True, False),
        ("b", False, True),
    ]
    with pytest.raises(UserError, match="is running"):
        queue.remove("a")
    with pytest.raises(UserError, match="1 to 1, not 2"):
        queue.move("b", 2)
    queue.finish(claimed)
    assert names(queue) == ["b"]


def test_what_was_claimed_and_never_started_is_the_next_again(queue: Queue) -> None:
    for name in ("a", "b"):
        queue.add(name)
    claimed = queue.claim()
    assert claimed is not None
    queue.put_back(claimed)
    assert [(entry.name, entry.running) for entry in queue.entries()] == [("a", False), ("b", False)]


def test_nothing_is_in_it_twice_or_without_a_run(queue: Queue) -> None:
    queue.add("a")
    with pytest.raises(UserError, match="in the queue already"):
        queue.add("a")
    with pytest.raises(UserError, match="no run 'd'"):
        queue.add("d")
    with pytest.raises(UserError, match="not in the queue"):
        queue.remove("b")


def test_what_runs_is_not_queued(queue: Queue) -> None:
    folder = make_run(queue.workspace, "busy", steps=200, step_s=0.1)
    with no_process_left(folder):
        start_run(folder).leave()
        with pytest.raises(UserError, match="running already"):
            queue.add("busy")


@pytest.mark.parametrize("number", [0, -1, 1000])
def test_at_once_has_limits(queue: Queue, number: int) -> None:
    with pytest.raises(UserError, match="at once"):
        queue.set_at_once(number)
    queue.set_at_once(3)
    assert queue.at_once == 3
    queue.add("a")
    assert queue.at_once == 3


def test_a_damaged_file_is_named(queue: Queue) -> None:
    queue.add("a")
    (queue.folder / "queue.json").write_text('{"at_once": 1}')
    with pytest.raises(UserError, match=r"queue\.json is damaged"):
        queue.entries()


def test_one_worker_at_a_time(queue: Queue) -> None:
    import os

    assert not queue.has_worker()
    lock = queue.take_worker_lock()
    assert lock is not None
    assert queue.has_worker()
    assert queue.take_worker_lock() is None
    os.close(lock)
    assert not queue.has_worker()


def _add_and_remove(root: Path, name: str) -> None:
    queue = Queue(Workspace(root))
    for _ in range(20):
        queue.add(name)
        queue.remove(name)
    queue.add(name)


def test_changes_from_several_processes_lose_nothing(queue: Queue) -> None:
    root = queue.workspace.root
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add_and_remove, args=(root, name)) for name in ("a", "b", "c")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert sorted(names(queue)) == ["a", "b", "c"]
    assert not list(queue.folder.glob("*.part"))
