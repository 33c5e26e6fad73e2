"""The queue is worked off by a process of its own, whatever dies on the way."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from aligntui.config.paths import Workspace
from aligntui.jobs.folders import RunFolder, find_run, read_json
from aligntui.jobs.queue import Queue
from aligntui.jobs.starting import VARIABLE, start_run
from aligntui.jobs.state import RunState, look
from aligntui.jobs.worker import Worker, ensure_worker, worker_of
from aligntui.wire.run_events import read_events
from tests.jobs.runs import make_run, no_process_left, seen, wait_until


@contextmanager
def no_worker_left(queue: Queue) -> Iterator[None]:
    try:
        yield
    finally:
        record = worker_of(queue)
        if record is not None:
            os.kill(record.pid, signal.SIGKILL)


def states(workspace: Workspace, *names: str) -> list[str]:
    return [look(run_of(workspace, name)).state.value for name in names]


def run_of(workspace: Workspace, name: str) -> RunFolder:
    return find_run(workspace, name)


def test_one_after_the_other_and_on_after_a_failure(workspace: Workspace) -> None:
    make_run(workspace, "a")
    make_run(workspace, "bad", fail_at=2)
    make_run(workspace, "dead", die_at=3)
    make_run(workspace, "z")
    queue = Queue(workspace)
    for name in ("a", "bad", "dead", "z"):
        queue.add(name)
    assert Worker(queue).work()
    assert queue.entries() == []
    assert states(workspace, "a", "bad", "dead", "z") == ["finished", "failed", "interrupted", "finished"]
    starts = [read_json(run_of(workspace, name).launch)["at"] for name in ("a", "bad", "dead", "z")]
    assert starts == sorted(starts)
    ended = look(run_of(workspace, "a")).story.last_event
    assert ended is not None and ended <= starts[1], "the second began when the first had ended"


def test_a_run_that_cannot_be_started_is_no_reason_to_stop(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(workspace, "a")
    queue = Queue(workspace)
    queue.add("a")
    monkeypatch.setenv(VARIABLE, '["/nowhere/python"]')
    said: list[str] = []
    assert Worker(queue, said.append).work()
    run = look(run_of(workspace, "a"))
    assert run.state is RunState.FAILED and "No process could be started" in run.note
    assert any("could not be started" in line for line in said)


def test_several_at_once(workspace: Workspace) -> None:
    for name in ("a", "b", "c"):
        make_run(workspace, name, steps=6, step_s=0.15)
    queue = Queue(workspace)
    queue.set_at_once(2)
    for name in ("a", "b", "c"):
        queue.add(name)
    assert Worker(queue).work()
    spans = {}
    for name in ("a", "b", "c"):
        story = look(run_of(workspace, name)).story
        spans[name] = (story.began, story.last_event)
    assert spans["a"][1] > spans["b"][0], "two together"
    assert spans["c"][0] >= min(spans["a"][1], spans["b"][1]), "the third waits for a place"


def test_a_run_started_by_hand_takes_a_place(workspace: Workspace) -> None:
    by_hand = make_run(workspace, "hand", steps=6, step_s=0.15)
    make_run(workspace, "queued")
    queue = Queue(workspace)
    with no_process_left(by_hand):
        started = start_run(by_hand)
        queue.add("queued")
        assert Worker(queue).work()
        started.process.wait(30)
    ended = look(by_hand).story.last_event
    began = look(run_of(workspace, "queued")).story.began
    assert ended is not None and began is not None and began >= ended


def test_a_second_worker_leaves_at_once(workspace: Workspace) -> None:
    queue = Queue(workspace)
    lock = queue.take_worker_lock()
    assert lock is not None
    try:
        assert not Worker(queue).work()
    finally:
        os.close(lock)


def test_it_is_started_on_demand_and_lives_in_a_session_of_its_own(workspace: Workspace) -> None:
    folder = make_run(workspace, "a", steps=10, step_s=0.1)
    queue = Queue(workspace)
    queue.add("a")
    with no_worker_left(queue), no_process_left(folder):
        ensure_worker(queue)
        ensure_worker(queue)
        record = worker_of(queue)
        assert record is not None and os.getsid(record.pid) == record.pid != os.getsid(0)
        wait_until(lambda: look(folder).state is RunState.FINISHED)
        wait_until(lambda: not queue.has_worker())
    assert "the queue is empty" in queue.worker_log.read_text()


def test_killed_worker_and_killed_runs_at_random_lose_nothing(workspace: Workspace) -> None:
    dice = random.Random(11)
    names = [f"run{number}" for number in range(4)]
    folders = [make_run(workspace, name, steps=6, step_s=0.1) for name in names]
    queue = Queue(workspace)
    for name in names:
        queue.add(name)
    with no_worker_left(queue), no_process_left(*folders):
        for _ in range(5):
            ensure_worker(queue)
            time.sleep(dice.uniform(0.1, 0.6))
            worker = worker_of(queue)
            if worker is not None:
                os.kill(worker.pid, signal.SIGKILL)
            if dice.random() < 0.5:
                _kill_one_run(workspace, names)
            content = json.loads((queue.folder / "queue.json").read_text())
            assert {entry["name"] for entry in content["entries"]} <= set(names), "whole at every moment"
            wait_until(lambda: not queue.has_worker())
        ensure_worker(queue)
        wait_until(lambda: not queue.entries(), 60)
        wait_until(lambda: not queue.has_worker())
    for folder in folders:
        run = look(folder)
        assert run.state in (RunState.FINISHED, RunState.INTERRUPTED), folder.name
        assert seen(folder).count("started") <= 1, "no run was started twice; one may have been killed before it spoke"
        numbers = [stamped.seq for stamped in read_events(folder.events)[0]]
        assert numbers == list(range(1, len(numbers) + 1))
        for checkpoint in run.story.checkpoints:
            assert (folder.path / checkpoint.path / "state.json").exists(), "a checkpoint that was told is whole"


def _kill_one_run(workspace: Workspace, names: list[str]) -> None:
    for name in names:
        process = look(run_of(workspace, name)).process
        if process is not None:
            try:
                psutil.Process(process.pid).kill()
            except psutil.NoSuchProcess:
                continue
            return


def test_a_turn_that_a_killed_worker_had_begun_is_waited_for(workspace: Workspace) -> None:
    folder = make_run(workspace, "a", steps=12, step_s=0.1)
    make_run(workspace, "b")
    queue = Queue(workspace)
    queue.add("a")
    queue.add("b")
    claimed = queue.claim()
    assert claimed is not None
    with no_process_left(folder):
        start_run(folder, entry=claimed.id).leave()  # as a worker does just before it is killed
        assert Worker(queue).work()
    first, second = look(folder).story, look(run_of(workspace, "b")).story
    assert seen(folder).count("started") == 1
    assert first.last_event is not None and second.began is not None and second.began >= first.last_event


def test_a_turn_that_was_claimed_and_never_begun_is_begun(workspace: Workspace) -> None:
    make_run(workspace, "a")
    make_run(workspace, "b")
    queue = Queue(workspace)
    queue.add("a")
    queue.add("b")
    queue.claim()
    assert Worker(queue).work()
    assert states(workspace, "a", "b") == ["finished", "finished"]
    assert read_json(run_of(workspace, "a").launch)["at"] < read_json(run_of(workspace, "b").launch)["at"]
