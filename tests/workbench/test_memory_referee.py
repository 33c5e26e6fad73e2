"""Who gives way when a run needs memory: the ruling, the ending, the coming back. RAM stands in for a GPU's memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from aligntui.core.errors import EngineError, EnvironmentProblem
from aligntui.wire.engine import AnswerFinished, Row, StartGeneration, TextArrived
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.engine_link import ModelWish
from aligntui.workbench.memory import referee
from aligntui.workbench.memory.measuring import MIB, Device, free_bytes, held_bytes
from aligntui.workbench.memory.referee import ENGINE, Holder, Referee, rule
from tests.workbench.switch_bench import WatchedLink, scripted

RAM = Device()


@asynccontextmanager
async def started(folder: Path, **script: object) -> AsyncIterator[WatchedLink]:
    link = WatchedLink(scripted(folder, **script), folder, ModelWish())
    await link.start()
    try:
        yield link
    finally:
        await link.close()


def holders(*sizes: int, yields: bool = True) -> list[Holder]:
    return [Holder(f"holder {size}", size, size, yields) for size in sizes]


def test_nobody_gives_way_while_there_is_room() -> None:
    ruling = rule("a training", 100, RAM, 100, holders(50))
    assert ruling.fits and ruling.gives_way == () and "fits beside" in ruling.sentence()


def test_as_few_as_will_do_give_way_and_of_these_the_smallest() -> None:
    assert [one.bytes for one in rule("x", 130, RAM, 100, holders(80, 20, 40)).gives_way] == [40]
    assert [one.bytes for one in rule("x", 210, RAM, 100, holders(80, 20, 40)).gives_way] == [80, 40]


def test_what_does_not_fit_says_how_much_there_would_be() -> None:
    ruling = rule("a training", 4 << 30, RAM, 1 << 30, [*holders(1 << 30), *holders(2 << 30, yields=False)])
    assert not ruling.fits and ruling.after == 2 << 30
    assert ruling.sentence() == (
        "a training needs about 4.0 GiB of the RAM, 1.0 GiB can be had, 2.0 GiB without holder 1073741824 (1.0 GiB); "
        "holder 2147483648 (2.0 GiB) holds the rest."
    )


def test_a_device_that_cannot_be_asked_is_not_said_to_be_full() -> None:
    ruling = rule("a training", 1 << 40, Device("gpu", 7), None, holders(5))
    assert ruling.fits and not ruling.gives_way and "cannot be asked" in ruling.sentence()


@pytest.mark.parametrize(
    ("name", "device"), [("cuda", Device("gpu", 0)), ("cuda:3", Device("gpu", 3)), ("cpu", RAM), ("mps", RAM)]
)
def test_the_memory_behind_a_device(name: str, device: Device) -> None:
    assert Device.named(name) == device


def test_memory_of_processes_is_measured() -> None:
    own = psutil.Process().pid
    before = held_bytes(RAM, own)
    block = bytearray(64 * MIB)
    assert 48 * MIB < held_bytes(RAM, own) - before < 96 * MIB and len(block)
    assert held_bytes(RAM, 2**22 + 1) == 0  # above the largest process id
    assert 0 < (free_bytes(RAM) or 0) <= psutil.virtual_memory().total


async def test_the_engine_gives_way_and_comes_back(tmp_path: Path) -> None:
    async with started(tmp_path) as link:
        pid = link.pid
        assert pid is not None
        held = held_bytes(RAM, pid)
        one = Referee(link, budget=held + 4 * MIB)
        ruling = one.ruling("the training nice", held, RAM)
        assert [holder.name for holder in ruling.gives_way] == [ENGINE] and ruling.fits
        assert link.state.phase is Phase.READY and psutil.pid_exists(pid)  # a ruling changes nothing
        await one.make_room(ruling)
        assert link.state.phase is Phase.GAVE_WAY and not psutil.pid_exists(pid)
        with pytest.raises(EngineError, match="gave its memory to the training nice"):
            link._running()
        seen: list[Phase] = []

        async def over() -> None:
            seen.append(link.state.phase)

        assert await one.lend(ruling, over) is None
        assert seen == [Phase.GAVE_WAY] and link.state.phase is Phase.READY and link.pid not in (None, pid)


async def test_what_fits_beside_the_engine_leaves_it_alone(tmp_path: Path) -> None:
    async with started(tmp_path) as link:
        one = Referee(link)
        ruling = one.ruling("a small run", MIB, RAM)
        await one.make_room(ruling)
        assert link.state.phase is Phase.READY
        assert await one.lend(ruling, _never) is None


async def test_what_a_run_holds_already_counts_for_it(tmp_path: Path) -> None:
    async with started(tmp_path) as link:
        own = psutil.Process().pid  # stands for the run, which has begun to load
        assert link.pid is not None
        held = held_bytes(RAM, own)
        one = Referee(link, budget=held + held_bytes(RAM, link.pid) // 2, others=lambda: [("early", own)])
        assert not one.ruling("the run early", held - MIB, RAM).fits, "as if it were another"
        ruling = one.ruling("the run early", held - MIB, RAM, running="early")
        assert ruling.fits and not ruling.stays
        await one.make_room(ruling)


async def _never() -> None:
    raise AssertionError("nobody gave way, so nothing is waited for")


async def test_what_cannot_fit_ends_nothing(tmp_path: Path) -> None:
    async with started(tmp_path) as link:
        one = Referee(link, budget=32 * MIB)
        with pytest.raises(EnvironmentProblem, match=r"needs about 1\.0 GiB"):
            await one.make_room(one.ruling("a large training", 1 << 30, RAM))
        assert link.state.phase is Phase.READY


async def test_memory_that_another_takes_meanwhile_brings_the_engine_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(referee, "FREED_S", 0.3)
    async with started(tmp_path) as link:
        own = psutil.Process().pid  # stands for another run of ours
        taken: list[tuple[str, int]] = []
        assert link.pid is not None
        one = Referee(link, budget=held_bytes(RAM, link.pid) + 4 * MIB, others=lambda: taken)
        ruling = one.ruling("a training", 8 * MIB, RAM)
        assert ruling.fits and ruling.gives_way
        taken.append(("another training", own))
        with pytest.raises(EnvironmentProblem, match="had given way only 0 MiB could be had"):
            await one.make_room(ruling)
        assert link.state.phase is Phase.READY


async def test_a_key_pressed_meanwhile_counts(tmp_path: Path) -> None:
    async with started(tmp_path) as link:
        await link.give_way("a training")
        await link.restart()
        pid = link.pid
        await Referee(link).bring_back()
        assert link.pid == pid


async def test_an_answer_under_way_is_kept_as_far_as_it_came(tmp_path: Path) -> None:
    events: list[object] = []
    async with started(tmp_path, delay_s=0.05) as link:
        row = Row("row", (("user", "Tell me about rivers."),), max_new_tokens=500)
        await link.generate(StartGeneration("gen", (row,)), events.append)
        while not any(isinstance(event, TextArrived) for event in events):
            await asyncio.sleep(0.01)
        assert "answering and will stop" in Referee(link).holders(RAM)[0].name
        await link.give_way("a training")
        finished = [event for event in events if isinstance(event, AnswerFinished)]
        assert [one.row for one in finished] == ["row"] and finished[0].text
        assert link.state.phase is Phase.GAVE_WAY
