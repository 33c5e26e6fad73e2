"""The train screen under the pilot: real folders, the scripted trainer, the scripted engine."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from textual.widgets import Input

from aligntui.jobs.queue import Queue
from aligntui.jobs.state import RunState
from aligntui.tui.modals.reading import ReadingText
from aligntui.tui.modals.train_batch import BatchReader
from aligntui.tui.modals.train_delete import DeleteDialog
from aligntui.tui.modals.train_form import TrainForm
from aligntui.tui.modals.train_ladder import LadderDialog
from aligntui.tui.modals.train_review import TrainReview
from aligntui.tui.screens.chat import ChatScreen
from aligntui.tui.screens.train import TrainScreen
from aligntui.wire import run_events as wire
from tests.jobs.runs import ENVIRONMENT, make_run, no_process_left
from tests.tui.train_bench import every_state, figures, queue_up, whole_checkpoint, written_run


@pytest.fixture
def train(console, workspace, monkeypatch):
    """`async with train() as (c, screen):` opens the train screen; prepare the workspace before."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    @asynccontextmanager
    async def start(size=(120, 40), **flags):
        async with console(size=size, **flags) as c:
            yield c, await to_train(c)

    return start


async def to_train(c) -> TrainScreen:
    await c.press("ctrl+l")
    await c.until(lambda: isinstance(c.app.screen, TrainScreen) and c.app.train_desk.watch.loaded, "train screen")
    await c.pilot.pause(0.1)
    screen = c.app.screen
    assert isinstance(screen, TrainScreen)
    return screen


def words(c) -> str:
    """What stands on the screen, wherever its lines break."""
    return " ".join(c.text().replace("▊", " ").split())


def footer(c) -> str:
    return c.text().splitlines()[-1]


async def fill(c, **values: str) -> None:
    """Fill in the form and press Enter."""
    await c.press("n")
    await c.until(lambda: isinstance(c.app.screen, TrainForm) and c.app.screen.is_mounted, "form")
    await c.pilot.pause(0.1)
    for name in sorted(values):  # the name before the preset, which gives one where none was typed
        c.app.screen.query_one(f"#field-{name}", Input).value = values[name]
    await c.pilot.pause(0.05)
    await c.press("enter")


@pytest.fixture
def data(tmp_path):
    file = tmp_path / "pairs.jsonl"
    lines = [
        {"prompt": f"What is {thing}?", "chosen": f"It is {kind}.", "rejected": "No idea."}
        for thing, kind in (("salt", "a mineral"), ("rain", "water"), ("wool", "hair"), ("rust", "iron oxide"))
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(file)


# looking --------------------------------------------------------------------------------------------


async def test_without_a_run_it_says_how_to_start_one(train):
    async with train() as (c, _screen):
        await c.sees("No run yet.")
        assert "n starts one" in words(c) and "goes on when the console is closed" in words(c)
        await c.press("s", "r", "w", "c", "space", "z", "right", "tab", "K", "D", "enter")
        assert "No run yet." in c.text(), "keys without a run do no harm"
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, ChatScreen), "the chat again")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_every_state_is_shown_and_no_line_is_too_long(train, workspace, size):
    every_state(workspace)
    async with train(size=size) as (c, screen):
        seen = set()
        for row in list(c.app.train_desk.rows):
            await c.sees(f"{row.name} · ")
            seen.add(row.run.state if not row.problem else "unreadable")
            for view in "12345":
                await c.press(view)
                assert max(map(len, c.text().splitlines())) <= size[0]
            await c.press("1", "j")
        assert screen.listing.cursor == len(c.app.train_desk.rows) - 1
        assert seen == {"running", "queued", "finished", "stopped", "failed", "interrupted", "unreadable"}


async def test_a_failed_run_says_why_and_what_to_do(train, workspace):
    end = wire.Failed("The loss is not a number.", "Lower the learning rate.", 3, "bad-batch.json", 3)
    folder = written_run(workspace, "hot", steps=2, end=end)
    async with train() as (c, _screen):
        await c.sees("step 3: The loss is not a number.")
        assert "Lower the learning rate." in c.text() and "r goes on from the last checkpoint" in c.text()
        assert str(folder.path / "bad-batch.json") in "".join(c.text().replace("▊", " ").split())
        assert "r Go on" in footer(c) and "Stop" not in footer(c)


async def test_an_unreadable_folder_hides_no_other(train, workspace):
    every_state(workspace)
    async with train() as (c, _screen):
        await c.press("G")
        await c.sees("broken · ? cannot be read")
        assert "sweet" in c.text() and "cita-live" in c.text()


