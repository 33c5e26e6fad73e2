"""Pictures of every state of the train screen at 80x24 and 120x40. Look at a changed picture before accepting it (`make snap`)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aligntui.tui.modals.train_batch import BatchReader
from aligntui.tui.modals.train_form import TrainForm
from aligntui.tui.modals.train_ladder import LadderDialog
from aligntui.tui.modals.train_review import TrainReview
from aligntui.tui.screens.train import TrainScreen
from aligntui.wire import run_events as wire
from aligntui.workbench.adapters import AdapterChoice
from aligntui.workbench.memory.measuring import Device
from aligntui.workbench.memory.referee import ENGINE, Holder, Ruling
from aligntui.workbench.training.screen_batch import Batch, BatchRow
from aligntui.workbench.training.screen_choices import choices_of
from aligntui.workbench.training.screen_plan import TrainWish, make_plan

from .conftest import screen_text, wait_for
from .test_snapshots import SIZES, picture  # noqa: F401  the fixture
from .train_bench import every_state, written_run

GIB = 1 << 30


def settled(prepare):
    """`prepare`, and then until nothing is being read and all is drawn."""

    async def wait(app, pilot):
        await prepare(app, pilot)
        screen = next(one for one in reversed(app.screen_stack) if isinstance(one, TrainScreen))
        await wait_for(pilot, lambda: not [w for w in app.workers if w.group == "look" and w.is_running], what="read")
        screen.draw()
        same, before = 0, ""
        while same < 3:  # what is drawn first decides how much room there is for the rest
            await pilot.pause(0.1)
            now = screen_text(app)
            same, before = (same + 1 if now == before else 0), now

    return wait


async def opened(app, pilot) -> TrainScreen:
    app._chat_screen.action_train()
    await wait_for(pilot, lambda: isinstance(app.screen, TrainScreen) and app.train_desk.watch.loaded, what="screen")
    await pilot.pause(0.2)
    assert isinstance(app.screen, TrainScreen)
    assert app.screen._poll is not None
    app.screen._poll.stop()
    return app.screen


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_train_empty(picture, size):  # noqa: F811
    assert picture(size, settled(opened))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "at", range(7), ids=["running", "queued", "queued-2", "finished", "stopped", "failed", "killed"]
)
def test_snapshot_train_states(picture, workspace, size, at):  # noqa: F811
    every_state(workspace)

    async def state(app, pilot):
        screen = await opened(app, pilot)
        screen.listing.move_to(at)

    assert picture(size, settled(state))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", ["says", "samples"])
def test_snapshot_train_views(picture, workspace, size, view):  # noqa: F811
    written_run(workspace, "cita-done", steps=200, end=wire.Finished(200, 412.0, "ef" * 8), ago_s=4230)

    async def shown(app, pilot):
        screen = await opened(app, pilot)
        screen.action_look(view)

    assert picture(size, settled(shown))


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_train_overlaid(picture, workspace, size):  # noqa: F811
    every_state(workspace)

    async def overlaid(app, pilot):
        screen = await opened(app, pilot)
        for name in ("cita-live", "unified-half", "dpo-hot"):
            app.train_desk.mark(name)
        screen.draw()

    assert picture(size, settled(overlaid))


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_train_zoomed(picture, workspace, size):  # noqa: F811
    every_state(workspace)

    async def zoomed(app, pilot):
        screen = await opened(app, pilot)
        screen.set_zoom(True)

    assert picture(size, settled(zoomed))


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_train_without_colour(picture, workspace, size, monkeypatch):  # noqa: F811
    monkeypatch.setenv("NO_COLOR", "1")
    every_state(workspace)

    async def overlaid(app, pilot):
        screen = await opened(app, pilot)
        for name in ("cita-live", "unified-half", "dpo-hot"):
            app.train_desk.mark(name)
        screen.draw()

    assert picture(size, settled(overlaid))


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_train_form(picture, size):  # noqa: F811
    async def form(app, pilot):
        await opened(app, pilot)
        app.push_screen(TrainForm(app.train_desk, choices_of(app.bench.workspace)))
        await wait_for(pilot, lambda: isinstance(app.screen, TrainForm), what="form")

    assert picture(size, settled(form))


def plan_of(workspace):
    wish = TrainWish("demo-cita", "opposed-demo", "polite-2", "embedded", ("max_steps=100",))
    plan = make_plan(workspace, wish)
    said = (
        "weights 513 MiB, adapter 9 MiB, activations 1.8 GiB, loss 120 MiB; largest batch 906 tokens",
        "about 78 min to 3.9 h for 147,886 tokens, at the speed of this machine under its present load",
    )
    return replace(plan, need=3 * GIB, device=Device(), fit=said, advice="Take steps.batch=2.")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fits", [True, False], ids=["gives-way", "too-large"])
def test_snapshot_train_review(picture, workspace, size, fits):  # noqa: F811
    async def review(app, pilot):
        await opened(app, pilot)
        engine = Holder(ENGINE, 1, GIB, yields=True)
        ruling = Ruling("the run polite-2", 3 * GIB, (2 if fits else 1) * GIB, Device(), (engine,))
        app.push_screen(TrainReview(app.train_desk, plan_of(workspace), ruling))
        await wait_for(pilot, lambda: isinstance(app.screen, TrainReview), what="review")

    assert picture(size, settled(review))


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_train_first_batch(picture, size):  # noqa: F811
    prompt = (
        "<|im_start|>",
        "system\n",
        "Answer in one sentence.",
        "<|im_end|>\n",
        "<|im_start|>",
        "user\n",
        "What is salt?",
    )
    answer = ("A", " mineral", " that", " the", " sea", " is", " full", " of", ".", "<|im_end|>")
    rows = tuple(
        BatchRow(f"r{number}", side, (*prompt, *answer), (False,) * len(prompt) + (True,) * len(answer), number == 2)
        for number in (1, 2)
        for side in ("chosen", "rejected")
    )

    async def batch(app, pilot):
        await opened(app, pilot)
        app.push_screen(BatchReader(Batch(rows, 3, 0)))
        await wait_for(pilot, lambda: isinstance(app.screen, BatchReader), what="batch")

    assert picture(size, settled(batch))


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_train_ladder(picture, workspace, size):  # noqa: F811
    written_run(workspace, "cita", steps=150, end=wire.Stopped(150))
    rungs = [AdapterChoice(f"cita@{step}", f"/adapters/{step}", f"step {step}", True) for step in (150, 100, 50)]

    async def ladder(app, pilot):
        await opened(app, pilot)
        app.push_screen(LadderDialog("cita", rungs))
        await wait_for(pilot, lambda: isinstance(app.screen, LadderDialog), what="ladder")

    assert picture(size, settled(ladder))
