"""Pictures of every state of every screen at 80x24 and 120x40. Look at a changed picture before accepting it (`make snap`)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from aligntui.core.turn import Finish
from aligntui.tui.app import ConsoleApp
from aligntui.tui.turn_text import View
from aligntui.wire.engine import AdapterRef, LoadProgressed
from aligntui.workbench.chat_state import Column, Phase
from aligntui.workbench.gap import measure_gap
from aligntui.workbench.opening import settings_for

from .conftest import SCRIPTED, wait_for

SIZES = [(80, 24), (120, 40)]
DEMO = Column(AdapterRef("demo", "/adapters/demo"))


@pytest.fixture
def picture(snap_compare, workspace):
    """`picture(size, prepare)` compares the console after `prepare(app, pilot)`."""

    def compare(size, prepare, columns=(DEMO,), **flags) -> bool:
        app = ConsoleApp(
            workspace, settings_for(workspace, {"adapter": ("",), "reduced_motion": True, **flags}), SCRIPTED
        )
        for column in columns:
            app.bench.chat.state.add_column(column)

        async def before(pilot: Pilot) -> None:
            chat = app.bench.chat
            await wait_for(
                pilot,
                lambda: (
                    chat.state.engine.phase is Phase.READY and len(app._chat_screen.panes) == len(chat.state.columns)
                ),
            )
            await pilot.pause(0.1)
            await prepare(app, pilot)
            for box in app.screen.query("TextArea, Input"):
                box.cursor_blink = False
            steady(app)
            await pilot.pause(0.1)

        return snap_compare(app, terminal_size=size, run_before=before)

    return compare


def steady(app: ConsoleApp) -> None:
    """Take the clock out of the picture: speeds are those of one token in 20 ms."""
    chat = app.bench.chat
    for exchange in chat.state.exchanges:
        for take in exchange.takes:
            for answer in take.answers():
                answer.elapsed_s = max(0, answer.tokens - 1) / 50
                if answer.record:
                    answer.record = replace(answer.record, decode_s=answer.elapsed_s)
    if app._chat_screen is app.screen:
        for pane in app._chat_screen.panes:
            for block in pane._blocks:
                block._key = None
        app._chat_screen.draw_all()


async def send(app: ConsoleApp, pilot: Pilot, text: str) -> None:
    chat = app.bench.chat
    await chat.send(text)
    await wait_for(
        pilot,
        lambda: not chat.state.streaming and not chat._tasks and all(a.stored for a in chat.state.last.take.answers()),
    )
    await pilot.pause(0.1)
    steady(app)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_empty(picture, size):
    async def nothing(app, pilot):
        pass

    assert picture(size, nothing)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_loading(picture, size):
    async def loading(app, pilot):
        engine = app.bench.chat.state.engine
        engine.progress = LoadProgressed("load", "convert", 40, 100)
        engine.model = None
        engine.move(Phase.LOADING)
        app._chat_screen.draw_all()

    assert picture(size, loading)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_finished_and_judged(picture, size):
    async def judged(app, pilot):
        await send(app, pilot, "What makes bread rise?")
        await send(app, pilot, "And why does it go stale?")
        app._chat_screen.query_one("#prompt").focus()
        app._chat_screen.streamed_at = 0.0  # as long after the end as a person takes
        await pilot.press("escape", "2")
        await wait_for(pilot, lambda: app.bench.chat.state.last.take.verdict)

    assert picture(size, judged)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_streaming(picture, size):
    async def streaming(app, pilot):
        chat = app.bench.chat
        await send(app, pilot, "What makes bread rise?")
        for answer in chat.state.last.take.answers():
            answer.finish, answer.text, answer.tokens, answer.stored = None, " ".join(answer.text.split()[:8]), 8, False
            answer.record = None
            chat.state.live[answer.id] = answer
        chat.state.engine.move(Phase.BUSY)

    assert picture(size, streaming)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_engine_gone(picture, size):
    async def gone(app, pilot):
        chat = app.bench.chat
        await send(app, pilot, "What makes bread rise?")
        answer = chat.state.last.take.shown(1)
        answer.finish = Finish.FAILED
        chat.state.engine.move(
            Phase.EXITED, "The engine was killed by signal 9 (SIGKILL): probably because the machine ran out of memory."
        )

    assert picture(size, gone)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_not_loaded(picture, size):
    async def failed(app, pilot):
        chat = app.bench.chat
        chat.state.engine.model = None
        chat.state.engine.move(
            Phase.FAILED, "There is no model 'nowhere/nothing' on the hub or on this disk.", "Check the name."
        )
        chat.state.load_warnings = (
            "demo: it was trained on other base weights (b65e66fe) than those loaded (08858d29).",
        )

    assert picture(size, failed)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", [View.DIFF, View.GAP])
def test_snapshot_views(picture, size, view):
    async def views(app, pilot):
        await send(app, pilot, "What makes bread rise?")
        app._chat_screen.view = view
        for answer in app.bench.chat.state.last.take.answers():
            await measure_gap(app.bench.chat, answer)

    assert picture(size, views)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_blind(picture, size):
    async def blind(app, pilot):
        await send(app, pilot, "What makes bread rise?")
        app.bench.chat.state.last.take.shuffle = (1, 0)

    assert picture(size, blind, blind=True)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_cjk_and_emoji_line_up(picture, size):
    async def cjk(app, pilot):
        await send(app, pilot, "!cjk")

    assert picture(size, cjk)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_hostile_text(picture, size):
    async def hostile(app, pilot):
        await send(app, pilot, "!hostile")

    assert picture(size, hostile)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_three_columns(picture, size):
    async def three(app, pilot):
        await send(app, pilot, "What makes bread rise?")

    assert picture(size, three, columns=(DEMO, replace(DEMO, strength=0.5)))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dialog", ["pick_instruction", "settings", "edit_answer", "details", "note", "help"])
def test_snapshot_dialogs(picture, size, dialog):
    async def opened(app, pilot):
        await send(app, pilot, "What makes bread rise?")
        app._chat_screen.query_one("#prompt").focus()
        app._chat_screen.streamed_at = 0.0  # as long after the end as a person takes
        await pilot.press("escape")
        if dialog == "note":
            await pilot.press("1")
            await wait_for(pilot, lambda: app._chat_screen.last_pair)
        if dialog == "details":
            for answer in app.bench.chat.state.last.take.answers():
                answer.id = f"turn_{answer.column}"
                answer.record = replace(answer.record, first_token_s=0.1, decode_s=0.5)
                answer.conditions = replace(answer.conditions, versions={"python": "3", "torch": "2"})
        await (pilot.press("f1") if dialog == "help" else app._chat_screen.run_action(dialog))
        await wait_for(pilot, lambda: app.screen is not app._chat_screen)

    assert picture(size, opened)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_light_theme(picture, size):
    async def light(app, pilot):
        await send(app, pilot, "What makes bread rise?")

    assert picture(size, light, theme="aligntui-light")


def test_snapshot_no_colour(picture, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    async def plain(app, pilot):
        await send(app, pilot, "What makes bread rise?")
        app._chat_screen.view = View.GAP
        for answer in app.bench.chat.state.last.take.answers():
            await measure_gap(app.bench.chat, answer)

    assert picture((120, 40), plain)