async def test_curves_are_walked_through(train, workspace):
    written_run(workspace, "cita", steps=60, end=wire.Stopped(60))
    async with train() as (c, screen):
        titles = []
        for _ in range(12):
            titles += [chart.drawing.title for chart in screen.query("CurveChart") if chart.display]
            await c.press("right")
        assert {"Loss", "Log-probability", "Reward margin", "Reward accuracy", "KL from the reference"} <= set(titles)
        assert {"Weight of the KL (lambda)", "Learning rate", "Gradient norm", "Speed", "Memory"} <= set(titles)
        await c.sees("Memory, GiB")
        for _ in range(12):
            await c.press("left")
        await c.sees("● loss")


async def test_lines_of_a_panel_have_signs_and_names_at_their_ends(train, workspace):
    written_run(workspace, "cita", steps=100, end=wire.Stopped(100))
    async with train() as (c, _screen):
        lines = c.text().splitlines()
        named = [line.rstrip() for line in lines if line.rstrip().endswith(("● loss", "▲ held out", "■ contrast"))]
        assert len(named) == 3, c.text()


async def test_marked_runs_lie_over_one_another(train, workspace):
    written_run(workspace, "first", steps=50, end=wire.Stopped(50))
    written_run(workspace, "second", steps=90, end=wire.Stopped(90), ago_s=9000)
    async with train() as (c, screen):
        await c.press("space", "space")
        await c.sees("▪2 runs")
        assert c.text().count("▪") == 3, "a mark for each, and their number"
        chart = next(iter(screen.query("CurveChart")))
        assert {one.label for one in chart.drawing.series} == {"first", "second"}
        await c.press("k", "space")
        await c.sees("▪1 run")


async def test_samples_stand_beside_those_of_step_0(train, workspace):
    written_run(workspace, "cita", steps=150, end=wire.Stopped(150))
    async with train() as (c, _screen):
        await c.press("3")
        await c.sees("Step 0 and step 150")
        assert "There are many ways" in c.text() and "(step 150)" in c.text()
        await c.press("left")
        await c.sees("Step 0 and step 100")
        await c.press("right", "right")
        await c.sees("Step 0 and step 150")


async def test_log_and_set_up_are_read_from_the_folder(train, workspace):
    folder = written_run(workspace, "cita", steps=5, end=wire.Stopped(5))
    folder.console_log.write_text("Loading weights\n\x1b[31mcareful\x1b[0m\n")
    async with train() as (c, _screen):
        await c.press("4")
        await c.sees("Loading weights")
        assert "\x1b" not in c.text() and "careful" in c.text()
        with folder.console_log.open("a") as stream:
            stream.write("one more line\n")
        await c.press("tab")
        await c.sees("opposed-demo: 460 records")
        await c.press("shift+tab")
        await c.sees("one more line")


async def test_zoom_shows_the_run_alone_and_esc_brings_the_list_back(train, workspace):
    written_run(workspace, "cita", steps=100, end=wire.Stopped(100))
    async with train(size=(80, 24)) as (c, screen):
        await c.press("enter")
        await c.until(lambda: not screen.listing.display, "zoomed")
        await c.press("5")
        await c.sees("Configuration, frozen")
        await c.press("G")
        await c.until(lambda: screen.query_one("#page").scroll_offset.y > 0, "scrolled to the end")
        await c.press("escape")
        await c.until(lambda: screen.listing.display and c.app.focused is screen.listing, "list")


# following ------------------------------------------------------------------------------------------


async def test_a_living_run_is_followed_and_nothing_is_done_when_the_screen_is_left(train, workspace):
    folder = written_run(workspace, "live", steps=20, lives=True, ago_s=1)
    async with train() as (c, _screen):
        await c.sees("step 20 of 200")
        with folder.events.open("ab") as stream:
            stream.write(wire.encode_event(900, 2e9, figures(21, 200)))
        await c.sees("step 21 of 200")
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, ChatScreen), "chat")
        with folder.events.open("ab") as stream:
            stream.write(wire.encode_event(901, 2e9, figures(22, 200)))
        story = c.app.train_desk.rows[0].run.story
        for _ in range(30):
            await c.pilot.pause(0.05)
        assert story.step == 21, "nobody looks while the screen is not there"
        await to_train(c)
        await c.sees("step 22 of 200")


