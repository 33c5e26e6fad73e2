"""The runs screen, on the scripted engine and a real database."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from textual.widgets import Input

from aligntui.core.generation import RunKind
from aligntui.core.prompt_format import Mode
from aligntui.score.reporting.text import text_lines
from aligntui.store import open_store
from aligntui.tui.modals.report_reader import ReportReader
from aligntui.tui.modals.run_dialog import FIELDS, SUITES, RunDialog
from aligntui.tui.screens.chat import ChatScreen
from aligntui.tui.screens.switch import SwitchScreen
from aligntui.tui.screens.switch_runs import SwitchRunsScreen
from aligntui.workbench.generation.base_and_sides import sides_of
from aligntui.workbench.switching.desk import RunOrder
from aligntui.workbench.switching.judging import By, begin_judging, fill_judging
from aligntui.workbench.switching.measuring import read_answers
from tests.tui.test_hard_cases import start_two
from tests.tui.test_switch_screen import ask, to_switch
from tests.workbench.switch_bench import scripted

ORDER = RunOrder(sample=2, instructions=("concise", "creative"), noise=False, name="mine")


@pytest.fixture
def runs(console):
    """`async with runs() as (c, screen):` opens the runs screen with base and demo."""

    @asynccontextmanager
    async def start(size=(120, 40), script=None, tmp=None, **flags):
        argv = scripted(tmp, **script) if script and tmp else None
        async with console(size=size, adapter=("",), argv=argv, max_new_tokens=24, **flags) as c:
            await start_two(c)
            yield c, await to_runs(c)

    return start


async def to_runs(c) -> SwitchRunsScreen:
    if not isinstance(c.app.screen, SwitchScreen):
        await to_switch(c)
    if isinstance(c.app.focused, Input):
        await c.press("escape")
    await c.press("b")
    await c.until(lambda: isinstance(c.app.screen, SwitchRunsScreen) and c.app.screen.is_mounted, "runs screen")
    await c.pilot.pause(0.1)
    screen = c.app.screen
    assert isinstance(screen, SwitchRunsScreen)
    return screen


async def order(c, **values: str) -> None:
    """Fill in the dialog and begin."""
    await c.press("n")
    await c.until(lambda: isinstance(c.app.screen, RunDialog), "dialog")
    for name, _, _ in FIELDS:
        c.app.screen.query_one(f"#field-{name}").value = {
            "prompts": "2",
            "instructions": "concise,creative",
            **values,
        }.get(name, "")
    await c.press("enter")


async def done(c) -> None:
    desk = c.app.switch_desk
    await c.until(lambda: desk.running is None and desk.runs and desk.runs[0].done == desk.runs[0].cells, "done")
    await c.pilot.pause(0.1)


async def whole(c, screen) -> None:
    """One run, filled."""
    desk = c.app.switch_desk
    await desk.go_on(await desk.begin(ORDER))
    screen.load()
    await c.until(lambda: screen.listing.total == 1 and screen.listing.current is not None, "listed")
    await c.pilot.pause(0.1)


def footer(c) -> str:
    return c.text().splitlines()[-1]


async def test_without_a_run_it_says_how_to_begin(runs):
    async with runs() as (c, _screen):
        await c.sees("No run yet.")
        assert "n begins one" in c.text() and "n New" in footer(c) and "Report" not in footer(c)
        await c.press("r", "o", "m", "ctrl+c", "enter")
        assert "No run yet." in c.text(), "keys without a run do nothing"
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, SwitchScreen), "the grid again")


async def test_a_run_is_ordered_watched_and_read(runs, tmp_path):
    async with runs(script={"delay_s": 0.1}, tmp=tmp_path) as (c, screen):
        await order(c, name="mine")
        await c.until(lambda: c.app.switch_desk.latest, "under way")
        await c.sees("Finished last")
        assert "Ctrl+C Stop" in footer(c) and "n New" not in footer(c) and "Report" not in footer(c)
        await done(c)
        await c.sees("Enter measures it.")
        assert "100%" in c.text() and "mine" in c.text()
        await c.press("enter")
        await c.sees("Instruction switching: mine")
        assert "switch by instruction" in c.text()
        await c.press("escape")
        await c.until(lambda: c.app.screen is screen, "back")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_no_line_of_the_report_is_broken(runs, size):
    async with runs(size=size) as (c, screen):
        await whole(c, screen)
        await c.press("o")
        await c.sees("Instruction switching: mine")
        for _ in range(8):
            assert max(map(len, c.text().splitlines())) <= size[0] and "Esc closes" in c.text()
            await c.press("pagedown")
        await c.pilot.resize_terminal(100, 30)
        await c.sees("Esc closes")


async def test_a_stopped_run_is_gone_on_with(runs, tmp_path):
    async with runs(script={"delay_s": 0.1}, tmp=tmp_path) as (c, _screen):
        await order(c, prompts="12")
        await c.until(lambda: c.app.switch_desk.latest, "under way")
        await c.press("ctrl+c")
        await c.sees("Stopped; whole answers are kept. r goes on with the run.")
        run = c.app.switch_desk.runs[0]
        assert 0 < run.done < run.cells and "◐" in c.text() and "r Go on" in footer(c)
        await c.press("r")
        await done(c)
        assert "●" in c.text()


async def test_a_run_goes_on_while_the_screen_is_left_and_one_comes_back_to_it(runs, tmp_path):
    async with runs(script={"delay_s": 0.1}, tmp=tmp_path) as (c, screen):
        await order(c, prompts="12")
        await c.until(lambda: c.app.switch_desk.latest, "under way")
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, SwitchScreen), "grid")
        await c.press("slash", *"Why?", "enter")
        await c.sees("The engine is making other answers.")
        again = await to_runs(c)
        assert again is not screen
        await c.sees("Finished last")
        await c.press("escape", "escape")
        await c.until(lambda: isinstance(c.app.screen, ChatScreen), "chat")
        await done(c)
        await c.send("And now?")


async def test_quitting_in_the_middle_keeps_what_was_finished(runs, tmp_path):
    async with runs(script={"delay_s": 0.1}, tmp=tmp_path) as (c, _screen):
        await order(c, prompts="12")
        await c.until(lambda: len(c.app.switch_desk.latest) >= 2, "under way")
        path = c.chat.store.path
        async with asyncio.timeout(60):
            await c.app.action_quit()
    with open_store(path) as store:
        (run,) = store.list_runs(RunKind.SWITCH)
        assert 2 <= run.done < run.cells


async def test_the_report_is_written_with_figures(runs):
    async with runs() as (c, screen):
        await whole(c, screen)
        await c.press("m")
        await c.sees("files written to")
        folder = c.app.bench.workspace.exports / c.app.switch_desk.runs[0].id
        names = {path.name for path in folder.iterdir()}
        assert names >= {
            "report.md",
            "report.html",
            "report.json",
            "answers.csv",
            "rates.png",
            "rates.svg",
            "confusion.png",
        }
        assert "mine" in (folder / "report.md").read_text("utf-8")


async def test_a_sheet_is_listed_and_measured_like_a_run(runs):
    async with runs() as (c, _screen):
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, SwitchScreen), "grid")
        await ask(c, "Why does bread rise?")
        await to_runs(c)
        await c.sees("sheet: Why does bread rise?")
        await c.press("enter")
        await c.sees("base is not shown to switch by instruction")


async def test_the_cursor_stays_on_its_run_when_another_one_is_begun(runs):
    async with runs() as (c, screen):
        desk = c.app.switch_desk
        first = await desk.begin(ORDER)
        second = await desk.begin(ORDER)
        await c.until(lambda: screen.listing.total == 2, "listed")
        await c.press("j")
        assert screen.listing.current.id == first.id
        await desk.begin(ORDER)
        await c.until(lambda: screen.listing.total == 3 and screen.listing.cursor == 2, "moved along")
        assert screen.listing.current.id == first.id != second.id


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"prompts": "none"}, "prompts is a whole number of at least 1, not 'none'"),
        ({"prompts": "0"}, "prompts is a whole number"),
        ({"seeds": "-1"}, "seeds is a whole number"),
        ({"prompts": "²"}, "prompts is a whole number"),
    ],
)
async def test_the_dialog_says_what_is_no_number(runs, values, says):
    async with runs() as (c, _screen):
        await order(c, **values)
        await c.sees(says)
        assert isinstance(c.app.screen, RunDialog)


async def test_the_dialog_says_what_goes_into_each_line(runs):
    async with runs(size=(80, 24)) as (c, _screen):
        await c.press("n")
        await c.sees("dataset: isd (500 prompts, bundled)")
        for name, _, about in FIELDS[1:]:
            await c.press("down")
            await c.sees(f"{name}: {about[:20]}")
        assert all(suite in FIELDS[4][2] for suite in SUITES)
        await c.press("escape")
        await c.sees("No run yet.")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"instructions": "consice,creative"}, "Did you mean 'concise'?"),
        ({"dataset": "nowhere"}, "There is no data set and no file 'nowhere'"),
        ({"suites": "sweet-sour"}, "There is no suite 'sweet-sour'"),
    ],
)
async def test_an_order_that_is_no_run_is_said_on_the_screen(runs, values, says):
    async with runs() as (c, screen):
        await order(c, **values)
        await c.sees(says)
        assert c.app.screen is screen and not c.app.switch_desk.runs


async def test_all_suites(runs):
    async with runs() as (c, _screen):
        await order(c, suites="all", prompts="1")
        await c.until(lambda: c.app.switch_desk.runs, "begun")
        assert [one["name"] for one in c.app.switch_desk.runs[0].plan["suites"]] == list(SUITES)
        await done(c)
        await c.sees("suite:concise-detailed")


async def test_what_was_begun_with_another_adapter_is_not_gone_on_with(runs):
    async with runs() as (c, screen):
        await c.app.switch_desk.begin(ORDER)
        await c.until(lambda: screen.listing.total == 1, "listed")
        c.chat.state.adapter_hashes = {path: "f" * 64 for path in c.chat.state.adapter_hashes}
        await c.press("r")
        await c.sees("has other weights than when the run was begun")
        assert {side.adapter_sha256 for side in sides_of(c.chat)} == {None, "f" * 64}


async def test_refusals_are_said_where_one_looks(runs):
    async with runs() as (c, _screen):
        c.chat.change(mode=Mode.NONE)
        await order(c)
        await c.sees("In mode none no instruction reaches the model")


async def test_a_lost_engine_is_said_and_the_run_stays(runs, tmp_path):
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("What is salt?\n!crash now\n", "utf-8")
    async with runs() as (c, _screen):
        await order(c, dataset=str(prompts))
        await c.sees("The engine was killed by signal 9")
        await c.sees("engine gone")
        assert c.app.switch_desk.running is None and len(c.app.switch_desk.runs) == 1


async def test_a_judged_run_says_by_whom_and_its_report_has_both_recognisers(runs, tmp_path):
    says = {"answers": [{"match": "Reply with one letter", "text": " A"}]}
    async with runs(script=says, tmp=tmp_path) as (c, screen):
        await whole(c, screen)
        desk = c.app.switch_desk
        run, chat = desk.runs[0], desk.chat
        assert "judged by" not in str(screen.query_one("#text").render())
        answers = await read_answers(chat.store, run)
        judging = await begin_judging(chat, run, answers, By.LETTER)
        await fill_judging(chat, judging, run, answers, lambda event: None)
        await desk.load()
        await c.pilot.pause(0.2)
        assert len(desk.runs) == 1 and "embedded by letter" in str(screen.query_one("#text").render())
        await c.press("enter")
        await c.until(lambda: isinstance(c.app.screen, ReportReader), "report")
        told = "\n".join(text_lines(c.app.screen._document, 110))
        assert "By judge embedded by letter: base" in told and "Position bias" in told
        assert "0 to 100%, ┊ chance" in told, "at 120 cells rates are drawn"
