"""Long work beside the event loop: its result, its failure, how it is stopped, and that verdicts do not wait for it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from aligntui.core.errors import UserError
from aligntui.store import PairFilter
from aligntui.workbench.aside import Aside, Stopped, in_thread
from aligntui.workbench.store_thread import StoreThread


async def test_what_the_thread_returns_or_raises_reaches_who_waits():
    assert await in_thread(lambda: 42) == 42

    def fail() -> None:
        raise UserError("No.")

    with pytest.raises(UserError, match=r"No\."):
        await in_thread(fail)


async def test_work_has_a_connection_of_its_own_while_the_store_answers(tmp_path):
    thread = StoreThread(tmp_path / "s.db")
    begun, go_on = threading.Event(), threading.Event()

    def work(store):
        begun.set()
        go_on.wait(20)
        return store.count_pair_rows(PairFilter())

    running = asyncio.create_task(Aside(thread.path).run(work))
    await in_thread(lambda: begun.wait(20))
    assert (await thread.run(lambda store: store.create_session("Meanwhile"))).name == "Meanwhile"
    assert not running.done()
    go_on.set()
    assert await running == 0
    await thread.close()


async def test_stopped_work_ends_at_its_next_step(tmp_path):
    aside = Aside(tmp_path / "s.db")
    steps = []

    def work(_store):
        for done in range(1, 100):
            steps.append(done)
            if done == 3:
                aside.stop()
            aside.advance(done)

    with pytest.raises(Stopped):
        await aside.run(work)
    assert steps == [1, 2, 3] and aside.done == 3 and aside.stopping


async def test_who_goes_away_stops_the_work(tmp_path):
    aside = Aside(tmp_path / "s.db")
    begun, ended = threading.Event(), threading.Event()

    def work(_store):
        try:
            while True:
                begun.set()
                aside.advance(1)
        finally:
            ended.set()

    running = asyncio.create_task(aside.run(work))
    await in_thread(lambda: begun.wait(20))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await in_thread(lambda: ended.wait(20))
