"""The desk of a score screen: begin, watch, stop, go on, score, compare; and runs over a chat."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import EngineError, UserError
from aligntui.core.generation import RunKind
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_settings import ChatSettings
from aligntui.workbench.chat_state import Column
from aligntui.workbench.generation.base_and_sides import check_same
from aligntui.workbench.scoring.desk import ScoreDesk, ScoreOrder
from aligntui.workbench.scoring.drill import drill_rows
from aligntui.workbench.scoring.plan import ScorePlan, ScoreWish
from aligntui.workbench.scoring.running import begin_run, fill_run
from aligntui.workbench.store_thread import StoreThread
from tests.cli.conftest import make_adapter
from tests.cli.score_runs import battery, track_a
from tests.score.suite_builders import small_track_a
from tests.workbench.score_bench import opened
from tests.workbench.switch_bench import DEMO


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "work")
    make_adapter(made.adapters, "polite", run={"mode": "system"})
    return made


def order(folder: Path, count: int = 6, **more) -> ScoreOrder:
    return ScoreOrder("tracka", track_a(folder, count), **more)


async def test_a_run_is_begun_watched_and_scored(workspace: Workspace, tmp_path: Path) -> None:
    async with opened(workspace) as bench:
        desk = ScoreDesk(bench.chat)
        seen: list[int] = []
        desk.emit = lambda: seen.append(sum(one.answered for one in desk.live))
        run = await desk.begin(order(tmp_path, limit=4, name="watched"))
        assert [one.id for one in desk.runs] == [run.id] and (run.name, run.cells) == ("watched", 8)
        await desk.go_on(run)
        assert desk.running is None and desk.progress is not None and desk.progress.left == 0
        assert [(one.column, one.answered, one.wanted) for one in desk.live] == [("base", 4, 4), ("polite", 4, 4)]
        assert seen == sorted(seen) and 0 < max(seen) == 8
        found = await desk.score(run)
        assert [value.n for value in found.table.headline.values] == [4, 4]
        assert [one.passed for one in desk.live] == list(found.table.headline.values)
        assert len(drill_rows(found)) == 4 and desk.runs[0].done == 8
        assert ScorePlan.from_dict(run.plan).trained == {"polite": "system"}


async def test_a_stopped_run_goes_on_and_another_is_refused_meanwhile(workspace: Workspace, tmp_path: Path) -> None:
    async with opened(workspace, {"delay_s": 0.02}) as bench:
        desk = ScoreDesk(bench.chat)
        run = await desk.begin(order(tmp_path))
        going = asyncio.create_task(desk.go_on(run))
        while sum(one.answered for one in desk.live) < 1:
            await asyncio.sleep(0.01)
        with pytest.raises(UserError, match="is under way"):
            await desk.begin(order(tmp_path))
        await desk.stop()
        await going
        stored = (await bench.chat.store.run(lambda store: store.get_run(run.id))).done
        assert 0 < stored < run.cells and sum(one.answered for one in desk.live) == stored
        part = await desk.score(run)
        assert any("answers are missing" in note for note in part.notes)
        await desk.go_on(desk.runs[0])
        assert sum(one.answered for one in desk.live) == run.cells


async def test_of_several_orders_all_are_stored_or_none(workspace: Workspace, tmp_path: Path) -> None:
    async with opened(workspace) as bench:
        desk = ScoreDesk(bench.chat)
        good = order(tmp_path, name="good")
        for bad in (ScoreOrder("tracka", str(tmp_path / "nothing.jsonl")), ScoreOrder("repetition", seeds=2)):
            with pytest.raises(UserError):
                await desk.begin_all([good, bad])
        assert await bench.chat.store.run(lambda store: store.list_runs(RunKind.SCORE)) == []
        runs = await desk.begin_all([good, ScoreOrder("repetition", limit=2, name="other")])
        assert [run.name for run in runs] == ["good", "other"]
        await desk.go_through(runs, at_once=2)
        assert all(run.done == run.cells for run in desk.runs) and desk.waiting == [] and desk.sitting == runs[1].id


async def test_stopping_ends_the_queue_even_before_the_first_answer(workspace: Workspace, tmp_path: Path) -> None:
    async with opened(workspace, {"delay_s": 0.02}) as bench:
        desk = ScoreDesk(bench.chat)
        runs = await desk.begin_all([order(tmp_path), ScoreOrder("repetition")])
        going = asyncio.create_task(desk.go_through(runs))
        await asyncio.sleep(0)
        assert desk.running is not None and [run.id for run in desk.waiting] == [runs[1].id]
        with pytest.raises(UserError, match="is under way"):
            await desk.go_on(runs[1])
        await desk.stop()
        await going
        assert desk.running is None and [run.done for run in desk.runs] == [0, 0]


async def test_why_a_sitting_ended_is_known_until_the_next_one(workspace: Workspace, tmp_path: Path) -> None:
    async with opened(workspace) as bench:
        desk = ScoreDesk(bench.chat)
        run = await desk.begin(order(tmp_path, name="mine"))
        side = replace(ScorePlan.from_dict(run.plan).sides[1], adapter_sha256="f" * 64)
        other = replace(run, plan=replace(ScorePlan.from_dict(run.plan), sides=(side,)).as_dict())
        with pytest.raises(UserError, match="has other weights"):
            await desk.go_on(other)
        assert "has other weights" in desk.failures[run.id] and desk.running is None
        await desk.go_on(run)
        assert desk.failures == {}


async def test_what_was_judged_is_known_until_there_are_more_answers(workspace: Workspace, tmp_path: Path) -> None:
    async with opened(workspace, {"delay_s": 0.02}) as bench:
        desk = ScoreDesk(bench.chat)
        run = await desk.begin(order(tmp_path))
        going = asyncio.create_task(desk.go_on(run))
        while sum(one.answered for one in desk.live) < 1:
            await asyncio.sleep(0.01)
        await desk.stop()
        await going
        part = await desk.score(run)
        assert desk.known(desk.runs[0]) is part and await desk.score(run) is part
        await desk.go_on(desk.runs[0])
        assert desk.known(desk.runs[0]) is None
        assert len((await desk.score(run)).columns[0].marks) == 6


async def test_marks_of_runs_that_are_gone_go(workspace: Workspace, tmp_path: Path) -> None:
    async with opened(workspace) as bench:
        desk = ScoreDesk(bench.chat)
        run = await desk.begin(order(tmp_path))
        desk.mark(run.id)
        desk.mark("score_gone")
        await desk.load()
        assert desk.marked == [run.id]
        desk.mark(run.id)
        assert desk.marked == []


async def test_runs_are_compared(workspace: Workspace, tmp_path: Path) -> None:
    async with opened(workspace) as bench:
        desk = ScoreDesk(bench.chat)
        runs = []
        for limit in (6, 4):
            runs.append(await desk.begin(order(tmp_path, limit=limit, name="same name")))
            await desk.go_on(runs[-1])
        (group,) = (await desk.compare(runs)).groups
        assert len(group.scored.suite.items) == 4
        labels = [name for name in group.scored.table.columns if "same name" in name]
        assert all(f"({run.id})" in label for run, label in zip(runs, labels, strict=False))
        with pytest.raises(UserError, match="at least two"):
            await desk.compare(runs[:1])


async def test_an_order_says_temperature_and_seeds(workspace: Workspace, tmp_path: Path) -> None:
    async with opened(workspace, temperature=0.9) as bench:
        desk = ScoreDesk(bench.chat)
        plan = ScorePlan.from_dict((await desk.begin(order(tmp_path))).plan)
        assert plan.asking.sampling.temperature == 0.0 and plan.asking.sampling.max_new_tokens == 8
        warm = ScorePlan.from_dict((await desk.begin(order(tmp_path, temperature=0.5, seeds=2))).plan)
        assert (warm.asking.sampling.temperature, warm.seeds) == (0.5, (0, 1))
        with pytest.raises(UserError, match="temperature above 0"):
            await desk.begin(order(tmp_path, seeds=2))
        with pytest.raises(UserError, match="no suite 'mmlu'"):
            await desk.begin(ScoreOrder("mmlu"))


async def test_a_battery_is_begun_with_the_adapter_alone(workspace: Workspace, tmp_path: Path) -> None:
    async with opened(workspace) as bench:
        desk = ScoreDesk(bench.chat)
        plan = ScorePlan.from_dict((await desk.begin(ScoreOrder("battery", battery=battery(tmp_path)))).plan)
        assert [side.name for side in plan.sides] == ["polite"] and len(plan.deliveries) == 4


async def test_only_the_same_base_and_the_same_weights_go_on(workspace: Workspace) -> None:
    async with opened(workspace) as bench:
        run = await begin_run(bench.chat, ScoreWish(small_track_a(2)))
        assert (run.kind, run.name) == (RunKind.SCORE, "tracka: base, polite")
        plan = ScorePlan.from_dict(run.plan)
        check_same(bench.chat, plan.base, plan.sides)
        for changes, says in (
            ({"weights_sha256": "f" * 64}, "its weights' hash is ffffffffffff, not "),
            ({"dtype": "bfloat16"}, "its number format is bfloat16, not float32"),
            ({"quantisation": "nf4"}, "its quantisation is nf4, not none"),
        ):
            with pytest.raises(UserError, match=says):
                check_same(bench.chat, replace(plan.base, **changes), plan.sides)
        bench.chat.state.adapter_hashes[str(workspace.adapters / "polite")] = "f" * 64
        with pytest.raises(UserError, match="adapter polite has other weights"):
            await fill_run(bench.chat, run, lambda event: None)


async def test_an_adapter_that_was_not_checked_begins_no_run(workspace: Workspace, tmp_path: Path) -> None:
    async with opened(workspace) as bench:
        bench.chat.state.add_column(Column(DEMO))
        with pytest.raises(EngineError, match="demo was not checked"):
            await begin_run(bench.chat, ScoreWish(small_track_a(1)))
        with pytest.raises(UserError, match="demo: not held against the base yet"):
            await ScoreDesk(bench.chat).begin(order(tmp_path))
        assert await bench.chat.store.run(lambda store: store.list_runs()) == []


async def test_a_chat_without_an_engine_begins_no_run(tmp_path: Path) -> None:
    chat = Chat(StoreThread(tmp_path / "x.db"), ChatSettings(), [Column()], lambda change: None)
    with pytest.raises(EngineError):
        await begin_run(chat, ScoreWish(small_track_a(1)))
    with pytest.raises(EngineError):
        await ScoreDesk(chat).begin(order(tmp_path))
    await chat.close()
