"""The train screen without its screen: runs listed, planned, started, queued, stopped, gone on with, opened as columns."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.jobs.queue import Queue
from aligntui.jobs.state import RunState
from aligntui.jobs.story import Story
from aligntui.wire import run_events as wire
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.columns import Columns
from aligntui.workbench.headless.curate import loaded_bench
from aligntui.workbench.opening import settings_for
from aligntui.workbench.training.desk import TrainDesk
from aligntui.workbench.training.screen_batch import read_batch
from aligntui.workbench.training.screen_choices import choices_of
from aligntui.workbench.training.screen_curves import PANELS, one_run, panels_of, several_runs, thin
from aligntui.workbench.training.screen_plan import TrainWish, make_plan
from aligntui.workbench.training.screen_runs import RunWatch
from tests.jobs.runs import ENVIRONMENT, make_run, no_process_left, started, wait_until, write_events
from tests.tui.train_bench import every_state, figures, queue_up, whole_checkpoint, written_run
from tests.workbench.switch_bench import scripted

MIB = 1 << 20


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    made = Workspace(tmp_path / "work")
    made.make()
    return made


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "pairs.jsonl"
    lines = [
        {"prompt": f"What is {thing}?", "chosen": f"It is {kind}.", "rejected": "No idea."}
        for thing, kind in (("salt", "a mineral"), ("rain", "water"), ("wool", "hair"), ("rust", "iron oxide"))
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@asynccontextmanager
async def opened(workspace: Workspace, budget: int = 0) -> AsyncIterator[TrainDesk]:
    settings = settings_for(workspace, {"adapter": ("",)})
    async with loaded_bench(workspace, settings, lambda _bench: None, scripted(workspace.root.parent)) as bench:
        yield TrainDesk(workspace, bench.chat, Columns(bench.chat), budget)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


async def looked(desk: TrainDesk, condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while True:
            await desk.look()
            if condition():
                return
            await asyncio.sleep(0.02)


# the list -------------------------------------------------------------------------------------------


async def test_what_lives_comes_first_then_the_queue_in_its_order_then_the_last_active_one(
    workspace: Workspace,
) -> None:
    every_state(workspace)
    watch = RunWatch(workspace)
    assert await watch.look()
    assert [(row.name, row.run.state.value) for row in watch.rows] == [
        ("cita-live", "running"),
        ("rrhf-then", "queued"),
        ("dpo-next", "queued"),
        ("cita-done", "finished"),
        ("unified-half", "stopped"),
        ("dpo-hot", "failed"),
        ("sft-killed", "interrupted"),
        ("broken", "stopped"),
    ]
    assert [row.place for row in watch.rows[:3]] == [0, 1, 2]
    assert "sweet" in watch.rows[-1].problem and not any(row.problem for row in watch.rows[:-1])
    assert not await watch.look(), "nothing is new"


async def test_a_further_look_reads_only_what_was_added(workspace: Workspace) -> None:
    for number in range(6):
        written_run(workspace, f"old-{number}", steps=2000, total=2000, end=wire.Finished(2000, 1.0, "aa"))
    live = written_run(workspace, "live", steps=2000, total=4000, lives=True)
    watch = RunWatch(workspace)
    await watch.look()
    size = live.events.stat().st_size
    before = read_bytes()
    with live.events.open("ab") as stream:
        stream.write(wire.encode_event(9999, 2e9, figures(2001, 4000)))
    assert await watch.look()
    row = watch.row("live")
    assert row is not None and row.run.story.step == 2001
    assert size > 500_000 and read_bytes() - before < size / 4, "logs of several megabytes were not read again"


def read_bytes() -> int:
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("rchar:"):
            return int(line.split()[1])
    raise AssertionError("no count of what was read")


async def test_a_torn_last_line_is_read_when_its_end_has_come(workspace: Workspace) -> None:
    folder = written_run(workspace, "live", steps=3, lives=True)
    line = wire.encode_event(500, 2e9, figures(4, 200))
    watch = RunWatch(workspace)
    for piece, step in ((line[:40], 3), (line[40:], 4)):
        with folder.events.open("ab") as stream:
            stream.write(piece)
        await watch.look()
        assert watch.rows[0].run.story.step == step


async def test_a_damaged_queue_is_said_and_hides_no_run(workspace: Workspace) -> None:
    written_run(workspace, "one", steps=3, end=wire.Stopped(3))
    queue_up(workspace, "one")
    (workspace.adapters / ".queue" / "queue.json").write_text("{")
    watch = RunWatch(workspace)
    await watch.look()
    assert [row.name for row in watch.rows] == ["one"] and "damaged" in watch.queue_problem


# curves ---------------------------------------------------------------------------------------------


def test_thinning_keeps_ends_and_every_peak() -> None:
    steps = np.arange(1.0, 20_001.0)
    values = np.sin(steps / 500)
    values[[7_777, 12_345]] = 9.0, -9.0
    few, kept = thin(steps, values, 300)
    assert len(few) == len(kept) <= 310
    assert (few[0], few[-1]) == (1.0, 20_000.0) and np.all(np.diff(few) > 0)
    assert {9.0, -9.0} <= set(kept.tolist())
    assert thin(steps[:5], values[:5], 300)[0].tolist() == [1, 2, 3, 4, 5]


def test_panels_are_those_that_have_figures() -> None:
    sft = Story()
    sft.add(wire.Stamped(1, 1.0, wire.Step(1, loss=2.0, sft=2.0, lr=1e-4, gpu_bytes=3 << 30)))
    assert [panel.name for panel in panels_of([sft])] == ["loss", "lr", "memory"]
    assert [panel.name for panel in panels_of([Story()])] == ["loss"], "there is always one to look at"
    assert [one.label for one in one_run(sft, PANELS[0], 99)] == ["loss"], "the only part is the loss itself"
    memory = one_run(sft, PANELS[-1], 99)
    assert [(one.label, one.last) for one in memory] == [("GPU", 3.0)]


def test_parts_held_out_figures_and_several_runs() -> None:
    story = Story()
    story.add(wire.Stamped(1, 1.0, wire.Step(1, loss=2.0, sft=1.5, contrast=0.5)))
    story.add(wire.Stamped(2, 2.0, wire.Eval(1, loss=2.5)))
    assert [(one.label, one.last) for one in one_run(story, PANELS[0], 99)] == [
        ("loss", 2.0), ("held out", 2.5), ("sft", 1.5), ("contrast", 0.5),
    ]  # fmt: skip
    over = several_runs([("a", story), ("empty", Story()), ("b", story)], PANELS[0], 99)
    assert [one.label for one in over] == ["a", "b"]


# planning -------------------------------------------------------------------------------------------


def test_the_command_line_of_a_wish() -> None:
    wish = TrainWish("ecliptica-dpo", "my data.jsonl", "polite", "embedded", ("max_steps=9", "lr=2e-5"))
    assert wish.command() == (
        "aligntui train --preset ecliptica-dpo --data 'my data.jsonl' --name polite --model embedded "
        "--set max_steps=9 --set lr=2e-5 --detach"
    )
    assert replace(wish, preset="mine.yaml").command(queued=True).startswith("aligntui train --config mine.yaml ")
    assert wish.command(queued=True).endswith("--queue")


def test_a_plan_is_whole_and_writes_nothing(workspace: Workspace, data: Path) -> None:
    plan = make_plan(workspace, TrainWish("ecliptica-dpo", str(data), "mine", "embedded", ("max_steps=7",)))
    assert plan.config.steps.max_steps == 7 and plan.config.base.model == "embedded"
    assert "max_steps: 7" in plan.configuration
    assert sum((plan.submission.counts["train"], plan.submission.counts["held_out"])) == 4
    assert list(workspace.adapters.iterdir()) == []


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"name": ""}, "The run has no name"),
        ({"data": ""}, "No data are named"),
        ({"data": "nowhere"}, "There is no file and no data set 'nowhere'"),
        ({"preset": "ecliptica-dop"}, "ecliptica-dpo"),
        ({"preset": ""}, "No preset is named"),
        ({"settings": ("max_stepz=3",)}, "max_steps"),
        ({"settings": ("max_steps",)}, "key=value"),
        ({"name": "taken"}, "There is a run 'taken' already"),
        ({"name": "../up"}, "cannot be the name"),
    ],
)
def test_what_cannot_be_trained_is_refused(workspace: Workspace, data: Path, wish: dict, says: str) -> None:
    make_run(workspace, "taken")
    whole = {"preset": "ecliptica-dpo", "data": str(data), "name": "mine", "model": "embedded"}
    with pytest.raises(UserError) as caught:
        make_plan(workspace, TrainWish(**{**whole, **wish}))
    assert says in str(caught.value)


def test_choices_say_what_there_is(workspace: Workspace) -> None:
    make_run(workspace, "demo-cita")
    found = choices_of(workspace)
    assert {"demo-cita", "cita-kl", "ecliptica-dpo"} <= {one.value for one in found.presets}
    assert all(one.about for one in found.presets)
    pairs, opposed = found.data[0], next(one for one in found.data if one.value == "opposed-demo")
    assert pairs.value == "pairs" and pairs.problem and "no pair" in pairs.about
    assert "records" in opposed.about and not opposed.problem
    assert found.free_name("demo-cita") == "demo-cita-2" and found.free_name("cita-kl") == "cita-kl"


def test_a_batch_is_read_from_what_the_trainer_prints() -> None:
    batch = read_batch(
        [
            {"kind": "batch", "truncated": 2, "dropped": 1},
            {"kind": "sequence", "id": "r1", "side": "chosen", "tokens": ["a", "b"], "trained": [False, True]},
            {"kind": "unheard of"},
        ]
    )
    assert (batch.truncated, batch.dropped) == (2, 1)
    assert [(row.id, row.tokens, row.trained) for row in batch.rows] == [("r1", ("a", "b"), (False, True))]


# running --------------------------------------------------------------------------------------------


async def test_a_run_is_started_watched_and_finished(workspace: Workspace, data: Path) -> None:
    async with opened(workspace) as desk:
        plan = await desk.plan(TrainWish("ecliptica-dpo", str(data), "mine", "embedded"))
        batch = await desk.first_batch(plan)
        assert batch.rows and any(batch.rows[0].trained) and not all(batch.rows[0].trained)
        await desk.begin(plan, queued=False)
        assert desk.rows[0].name == "mine" == desk.selected and desk.rows[0].lives
        await looked(desk, lambda: desk.rows[0].run.state is RunState.FINISHED)
        assert desk.rows[0].run.story.step == 6 and desk.wish.name == "mine"


async def test_a_run_is_stopped_and_gone_on_with(workspace: Workspace) -> None:
    folder = make_run(workspace, "long", steps=400, step_s=0.05)
    with no_process_left(folder):
        async with opened(workspace) as desk:
            await desk.look()
            await desk.resume(desk.rows[0])
            await looked(desk, lambda: desk.rows[0].run.story.step > 2)
            with pytest.raises(UserError, match="is running"):
                await desk.resume(desk.rows[0])
            with pytest.raises(UserError, match="is running"):
                await desk.delete(desk.rows[0])
            await desk.checkpoint(desk.rows[0])
            assert "stops after the step" in await desk.stop(desk.rows[0])
            await looked(desk, lambda: desk.rows[0].run.state is RunState.STOPPED)
            stopped_at = desk.rows[0].run.story.step
            await desk.resume(desk.rows[0])
            await looked(desk, lambda: desk.rows[0].run.story.step > stopped_at)
            await desk.stop(desk.rows[0])
            await looked(desk, lambda: not desk.rows[0].lives)


async def test_the_queue_is_ordered_and_left(workspace: Workspace) -> None:
    for name in ("a", "b", "c"):
        make_run(workspace, name)
    queue_up(workspace, "a", "b", "c")
    async with opened(workspace) as desk:
        await desk.look()
        row = desk.row("c")
        assert row is not None
        for place in (2, 1, 1):
            await desk.move(row, -1)
            assert row.place == place
        await desk.move(row, 9)
        assert [one.name for one in Queue(workspace).entries()] == ["a", "b", "c"]
        assert "taken out of the queue" in await desk.stop(row)
        assert row.place == 0 and row.run.state is RunState.STOPPED
        with pytest.raises(UserError, match="does not wait"):
            await desk.move(row, 1)


async def test_what_the_training_length_takes_is_said_before_the_start(workspace: Workspace, data: Path) -> None:
    async with opened(workspace) as desk:
        roomy = await desk.plan(TrainWish("ecliptica-dpo", str(data), "roomy", "embedded"))
        short = await desk.plan(TrainWish("ecliptica-dpo", str(data), "short", "embedded", ("length=8",)))
        assert not any("lose the end of an answer" in text for text in roomy.fit)
        assert any("lose the end of an answer at steps.length = 8" in text for text in short.fit)


async def test_a_queued_run_is_started_by_the_worker(workspace: Workspace, data: Path) -> None:
    async with opened(workspace) as desk:
        plan = await desk.plan(TrainWish("ecliptica-dpo", str(data), "later", "embedded"))
        await desk.begin(plan, queued=True)
        await looked(desk, lambda: desk.rows[0].run.state is RunState.FINISHED)
        wait_until(lambda: not Queue(workspace).has_worker())


async def test_a_run_is_deleted_with_its_adapter(workspace: Workspace) -> None:
    folder = written_run(workspace, "gone", steps=3, end=wire.Stopped(3))
    async with opened(workspace) as desk:
        await desk.look()
        await desk.delete(desk.rows[0])
        assert not desk.rows and not folder.adapter.exists()
        assert not [entry for entry in workspace.adapters.iterdir() if entry.name != ".queue"]


async def test_the_engine_gives_way_and_comes_back(workspace: Workspace) -> None:
    folder = make_run(workspace, "big", steps=400, step_s=0.05)
    plan_of = make_plan
    with no_process_left(folder):
        async with opened(workspace, budget=400 * MIB) as desk:
            source = workspace.root.parent / "pairs.jsonl"
            source.write_text(json.dumps({"prompt": "a?", "chosen": "b", "rejected": "c"}) + "\n")
            plan = plan_of(
                workspace, TrainWish("ecliptica-dpo", str(source), "heavy", "embedded", ("evaluation.share=0",))
            )
            plan = replace(plan, need=398 * MIB)
            ruling = await desk.ruling(plan)
            assert ruling is not None and ruling.fits and "gives way and comes back" in ruling.sentence()
            after = await desk.begin(plan, queued=False)
            assert desk.chat.state.engine.phase is Phase.GAVE_WAY and "heavy" in desk.chat.state.engine.message
            await asyncio.wait_for(after(), 30)
            assert desk.chat.state.engine.phase is Phase.READY
            with pytest.raises(EnvironmentProblem, match="needs about"):
                too_much = plan_of(
                    workspace, TrainWish("ecliptica-dpo", str(source), "more", "embedded", ("evaluation.share=0",))
                )
                await desk.begin(replace(too_much, need=900 * MIB), queued=False)
            assert not (workspace.adapters / "more").exists(), "nothing is written of a run that does not fit"
            assert desk.chat.state.engine.phase is Phase.READY


async def test_a_run_that_goes_on_needs_what_it_took_before(workspace: Workspace) -> None:
    folder = make_run(workspace, "again", steps=400, step_s=0.05)
    write_events(folder, started(), figures(1, 10), wire.Stopped(1))  # its steps took 1.9e9 bytes
    with no_process_left(folder):
        async with opened(workspace, budget=1_900 * MIB) as desk:
            await desk.look()
            desk.budget = int(1.9e9) + MIB
            after = await desk.resume(desk.rows[0])
            assert desk.chat.state.engine.phase is Phase.GAVE_WAY
            await looked(desk, lambda: desk.rows[0].run.story.step > 1)
            lent = asyncio.ensure_future(after())
            await desk.stop(desk.rows[0])
            await asyncio.wait_for(lent, 60)
            assert desk.chat.state.engine.phase is Phase.READY


async def test_a_queued_run_gets_its_room_when_its_turn_comes(workspace: Workspace) -> None:
    folder = make_run(workspace, "later", steps=80, step_s=0.05)
    write_events(folder, started(), figures(1, 10), wire.Stopped(1))
    with no_process_left(folder):
        async with opened(workspace, budget=int(1.9e9) + 400 * MIB) as desk:
            await desk.look()
            engine = desk.chat.engine
            assert engine is not None
            before = engine.pid
            after = await desk.resume(desk.rows[0], queued=True)
            desk.budget = int(1.9e9) + MIB
            assert desk.chat.state.engine.phase is Phase.READY, "it waits, and needs nothing yet"
            await asyncio.wait_for(after(), 60)
            assert desk.chat.state.engine.phase is Phase.READY and engine.pid != before, "it went and came back"
            await looked(desk, lambda: desk.rows[0].run.state is RunState.FINISHED)


async def test_a_checkpoint_becomes_a_column_and_the_base_stays_loaded(workspace: Workspace) -> None:
    folder = written_run(workspace, "ladder", steps=100, end=wire.Stopped(100))
    for step in (50, 100):
        whole_checkpoint(folder.checkpoints / f"step-{step:06d}")
    async with opened(workspace) as desk:
        await desk.look()
        rungs = await desk.ladder(desk.rows[0])
        assert [rung.name for rung in rungs] == ["ladder@100", "ladder@50"]
        engine = desk.chat.engine
        assert engine is not None
        pid = engine.pid
        await desk.open_column(rungs[1])
        assert [column.adapter and column.adapter.name for column in desk.chat.state.columns][-1] == "ladder@50"
        assert engine.pid == pid and engine.state.phase is Phase.READY


async def test_a_run_without_checkpoints_has_no_ladder(workspace: Workspace) -> None:
    written_run(workspace, "young", steps=3, end=wire.Stopped(3))
    async with opened(workspace) as desk:
        await desk.look()
        with pytest.raises(UserError, match="has no checkpoint yet"):
            await desk.ladder(desk.rows[0])
