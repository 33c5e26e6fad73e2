"""Judging one pair after another, on the scripted engine and a real database."""

from __future__ import annotations

from textual.events import Key

from aligntui.core.pair import Verdict
from aligntui.store import PairFilter
from aligntui.tui.screens.pairs import PairsScreen
from aligntui.tui.screens.queue import QueueScreen
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.curation import queue as judging
from tests.tui.test_hard_cases import start_two
from tests.tui.test_pairs_screen import fill, opened, record


async def to_queue(c) -> QueueScreen:
    await opened(c)
    await c.press("Q")
    await c.until(lambda: isinstance(c.app.screen, QueueScreen), "queue screen")
    return c.app.screen


async def pairs(c, **wanted):
    return await c.chat.store.run(lambda store: store.pair_rows(PairFilter(**wanted), limit=500))


async def test_an_empty_queue_says_where_pairs_come_from(console):
    async with console(adapter=("",)) as c:
        await to_queue(c)
        await c.sees("The queue is empty.")
        await c.sees("s samples answers")


async def test_marked_imports_are_judged_blind_by_oneself(console):
    async with console(adapter=("",), size=(140, 40)) as c:
        await fill(c, *(record(n) for n in range(3)), record(9, rejected=False))
        await opened(c)
        await c.press("asterisk", "q")
        await c.sees("3 pairs put into the queue")
        await c.press("Q")
        await c.until(lambda: isinstance(c.app.screen, QueueScreen) and c.app.screen.session.task, "first task")
        screen = c.app.screen
        await c.sees("0 of 3")
        chosen = []
        for done in range(3):
            task = screen.session.task
            chosen.append((task.left if done % 2 else task.right).id)
            await c.press("1" if done % 2 else "2")
            await c.until(
                lambda d=done, t=task: screen.session.progress.judged == d + 1 and screen.session.task != t, "judged"
            )
        await c.sees("Nothing is left to judge; 3 done in this sitting.")
        stored = await c.chat.store.run(lambda store: store.list_pairs())
        mine = [pair for pair in stored if pair.annotator == "tester"]
        assert sorted(pair.chosen_id for pair in mine) == sorted(chosen)
        assert all(pair.blind for pair in mine)
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, PairsScreen) and c.app.screen.listing.total == 7, "table again")


async def test_undo_puts_the_pair_back(console):
    async with console(adapter=("",)) as c:
        await fill(c, record(1))
        await opened(c)
        await c.press("q", "Q")
        await c.until(lambda: isinstance(c.app.screen, QueueScreen) and c.app.screen.session.task, "task")
        screen = c.app.screen
        task = screen.session.task
        await c.press("3")
        await c.sees("Nothing is left to judge")
        await c.press("u")
        await c.until(lambda: screen.session.task is task, "back")
        assert not [row for row in await pairs(c, annotator="tester")]
        await c.press("4")
        await c.sees("Nothing is left to judge")
        assert [row.verdict for row in await pairs(c, annotator="tester")] == [Verdict.BAD]


async def test_a_share_is_asked_again_unseen_and_measures_without_being_trained_on(console, monkeypatch):
    monkeypatch.setattr(judging, "BETWEEN", 2)
    async with console(adapter=("",), size=(120, 40)) as c:
        await fill(c, *(record(n) for n in range(12)))
        await opened(c)
        await c.press("asterisk", "q")
        await c.sees("12 pairs put into the queue")
        screen = QueueScreen(judging.JudgingSession(c.chat.store, "tester", repeat_share=0.5, seed=3), c.chat)
        c.app.push_screen(screen)
        await c.until(lambda: screen.session.task, "task")
        repeats = 0
        while screen.session.task is not None:
            task = screen.session.task
            repeats += task.repeat_of is not None
            asked = c.text().replace("Question", "")
            assert "again" not in asked.split("\n")[0] and "repeat" not in asked
            moon_left = "moon" in task.left.text
            await c.press("1" if moon_left else "2")
            await c.until(lambda t=task: screen.session.task is not t, "next")
        assert repeats >= 3
        leaning = screen.session.leaning()
        assert leaning.itself.same.k == leaning.itself.same.n == repeats
        counted = await pairs(c, annotator="tester")
        assert len(counted) == 12, "repeats do not count as training data"
        with_repeats = await pairs(c, annotator="tester", repeats=True)
        assert len(with_repeats) == 12 + repeats


async def test_sampling_proposes_pairs_of_different_answers(console, tmp_path):
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("Why do tides come twice?\n\nHow do bees find home?\nWhat is salt?\n", "utf-8")
    async with console(adapter=("",), size=(120, 40)) as c:
        await start_two(c)
        screen = await to_queue(c)
        await c.press("s")
        await c.until(lambda: type(c.app.screen).__name__ == "SampleDialog", "dialog")
        await c.press(*str(prompts), "tab", "backspace", "2", "tab", *["backspace"] * 4, *"0.8", "enter")
        await c.until(lambda: c.app.screen is screen and screen.session.task is not None, "proposed", deadline_s=40)
        task = screen.session.task
        assert {task.left.side, task.right.side} == {"base", "demo"} and task.left.text != task.right.text
        sessions = await c.chat.store.run(lambda store: store.list_sessions(10))
        assert [(s.kind.value, s.turn_count) for s in sessions] == [("sampling", 3 + 3 * 2 * 2)]
        left = screen.session.progress.left
        assert 3 <= left <= 6
        await c.press("1")
        await c.until(lambda: screen.session.progress.judged == 1, "judged")
        rows = await pairs(c)
        assert len(rows) == 1 and {rows[0].left_side, rows[0].right_side} == {"base", "demo"}


async def test_a_missing_file_of_prompts_is_said_in_the_dialog(console):
    async with console(adapter=("",)) as c:
        await to_queue(c)
        await c.press("s")
        await c.until(lambda: type(c.app.screen).__name__ == "SampleDialog", "dialog")
        await c.press(*"/no/such", "enter")
        await c.sees("cannot be read: no such file or directory")


async def test_verdicts_typed_ahead_each_find_their_pair_and_undo_keeps_the_count(console):
    async with console(adapter=("",), size=(120, 40)) as c:
        await fill(c, *(record(n) for n in range(6)))
        await opened(c)
        await c.press("asterisk", "q", "Q")
        await c.until(lambda: isinstance(c.app.screen, QueueScreen) and c.app.screen.session.task, "task")
        screen = c.app.screen
        for key in "1212":
            c.app.post_message(Key(key, key))
        await c.until(lambda: screen.session.progress.judged == 4, "all four")
        assert screen.session.progress.left == 2
        for key in "uu":
            c.app.post_message(Key(key, key))
        await c.until(lambda: screen.session.progress.judged == 2, "two taken back")
        assert screen.session.progress.left == 4
        await c.sees("2 of 6")
        assert not [m for m in c.app.messages if m.severity != "information"]


async def test_sampling_is_refused_before_anything_is_typed_while_the_model_loads(console):
    async with console(adapter=("",), ready=False, model="missing/model") as c:
        await c.until(lambda: c.chat.state.engine.phase is Phase.FAILED, "failed")
        screen = QueueScreen(judging.JudgingSession(c.chat.store, "tester"), c.chat)
        await c.app.push_screen(screen)
        await c.press("s")
        await c.sees("The model could not be loaded")
        assert c.app.screen is screen
