"""Pictures of every state of the switch screens at 80x24 and 120x40. Look at a changed picture before accepting it (`make snap`)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets import Input

from aligntui.tui.modals.report_reader import ReportReader
from aligntui.tui.modals.run_dialog import RunDialog
from aligntui.tui.screens.switch import SwitchScreen
from aligntui.tui.screens.switch_runs import SwitchRunsScreen
from aligntui.wire.engine import AdapterRef
from aligntui.workbench.chat_state import Column
from aligntui.workbench.switching.desk import RunOrder
from aligntui.workbench.switching.grid import Stage
from aligntui.workbench.switching.report_document import report_document

from .conftest import wait_for
from .test_snapshots import SIZES, picture  # noqa: F401  the fixture

PROMPT = "What makes bread rise?"


async def opened(app, pilot) -> SwitchScreen:
    chat = app.bench.chat
    for column in list(chat.state.columns):
        await app._chat_screen.columns.check(column)
    app._chat_screen.action_switch()
    await wait_for(pilot, lambda: isinstance(app.screen, SwitchScreen) and app.screen.is_mounted, what="switch screen")
    return app.screen


async def asked(app, pilot, prompt: str = PROMPT) -> SwitchScreen:
    screen = await opened(app, pilot)
    screen.query_one("#prompt-line", Input).value = prompt
    await pilot.press("enter")
    sheet = app.switch_sheet
    await wait_for(pilot, lambda: sheet.grid.prompt and not sheet.running and not sheet.measuring, what="asked")
    await pilot.pause(0.1)
    return screen


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_switch_empty(picture, size):  # noqa: F811
    async def empty(app, pilot):
        await opened(app, pilot)

    assert picture(size, empty)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_switch_streaming(picture, size):  # noqa: F811
    async def streaming(app, pilot):
        screen = await asked(app, pilot)
        sheet = screen.sheet
        for number, cell in enumerate(sheet.grid.cells.values()):
            if number % 4:
                cell.unjudged()
                cell.stage = (Stage.STREAMING, Stage.STREAMING, Stage.WAITING)[number % 4 - 1]
                cell.text = cell.text[: 40 + 6 * number] if number % 4 < 3 else ""
                cell.answer = None
        sheet.progress = None  # its clock would be in the picture
        sheet._idle.clear()
        sheet.recogniser.rates = ()
        await pilot.press("down")
        screen.draw()

    assert picture(size, streaming)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_switch_compared(picture, size):  # noqa: F811
    async def compared(app, pilot):
        await asked(app, pilot)
        await pilot.press("down", "p", "down", "down", "right")

    assert picture(size, compared)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_switch_stale_and_edited(picture, size):  # noqa: F811
    async def stale(app, pilot):
        screen = await asked(app, pilot)
        screen.sheet.edit_row(1, "Answer as a sailor would.")
        app.bench.chat.state.set_strength(app.bench.chat.state.columns[1].number, 0.5)
        screen.sheet.refresh()
        await pilot.press("down")
        screen.draw()

    assert picture(size, stale)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_switch_broken(picture, size):  # noqa: F811
    async def broken(app, pilot):
        screen = await asked(app, pilot, "Now !fail")
        await wait_for(pilot, lambda: "ran out of memory" in str(screen.query_one("#note").render()))

    assert picture(size, broken)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_switch_without_embeddings(picture, size):  # noqa: F811
    async def unmeasured(app, pilot):
        screen = await asked(app, pilot)
        screen.sheet.unmeasured = "The embedding model minilm could not be fetched with pip. Check the network."
        for cell in screen.sheet.grid.cells.values():
            cell.unjudged()
        screen.draw()

    assert picture(size, unmeasured)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_switch_four_sides(picture, size):  # noqa: F811
    async def four(app, pilot):
        await asked(app, pilot, "Say it !cjk")
        await pilot.press("right", "right")

    columns = [Column(AdapterRef(name, f"/adapters/{name}")) for name in ("demo", "second-adapter", "third")]
    assert picture(size, four, columns=columns)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_switch_cell_in_full(picture, size):  # noqa: F811
    async def cell(app, pilot):
        await asked(app, pilot)
        await pilot.press("p", "down", "enter")
        await wait_for(pilot, lambda: app.screen.is_modal)

    assert picture(size, cell)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_switch_instructions(picture, size):  # noqa: F811
    async def rows(app, pilot):
        await opened(app, pilot)
        await pilot.press("f2")
        await wait_for(pilot, lambda: app.screen.is_modal)
        await pilot.pause(0.1)

    assert picture(size, rows)


# runs -------------------------------------------------------------------------------------------------

ORDER = RunOrder(sample=2, instructions=("concise", "creative", "neutral"), noise=False)


async def runs(app, pilot) -> SwitchRunsScreen:
    screen = await opened(app, pilot)
    await pilot.press("escape", "b")
    await wait_for(pilot, lambda: isinstance(app.screen, SwitchRunsScreen) and app.screen.is_mounted, what="runs")
    assert screen is not app.screen
    return app.screen


async def two_runs(app, pilot) -> SwitchRunsScreen:
    """One whole, one begun; without the clock in the picture."""
    screen = await runs(app, pilot)
    desk = app.switch_desk
    await desk.go_on(await desk.begin(ORDER))
    await desk.begin(replace(ORDER, name="a longer one, with a name that somebody gave it"))
    desk.runs = [
        replace(run, created_at=f"2026-01-0{2 + at}T10:00:00.000Z", id=f"switch_{at}")
        for at, run in enumerate(desk.runs)
    ]
    screen.draw()
    await pilot.pause(0.1)
    return screen


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_runs_empty(picture, size):  # noqa: F811
    async def empty(app, pilot):
        await runs(app, pilot)

    assert picture(size, empty)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_runs_list(picture, size):  # noqa: F811
    async def listed(app, pilot):
        screen = await two_runs(app, pilot)
        screen.listing.move_to(0)

    assert picture(size, listed)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_runs_under_way(picture, size):  # noqa: F811
    async def under_way(app, pilot):
        screen = await two_runs(app, pilot)
        desk = app.switch_desk
        desk.running, desk.progress.began = desk.runs[1], float("-inf")
        desk.progress.done, desk.progress.made = 7, 0
        screen.listing.move_to(1)
        screen.draw()

    assert picture(size, under_way)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_runs_order(picture, size):  # noqa: F811
    async def order(app, pilot):
        await runs(app, pilot)
        await pilot.press("n")
        await wait_for(pilot, lambda: isinstance(app.screen, RunDialog))
        await pilot.pause(0.1)

    assert picture(size, order)


@pytest.mark.parametrize("size", SIZES)
def test_snapshot_runs_report(picture, size):  # noqa: F811
    async def report(app, pilot):
        steady = (await two_runs(app, pilot)).desk.runs[1]
        stored = (await app.bench.chat.store.run(lambda store: store.list_runs()))[1]
        measured = await app.switch_desk.measure(stored)
        app.push_screen(ReportReader(stored.name, report_document(replace(measured, run=steady))))
        await wait_for(pilot, lambda: app.screen.is_modal, what="report")
        await pilot.pause(0.1)

    assert picture(size, report)
