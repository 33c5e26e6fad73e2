"""Full disk, damaged database, missing editor, broken engine: said clearly, nothing lost, the console goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.turn import Finish
from aligntui.tui.app import ConsoleApp
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.opening import settings_for

from .conftest import Console


def limit_pages(pages: int):
    """A disk that is full after so many pages of the database: SQLite's own SQLITE_FULL."""

    def set_limit(store) -> int:
        with store.connection.read() as conn:
            return conn.execute(f"PRAGMA max_page_count = {pages}").fetchone()[0]

    return set_limit


async def test_full_disk_keeps_the_prompt_in_its_box_and_the_answer_on_the_board(console):
    async with console(adapter=("",)) as c:
        await c.send("Before the disk is full")
        await c.chat.store.run(limit_pages(1))  # SQLite takes the present size where that is larger
        box = c.screen.query_one("#prompt")
        box.load_text("word " * 2_400)
        await c.press("enter")
        await c.sees("full")
        await c.idle()
        assert len(box.text) == 12_000, "the prompt was not stored, so it stays"
        assert len(c.chat.state.exchanges) == 1
        await c.chat.store.run(limit_pages(1_000_000))
        await c.press("enter")
        await c.until(lambda: len(c.chat.state.exchanges) == 2, "sent once there is room")
        await c.idle()
        assert c.chat.state.last.take.shown(0).stored


async def test_an_answer_that_the_full_disk_refused_is_stored_with_the_next_write(console, tmp_path: Path):
    long_words = " ".join(f"{number:x}" * 400 for number in range(1000, 1030))  # 48,000 characters in 30 words
    script = tmp_path / "long.json"
    script.write_text(json.dumps({"slow_delay_s": 0.2, "answers": [{"match": "big", "side": "", "text": long_words}]}))
    async with console(adapter=("",), max_new_tokens=5000, argv=[*scripted(), "--script", str(script)]) as c:
        await c.send("First")
        c.screen.query_one("#prompt").load_text("!slow big answer")
        await c.press("enter")
        await c.until(lambda: c.chat.state.live, "asked, so the prompt is stored")
        await c.chat.store.run(limit_pages(1))
        await c.until(lambda: c.chat.writer.waiting, "refused", 40)
        await c.idle()
        await c.sees("An answer is not stored")
        refused = c.chat.state.last.take.shown(0)
        await c.chat.store.run(limit_pages(1_000_000))
        await c.send("Third")
        assert refused.stored and not c.chat.writer.waiting
        assert (await c.chat.store.run(lambda s: s.get_answer(refused.id))).text == refused.text


async def test_a_damaged_database_is_said_and_left_alone(workspace: Workspace):
    workspace.database.write_bytes(b"not a database at all" * 500)
    before = workspace.database.read_bytes()
    app = ConsoleApp(workspace, settings_for(workspace, {"adapter": ("",)}), scripted())
    async with app.run_test(size=(120, 40)) as pilot:
        c = Console(app, pilot)
        await c.until(lambda: c.chat.state.engine.phase is Phase.READY, "ready")
        await c.sees("damaged")
        c.screen.query_one("#prompt").load_text("kept")
        await c.press("enter")
        await c.pilot.pause(0.3)
        assert c.screen.query_one("#prompt").text == "kept"
    assert workspace.database.read_bytes() == before


async def test_no_editor_is_said_and_the_text_stays(console, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    async with console(adapter=("",)) as c:
        c.screen.query_one("#prompt").load_text("draft")
        await c.press("f4")
        await c.sees("No editor is set")
        assert c.screen.query_one("#prompt").text == "draft"


async def test_an_engine_that_cannot_load_the_model_says_why_and_can_be_tried_again(console):
    async with console(ready=False, adapter=("",), model="missing/model") as c:
        await c.until(lambda: c.chat.state.engine.phase is Phase.FAILED, "failed")
        await c.sees("not loaded")
        first = c.chat.state.engine.since
        await c.press("f12")
        await c.until(
            lambda: c.chat.state.engine.since > first and c.chat.state.engine.phase is Phase.FAILED, "failed again"
        )


async def test_an_engine_that_cannot_start_is_said(console):
    async with console(ready=False, adapter=("",), argv=["/nowhere/python"]) as c:
        await c.until(lambda: c.chat.state.engine.phase in (Phase.FAILED, Phase.EXITED), "failed")
        assert c.chat.state.engine.message


async def test_an_engine_that_ignores_stop_is_ended_and_started_again(console, tmp_path: Path):
    script = tmp_path / "deaf.json"
    script.write_text('{"deaf": true}')
    async with console(adapter=("",), argv=[*scripted(), "--script", str(script)]) as c:
        c.screen.query_one("#prompt").load_text("!slow story")
        await c.press("enter")
        await c.until(lambda: any(a.text for a in c.chat.state.live.values()), "streaming")
        await c.press("escape")
        await c.until(lambda: c.chat.state.last.take.shown(0).finish is Finish.FAILED, "broken off")
        await c.until(lambda: c.chat.state.engine.phase is Phase.READY, "started again", 30)
        assert c.chat.state.last.take.shown(0).text, "what had come is kept"


async def test_a_bug_of_ours_becomes_a_sentence_and_a_report(console, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    async with console(adapter=("",)) as c:

        async def broken() -> None:
            raise RuntimeError("planted")

        c.screen.act(broken())
        await c.sees("A bug of ours")
        assert "planted" in (tmp_path / "state" / "log" / "console.log").read_text()
        await c.send("Still alive")
        assert c.chat.state.last.take.shown(0).stored


def scripted() -> list[str]:
    return [sys.executable, str(Path(__file__).parent.parent / "scripted_engine.py")]
