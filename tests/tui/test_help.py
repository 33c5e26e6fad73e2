"""Help names the keys that are live, as they are now; texts to read wrap and scroll."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from textual.content import Content
from textual.dom import DOMNode
from textual.widget import Widget

import aligntui.tui
from aligntui.tui.app import ConsoleApp
from aligntui.tui.help_text import help_content, help_text, keys_of, live_keys, spoken
from aligntui.tui.modals.readers import HelpReader, MessagesReader, Reader
from aligntui.tui.modals.reading import Heading, Paragraph, Row, lay_out
from aligntui.workbench.opening import settings_for

from .conftest import SCRIPTED, wait_for
from .test_chat_screen import start_two


def all_texts() -> list[tuple[str, str]]:
    """Every HELP and HINT of the console's classes."""
    for module in pkgutil.walk_packages(aligntui.tui.__path__, "aligntui.tui."):
        importlib.import_module(module.name)
    classes, waiting = set(), [DOMNode]
    while waiting:
        found = waiting.pop().__subclasses__()
        waiting += [cls for cls in found if cls not in classes]
        classes.update(found)
    ours = sorted((cls for cls in classes if cls.__module__.startswith("aligntui.")), key=lambda cls: cls.__qualname__)
    return [
        (f"{cls.__qualname__}.{name}", str(vars(cls)[name]))
        for cls in ours
        for name in ("HELP", "HINT")
        if name in vars(cls)
    ]


def rows(app) -> dict[str, dict[tuple[str, ...], str]]:
    """Heading to keys to sentence, as F1 would show them."""
    groups = live_keys(app.screen, app.settings.keys)
    return {group.heading: {row.keys: row.help for row in group.rows} for group in groups}


def keys_named(app) -> set[str]:
    return {key for group in rows(app).values() for keys in group for key in keys}


# texts with placeholders --------------------------------------------------------------------------


def test_placeholders_become_the_keys_that_are_in_force():
    template = "Press {key:prompt.send}; {keys:prompt.newline} breaks the line."
    assert help_text(template, {}) == "Press Enter; Ctrl+J, Shift+Enter or Alt+Enter breaks the line."
    moved = {"prompt.send": "ctrl+s,f11", "prompt.newline": "enter"}
    assert help_text(template, moved) == "Press Ctrl+S; Enter breaks the line."


@pytest.mark.parametrize("text", ["", "Nothing to replace.", "A {brace} and {key} and [bracket] stay.", "{key:}"])
def test_a_text_without_placeholders_stays(text):
    assert help_text(text, {"prompt.send": "f11"}) == text


def test_a_placeholder_for_no_action_is_refused():
    with pytest.raises(KeyError, match=r"prompt\.nothing"):
        help_text("{key:prompt.nothing}", {})


def test_a_moved_key_cannot_break_the_styling():
    content = help_content("**Bold {key:prompt.send}** `{key:prompt.older}` [x] {key:board.tie}", {
        "prompt.send": "asterisk", "prompt.older": "grave_accent", "board.tie": "left_square_bracket",
    })  # fmt: skip
    assert content.plain == "Bold * ` [x] ["


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("ctrl+j", "Ctrl+J"), ("shift+up", "Shift+Up"), ("K", "K"), ("k", "k"), ("f10", "F10"), ("comma", ","),
        ("plus", "+"), ("escape", "Esc"), ("pagedown", "PgDn"), ("ctrl+left_square_bracket", "Ctrl+["), ("+", "+"),
    ],
)  # fmt: skip
def test_keys_are_written_as_people_write_them(key, written):
    assert spoken(key) == written


def test_every_text_of_the_console_names_only_actions_that_there_are():
    texts = all_texts()
    assert len(texts) > 8
    for name, text in texts:
        assert "{key" not in help_text(text, {}), name


def test_every_dialog_has_help():
    from aligntui.tui.modals.dialog import Dialog

    all_texts()
    for cls in Dialog.__subclasses__():
        assert "HELP" in vars(cls) and "HINT" in vars(cls), cls


# what F1 lists ------------------------------------------------------------------------------------


async def test_the_sessions_screen_lists_its_own_keys_and_none_of_the_chat(console):
    async with console(adapter=("",)) as c:
        await c.send("One")
        await c.press("f9")
        await c.until(lambda: getattr(c.app.screen, "_found", None), "sessions")
        listed = rows(c.app)
        assert set(listed) == {"In lists and texts to read", "On this screen", "Everywhere"}
        assert {("/",), ("r",), ("m",), ("Esc",)} == set(listed["On this screen"])
        assert ("j", "Down") in listed["In lists and texts to read"]
        await c.press("f1")
        await c.sees("Give the session under the cursor another name.")
        assert "Pick an alignment instruction" not in c.text()


