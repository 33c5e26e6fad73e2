"""What the board says is so: histories, verdict marks, versions, notes, focus, footer. Each was wrong once or easily could be."""

from __future__ import annotations

from dataclasses import replace

from textual import events

from aligntui.core.instruction import Instruction
from aligntui.core.pair import Verdict
from aligntui.tui.turn_text import View
from aligntui.tui.widgets.lines import KeyBar
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.judging import Judge, contestants
from tests.tui.test_hard_cases import DEMO, start_two


async def test_a_column_without_an_answer_says_whose_it_goes_on_from(console):
    async with console(adapter=("",)) as c:
        await c.send("First question")
        await start_two(c)
        await c.send("Second question")
        exchange = c.chat.state.last
        base, late = exchange.take.answers()
        assert exchange.goes_on_from(base) == ""
        assert exchange.goes_on_from(late) == "base"
        await c.sees("after base’s answer")
        await c.send("Third question")
        assert [c.chat.state.last.goes_on_from(answer) for answer in c.chat.state.last.take.answers()] == ["", ""]
        session = c.chat.session.id
        await c.leave_prompt()
        await c.press("n", "n")
        c.screen.act(c.screen.moves.open_session(session))
        await c.until(lambda: len(c.chat.state.exchanges) == 3, "resumed")
        second = c.chat.state.exchanges[1]
        assert [second.goes_on_from(answer) for answer in second.take.answers()] == ["", "base"]


