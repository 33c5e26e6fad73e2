"""What goes wrong between keys: typed ahead, pressed twice, judged while something else is under way, removed and reopened."""

from __future__ import annotations

import asyncio
import re
import time

import pytest

from aligntui.core.pair import Verdict
from aligntui.core.turn import Finish
from aligntui.wire.engine import AdapterRef
from aligntui.workbench.chat_state import Column, Phase

DEMO = Column(AdapterRef("demo", "/adapters/demo"))
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


async def start_two(c):
    await c.screen.columns.put(DEMO)
    await c.until(lambda: len(c.screen.panes) == 2, "two panes")


async def test_a_verdict_goes_to_the_turn_that_was_selected_at_the_key_press(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        for text in ("One", "Two", "Three"):
            await c.send(text)
        await c.leave_prompt()
        await c.press("K", "K")
        held = asyncio.Event()

        async def hold() -> None:
            await held.wait()

        c.screen.act(hold())  # something slow is under way
        await c.press("1", "J", "2", "J")
        held.set()
        await c.until(lambda: c.chat.state.exchanges[1].take.verdict, "judged")
        await c.idle()
        verdicts = [e.take.verdict and e.take.verdict.verdict for e in c.chat.state.exchanges]
        assert verdicts == [Verdict.LEFT, Verdict.RIGHT, None]


async def test_a_double_tap_in_blind_mode_means_the_same_answer_twice(console):
    async with console(adapter=("",), blind=True) as c:
        await start_two(c)
        for number in range(6):
            await c.send(f"Blind {number}")
            take = c.chat.state.last.take
            left = take.shown(take.shuffle[0])
            await c.leave_prompt()
            await c.press("1", "1")
            await c.sees("Stored already")
            await c.idle()
            assert [pair.chosen_id for pair in take.judged] == [left.id]


async def test_no_dialog_or_line_names_a_hidden_side(console):
    async with console(adapter=("",), blind=True) as c:
        await start_two(c)
        await c.send("What is hidden?")
        c.chat.state.last.take.shuffle = (1, 0)
        c.screen.draw_all()
        await c.leave_prompt()
        for keys in (
            ("i",),
            ("f3",),
            ("right_square_bracket",),
            ("l", "right_square_bracket"),
            ("minus",),
            ("f7", "f7"),
        ):
            await c.press(*keys)
            await c.idle()
            shown = c.text().replace("base and demo", "")
            assert "demo" not in re.sub(r"Adapter demo answers|demo answers", "", shown), (keys, shown)
        await c.press("e")
        await c.until(lambda: type(c.app.screen).__name__ == "AnswerEditor", "editor")
        await c.sees("Edit the answer of ")
        assert re.search(r"Edit the answer of [AB]\b", c.text())


async def test_what_is_typed_after_enter_is_the_next_prompt(console):
    async with console(adapter=("",)) as c:
        c.screen.query_one("#prompt").focus()
        await c.press(*"first", "enter", *"second")
        await c.idle()
        assert c.screen.query_one("#prompt").text == "second"
        assert [e.text for e in c.chat.state.exchanges] == ["first"]


async def test_a_prompt_that_could_not_be_sent_comes_back_before_what_was_typed_since(console):
    async with console(adapter=("",)) as c:
        c.chat.engine.state.model = None
        c.chat.engine.state.move(Phase.LOADING)
        c.screen.query_one("#prompt").focus()
        await c.press(*"first", "enter")
        await c.until(lambda: c.screen.query_one("#prompt").text == "first", "taken back")


@pytest.mark.parametrize("keys", [("e",), ("p",), ("i",), ("f2",), ("f9",), ("t",), ("f8",), ("f3",)])
async def test_no_dialog_lets_control_characters_through(console, keys):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("!hostile \x1b]0;title\x07 \x9b31m \u202e")
        await c.leave_prompt()
        await c.press("1")
        await c.idle()
        await c.press(*keys)
        await c.pilot.pause(0.3)
        assert not CONTROLS.search(c.text()), keys


async def test_a_removed_column_takes_its_history_along(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("One")
        own = c.chat.state.last.take.shown(1)
        await c.screen.columns.remove(0)
        await c.until(lambda: len(c.screen.panes) == 1, "one pane")
        await c.send("Two")
        second = c.chat.state.last
        prompt = await c.chat.store.run(lambda s: s.get_prompt(second.prompt_ids[1]))
        assert prompt.parent_id == own.id and second.take.shown(1).side == "demo"


async def test_a_failed_turn_does_not_block_the_conversation(console):
    async with console(adapter=("",)) as c:
        await c.send("Good")
        c.screen.query_one("#prompt").load_text("word " * 200_000)
        await c.press("enter")
        await c.until(lambda: len(c.chat.state.exchanges) == 2 and not c.chat.state.streaming, "refused", 60)
        await c.idle()
        assert c.chat.state.last.take.shown(0).finish is Finish.FAILED
        c.screen.query_one("#prompt").load_text("Short")
        await c.press("enter")
        await c.until(lambda: c.chat.state.last.text == "Short" and c.chat.state.last.take, "sent")
        await c.idle()
        assert [e.text for e in c.chat.state.exchanges] == ["Good", "Short"]
        assert c.chat.state.last.take.shown(0).stored


async def test_an_adapter_that_does_not_fit_leaves_the_working_one(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        c.screen.act(c.screen.columns.put(Column(AdapterRef("broken", "/adapters/broken")), 1))
        await c.sees("broken")
        assert [column.label for column in c.chat.state.columns] == ["base", "demo"]


async def test_two_stops_of_a_deaf_engine_start_one_new_engine(console, tmp_path):
    import json

    from .conftest import SCRIPTED

    script = tmp_path / "deaf.json"
    script.write_text(json.dumps({"deaf": True}))
    async with console(adapter=("",), argv=[*SCRIPTED, "--script", str(script)]) as c:
        first = c.chat.engine._client.pid
        c.screen.query_one("#prompt").load_text("!slow story")
        await c.press("enter")
        await c.until(lambda: any(a.text for a in c.chat.state.live.values()), "streaming")
        await c.press("escape")
        await c.press("ctrl+c")
        await c.until(
            lambda: c.chat.state.engine.phase is Phase.READY and c.chat.engine._client.pid != first, "new engine", 30
        )
        pid = c.chat.engine._client.pid
        end = time.monotonic() + 3
        while time.monotonic() < end:
            await c.pilot.pause(0.1)
        assert c.chat.engine._client.pid == pid


async def test_an_answer_that_waits_for_the_disk_is_written_on_leaving(console, workspace):
    async with console(adapter=("",)) as c:
        await c.send("First")
        answer = c.chat.state.last.take.shown(0)
        late = answer.record.__class__(
            **{**vars(answer.record), "id": answer.id[:-1] + ("0" if answer.id[-1] != "0" else "1")}
        )
        c.chat.writer.waiting.append(late)
    from aligntui.store import open_store

    with open_store(workspace.database) as store:
        assert store.get_answer(late.id).text == late.text


async def test_mode_and_unequal_conditions_stand_on_the_turn(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.press("f6")
        await c.send("As a block")
        await c.sees("concise/1 as ita")
        await c.send("Second turn, other histories")
        await c.sees("≠")