async def test_the_instruction_bar_does_not_send(console):
    async with console(adapter=("",)) as c:
        c.screen.query_one("#instruction").focus()
        await c.pilot.pause()
        assert "In the prompt box" not in rows(c.app)
        assert "Enter" not in keys_named(c.app)
        c.screen.query_one("#prompt").focus()
        await c.pilot.pause()
        assert rows(c.app)["In the prompt box"][("Enter",)] == "Send the prompt to every column."


async def test_no_key_is_listed_that_types_a_character_in_the_focused_box(console, workspace):
    workspace.config.write_text('[keys]\n"board.left_better" = "w"\n')
    async with console(adapter=("",)) as c:
        assert not [key for key in keys_named(c.app) if len(key) == 1], "1, + and the moved w are typed here"
        await c.leave_prompt()
        judging = rows(c.app)["On the answers: judging"]
        assert judging[("w",)] == "The left answer is better."
        assert ("1",) not in judging


async def test_what_is_listed_for_the_answers_is_what_their_keys_do(console):
    async with console(adapter=("",)) as c:
        await c.leave_prompt()
        listed = {
            key for heading, found in rows(c.app).items() if heading != "Everywhere" for keys in found for key in keys
        }
        live = {spoken(key) for key, (_, binding, _, _) in c.screen.active_bindings.items() if binding.tooltip}
        assert listed == live - {spoken("f24")} - {k for k in live if k in ("F1", "F10", "Ctrl+P", "Ctrl+Q")}


async def test_moved_keys_stand_in_help_and_hints(console, workspace):
    workspace.config.write_text('[keys]\n"list.down" = "ctrl+n"\n"global.help" = "f20"\n')
    async with console(adapter=("",)) as c:
        await c.press("f20")
        await c.sees("Ctrl+N k PgDn PgUp scroll")
        assert ("F20",) in rows(c.app)["Everywhere"]
        before = c.app.screen.scroll.scroll_y
        await c.press("ctrl+n")
        await c.until(lambda: c.app.screen.scroll.scroll_y > before, "the moved key scrolls")


async def test_help_closes_by_its_own_key_and_lies_over_dialogs(console):
    async with console(adapter=("",)) as c:
        await c.press("f2")
        await c.until(lambda: type(c.app.screen).__name__ == "InstructionPicker", "picker")
        await c.press("f1")
        await c.sees("Save the text of the instruction bar under a name of your own.")
        assert isinstance(c.app.screen, HelpReader)
        assert "Send the prompt" not in c.text()
        await c.press("f1")
        assert type(c.app.screen).__name__ == "InstructionPicker"
        await c.press("escape")
        assert c.app.screen is c.screen


async def test_help_of_the_answers_is_grouped_and_aligned_at_80x24(console):
    async with console(size=(80, 24), adapter=("",)) as c:
        await c.leave_prompt()
        await c.press("f1")
        await c.until(lambda: c.app.screen.query("ReadingText"), "help")
        await c.pilot.pause(0.05)
        assert all(len(line) <= 80 for line in c.text().split("\n"))
        text = c.app.screen.query_one("ReadingText")
        laid_out = text.render().plain.split("\n")
        headings = [line for line in laid_out if line.startswith("On the answers")]
        assert headings[0] == "On the answers: judging" and len(headings) == 5
        first = laid_out.index(headings[0]) + 1
        at = laid_out[first].index("The left answer is better.")
        for line in laid_out[first:]:
            assert not line or line[:1] != " " or not line[:at].strip(), "what goes on stands under its beginning"
            assert not line[at : at + 1].isspace() or line in headings


# texts to read ------------------------------------------------------------------------------------


def texts(*words: str) -> list[Row]:
    return [Row(Content(word), Content("a sentence that is much longer than its column is wide")) for word in words]


@pytest.mark.parametrize("width", [12, 20, 34, 80])
def test_what_is_wrapped_stays_under_its_beginning(width):
    laid_out = lay_out(texts("k", "long"), width).plain.split("\n")
    assert all(len(line) <= width for line in laid_out)
    at = laid_out[0].index("a")
    for line in laid_out:
        assert line[at] != " " and line[:at].strip() in ("k", "long", "")
    assert sum(bool(line[:at].strip()) for line in laid_out) == 2