async def test_the_same_verdict_again_keeps_reason_and_tags(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("Judge me")
        exchange = c.chat.state.last
        take = exchange.take
        judge = Judge(c.chat)
        sides = contestants(take, c.chat.state.numbers, 0)
        first = await judge.judge(exchange, take, sides, Verdict.LEFT, "clear", ("tone",))
        again = await judge.judge(exchange, take, sides, Verdict.LEFT)
        swapped = await judge.judge(exchange, take, sides[::-1], Verdict.RIGHT)
        assert first.id == again.id == swapped.id
        noted = await judge.judge(exchange, take, sides, Verdict.LEFT, tags=("tone", "length"))
        assert (noted.id, noted.reason, noted.tags) == (first.id, "clear", ("tone", "length"))
        pairs = await c.chat.store.run(lambda store: store.list_pairs(include_undone=True))
        assert [(pair.id, pair.reason, pair.tags) for pair in pairs] == [(first.id, "clear", ("tone", "length"))]
        other = await judge.judge(exchange, take, sides, Verdict.TIE)
        assert other.id != first.id and take.verdict == other


async def test_another_annotators_verdict_stands_beside_mine(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("Judge me")
        exchange = c.chat.state.last
        judge = Judge(c.chat)
        sides = contestants(exchange.take, c.chat.state.numbers, 0)
        await judge.judge(exchange, exchange.take, sides, Verdict.LEFT)
        c.chat.change(annotator="second")
        await judge.judge(exchange, exchange.take, sides, Verdict.RIGHT)
        pairs = await c.chat.store.run(lambda store: store.list_pairs())
        assert sorted((pair.annotator, pair.verdict.value) for pair in pairs) == [
            ("second", "right"),
            ("tester", "left"),
        ]
        await judge.undo()
        pairs = await c.chat.store.run(lambda store: store.list_pairs())
        assert [pair.annotator for pair in pairs] == ["tester"]


async def test_undoing_an_edit_shows_the_original_and_v_brings_the_edit_back(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("Edit me")
        take = c.chat.state.last.take
        original = take.shown(0)
        edited = await c.chat.edit_answer(original, "By hand.")
        await c.screen.judge.prefer_edit(edited, original.id)
        await c.sees("★ chosen over its original")
        await c.sees("the edited answer is chosen, its original rejected")
        await c.leave_prompt()
        await c.press("u")
        await c.until(lambda: take.shown(0) is original, "original")
        await c.sees("version 1/2")
        await c.press("v")
        await c.until(lambda: take.shown(0) is edited, "edit")
        await c.sees("By hand.")


async def test_a_resumed_turns_verdict_takes_a_reason(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("Judge me")
        await c.leave_prompt()
        await c.press("1")
        await c.until(lambda: c.chat.state.last.take.verdict, "judged")
        session = c.chat.session.id
        await c.press("n", "n")
        c.screen.last_pair = None  # as in a console that was started anew
        c.screen.act(c.screen.moves.open_session(session))
        await c.until(lambda: c.chat.state.exchanges, "resumed")
        await c.leave_prompt()
        await c.sees("u Undo")
        await c.press("t")
        await c.until(lambda: type(c.app.screen).__name__ == "NoteEditor", "note")


async def test_a_resumed_session_goes_on_under_its_own_settings(console):
    async with console(adapter=("",), instruction="concise/2", temperature=0.3) as c:
        await c.send("Under concise")
        session = c.chat.session.id
        await c.leave_prompt()
        await c.press("n", "n")
        c.chat.set_instruction(c.app.bench.library.get("liberal"))
        c.chat.set_sampling(temperature=1.1, max_new_tokens=9)
        c.screen.act(c.screen.moves.open_session(session))
        await c.until(lambda: c.chat.state.exchanges, "resumed")
        await c.idle()
        assert c.chat.state.instruction.label == "concise/2"
        assert c.chat.settings.sampling.temperature == 0.3 and c.chat.settings.sampling.max_new_tokens != 9
        await c.sees("own instruction and settings")


async def test_three_columns_say_which_two_are_judged(console):
    async with console(adapter=("",), size=(160, 40)) as c:
        await start_two(c)
        await c.screen.columns.put(replace(DEMO, strength=0.5))
        await c.until(lambda: len(c.screen.panes) == 3, "third pane")
        await c.send("Which two?")
        await c.leave_prompt()
        roles = lambda: [pane.look[1] for pane in c.screen.panes]  # noqa: E731
        await c.until(lambda: roles() == ["1", "2", ""], "left and second")
        await c.press("l", "l")
        await c.until(lambda: roles() == ["1", "", "2"], "left and focused")
        await c.press("2")
        await c.until(lambda: c.chat.state.last.take.verdict, "judged")
        third = c.chat.state.last.take.shown(c.chat.state.numbers[2])
        assert c.chat.state.last.take.verdict.chosen_id == third.id
        await c.sees("★ chosen over base")


async def test_only_the_pane_that_keys_act_on_is_marked(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("Where am I?")
        marked = lambda: [pane.has_class("-acted-on") for pane in c.screen.panes]  # noqa: E731
        assert marked() == [False, False]
        await c.leave_prompt()
        await c.until(lambda: marked() == [True, False], "left")
        await c.press("l")
        await c.until(lambda: marked() == [False, True], "right")
        await c.press("f1")
        await c.until(lambda: len(c.app.screen_stack) == 3, "help")
        await c.press("escape")
        await c.until(lambda: len(c.app.screen_stack) == 2 and marked() == [False, True], "back on the right")
        await c.press("a")
        await c.until(lambda: marked() == [False, False], "typing")


async def test_escape_twice_stays_with_the_answers(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("Stay")
        await c.leave_prompt()
        await c.press("escape", "1")
        await c.until(lambda: c.chat.state.last.take.verdict, "judged, not typed")
        assert c.screen.query_one("#prompt").text == ""


async def test_a_new_session_asks_once_more(console):
    async with console(adapter=("",)) as c:
        await c.send("Keep me")
        await c.leave_prompt()
        await c.press("n")
        await c.sees("once more starts a new session")
        assert c.chat.state.exchanges
        await c.press("n")
        await c.until(lambda: not c.chat.state.exchanges, "new")


async def test_a_note_does_not_outlive_what_it_was_about(console):
    async with console(adapter=("",)) as c:
        await c.send("!slow words that take their time")
        await c.leave_prompt()
        box = c.screen.query_one("#prompt")
        box.focus()
        box.load_text("!slow once again some words")
        await c.press("enter")
        await c.until(lambda: c.chat.state.streaming, "streaming")
        await c.press("f5")
        await c.sees("Answers are still being made")
        await c.pilot.pause(0.6)
        await c.press("ctrl+c")
        await c.idle()
        await c.until(lambda: c.chat.state.engine.phase is Phase.READY, "ready")
        await c.until(lambda: "still being made" not in c.text().splitlines()[-3], "the note is gone")


async def test_the_footer_offers_stop_while_answers_stream(console):
    async with console(adapter=("",)) as c:
        box = c.screen.query_one("#prompt")
        box.focus()
        await c.sees("Enter Send")
        box.load_text("!slow words that take their time")
        await c.press("enter")
        await c.until(lambda: c.chat.state.streaming, "streaming")
        await c.sees("Esc Stop")
        await c.press("escape")
        await c.idle()
        await c.until(lambda: "Esc Stop" not in c.text(), "stopped")


async def test_branch_says_so_and_the_branch_below_can_be_seen(console):
    async with console(adapter=("",)) as c:
        await c.send("One")
        await c.send("Two")
        await c.leave_prompt()
        await c.press("K", "b")
        await c.until(lambda: len(c.chat.state.exchanges) == 1, "branched")
        await c.sees("1 later turn stays in a branch of its own")
        await c.sees("one branch goes on from here")
        await c.leave_prompt()
        await c.press("right_curly_bracket")
        await c.until(lambda: [e.text for e in c.chat.state.exchanges] == ["One", "Two"], "the branch is back")
        await c.until(lambda: "goes on from here" not in c.text(), "no sign left")


async def test_an_adapter_missing_at_the_start_leaves_a_standing_warning(console):
    async with console(adapter=("no-such-adapter",)) as c:
        await c.sees("no-such-adapter was left out")
        await c.send("Still there?")
        await c.sees("no-such-adapter was left out")


async def test_turns_stand_level_in_both_panes(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("First")
        take = c.chat.state.last.take
        await c.chat.edit_answer(take.shown(0), "\n".join(f"line {n}" for n in range(9)))
        await c.send("Second")
        await c.send("Third")

        def tops() -> list[list[int]]:
            return [[block.virtual_region.y for block in pane._blocks] for pane in c.screen.panes]

        await c.until(lambda: tops()[0] == tops()[1] and tops()[0][1] > 9, "level")


async def test_resize_while_streaming_keeps_following_the_end(console):
    async with console(adapter=("",), size=(120, 30)) as c:
        await c.send("!long")
        box = c.screen.query_one("#prompt")
        box.focus()
        box.load_text("!slow " + "word " * 30)
        await c.press("enter")
        await c.until(lambda: c.chat.state.streaming and c.chat.state.last.take.answers()[0].tokens > 2, "streaming")
        await c.pilot.resize_terminal(80, 24)
        pane = c.screen.panes[0]
        await c.until(lambda: pane.scroll.max_scroll_y - pane.scroll.scroll_y <= 1, "at the end")
        await c.press("escape")
        await c.idle()


async def test_the_gap_of_an_unselected_turn_says_how_to_get_it(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("One")
        await c.send("Two")
        c.screen.view = View.PLAIN
        await c.leave_prompt()
        await c.press("f7", "f7")
        await c.sees("select this turn")


async def test_mouse_selects_a_turn_scrolls_and_presses_footer_keys(console):
    async with console(adapter=("",), size=(120, 24)) as c:
        await start_two(c)
        for text in ("One", "Two", "Three", "Four"):
            await c.send(text)
        pane = c.screen.panes[0]
        await c.until(lambda: pane.scroll.max_scroll_y > 0, "something to scroll")
        await c.pilot.hover(pane.scroll)
        bottom = pane.scroll.scroll_y
        for _ in range(4):
            c.app.post_message(events.MouseScrollUp(pane.scroll, 5, 5, 0, 0, 0, False, False, False))
        await c.until(lambda: pane.scroll.scroll_y < bottom, "scrolled by the wheel")
        pane.scroll.scroll_home(animate=False)
        await c.pilot.pause(0.1)
        await c.pilot.click(pane._blocks[0], offset=(4, 0))
        await c.until(lambda: c.chat.state.selected.text == "One", "selected by a click")
        bar = c.screen.query_one(KeyBar)
        start = next(start for start, _, key in bar._zones if key == "1")
        await c.pilot.click(bar, offset=(start + 2, 0))
        await c.until(lambda: c.chat.state.exchanges[0].take.verdict, "judged by a click")
        assert c.chat.state.exchanges[0].take.verdict.verdict is Verdict.LEFT


async def test_bad_and_skip_are_stored_and_make_no_training_pair(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("Neither")
        await c.leave_prompt()
        await c.press("4")
        await c.sees("✗ both bad")
        await c.press("5")
        await c.sees("– skipped")
        pairs = await c.chat.store.run(lambda store: store.list_pairs())
        assert [(pair.verdict, pair.chosen_id) for pair in pairs] == [(Verdict.SKIP, None)]


async def test_the_rate_of_a_continued_answer_is_over_the_time_of_all_its_parts(console):
    async with console(adapter=("",)) as c:
        box = c.screen.query_one("#prompt")
        box.focus()
        box.load_text("!slow words that take their time")
        await c.press("enter")
        await c.until(lambda: c.chat.state.streaming and c.chat.state.last.take.answers()[0].tokens > 5, "streaming")
        await c.press("escape")
        await c.idle()
        first = c.chat.state.last.take.shown(0)
        await c.pilot.pause(0.8)
        await c.leave_prompt()
        await c.press("c")
        await c.until(lambda: len(c.chat.state.last.take.versions[0]) == 2, "continued")
        await c.idle()
        longer = c.chat.state.last.take.shown(0)
        assert longer.record.decode_s > first.record.decode_s > 0
        assert longer.tokens_per_s < 3 * first.tokens_per_s
        edited = await c.chat.edit_answer(longer, "By hand, and so of no known speed.")
        await c.chat.continue_answer(c.chat.state.last, c.chat.state.last.take, edited)
        await c.idle()
        assert c.chat.state.last.take.shown(0).tokens_per_s == 0


async def test_the_end_of_a_short_answer_stays_in_view_beside_a_long_one(console):
    async with console(adapter=("",), size=(120, 24)) as c:
        await start_two(c)
        await c.send("!long")
        await c.chat.edit_answer(c.chat.state.last.take.shown(1), "Short and done.")
        c.screen.draw_all(scroll=True)
        await c.sees("Short and done.")


async def test_esc_right_after_the_end_does_not_turn_typing_into_commands(console):
    async with console(adapter=("",)) as c:
        box = c.screen.query_one("#prompt")
        box.focus()
        box.load_text("Quick")
        await c.press("enter")
        await c.until(lambda: c.chat.state.last and not c.chat.state.streaming and c.screen.streamed_at, "ended")
        await c.press("escape", *"explain")
        assert box.text == "explain"
        await c.press("escape")
        await c.until(lambda: not box.has_focus, "the second one leaves")


async def test_the_turn_from_which_branches_part_can_be_asked_for_them(console):
    async with console(adapter=("",)) as c:
        await c.send("One")
        await c.send("Two")
        await c.leave_prompt()
        await c.press("K", "b")
        await c.until(lambda: len(c.chat.state.exchanges) == 1, "branched")
        await c.send("Other")
        await c.leave_prompt()
        await c.press("K", "left_curly_bracket")
        await c.until(lambda: [e.text for e in c.chat.state.exchanges] == ["One", "Two"], "the first branch")


async def test_a_new_column_has_the_focus_so_that_minus_takes_it_back(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.leave_prompt()
        await c.screen._put(DEMO, None)
        await c.until(lambda: len(c.screen.panes) == 3 and c.screen.place == 2, "focus on the new one")
        await c.press("minus")
        await c.until(lambda: len(c.chat.state.columns) == 2, "removed")
        assert [column.label for column in c.chat.state.columns] == ["base", "demo"]


async def test_the_instruction_is_wrapped_anew_when_the_width_changes(console):
    async with console(adapter=("",), size=(100, 30)) as c:
        words = (
            "Reply in one or two short sentences, at most twenty-five words, and add nothing else; be kind and plain."
        )
        c.chat.set_instruction(Instruction(words))
        c.screen.draw_lines()
        await c.pilot.resize_terminal(80, 24)
        box = c.screen.query_one("#instruction")
        await c.until(
            lambda: (
                " ".join("".join(box.wrapped_document.lines[0]).split()) == words
                and max(map(len, box.wrapped_document.lines[0])) <= box.content_size.width
            ),
            "wrapped",
        )
