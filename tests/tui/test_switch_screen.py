"""The switch screen, on the scripted engine and a real database."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager

import pytest
from textual.widgets import Input

from aligntui.core.pair import OPPOSED, Verdict
from aligntui.core.prompt_format import Mode
from aligntui.tui.screens.chat import ChatScreen
from aligntui.tui.screens.switch import SwitchScreen
from aligntui.tui.switch_text import cell_detail, folded, heat, rates_lines
from aligntui.tui.widgets.switch_grid import SwitchGrid, lines_for
from aligntui.wire.engine import AdapterRef, LoadProgressed
from aligntui.workbench.changes import EngineChanged
from aligntui.workbench.chat_state import Column, Phase
from aligntui.workbench.switching.grid import Stage
from tests.tui.test_hard_cases import start_two
from tests.workbench.switch_bench import scripted


@pytest.fixture
def switch(console):
    """`async with switch() as (c, screen):` opens the screen with base and demo."""

    @asynccontextmanager
    async def start(size=(120, 40), two=True, prompt="", script=None, tmp=None, **flags):
        argv = scripted(tmp, **script) if script and tmp else None
        async with console(size=size, adapter=("",), argv=argv, temperature=0.5, **flags) as c:
            if two:
                await start_two(c)
            screen = await to_switch(c)
            if prompt:
                await ask(c, prompt)
            yield c, screen

    return start


async def to_switch(c) -> SwitchScreen:
    await c.press("ctrl+o")
    await c.until(lambda: isinstance(c.app.screen, SwitchScreen) and c.app.screen.is_mounted, "switch screen")
    await c.pilot.pause()
    return c.app.screen


async def ask(c, prompt: str) -> None:
    line = c.app.screen.query_one("#prompt-line")
    line.focus()
    line.value = prompt
    await c.press("enter")
    sheet = c.app.switch_sheet
    await c.until(lambda: sheet.grid.prompt == prompt and not sheet.running and not sheet.measuring, "asked")
    await c.pilot.pause(0.1)


async def idle(c) -> None:
    sheet = c.app.switch_sheet
    await c.until(lambda: not sheet.running and not sheet.measuring, "idle")
    await c.pilot.pause(0.1)


async def pairs(c):
    stored = await c.chat.store.run(lambda store: store.list_pairs(include_undone=True))
    return [pair for pair in stored if not pair.undone]


def footer(c) -> str:
    return c.text().splitlines()[-1]


async def test_an_empty_grid_says_what_to_do_and_esc_leads_out(switch):
    async with switch() as (c, _screen):
        await c.sees("Type a prompt above and press Enter")
        assert "not asked" in c.text() and "10 instructions × 2 sides" in c.text()
        await c.press("enter")
        await c.sees("The prompt is empty.")
        await c.press("escape")
        assert isinstance(c.app.focused, SwitchGrid)
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, ChatScreen), "chat")


async def test_one_prompt_fills_the_whole_grid(switch):
    async with switch() as (c, screen):
        await c.press(*"Why?", "enter")
        await c.until(lambda: screen.sheet.grid.prompt == "Why?", "asked")
        assert isinstance(c.app.focused, SwitchGrid), "keys go to the grid"
        await idle(c)
        await c.sees("20 of 20 answered")
        assert c.text().count("Base answers") >= 10 and c.text().count("Adapter demo") >= 10
        assert re.search(r"base .*●.* \d+% \[\d+, \d+\] .*demo .*of 10 to 1 prompt · ┊ chance 10%", c.text())


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_all_ten_rows_and_the_cell_are_to_be_seen(switch, size):
    async with switch(size=size, prompt="Why?") as (c, screen):
        lines = c.text().splitlines()
        for row in screen.sheet.grid.rows:
            assert any(
                line[1:].lstrip("▌").startswith(row.wording.type) or f" {row.wording.type} " in line for line in lines
            )
        assert "base under neutral" in c.text() and "of 10 to 1 prompt" in c.text()
        assert screen.query_one("#reading").size.height >= 6
        assert max(map(len, lines)) <= size[0]


async def test_the_cursor_moves_and_the_detail_follows(switch):
    async with switch(prompt="Why?") as (c, screen):
        await c.press("down", "down", "right")
        assert screen.sheet.grid.cursor == (2, 1)
        await c.sees("demo under liberal")
        await c.press(*["up"] * 5, *["left"] * 3)
        assert screen.sheet.grid.cursor == (0, 0)
        await c.press("j", "l")
        assert screen.sheet.grid.cursor == (1, 1)


async def test_a_click_chooses_a_cell_and_another_opens_it(switch):
    async with switch(prompt="Why?") as (c, screen):
        await c.pilot.click(SwitchGrid, offset=(75, 4))
        assert screen.sheet.grid.cursor == (1, 1)
        await c.pilot.click(SwitchGrid, offset=(75, 4))
        await c.until(lambda: c.app.screen.is_modal, "opened")
        await c.sees("demo under conservative")
        await c.press("escape")
        await c.pilot.click(SwitchGrid, offset=(3, 1))
        assert screen.sheet.grid.cursor == (1, 1), "the names are no cells"


async def test_a_cell_is_opened_with_its_conditions(switch):
    async with switch(prompt="Why?") as (c, screen):
        await c.press("enter")
        await c.sees("Computed from")
        shown = c.text()
        assert "weights sha256" in shown and screen.sheet.grid.rows[0].wording.text[:30] in shown
        await c.press("escape")
        await c.until(lambda: c.app.screen is screen, "back")


async def test_two_cells_are_compared_word_by_word(switch):
    async with switch(prompt="Why?") as (c, screen):
        await c.press("p", "down", "right")
        await c.sees("▐ base under neutral")
        assert "marked: not said by base under neutral" in c.text()
        assert "marked: not said by demo under conservative" in c.text(), "both stand beside each other"
        await c.press("w")
        await c.until(lambda: "not said by" not in c.text(), "plain")
        await c.press("w", "enter")
        await c.sees("Pinned")
        await c.press("escape")
        await c.pilot.resize_terminal(80, 24)
        await c.pilot.pause(0.2)
        assert not screen.query_one("#pinned").display and "not said by base under neutral" in c.text()
        await c.press("left", "up", "p")
        await c.until(lambda: screen.sheet.grid.pinned is None, "pin off")


async def test_marks_are_what_differs(switch):
    async with switch(prompt="Why?") as (_c, screen):
        grid = screen.sheet.grid
        base, demo = grid.cells[0, 0], grid.cells[0, 1]
        content = cell_detail(grid, base, demo, 100)
        marked = {content.plain[span.start : span.end] for span in content.spans if "on $primary" in str(span.style)}
        assert marked and all(text.strip() in base.text for text in marked)
        assert "Base" in marked, "the scripted engine begins with the side's name"
        same = cell_detail(grid, base, grid.cells[0, 0], 100)
        assert "not said by" not in same.plain


# asking again -----------------------------------------------------------------------------------------


async def test_an_instruction_is_edited_in_place_and_only_its_row_asked(switch):
    async with switch(prompt="Why?") as (c, screen):
        before = {place: cell.text for place, cell in screen.sheet.grid.cells.items()}
        await c.press("down", "e")
        await c.until(lambda: type(c.app.screen).__name__ == "TextEditor", "editor")
        c.app.screen.query_one("TextBox").load_text("Say it in one word.")
        await c.press("ctrl+s")
        await c.until(lambda: screen.sheet.grid.rows[1].edited, "edited")
        await idle(c)
        after = {place: cell.text for place, cell in screen.sheet.grid.cells.items()}
        assert {place for place in after if after[place] != before[place]} == {(1, 0), (1, 1)}
        assert "conservative*" in c.text() and "base under conservative, edited" in c.text()
        assert screen.sheet.run.cells == 22


async def test_an_instruction_that_stays_as_it_is_asks_nothing(switch):
    async with switch(prompt="Why?") as (c, screen):
        await c.press("e")
        await c.until(lambda: type(c.app.screen).__name__ == "TextEditor", "editor")
        await c.press("escape")
        await c.until(lambda: c.app.screen is screen, "back")
        assert screen.sheet.run.cells == 20 and not screen.sheet.running


@pytest.mark.parametrize(
    ("key", "places"), [("r", {(1, 0), (1, 1)}), ("c", {(n, 0) for n in range(10)}), ("n", {(1, 0)})]
)
async def test_row_column_and_cell_are_asked_again(switch, key, places):
    async with switch(prompt="Why?") as (c, screen):
        await c.press("down", key)
        await c.until(lambda: screen.sheet.grid.cells[1, 0].seed == 1, "asked again")
        await idle(c)
        assert {cell.place for cell in screen.sheet.grid.cells.values() if cell.seed == 1} == places
        await c.sees("seed 1")


async def test_other_instructions_are_chosen(switch):
    async with switch(prompt="Why?") as (c, screen):
        await c.press("f2")
        await c.until(lambda: type(c.app.screen).__name__ == "InstructionRows", "dialog")
        await c.press(*["space", "down"] * 8, "enter")
        await c.until(lambda: len(screen.sheet.grid.rows) == 2, "two rows")
        await idle(c)
        assert len(screen.sheet.grid.answered()) == 4 and "4 of 4 answered" in c.text()
        assert all(cell.cached for cell in screen.sheet.grid.cells.values()), "what is known is not asked"
        await c.press("f2")
        await c.until(lambda: type(c.app.screen).__name__ == "InstructionRows", "dialog")
        await c.press(*["down"] * 8, "space", "enter")
        await c.sees("Mark 2 to 30 instructions; 1 are marked.")


async def test_a_prompt_that_was_edited_and_not_asked_says_so(switch):
    async with switch(prompt="Why?") as (c, screen):
        await c.press("slash")
        await c.press("end", *" And how?")
        await c.sees("Prompt, not asked")
        await c.press("escape")
        assert "Prompt, not asked" in c.text() and isinstance(c.app.focused, SwitchGrid)
        await c.press("slash", "enter")
        await c.until(lambda: screen.sheet.grid.prompt.endswith("And how?"), "asked")
        await idle(c)
        assert "not asked" not in c.text() and "of 20 to 2 prompts" in c.text(), "the rates go on over the prompts"


# staying and leaving ----------------------------------------------------------------------------------


async def test_cells_go_on_while_the_screen_is_left_and_the_chat_is_refused_meanwhile(switch, tmp_path):
    hold = tmp_path / "hold"
    hold.touch()
    async with switch(script={"hold": str(hold)}, tmp=tmp_path) as (c, screen):
        await c.press(*"Why?", "enter")
        sheet = screen.sheet
        await c.until(lambda: any(cell.stage is Stage.STREAMING for cell in sheet.grid.cells.values()), "streams")
        await c.press("down", "right", "p", "down", "escape")
        await c.until(lambda: isinstance(c.app.screen, ChatScreen), "chat")
        box = c.screen.query_one("#prompt")
        box.focus()
        box.load_text("And you?")
        await c.press("enter")
        await c.until(lambda: any("on another screen" in one.text for one in c.app.messages), "refused")
        assert not c.chat.state.exchanges
        await c.until(lambda: box.text == "And you?", "the prompt is given back")
        hold.unlink()
        await idle(c)
        assert len(sheet.grid.answered()) == 20, "nothing is lost by leaving"
        box.focus()
        box.load_text("And now?")
        await c.press("enter")
        await c.until(lambda: c.chat.state.last and c.chat.state.last.text == "And now?", "sent")
        await c.idle()
        assert c.chat.state.last.take and all(answer.stored for answer in c.chat.state.last.take.answers())
        again = await to_switch(c)
        assert again is not screen and again.sheet is sheet
        assert (sheet.grid.cursor, sheet.grid.pinned) == ((2, 1), (1, 1)), "cursor and pin are where they were"
        assert again.query_one("#prompt-line", Input).value == "Why?" and isinstance(c.app.focused, SwitchGrid)


async def test_stopping_keeps_what_is_whole(switch, tmp_path):
    answers = [{"match": "", "side": "base", "text": "Short."}, {"match": "", "side": "demo", "text": "long " * 400}]
    script = {"delay_s": 0.02, "answers": answers}
    async with switch(script=script, tmp=tmp_path, max_new_tokens=400) as (c, screen):
        await c.press(*"Why?", "enter")
        grid = lambda: screen.sheet.grid  # noqa: E731 - it is another one once the prompt is asked
        await c.until(lambda: len(grid().answered()) == 10, "short ones")
        assert "Ctrl+C Stop" in footer(c)
        await c.press("ctrl+c")
        await c.sees("Stopped; whole answers are kept. F5 asks the rest.")
        assert {cell.stage for cell in grid().of_side(1)} == {Stage.BROKEN}
        await c.press("right")
        await c.sees("✖ broke off")
        assert "F5 Ask" in footer(c) and "Ctrl+C" not in footer(c)


async def test_quitting_in_the_middle_does_not_hang_and_keeps_what_was_finished(switch, tmp_path):
    answers = [{"match": "", "side": "base", "text": "Short."}, {"match": "", "side": "demo", "text": "long " * 400}]
    script = {"delay_s": 0.02, "answers": answers}
    async with switch(script=script, tmp=tmp_path, max_new_tokens=400) as (c, screen):
        await c.press(*"Why?", "enter")
        await c.until(lambda: len(screen.sheet.grid.answered()) == 10, "short ones")
        path = c.chat.store.path
        async with asyncio.timeout(60):
            await c.app.action_quit()
    from aligntui.core.generation import RunKind
    from aligntui.store import open_store

    with open_store(path) as store:
        (run,) = store.list_runs(RunKind.SWITCH)
        assert (run.done, run.cells) == (10, 20)


@pytest.mark.parametrize("what", ["temperature", "strength", "mode"])
async def test_what_changed_in_the_chat_makes_the_cells_stale(switch, what):
    async with switch(prompt="Why?") as (c, screen):
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, ChatScreen), "chat")
        chat = c.chat
        if what == "temperature":
            chat.set_sampling(temperature=0.9)
        elif what == "mode":
            chat.change(mode=Mode.ITA)
        else:
            chat.state.set_strength(chat.state.columns[1].number, 0.5)
        screen = await to_switch(c)
        stale = 10 if what == "strength" else 20
        await c.sees(f"~ {stale} stale: F5 asks them")
        await c.press("right")
        where = "another adapter or strength" if what == "strength" else "other settings"
        await c.sees(f"~ stale: made under {where}")
        await c.press("f5")
        await c.until(lambda: not screen.sheet.grid.stale() and not screen.sheet.running, "asked again")
        await idle(c)
        assert "stale" not in c.text() and len(screen.sheet.grid.answered()) == 20


# when things fail -------------------------------------------------------------------------------------


async def test_a_lost_engine_is_said_and_started_again_from_here(switch):
    async with switch(prompt="Why?") as (c, screen):
        before = {place: cell.text for place, cell in screen.sheet.grid.cells.items()}
        await c.press("slash")
        screen.query_one("#prompt-line", Input).value = "Now !crash"
        await c.press("enter")
        await c.sees("✖ engine gone")
        assert "F12 Restart" in footer(c)
        await c.until(lambda: not screen.sheet.running, "ended")
        await c.press("f12")
        await c.until(lambda: c.chat.state.engine.phase is Phase.READY, "ready")
        await c.until(lambda: c.chat.state.adapter_hashes and "engine gone" not in c.text(), "again")
        await ask(c, "Why?")
        assert {place: cell.text for place, cell in screen.sheet.grid.cells.items()} == before


async def test_a_failed_request_leaves_its_cells_broken(switch):
    async with switch() as (c, screen):
        await ask(c, "Now !fail")
        await c.sees("The machine ran out of memory while decoding.")
        assert {cell.stage for cell in screen.sheet.grid.cells.values()} == {Stage.BROKEN}


async def test_a_model_that_loads_is_waited_for(console):
    async with console(adapter=("",)) as c:
        screen = await to_switch(c)
        engine = c.chat.state.engine
        loaded, engine.model = engine.model, None
        engine.progress = LoadProgressed("load", "convert", 40, 100)
        engine.move(Phase.LOADING)
        c.app._emit(EngineChanged())
        await c.sees("Converting")
        assert "The model is not ready yet" in c.text()
        await c.press(*"Why?", "enter")
        await c.sees("The model is still loading.")
        assert not screen.sheet.grid.prompt and screen.query_one("#prompt-line", Input).value == "Why?"
        engine.model = loaded
        engine.move(Phase.READY)
        c.app._emit(EngineChanged())
        await c.press("enter")
        await c.sees("10 of 10 answered")


async def test_mode_none_is_refused_with_the_key_that_helps(switch):
    async with switch() as (c, screen):
        c.chat.change(mode=Mode.NONE)
        screen.sheet.refresh()
        await c.press(*"Why?", "enter")
        await c.sees("In mode none no instruction reaches the model")
        assert "F6" in c.text() and not isinstance(c.app.focused, SwitchGrid), "the prompt stays to be changed"


async def test_answers_of_any_kind_stay_in_their_cells(switch):
    async with switch(size=(80, 24)) as (c, _screen):
        for word in ("!hostile", "!cjk", "!empty", "!long"):
            await ask(c, f"Say {word}")
            lines = c.text().splitlines()
            grid = lines[3:13]
            assert all(line[1:20].strip() for line in grid), "every row keeps its name"
            assert not any(ord(char) < 32 for line in lines for char in line)
        await ask(c, "Say !empty")
        await c.sees("(empty answer)")


async def test_one_side_and_many(console):
    async with console(adapter=("",), size=(80, 24)) as c:
        await to_switch(c)
        await c.sees("10 × 1")
        await c.press("escape", "escape")
        await c.until(lambda: isinstance(c.app.screen, ChatScreen), "chat")
        for name in ("demo", "a-second-adapter-with-a-long-name", "third"):
            adapter = AdapterRef(name, f"/adapters/{name}")
            await c.screen.columns.put(Column(adapter))
        screen = await to_switch(c)
        await c.press("escape", *["right"] * 6)
        assert screen.sheet.grid.cursor == (0, 3)
        await c.sees("◂ ")
        assert "third" in c.text().splitlines()[2] and "base" not in c.text().splitlines()[2]
        await c.press(*["left"] * 3)
        await c.until(lambda: "base" in c.text().splitlines()[2] and "▸" in c.text().splitlines()[2], "scrolled back")


# pairs ------------------------------------------------------------------------------------------------


async def test_two_cells_make_contrastive_pairs(switch):
    async with switch(prompt="Why?") as (c, screen):
        await c.press("x")
        await c.sees("A pair needs two cells.")
        await c.press("p", "down", "right", "x")
        await c.sees("Two pairs stored: under neutral the pinned answer is chosen, under conservative this one.")
        made = await pairs(c)
        assert {pair.verdict for pair in made} == {Verdict.LEFT, Verdict.RIGHT} and all(OPPOSED in p.tags for p in made)
        assert made[0].left_id == screen.sheet.grid.cells[0, 0].answer.id
        await c.press("x")
        await c.sees("opposed pairs already")
        await c.press("u")
        await c.sees("Taken back: 2 pairs.")
        assert not await pairs(c)


@pytest.mark.parametrize(("key", "chosen"), [("1", (0, 0)), ("2", (1, 1))])
async def test_either_cell_can_be_the_better_one(switch, key, chosen):
    async with switch(prompt="Why?") as (c, screen):
        await c.press("p", "down", "right", key)
        await c.sees("Pair stored:")
        (pair,) = await pairs(c)
        assert pair.chosen_id == screen.sheet.grid.cells[chosen].answer.id
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, ChatScreen), "chat")
        await to_switch(c)
        await c.press("u")
        await c.sees("Taken back: one pair.")


async def test_two_cells_of_one_row_cannot_be_opposed(switch):
    async with switch(prompt="Why?") as (c, _screen):
        await c.press("p", "right", "x")
        await c.sees("Both answers were made under the same instruction")
        assert not await pairs(c)


async def test_the_footer_shows_keys_that_apply(switch):
    async with switch(size=(200, 50)) as (c, _screen):
        assert "Pin" not in footer(c) and "F2 Instructions" in footer(c)
        await ask(c, "Why?")
        assert "p Pin" in footer(c) and "x Oppose" not in footer(c) and "F5" not in footer(c)
        await c.press("p")
        assert "x Oppose" not in footer(c)
        await c.press("down")
        assert "x Oppose" in footer(c) and "1 Pinned" in footer(c) and "2 This" in footer(c)


# parts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "room", "tall", "height"),
    [(10, 19, 1, 11), (10, 35, 2, 21), (10, 45, 3, 31), (30, 19, 1, 13), (30, 45, 1, 31), (2, 19, 3, 7), (10, 4, 1, 2)],
)
def test_grid_and_cell_share_the_lines(rows, room, tall, height):
    assert lines_for(rows, room) == (tall, height)


def test_heat_grows_with_the_distance():
    assert heat(None) == (" ", "")
    signs = [heat(distance)[0] for distance in (0.0, 0.2, 0.4, 0.6, 2.0)]
    assert signs == sorted(signs) and signs[0] == "▁" and signs[-1] == signs[-2] == "█"
    assert heat(-1e-9) == ("▁", "")


def test_texts_are_folded_by_cells():
    assert folded("one two three", 7) == ["one two", "three"]
    assert folded("日本語の答え", 5) == ["日本", "語の", "答え"]
    assert folded("abcdefghij k", 4) == ["abcd", "efgh", "ij k"]
    assert folded("", 5) == [""]


def test_rates_that_are_not_there():
    assert "once answers are there" in rates_lines((), 80, "").plain
    assert rates_lines((), 80, "no network " * 30).plain.startswith("not recognised: no network")