def test_a_label_that_is_too_long_wraps_in_its_column():
    laid_out = lay_out([Row(Content("Ctrl+J Shift+Enter Alt+Enter"), Content("Start a new line."))], 60)
    assert laid_out.plain.split("\n") == ["Ctrl+J Shift+Enter  Start a new line.", "Alt+Enter"]


def test_lines_of_a_value_keep_their_own_indent_and_wide_characters_fit():
    laid_out = lay_out([Row(Content("prompt"), Content("one\n  two\n\n漢字漢字漢字漢字"))], 18)
    assert laid_out.plain.split("\n") == ["prompt  one", "          two", "", "        漢字漢字漢", "        字漢字"]
    assert all(Content(line).cell_length <= 18 for line in laid_out.plain.split("\n"))


def test_a_heading_has_a_blank_line_before_it_and_none_at_the_end():
    laid_out = lay_out(
        [Paragraph(Content("text")), Heading("Part"), *texts("k"), Heading("Next"), Paragraph(Content("x"))], 80
    )
    assert [line[:6] for line in laid_out.plain.split("\n")] == ["text", "", "Part", "k  a s", "", "Next", "x"]


async def test_a_reader_scrolls_by_the_keys_of_a_list(console):
    async with console(size=(80, 24), adapter=("",)) as c:
        c.app.push_screen(Reader("Long", [Paragraph(Content("\n".join(f"line {n}" for n in range(200))))]))
        await c.until(lambda: c.app.screen.query("ReadingText") and c.app.screen.scroll.max_scroll_y > 100, "reader")
        scroll = c.app.screen.scroll
        page, end = scroll.size.height - 1, scroll.max_scroll_y
        for key, y in [
            ("j", 1), ("down", 2), ("k", 1), ("up", 0), ("pagedown", page), ("space", 2 * page), ("pageup", page),
            ("G", end), ("g", 0), ("end", end), ("home", 0),
        ]:  # fmt: skip
            await c.press(key)
            await c.until(lambda y=y: scroll.scroll_y == y, f"{key} goes to {y}")


# past messages ------------------------------------------------------------------------------------


async def test_past_messages_can_be_read_in_full(console):
    async with console(size=(80, 24), adapter=("",)) as c:
        long = "The disk is full. " + "word " * 40 + "end of it"
        c.app.remember("first \x1b[31m", "information")
        c.app.remember(long, "error")
        c.app.remember("  ", "error")
        await c.press("f10")
        await c.until(lambda: isinstance(c.app.screen, MessagesReader), "messages")
        await c.until(lambda: "end of" in c.text(), "the end of the message")
        assert c.text().index("The disk is full.") < c.text().index("first"), "the latest stands first"
        assert "\x1b" not in c.text()
        assert [m.severity for m in c.app.messages][-2:] == ["information", "error"], "a blank one is not kept"
        await c.press("f10")
        assert c.app.screen is c.screen


async def test_only_the_last_fifty_messages_are_kept(console):
    async with console(adapter=("",)) as c:
        for number in range(60):
            c.app.remember(f"message {number}")
        assert [m.text for m in c.app.messages] == [f"message {n}" for n in range(10, 60)]


async def test_what_the_chat_says_can_be_read_later(console):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.press("f6")
        await c.press("f10")
        await c.sees("Mode ita: counts from the next answer on.")


async def test_toasts_leave_the_prompt_free(workspace):
    app = ConsoleApp(workspace, settings_for(workspace, {"adapter": ("",)}), SCRIPTED)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await wait_for(pilot, lambda: app._chat_screen and app._chat_screen.panes, what="chat")
        app.notify("Something went wrong. " * 4, severity="error")
        await wait_for(pilot, lambda: app.screen.query("Toast"), what="toast")
        prompt = app.screen.query_one("#prompt").region
        assert not any(prompt.overlaps(toast.region) for toast in app.screen.query("Toast").results(Widget))
        await pilot.press("f10")
        await wait_for(pilot, lambda: isinstance(app.screen, MessagesReader), what="messages")
        await pilot.pause(0.1)
        assert not app.screen.query("Toast"), "they would lie over the list in which they stand"


def test_keys_of_an_action_that_nobody_moved():
    assert keys_of("board.older_take", {}) == (",", "<")
