"""The list of sessions: what it counts and marks, what a search shows, renaming and export."""

from __future__ import annotations

import pytest

from aligntui.tui.screens.sessions import SessionsScreen, plural
from aligntui.tui.widgets.vim_list import VimList


async def open_sessions(c, count: int) -> SessionsScreen:
    await c.press("f9")
    await c.until(lambda: len(getattr(c.app.screen, "_found", ())) == count, "sessions")
    await c.pilot.pause(0.05)
    return c.app.screen


async def search(c, words: str) -> None:
    await c.press("slash", *words)
    screen = c.app.screen
    await c.until(lambda: any(found.turn_id for found in screen._found), "hits")
    await c.pilot.pause(0.05)


@pytest.mark.parametrize(("count", "text"), [(0, "0 turns"), (1, "1 turn"), (2, "2 turns")])
def test_plural(count, text):
    assert plural(count, "turn") == text


async def test_counts_and_marks_are_explained(console):
    async with console(size=(80, 24), adapter=("",)) as c:
        await c.send("A whale swims")
        await c.leave_prompt()
        await c.press("1")
        await open_sessions(c, 1)
        text = " ".join(c.text().split())
        assert "2 turns, 0 verdicts" in text and "turns, verdicts" in text and "used (UTC)" in text
        assert "1 session, used last first. A turn is a prompt or an answer. ● stands on the chat screen." in text
        assert "(s)" not in text


async def test_the_mark_is_explained_only_where_it_is(console):
    async with console(adapter=("",)) as c:
        await c.send("A whale swims")
        await c.leave_prompt()
        await c.screen.moves.new_session()
        await open_sessions(c, 1)
        assert "●" not in c.text()


async def test_a_match_keeps_the_space_before_and_after_it(console):
    async with console(size=(80, 24), adapter=("",)) as c:
        await c.send("Tell me how   whales\nsleep in the deep sea")
        await open_sessions(c, 1)
        await search(c, "whales")
        assert "prompt: Tell me how whales sleep in the deep sea" in c.text()


async def test_a_match_far_into_a_text_is_on_the_screen_in_80_columns(console):
    async with console(size=(80, 24), adapter=("",)) as c:
        await c.send("word " * 40 + "needle " + "word " * 40)
        await open_sessions(c, 1)
        await search(c, "needle")
        assert "… word word word word word word needle word" in c.text().replace("…word", "… word")


async def test_esc_leaves_box_by_box(console):
    async with console(adapter=("",)) as c:
        await c.send("A whale swims")
        screen = await open_sessions(c, 1)
        await c.press("r")
        await c.sees("New name")
        await c.press("escape")
        assert c.app.screen is screen and screen.query_one(VimList).has_focus
        await c.press("slash", "escape")
        assert c.app.screen is screen and screen.query_one(VimList).has_focus
        await c.press("escape")
        await c.until(lambda: c.app.screen is c.screen, "back")


async def test_renaming_and_export_say_what_they_did(console, workspace):
    async with console(adapter=("",)) as c:
        await c.send("A whale swims")
        await open_sessions(c, 1)
        await c.press("r", "ctrl+u", *"Sea", "enter")
        await c.until(lambda: c.app.screen._found[0].name == "Sea", "renamed")
        await c.until(lambda: c.app.screen.query_one(VimList).highlighted == 0, "listed again")
        await c.press("m")
        await c.until(lambda: any("Exported to" in message.text for message in c.app.messages), "exported")
        assert [path.name for path in workspace.exports.glob("sea-*.md")]


async def test_letters_of_the_list_are_not_in_the_footer_while_one_types(console):
    async with console(adapter=("",)) as c:
        await c.send("A whale swims")
        await open_sessions(c, 1)
        assert "r Rename" in c.text().split("\n")[-1]
        await c.press("slash")
        await c.until(lambda: "Rename" not in c.text().split("\n")[-1], "gone")


async def test_without_colour_the_row_under_the_cursor_is_reversed(console, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with console(adapter=("",)) as c:
        await c.send("A whale swims")
        await c.leave_prompt()
        await c.screen.moves.new_session()
        await c.send("A tractor ploughs")
        screen = await open_sessions(c, 2)
        assert c.app.no_color
        listing = screen.query_one(VimList)
        for at in (0, 1):
            listing.highlighted = at
            await c.pilot.pause(0.05)
            reversed_rows = [all(s.style.reverse for s in listing.render_line(y) if s.text.strip()) for y in (0, 1)]
            assert reversed_rows == [at == 0, at == 1]
