"""Themes: which one the console begins with, that a choice is kept, and that everything can be read in both of ours."""

from __future__ import annotations

import json

import pytest
from textual.color import Color

from aligntui.config.remembered import remember_theme, remembered_file, remembered_theme
from aligntui.core.errors import UserError
from aligntui.tui.theme import ALIGNTUI_DARK, ALIGNTUI_LIGHT

from .test_chat_screen import start_two

LEAST = 4.5
"""WCAG 2.1, success criterion 1.4.3: contrast of text, level AA."""


def luminance(color: Color) -> float:
    """Relative luminance of WCAG 2.1."""
    parts = [channel / 255 for channel in color.rgb]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: Color, b: Color) -> float:
    """Contrast ratio of WCAG 2.1."""
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_black_on_white_is_21():
    assert contrast(Color.parse("#000"), Color.parse("#fff")) == pytest.approx(21)
    assert contrast(Color.parse("#777777"), Color.parse("#ffffff")) == pytest.approx(4.48, abs=0.01)


def hard_to_read(app) -> list[tuple[float, str]]:
    """Words on the top screen or dialog below the least contrast."""
    boxes = app.screen.query(".dialog-box, CommandPalette Vertical")
    region = boxes.first().region if boxes else app.screen.region
    found = []
    for y, strip in enumerate(app.screen._compositor.render_strips()):
        x = 0
        for segment in strip:
            style = segment.style
            words = segment.text.strip()
            if style and style.color and style.bgcolor and any(c.isalnum() for c in words) and region.contains(x, y):
                ratio = contrast(Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor))
                if ratio < LEAST:
                    found.append((round(ratio, 2), words))
            x += segment.cell_length
    return found


@pytest.mark.parametrize("theme", [ALIGNTUI_DARK, ALIGNTUI_LIGHT], ids=lambda theme: theme.name)
async def test_everything_can_be_read(console, theme):
    async with console(adapter=("",), theme=theme.name) as c:
        await start_two(c)
        assert c.app.theme == theme.name
        assert not hard_to_read(c.app), "the empty board"
        await c.send("What makes bread rise?")
        await c.leave_prompt()
        await c.press("1", "f6")
        await c.idle()
        c.app.remember("An error to read.", "error")
        c.app.remember("A warning to read.", "warning")
        assert not hard_to_read(c.app), "a judged turn, a warning line"
        for key, more in [
            ("f1", ()), ("f2", ()), ("f2", ("s",)), ("f3", ("home",)), ("f8", ("x", "tab", "tab", "right")), ("f8", ("tab",) * 4),
            ("f9", ()), ("f9", ("slash",)), ("f10", ()), ("i", ()), ("e", ()), ("t", ()), ("ctrl+p", ()),
        ]:  # fmt: skip
            await c.press(key)
            await c.until(lambda: len(c.app.screen_stack) > 2, key)
            await c.pilot.pause(0.3)
            await c.press(*more)
            await c.pilot.pause(0.1)
            assert not hard_to_read(c.app), (key, more)
            while c.app.screen is not c.screen:
                await c.press("escape")


# which theme the console begins with ----------------------------------------------------------------


async def choose(c, name: str) -> None:
    """Take a theme from the palette."""
    c.app.action_change_theme()
    await c.until(lambda: "Search for themes" in c.text(), "themes")
    await c.press(*name)
    await c.until(lambda: [str(o.prompt) for o in c.app.screen.query_one("CommandList").options][:1] == [name], name)
    await c.press("enter")
    await c.until(lambda: c.app.theme == name and remembered_file().exists(), "chosen")


async def test_a_theme_chosen_in_the_palette_is_kept(console):
    async with console(adapter=("",)) as c:
        await c.pilot.pause(0.1)
        assert not remembered_file().exists(), "starting is not choosing"
        await choose(c, "gruvbox")
    async with console(adapter=("",)) as c:
        assert c.app.theme == "gruvbox"


async def test_a_choice_leaves_the_configuration_alone_and_gives_way_to_a_later_one(console, workspace):
    text = "# mine\n[options]\ntheme   = 'nord' # dark\n"
    workspace.config.write_text(text)
    async with console(adapter=("",)) as c:
        assert c.app.theme == "nord"
        await choose(c, "gruvbox")
    assert workspace.config.read_text() == text
    async with console(adapter=("",)) as c:
        assert c.app.theme == "gruvbox", "the choice was made over this configuration"
    workspace.config.write_text(text.replace("nord", "dracula"))
    async with console(adapter=("",)) as c:
        assert c.app.theme == "dracula", "the configuration was changed since"
    async with console(adapter=("",), theme="monokai") as c:
        assert c.app.theme == "monokai", "a flag holds for this start"


async def test_an_unknown_theme_is_said_with_the_nearest_ones(console):
    async with console(adapter=("",), theme="gruvbocks") as c:
        assert c.app.theme == ALIGNTUI_DARK.name
        await c.until(lambda: c.app.messages, "said")
        said = c.app.messages[0]
        assert "There is no theme 'gruvbocks' (--theme); the console's own is used." in said.text
        assert "The nearest: gruvbox" in said.text and said.severity == "warning"


async def test_a_theme_that_cannot_be_kept_is_said(console, tmp_path, monkeypatch):
    async with console(adapter=("",)) as c:
        (tmp_path / "not-a-folder").write_text("")
        monkeypatch.setenv("ALIGNTUI_STATE", str(tmp_path / "not-a-folder"))
        c.app.theme = "nord"
        await c.until(lambda: any("not kept for the next start" in m.text for m in c.app.messages), "said")
        assert c.app.theme == "nord"


# what is kept -------------------------------------------------------------------------------------


def test_a_choice_is_kept_with_what_it_was_made_over(tmp_path):
    env = {"ALIGNTUI_STATE": str(tmp_path / "deep" / "state")}
    assert remembered_theme("", env) == ""
    remember_theme("nord", "dracula", env)
    assert remembered_theme("dracula", env) == "nord"
    assert remembered_theme("", env) == ""


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '"theme"', "{}", '{"theme": 3}', '{"theme": {"chosen": 3, "over": ""}}', "\x00"]
)
def test_a_damaged_file_counts_as_none(tmp_path, text):
    env = {"ALIGNTUI_STATE": str(tmp_path)}
    remembered_file(env).write_text(text)
    assert remembered_theme("", env) == ""
    remember_theme("nord", "", env)
    assert json.loads(remembered_file(env).read_text())["theme"]["chosen"] == "nord"


def test_where_it_lies(tmp_path):
    assert remembered_file({"ALIGNTUI_STATE": str(tmp_path)}) == tmp_path / "console.json"
    assert remembered_file({"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "aligntui" / "console.json"
    with pytest.raises(UserError, match="cannot be written"):
        (tmp_path / "file").write_text("")
        remember_theme("nord", "", {"ALIGNTUI_STATE": str(tmp_path / "file")})
