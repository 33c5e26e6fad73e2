"""The pairs screen on a real database: what is listed, what keys change, and that every change can be taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.events import Key

from aligntui.core.errors import StoreError
from aligntui.core.pair import Verdict
from aligntui.core.prompt_format import Message, Mode
from aligntui.store import ImportHead, ImportRecord, PairFilter
from aligntui.tui.pair_text import sides
from aligntui.tui.screens.pairs import PairsScreen
from aligntui.tui.widgets.paged_list import PAGE, PagedList
from tests.tui.test_hard_cases import start_two


def record(number: int, *, rejected: bool = True, **more) -> ImportRecord:
    values = {
        "prompt": [Message("user", f"Question {number} about tides?")],
        "chosen": [Message("assistant", f"The moon pulls the water, case {number}.")],
        "rejected": [Message("assistant", f"Nobody knows, case {number}.")] if rejected else None,
        "instruction": "Be brief.",
        "mode": Mode.SYSTEM,
        "tags": ("even",) if number % 2 == 0 else (),
    }
    return ImportRecord(fingerprint=f"f{number}", **(values | more))


async def fill(c, *records: ImportRecord) -> None:
    await c.chat.store.run(lambda store: store.import_records(ImportHead("tides", "tides.jsonl"), records))


async def opened(c) -> PairsScreen:
    await c.leave_prompt()
    await c.press("ctrl+g")
    await c.until(lambda: isinstance(c.app.screen, PairsScreen) and c.app.screen._counted, "pairs screen")
    return c.app.screen


def listed(screen: PairsScreen) -> list[str]:
    rows = [screen.listing.row_at(index) for index in range(screen.listing.total)]
    return [row.prompt for row in rows if row]


async def ids(c, **wanted) -> list[str]:
    return await c.chat.store.run(lambda store: store.pair_ids(PairFilter(**wanted)))


async def test_an_empty_workspace_says_what_to_do(console):
    async with console(adapter=("",)) as c:
        await opened(c)
        await c.sees("No pair yet.")
        await c.sees("aligntui pairs import FILE")


async def test_verdicts_and_imports_stand_in_one_table_with_the_pair_beside_it(console):
    async with console(adapter=("",), size=(140, 40)) as c:
        await start_two(c)
        await c.send("Why do tides come twice?")
        await c.leave_prompt()
        await c.press("2")
        await c.until(lambda: c.chat.state.last.take.verdict, "judged")
        await fill(c, record(1), record(2), record(3, rejected=False))
        screen = await opened(c)
        assert screen.listing.total == 4
        await c.sees("Pairs 4")
        await c.sees("demo > base")
        await c.press("G")
        await c.sees("✓ equal conditions but for the weights")
        await c.press("g", "j")
        await c.sees("conditions unknown: the answers came from a file")


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_delete_undo_and_restore(console, size):
    async with console(adapter=("",), size=size) as c:
        await fill(c, *(record(n) for n in range(5)))
        screen = await opened(c)
        await c.press("space", "space", "d")
        await c.until(lambda: screen.listing.total == 3 and not screen.browser.marked, "two deleted")
        assert len(await ids(c)) == 3 and len(await ids(c, deleted=True)) == 2
        await c.press("u")
        await c.until(lambda: screen.listing.total == 5, "back")
        await c.sees("Undone: deleted 2 pairs.")
        await c.press("d")
        await c.until(lambda: screen.listing.total == 4, "one deleted")
        screen.browser.filter = PairFilter(deleted=True)
        screen.load()
        await c.until(lambda: screen.listing.total == 1, "the deleted one")
        await c.press("D")
        await c.until(lambda: screen.listing.total == 0, "brought back")
        assert len(await ids(c)) == 5


async def test_search_filter_and_sort(console):
    async with console(adapter=("",)) as c:
        await fill(c, *(record(n) for n in range(12)), record(99, chosen=[Message("assistant", "Ebb " * 60)]))
        screen = await opened(c)
        await c.press("slash", *"case 11")
        await c.until(lambda: screen.listing.total == 1, "found")
        assert listed(screen) == ["Question 11 about tides?"]
        await c.press("enter")
        await c.press("slash", *["backspace"] * 7, "enter")
        await c.until(lambda: screen.listing.total == 13, "all")
        await c.press("f")
        await c.until(lambda: type(c.app.screen).__name__ == "PairFilterForm", "form")
        await c.sees("left (13)")
        await c.press("down", "down", *"even", "enter")
        await c.until(lambda: screen.listing.total == 6, "tagged even")
        await c.sees("tag even")
        await c.press("s", "s")
        await c.until(lambda: screen.browser.sort.value == "longest" and listed(screen), "sorted")
        await c.press("f")
        await c.until(lambda: type(c.app.screen).__name__ == "PairFilterForm", "form")
        await c.press("ctrl+x", "enter")
        await c.until(lambda: screen.listing.total == 13 and len(listed(screen)) == 13, "all again")
        assert listed(screen)[0] == "Question 99 about tides?"


async def test_a_wrong_filter_is_said_and_changes_nothing(console):
    async with console(adapter=("",)) as c:
        await fill(c, record(1))
        screen = await opened(c)
        await c.press("f")
        await c.until(lambda: type(c.app.screen).__name__ == "PairFilterForm", "form")
        await c.press(*"lefft", "enter")
        await c.sees("Did you mean 'left'?")
        await c.press("escape")
        await c.until(lambda: c.app.screen is screen, "closed")
        assert screen.browser.filter == PairFilter()


async def test_tags_of_one_and_of_many(console):
    async with console(adapter=("",)) as c:
        await fill(c, *(record(n, tags=("old",)) for n in range(3)))
        screen = await opened(c)
        await c.press("t")
        await c.until(lambda: type(c.app.screen).__name__ == "NoteEditor", "note")
        await c.press(*"plain", "tab", "end", *", new", "enter")
        await c.sees("Stored for 1 pair")
        await c.until(lambda: screen.listing.current and screen.listing.current.tags == ("old", "new"), "tags")
        await c.press("asterisk", "t")
        await c.until(lambda: type(c.app.screen).__name__ == "TagDialog", "tags of many")
        await c.press(*"all", "tab", *"old", "enter")
        await c.sees("Stored for 3 pairs")
        assert len(await ids(c, tag="all")) == 3 and await ids(c, tag="old") == []
        await c.press("u")
        await c.sees("Undone: changed the tags of 3 pairs.")
        assert len(await ids(c, tag="old")) == 3 and await ids(c, tag="all") == []


async def test_an_edited_answer_makes_a_new_pair_in_place_of_the_old_one(console):
    async with console(adapter=("",), size=(140, 40)) as c:
        await fill(c, record(1))
        screen = await opened(c)
        before = screen.listing.current.id
        await c.press("E")
        await c.until(lambda: type(c.app.screen).__name__ == "TextEditor", "editor")
        await c.press(*" At all.", "ctrl+s")
        await c.until(lambda: c.app.screen is screen and screen.listing.current.id != before, "edited")
        await c.sees("Nobody knows, case 1. At all.")
        detail = await c.chat.store.run(lambda store: store.pair_detail(screen.listing.current.id))
        assert detail.replaces == before and detail.right.edited_from and detail.pair.verdict is Verdict.LEFT
        assert await ids(c, deleted=True) == [before]
        await c.press("u")
        await c.until(lambda: screen.listing.current.id == before, "the pair before counts again")


async def test_a_pair_opens_in_the_chat_at_its_turn(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        for text in ("First tide", "Second tide"):
            await c.send(text)
            await c.leave_prompt()
            await c.press("1")
            await c.until(lambda: c.chat.state.last.take.verdict, "judged")
        await c.press("n", "n")
        await opened(c)
        await c.press("G", "c")
        await c.until(lambda: c.app.screen is c.screen and c.chat.state.exchanges, "in the chat")
        assert c.chat.state.selected.text == "First tide"


async def test_filter_marks_and_order_are_kept_while_the_screen_is_left(console):
    async with console(adapter=("",)) as c:
        await fill(c, *(record(n) for n in range(4)))
        screen = await opened(c)
        await c.press("s", "space", "escape")
        await c.until(lambda: c.app.screen is c.screen, "chat")
        again = await opened(c)
        assert again.browser is screen.browser and len(again.browser.marked) == 1
        await c.sees("1 marked")
        await c.sees("oldest first")


async def test_only_pages_near_the_cursor_are_in_memory(console):
    async with console(adapter=("",)) as c:
        await fill(c, *(record(n) for n in range(25 * PAGE)))
        screen = await opened(c)
        listing = screen.query_one(PagedList)
        assert listing.total == 25 * PAGE
        for _ in range(60):
            await c.press("pagedown")
        await c.press("G")
        await c.until(lambda: listing.current is not None, "the last row")
        assert listing.current.prompt == "Question 0 about tides?"
        await c.until(lambda: len(listing._pages) <= 12, "few pages")


async def test_hostile_texts_reach_no_terminal(console):
    hostile = "\x1b]0;owned\x07[bold]x[/] \u202e"
    async with console(adapter=("",), size=(140, 40)) as c:
        await fill(c, record(1, prompt=[Message("user", hostile)], chosen=[Message("assistant", hostile + "y")]))
        await opened(c)
        await c.until(lambda: "[bold]x[/]" in c.text(), "shown as text")
        assert not any(ch in c.text() for ch in "\x1b\x07\u202e")


async def burst(c, text: str) -> None:
    """Keys that arrive together, as over a slow line: all are sent before the first of them has been acted on."""
    for char in text:
        key = {" ": "space", "/": "slash"}.get(char, char)
        c.app.post_message(Key(key, char))
    await c.pilot.pause()


async def test_letters_typed_ahead_of_a_search_box_are_no_commands(console):
    async with console(adapter=("",)) as c:
        await fill(c, *(record(n) for n in range(3)))
        screen = await opened(c)
        await burst(c, "/dDud")
        await c.until(lambda: screen.query_one("#search").value == "dDud", "all in the box")
        assert len(await ids(c)) == 3


async def test_letters_typed_ahead_of_a_dialog_delete_nothing(console):
    async with console(adapter=("",)) as c:
        await fill(c, *(record(n) for n in range(3)))
        await opened(c)
        await burst(c, "fbad")
        await c.until(lambda: type(c.app.screen).__name__ == "PairFilterForm", "the form")
        assert len(await ids(c)) == 3
        await c.press("escape", "d")
        await c.sees("1 pair deleted")


async def test_an_edited_pair_stays_under_the_cursor_wherever_it_stands(console):
    async with console(adapter=("",)) as c:
        await fill(c, *(record(n) for n in range(6)))
        screen = await opened(c)
        await c.press("j", "j", "j")
        await c.until(
            lambda: screen._detail is not None and screen.listing.current.id == screen._detail.pair.id, "shown"
        )
        asked = screen.listing.current.prompt
        await c.press("e")
        await c.until(lambda: type(c.app.screen).__name__ == "TextEditor", "editor")
        await c.press("!", "ctrl+s")
        await c.until(lambda: c.app.screen is screen and screen.listing.cursor == 0, "at the top, for it is new")
        await c.until(lambda: screen.listing.current is not None, "its row")
        assert screen.listing.current.prompt == asked
        await c.until(lambda: screen._detail.origin is not None, "where it came from is still known")


async def test_pairs_of_one_session_are_listed(console):
    async with console(adapter=("",)) as c:
        await fill(c, *(record(n) for n in range(3)))
        await c.chat.store.run(
            lambda store: store.import_records(ImportHead("bees", "bees.jsonl"), [record(7), record(8)])
        )
        screen = await opened(c)
        assert screen.listing.total == 5
        await c.press("f", *["down"] * 5, *"beez", "enter")
        await c.sees("No session with pairs is called 'beez'.")
        await c.press("backspace", "s", "enter")
        await c.until(lambda: c.app.screen is screen and screen.listing.total == 2, "two")
        await c.sees("session bees")


async def test_what_a_file_preferred_and_what_a_person_did_are_told_apart(console):
    async with console(adapter=("",), size=(140, 40)) as c:
        await fill(c, record(1), record(2))
        pairs = await c.chat.store.run(lambda store: store.list_pairs())
        for pair, verdict in zip(pairs, (Verdict.LEFT, Verdict.RIGHT), strict=True):
            left, right = (pair.right_id, pair.left_id)  # shown the other way round
            here = replace(
                pair, id=f"{pair.id}_me", left_id=left, right_id=right, verdict=verdict, annotator="me", shuffled=True
            )
            await c.chat.store.run(lambda store, here=here: store.add_pair(here))
        screen = await opened(c)
        await c.until(lambda: screen.listing.total == 4, "four")
        rows = {row.id: row for row in await c.chat.store.run(lambda store: store.pair_rows())}
        assert sides(rows[f"{pairs[0].id}_me"]) == "rejected > chosen"
        assert sides(rows[f"{pairs[1].id}_me"]) == sides(rows[pairs[0].id]) == "chosen > rejected"


async def test_prompts_of_wide_characters_are_cut_and_never_vanish(console):
    async with console(adapter=("",), size=(80, 24)) as c:
        await fill(c, record(1, prompt=[Message("user", "日本の首都はどこですか" * 6)]))
        await opened(c)
        await c.sees("日本の首都")
        line = next(line for line in c.text().split("\n") if "日本" in line)
        assert "…" in line


async def test_the_conditions_of_both_answers_stand_with_the_pair(console):
    async with console(adapter=("",), size=(140, 45)) as c:
        await start_two(c)
        await c.send("Why do tides come twice?")
        await c.leave_prompt()
        await c.press("2")
        await c.until(lambda: c.chat.state.last.take.verdict, "judged")
        screen = await opened(c)
        await c.until(lambda: screen._detail is not None, "shown")
        demo, base = (one for one in (screen._detail.right, screen._detail.left))
        await c.sees("temperature 0.3, top_p 0.95, at most 256 tokens")
        await c.sees(f"{base.conditions.model} {base.conditions.weights_sha256[:10]}")
        await c.sees(f"{demo.conditions.adapter} {demo.conditions.adapter_sha256[:10]} x1 ≠ none")


async def test_a_page_that_cannot_be_read_is_said_and_the_console_stays(console):
    async with console(adapter=("",)) as c:
        await fill(c, *(record(n) for n in range(2 * PAGE + 5)))
        screen = await opened(c)
        await c.until(lambda: screen.listing.total == 2 * PAGE + 5, "counted")
        whole = screen.listing._fetch

        async def fail(_offset: int, _limit: int):
            raise StoreError("The database is damaged.", "Restore a copy of it.")

        screen.listing._fetch = fail
        await c.press("G")
        await c.sees("The database is damaged. Restore a copy of it.")
        assert c.app.is_running and screen.listing.current is None
        screen.listing._fetch = whole
        screen.load()
        await c.until(lambda: screen.listing.current is not None, "read again")
        await c.press("G")
        await c.until(
            lambda: screen.listing.current is not None and screen.listing.cursor == 2 * PAGE + 4, "the last row"
        )