async def test_a_long_run_is_drawn_from_few_points(train, workspace):
    written_run(workspace, "long", steps=6000, total=6000, end=wire.Finished(6000, 1.0, "aa"), every=3000)
    async with train() as (c, screen):
        await c.sees("step 6,000 of 6,000")
        chart = next(iter(screen.query("CurveChart")))
        assert 100 < len(chart.drawing.series[0].steps) <= 410
        assert chart.drawing.series[0].last == pytest.approx(figures(6000, 6000).loss)


async def test_the_cursor_view_and_marks_are_kept_when_the_screen_is_left(train, workspace):
    every_state(workspace)
    async with train() as (c, screen):
        await c.press("j", "j", "space", "2")
        assert screen.current is not None
        name = screen.current.name
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, ChatScreen), "chat")
        again = await to_train(c)
        assert again is not screen and again.current is not None and again.current.name == name and again.view == "says"
        assert c.app.train_desk.marked == [c.app.train_desk.rows[2].name]


# starting -------------------------------------------------------------------------------------------


async def test_a_run_is_filled_in_read_and_started(train, workspace, data):
    async with train() as (c, screen):
        await fill(c, preset="ecliptica-dpo", data=data, name="mine", model="embedded", set="max_steps=9 lr=2e-5")
        await c.until(lambda: isinstance(c.app.screen, TrainReview), "review")
        await c.sees("Will it fit?")
        assert not (workspace.adapters / "mine").exists(), "nothing is written before it was read"
        await c.press("G")
        await c.sees("max_steps: 9")
        await c.press("g")
        await c.sees("Enter starts it")
        await c.press("enter")
        await c.sees("mine was started. It goes on when the console is closed.")
        assert c.app.screen is screen
        await c.until(lambda: c.app.train_desk.rows[0].run.state is RunState.FINISHED, "finished")
        await c.sees("● finished")


async def test_the_command_line_is_shown_in_full(train, workspace, data):
    async with train() as (c, _screen):
        await fill(c, preset="ecliptica-dpo", data=data, name="mine", model="embedded", set="lr=2e-5")
        await c.until(lambda: isinstance(c.app.screen, TrainReview), "review")
        shown = " ".join(c.app.screen.query_one(ReadingText).render().plain.split())
        assert (
            f"aligntui train --preset ecliptica-dpo --data {data} --name mine --model embedded --set lr=2e-5 --detach"
            in shown
        )


async def test_the_first_batch_tells_trained_from_masked_tokens_without_colour(train, data):
    async with train() as (c, _screen):
        await fill(c, preset="ecliptica-dpo", data=data, name="mine", model="embedded")
        await c.until(lambda: isinstance(c.app.screen, TrainReview), "review")
        await c.press("p")
        await c.until(lambda: isinstance(c.app.screen, BatchReader), "batch")
        await c.sees("⟦It is")
        assert "of them trained" in c.text() and "⟧" in c.text()
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, TrainReview), "review again")
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, TrainForm), "the form again")
        assert c.app.screen.query_one("#field-name", Input).value == "mine", "what was filled in stays"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"preset": "ecliptica-dop"}, "ecliptica-dpo"),
        ({"data": "nowhere"}, "There is no file and no data set 'nowhere'"),
        ({"name": ""}, "The run has no name"),
        ({"set": "learning_rte=1"}, "learning_rate"),
        ({"set": "lr='1"}, "Close the quotation mark"),
    ],
)
async def test_the_form_says_what_is_wrong_and_stays(train, data, values, says):
    async with train() as (c, _screen):
        whole = {"preset": "ecliptica-dpo", "data": data, "name": "mine", "model": "embedded", "set": ""}
        await fill(c, **{**whole, **values})
        await c.sees(says)
        assert isinstance(c.app.screen, TrainForm)


async def test_the_form_offers_presets_data_and_settings(train):
    async with train(size=(80, 24)) as (c, _screen):
        await c.press("n")
        await c.sees("preset: how to train")
        line = c.app.screen.query_one("#field-preset", Input)
        first = line.value
        await c.press("down")
        assert line.value != first
        assert c.app.screen.query_one("#field-name", Input).value == line.value, "the name follows until it is typed"
        await c.press("tab")
        await c.sees("opposed-demo")
        await c.sees("0 judged in this workspace")
        await c.press("tab", "tab", "tab", *"optim")
        await c.sees("optimiser.optimizer")
        await c.press("down")
        assert "=" in c.app.screen.query_one("#field-set", Input).value


