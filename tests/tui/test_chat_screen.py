"""The chat screen as a person drives it: keys in, state, database and screen text out."""

from __future__ import annotations

import os
import signal

import pytest

from aligntui.core.errors import UserError
from aligntui.core.pair import Verdict
from aligntui.core.turn import Finish
from aligntui.tui.turn_text import View
from aligntui.wire.engine import AdapterRef
from aligntui.workbench.chat_state import Column, Phase


async def start_two(c):
    await c.screen.columns.put(Column(AdapterRef("demo", "/adapters/demo")))
    await c.until(lambda: len(c.screen.panes) == 2, "two panes")


async def test_a_prompt_streams_into_both_panes_and_is_stored(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("What is a tide?")
        exchange = c.chat.state.last
        answers = exchange.take.answers()
        assert [a.side for a in answers] == ["base", "demo"]
        assert all(a.finish is Finish.STOP and a.stored and a.text for a in answers)
        assert answers[0].text in " ".join(c.text().split()) or answers[0].text.split()[0] in c.text()
        stored = await c.chat.store.run(lambda s: s.exchange(exchange.id))
        assert [a.text for a in stored.takes[0].answers] == [a.text for a in answers]
        assert len(stored.prompts) == 1, "equal histories share one prompt turn"


async def test_second_turn_continues_each_columns_own_answer(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("First")
        await c.send("Second")
        first, second = c.chat.state.exchanges
        prompts = {p: await c.chat.store.run(lambda s, p=p: s.get_prompt(p)) for p in second.prompt_ids.values()}
        parents = [prompts[second.prompt_ids[place]].parent_id for place in (0, 1)]
        assert parents == [first.take.shown(0).id, first.take.shown(1).id]


async def test_shared_history_continues_the_chosen_answer(console):
    async with console(adapter=("",), history="shared") as c:
        await start_two(c)
        await c.send("First")
        await c.leave_prompt()
        await c.press("2")
        await c.until(lambda: c.chat.state.last.take.verdict, "judged")
        await c.send("Second")
        first, second = c.chat.state.exchanges
        assert len(set(second.prompt_ids.values())) == 1
        prompt = await c.chat.store.run(lambda s: s.get_prompt(second.prompt_ids[0]))
        assert prompt.parent_id == first.take.shown(1).id


async def test_verdict_keys_write_pairs_and_undo_keeps_the_row(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        for number, (key, verdict) in enumerate(
            {"1": "left", "2": "right", "3": "tie", "4": "bad", "5": "skip"}.items()
        ):
            await c.send(f"Question {number}")
            await c.leave_prompt()
            await c.press(key)
            await c.until(lambda: c.chat.state.last.take.verdict, verdict)
            pairs = await c.chat.store.run(lambda s: s.list_pairs())
            assert pairs[0].verdict is Verdict(verdict)
            assert pairs[0].annotator == "tester"
        await c.press("u")
        await c.until(lambda: c.chat.state.last.take.verdict is None, "undone")
        assert await c.chat.store.run(lambda s: s.count_pairs()) == 4
        assert await c.chat.store.run(lambda s: s.count_pairs(include_undone=True)) == 5


async def test_verdict_keys_type_digits_while_the_prompt_has_the_focus(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("Question")
        c.screen.query_one("#prompt").focus()
        await c.press("1", "2", "u")
        assert c.screen.query_one("#prompt").text == "12u"
        assert await c.chat.store.run(lambda s: s.count_pairs()) == 0


async def test_a_changed_verdict_replaces_the_earlier_one(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("Question")
        await c.leave_prompt()
        await c.press("1")
        await c.press("2")
        await c.until(lambda: len(c.chat.state.last.take.judged) == 2, "two verdicts")
        await c.idle()
        pairs = await c.chat.store.run(lambda s: s.list_pairs())
        assert [p.verdict for p in pairs] == [Verdict.RIGHT]
        await c.press("u")
        await c.until(
            lambda: c.chat.state.last.take.verdict.verdict is Verdict.LEFT, "the earlier verdict counts again"
        )
        pairs = await c.chat.store.run(lambda s: s.list_pairs())
        assert [p.verdict for p in pairs] == [Verdict.LEFT]


async def test_blind_mode_hides_names_until_judged_and_records_the_order(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.leave_prompt()
        await c.press("x")
        assert c.chat.settings.blind
        seen = set()
        for number in range(12):
            await c.send(f"Blind {number}")
            await c.until(lambda: "blind: unnamed" in c.text(), "hidden header")
            assert "demo" not in c.text().split("\n")[2]
            take = c.chat.state.last.take
            seen.add(take.shuffle)
            left = take.shown(take.shuffle[0])
            await c.leave_prompt()
            await c.press("1")
            await c.until(lambda t=take: t.verdict, "judged")
            assert take.verdict.blind and take.verdict.chosen_id == left.id
            assert take.verdict.shuffled == (take.shuffle[0] == 1)
        assert seen == {(0, 1), (1, 0)}, "twelve shuffles of two sides show both orders (chance of a miss 1 in 2048)"


async def test_rerun_under_another_instruction_keeps_the_earlier_take(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("Explain rain")
        before = c.chat.state.instruction.text
        c.screen.query_one("#instruction").focus()
        await c.press("home", "X")
        await c.until(lambda: c.chat.state.instruction.text.startswith("X"), "edited")
        await c.press("f5")
        await c.until(lambda: len(c.chat.state.last.takes) == 2, "second take")
        await c.idle()
        first, second = c.chat.state.last.takes
        assert first.shown(0).conditions.instruction == before
        assert second.shown(0).conditions.instruction == "X" + before
        await c.leave_prompt()
        await c.press("comma")
        await c.until(lambda: c.chat.state.last.at == 0, "older take")
        await c.sees("take 1/2")
        await c.press("full_stop")
        await c.until(lambda: c.chat.state.last.at == 1, "newer take")
        await c.sees("take 2/2")


async def test_regenerate_takes_the_next_seed(console):
    async with console(adapter=("",), seed=7) as c:
        await c.send("Again")
        await c.leave_prompt()
        await c.press("r")
        await c.until(lambda: len(c.chat.state.last.takes) == 2, "second take")
        await c.idle()
        assert [t.shown(0).seed for t in c.chat.state.last.takes] == [7, 8]


async def test_stop_keeps_the_partial_answer_and_continue_goes_on(console):
    async with console(adapter=("",)) as c:
        c.screen.query_one("#prompt").load_text("!slow please")
        await c.press("enter")
        await c.until(lambda: any(a.text for a in c.chat.state.live.values()), "streaming")
        await c.press("escape")
        await c.idle()
        answer = c.chat.state.last.take.shown(0)
        assert answer.finish is Finish.CANCELLED and answer.text and answer.stored
        await c.sees("stopped, partial")
        await c.leave_prompt()
        await c.press("1")
        await c.idle()
        assert await c.chat.store.run(lambda s: s.count_pairs()) == 0
        await c.press("c")
        await c.until(lambda: len(c.chat.state.last.take.versions[0]) == 2, "continued")
        await c.press("escape")
        await c.idle()
        longer = c.chat.state.last.take.shown(0)
        assert longer.text.startswith(answer.text) and longer.record.continued_from == answer.id


async def test_edit_into_chosen_makes_the_original_rejected(console):
    async with console(adapter=("",)) as c:
        await c.send("Improve me")
        original = c.chat.state.last.take.shown(0)
        await c.leave_prompt()
        await c.press("e")
        await c.until(lambda: type(c.app.screen).__name__ == "AnswerEditor", "editor")
        await c.press("ctrl+end", "Z", "ctrl+s")
        await c.until(lambda: c.chat.state.last.take.verdict, "judged")
        pair = (await c.chat.store.run(lambda s: s.list_pairs()))[0]
        edited = await c.chat.store.run(lambda s: s.get_answer(pair.chosen_id))
        assert edited.edited_from == original.id == pair.rejected_id
        assert edited.text == original.text + "Z"
        await c.sees("★ chosen")


async def test_reason_and_tags_are_stored_with_the_last_verdict(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("Why")
        await c.leave_prompt()
        await c.press("1")
        await c.until(lambda: c.screen.last_pair, "judged")
        await c.press("t")
        await c.until(lambda: type(c.app.screen).__name__ == "NoteEditor", "note")
        await c.press(*"shorter", "tab", *"brevity,tone", "enter")
        await c.until(lambda: c.screen.last_pair.reason, "noted")
        pair = (await c.chat.store.run(lambda s: s.list_pairs()))[0]
        assert (pair.reason, pair.tags) == ("shorter", ("brevity", "tone"))


async def test_branch_from_an_earlier_turn_and_back(console):
    async with console(adapter=("",)) as c:
        for text in ("One", "Two", "Three"):
            await c.send(text)
        await c.leave_prompt()
        await c.press("K", "K")
        assert c.chat.state.selected.text == "One"
        await c.press("b")
        assert [e.text for e in c.chat.state.exchanges] == ["One"]
        await c.send("Other two")
        assert [e.text for e in c.chat.state.exchanges] == ["One", "Other two"]
        await c.sees("branch 2/2")
        await c.leave_prompt()
        await c.press("left_curly_bracket")
        await c.until(lambda: len(c.chat.state.exchanges) == 3, "first branch")
        assert [e.text for e in c.chat.state.exchanges] == ["One", "Two", "Three"]


async def test_edit_prompt_sends_a_sibling(console):
    async with console(adapter=("",)) as c:
        await c.send("Tpyo")
        await c.leave_prompt()
        await c.press("p")
        await c.until(lambda: c.screen.query_one("#prompt").text == "Tpyo", "prompt taken")
        await c.send("Typo")
        assert [e.text for e in c.chat.state.exchanges] == ["Typo"]
        assert len(c.chat.state.last.siblings) == 2


async def test_strength_dial_is_recorded_and_bounded(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.leave_prompt()
        await c.press("l", *["right_square_bracket"] * 12)
        assert c.chat.state.columns[1].strength == 2.0
        await c.press(*["left_square_bracket"] * 15)
        assert c.chat.state.columns[1].strength == 0.5
        await c.send("Strength")
        conditions = c.chat.state.last.take.shown(1).conditions
        assert conditions.strength == 0.5 and conditions.adapter == "demo"


async def test_three_columns_and_back(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.screen.columns.put(Column(AdapterRef("demo", "/adapters/demo"), 0.5))
        await c.until(lambda: len(c.screen.panes) == 3, "three panes")
        await c.send("Three")
        assert [a.side for a in c.chat.state.last.take.answers()] == ["base", "demo", "demo x0.5"]
        await c.leave_prompt()
        await c.press("l", "l", "2")
        await c.until(lambda: c.chat.state.last.take.verdict, "judged")
        pair = c.chat.state.last.take.verdict
        assert pair.chosen_id == c.chat.state.last.take.shown(2).id
        await c.press("minus")
        await c.until(lambda: len(c.screen.panes) == 2, "two panes")


async def test_engine_killed_mid_answer_is_said_kept_and_restarted(console):
    async with console(adapter=("",)) as c:
        await c.send("Before")
        c.screen.query_one("#prompt").load_text("!crash now")
        await c.press("enter")
        await c.until(lambda: c.chat.state.engine.phase is Phase.EXITED, "gone")
        await c.idle()
        await c.sees("F12")
        broken = c.chat.state.last.take.shown(0)
        assert broken.finish is Finish.FAILED and broken.text
        stored = await c.chat.store.run(lambda s: s.get_answer(broken.id))
        assert stored.finish is Finish.FAILED and stored.text == broken.text
        await c.press("f12")
        await c.until(lambda: c.chat.state.engine.phase is Phase.READY, "restarted")
        await c.send("After")
        assert c.chat.state.last.take.shown(0).finish is Finish.STOP


async def test_engine_killed_from_outside_while_idle(console):
    async with console(adapter=("",)) as c:
        os.kill(c.chat.engine._client.pid, signal.SIGKILL)
        await c.until(lambda: c.chat.state.engine.phase is Phase.EXITED, "gone")
        c.screen.query_one("#prompt").load_text("kept")
        await c.press("enter")
        await c.pilot.pause(0.2)
        assert c.screen.query_one("#prompt").text == "kept", "the prompt is not lost"
        assert c.chat.state.exchanges == []


async def test_a_failed_generation_keeps_what_came(console):
    async with console(adapter=("",)) as c:
        c.screen.query_one("#prompt").load_text("!fail please")
        await c.press("enter")
        await c.until(lambda: c.chat.state.exchanges and not c.chat.state.streaming, "failed")
        await c.idle()
        assert c.chat.state.last.take.shown(0).finish is Finish.FAILED
        await c.send("Next")
        assert c.chat.state.last.take.shown(0).finish is Finish.STOP


async def test_views_cycle_and_the_gap_is_measured(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("Views")
        await c.press("f7")
        assert c.screen.view is View.DIFF
        await c.press("f7")
        await c.until(lambda: all(a.gap for a in c.chat.state.last.take.answers()), "gaps")
        await c.idle()
        await c.until(lambda: "log π adapter" in c.text(), "legend")
        gap = c.chat.state.last.take.shown(1).gap
        assert "".join(gap.pieces) == c.chat.state.last.take.shown(1).text


async def test_hostile_text_reaches_the_screen_without_controls(console):
    async with console(adapter=("",)) as c:
        await c.send("!hostile")
        raw = c.chat.state.last.take.shown(0).text
        assert "\x1b" in raw, "the stored text is as the model wrote it"
        shown = c.text()
        assert "\x1b" not in shown and "\u202e" not in shown and "\x07" not in shown
        stored = await c.chat.store.run(lambda s: s.get_answer(c.chat.state.last.take.shown(0).id))
        assert stored.text == "".join("\ufffd" if "\ud800" <= ch <= "\udfff" else ch for ch in raw), (
            "only what UTF-8 cannot hold is replaced"
        )


async def test_empty_prompt_and_double_enter_send_nothing_twice(console):
    async with console(adapter=("",)) as c:
        await c.press("enter")
        await c.idle()
        assert c.chat.state.exchanges == []
        c.screen.query_one("#prompt").load_text("Once")
        await c.press("enter", "enter")
        await c.until(lambda: c.chat.state.exchanges, "sent")
        await c.idle()
        assert len(c.chat.state.exchanges) == 1


async def test_recall_walks_through_earlier_prompts(console):
    async with console(adapter=("",)) as c:
        await c.send("alpha")
        await c.send("beta")
        box = c.screen.query_one("#prompt")
        box.focus()
        await c.press(*"draft", "up")
        assert box.text == "beta"
        await c.press("up")
        assert box.text == "alpha"
        await c.press("down", "down")
        assert box.text == "draft"


async def test_narrow_terminal_shows_one_pane_and_the_next_is_one_key_away(console):
    async with console(size=(80, 24), adapter=("",)) as c:
        await start_two(c)
        await c.send("Narrow")
        await c.leave_prompt()
        assert [p.display for p in c.screen.panes] == [True, False]
        await c.press("l")
        assert [p.display for p in c.screen.panes] == [False, True]
        await c.pilot.resize_terminal(120, 40)
        await c.until(lambda: all(p.display for p in c.screen.panes), "both")


async def test_sessions_are_listed_searched_and_resumed(console):
    async with console(adapter=("",)) as c:
        await c.send("A whale swims")
        await c.leave_prompt()
        await c.press("n", "n")
        await c.send("A tractor ploughs")
        await c.press("f9")
        await c.until(lambda: type(c.app.screen).__name__ == "SessionsScreen" and len(c.app.screen._found) == 2, "list")
        await c.press("slash", *"whale")
        await c.until(
            lambda: (
                c.app.screen._found
                and all("whale" in (f.name + "".join(f.snippet)).lower() for f in c.app.screen._found)
            ),
            "hits",
        )
        await c.press("enter", "enter")
        await c.until(lambda: c.chat.state.exchanges and c.chat.state.exchanges[0].text == "A whale swims", "resumed")
        assert c.chat.state.last.take.shown(0).stored


async def test_a_resumed_session_has_its_verdicts_and_takes(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("Judge me")
        await c.leave_prompt()
        await c.press("1")
        await c.until(lambda: c.chat.state.last.take.verdict, "judged")
        await c.press("r")
        await c.until(lambda: len(c.chat.state.last.takes) == 2, "take")
        await c.idle()
        session = c.chat.session.id
        await c.press("n", "n")
        await c.until(lambda: not c.chat.state.exchanges, "empty")
        await c.screen.moves.open_session(session)
        exchange = c.chat.state.last
        assert len(exchange.takes) == 2 and exchange.at == 1
        assert exchange.takes[0].verdict.verdict is Verdict.LEFT


async def test_help_names_every_key_of_the_place(console):
    async with console(adapter=("",)) as c:
        await c.press("f1")
        await c.until(lambda: "In the prompt box" in c.text(), "help")
        await c.press("escape")
        await c.leave_prompt()
        await c.press("f1")
        await c.until(lambda: "On the answers" in c.text(), "help of the panes")


async def test_keys_can_be_moved_by_the_config(console, workspace):
    workspace.config.write_text('[keys]\n"board.left_better" = "a"\n"board.prompt" = "slash"\n')
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("Remap")
        await c.leave_prompt()
        await c.press("1")
        await c.idle()
        assert c.chat.state.last.take.verdict is None
        await c.press("a")
        await c.until(lambda: c.chat.state.last.take.verdict, "judged by a")


async def test_a_broken_adapter_is_left_out_with_a_reason(console):
    async with console(adapter=("",)) as c:
        with pytest.raises(UserError, match="broken"):
            await c.screen.columns.put(Column(AdapterRef("broken", "/adapters/broken")))
        assert len(c.chat.state.columns) == 1


async def test_a_foreign_adapter_is_warned_of_before_the_first_answer(console):
    async with console(adapter=("",)) as c:
        await c.screen.columns.put(Column(AdapterRef("foreign", "/adapters/foreign")))
        await c.pilot.pause()
        await c.until(lambda: "foreign" in c.text().split("\n")[1], "warning line")