async def test_a_run_is_queued_behind_another(train, workspace, data):
    written_run(workspace, "live", steps=20, lives=True, ago_s=1)
    async with train() as (c, _screen):
        await fill(c, preset="ecliptica-dpo", data=data, name="later", model="embedded")
        await c.sees("live come first: Enter puts this run behind them.")
        await c.sees("Enter queues it")
        await c.press("enter")
        await c.sees("later waits in the queue.")
        await c.sees("№1")
        assert [entry.name for entry in Queue(workspace).entries()] == ["later"]
        await c.press("s")
        await c.sees("later was taken out of the queue")
        await c.until(lambda: not Queue(workspace).has_worker(), "the worker has left", deadline_s=30)


# what a run is asked --------------------------------------------------------------------------------


async def test_a_run_is_stopped_gone_on_with_and_asked_for_a_checkpoint(train, workspace):
    folder = make_run(workspace, "long", steps=2000, step_s=0.05, checkpoint_every=500)
    with no_process_left(folder):
        async with train() as (c, _screen):
            await c.sees("long · ◐ stopped")
            await c.press("r")
            await c.sees("long · ◉ running")
            await c.press("w")
            await c.sees("long writes a checkpoint")
            desk = c.app.train_desk
            await c.until(lambda: desk.rows[0].run.story.checkpoints, "a checkpoint")
            await c.press("s")
            await c.sees("long · ◐ stopped")
            assert "r goes on" in c.text()


async def test_waiting_runs_change_places(train, workspace):
    for name in ("a", "b"):
        written_run(workspace, name, total=100)
    queue_up(workspace, "a", "b")
    async with train() as (c, screen):
        assert screen.current.name == "a" and "s Remove" in footer(c)
        await c.press("J")
        await c.until(lambda: [row.name for row in c.app.train_desk.rows] == ["b", "a"], "moved")
        assert screen.current.name == "a", "the cursor goes along"
        await c.press("K")
        await c.until(lambda: [row.name for row in c.app.train_desk.rows] == ["a", "b"], "moved back")


async def test_deleting_asks_for_the_name(train, workspace):
    folder = written_run(workspace, "gone", steps=3, end=wire.Stopped(3))
    async with train() as (c, _screen):
        await c.press("D")
        await c.until(lambda: isinstance(c.app.screen, DeleteDialog), "dialog")
        await c.press("enter")
        await c.sees("That is not its name, which is gone.")
        assert folder.adapter.exists()
        await c.press(*"gone", "enter")
        await c.sees("No run yet.")
        assert not folder.adapter.exists()


async def test_what_lives_is_not_deleted(train, workspace):
    written_run(workspace, "live", steps=20, lives=True, ago_s=1)
    async with train() as (c, screen):
        await c.press("D")
        await c.sees("live is running. s stops it first.")
        assert c.app.screen is screen


async def test_a_checkpoint_stands_beside_the_base_in_the_chat(train, workspace):
    folder = written_run(workspace, "ladder", steps=100, lives=True, ago_s=1)
    for step in (50, 100):
        whole_checkpoint(folder.checkpoints / f"step-{step:06d}")
    async with train(adapter=("",)) as (c, _screen):
        pid = c.chat.engine.pid
        await c.press("c")
        await c.until(lambda: isinstance(c.app.screen, LadderDialog), "ladder")
        await c.sees("ladder@100")
        await c.press("j", "enter")
        await c.until(lambda: isinstance(c.app.screen, ChatScreen), "chat")
        await c.sees("ladder@50 is a column now")
        assert [column.adapter and column.adapter.name for column in c.chat.state.columns] == [None, "ladder@50"]
        assert c.chat.engine.pid == pid, "the base was not loaded again"
        await c.send("What is salt?")


async def test_the_engine_gives_way_and_the_chat_says_so(train, workspace, data):
    async with train() as (c, _screen):
        desk = c.app.train_desk
        desk.budget = 64 << 20
        plan = await desk.plan(desk.wish.__class__("ecliptica-dpo", data, "heavy", "embedded", ()))
        held = sum(holder.bytes for holder in desk.referee().holders(plan.device))
        from dataclasses import replace

        heavy = replace(plan, need=(64 << 20) - held // 2)
        ruling = await desk.ruling(heavy)
        assert ruling is not None and ruling.gives_way and ruling.fits
        after = await desk.begin(heavy, queued=False)
        c.app.work_beside(after(), "lend")
        await c.sees("engine gave way to the run heavy")
        async with asyncio.timeout(30):
            while c.chat.state.engine.phase.value != "ready":
                await c.pilot.pause(0.05)
