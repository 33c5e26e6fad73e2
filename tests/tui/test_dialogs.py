"""Dialogs as a person drives them: focus, keys, complaints, what is saved, and Esc."""

from __future__ import annotations

import json

import pytest
from textual.command import CommandList, CommandPalette

from aligntui.core.errors import UserError
from aligntui.core.instruction import Instruction
from aligntui.core.prompt_format import Mode
from aligntui.tui.help_text import help_content
from aligntui.tui.modals.adapter_picker import AdapterPicker
from aligntui.tui.modals.choice_field import ChoiceField
from aligntui.tui.modals.dialog import Dialog
from aligntui.tui.modals.instruction_picker import InstructionPicker
from aligntui.tui.modals.settings_form import SHOWN, SettingsForm
from aligntui.tui.widgets.vim_list import VimList
from aligntui.wire.engine import AdapterRef
from aligntui.workbench.adapters import AdapterChoice
from aligntui.workbench.chat_state import Column

from .test_chat_screen import start_two

LONG = (
    "It was trained on other base weights than those of this model, and its target modules q_proj and v_proj are not there "
    * 2
)


async def opened(c, key: str, kind: type[Dialog]) -> Dialog:
    """The dialog that a key opens."""
    await c.press(key)
    await c.until(lambda: isinstance(c.app.screen, kind) and c.app.screen.focused, kind.__name__)
    await c.pilot.pause(0.05)
    return c.app.screen


def flat(c) -> str:
    """What stands in the dialog, without line breaks."""
    x, y, width, height = c.app.screen.query_one(".dialog-box").region
    return " ".join(" ".join(line[x + 1 : x + width - 1] for line in c.text().split("\n")[y : y + height]).split())


# settings -----------------------------------------------------------------------------------------


async def test_settings_begin_at_the_first_option_and_everything_is_within_reach(console):
    async with console(size=(80, 24), adapter=("",)) as c:
        form = await opened(c, "f8", SettingsForm)
        for name in SHOWN:
            await c.until(lambda name=name: form.focused and form.focused.id == f"option-{name}", name)
            await c.press("down")
        await c.press("up")
        await c.until(lambda: form.focused.id == f"option-{SHOWN[-1]}", "round to the last one")


async def test_settings_with_few_values_are_chosen_not_typed(console):
    async with console(size=(80, 24), adapter=("",)) as c:
        form = await opened(c, "f8", SettingsForm)
        for name in ("mode", "history", "blind"):
            assert isinstance(form.query_one(f"#option-{name}"), ChoiceField)
        assert "● system  ○ ita  ○ injection  ○ none" in c.text()
        form.query_one("#option-mode").focus()
        await c.press("right", "down", "down", "space", "down", "left", "enter")
        await c.until(lambda: c.app.screen is c.screen, "applied")
        settings = c.chat.settings
        assert (settings.mode, settings.history, settings.blind) == (Mode.ITA, "shared", True)


async def test_a_value_can_be_clicked(console):
    async with console(size=(80, 24), adapter=("",)) as c:
        form = await opened(c, "f8", SettingsForm)
        line = next(line for line in c.text().split("\n") if "○ injection" in line)
        field = form.query_one("#option-mode", ChoiceField)
        await c.pilot.click(field, offset=(line.index("○ injection") + 3 - field.region.x, 0))
        assert field.value == "injection"


async def test_a_wrong_number_is_said_beside_its_field_and_nothing_is_applied(console):
    async with console(size=(80, 24), adapter=("",)) as c:
        form = await opened(c, "f8", SettingsForm)
        await c.press(*"9", "tab", *"x", "enter")
        await c.pilot.pause(0.05)
        assert c.app.screen is form, "the dialog stays"
        assert form.focused.id == "option-temperature", "at the first wrong value"
        lines = c.text().split("\n")
        row = next(line for line in lines if "temperature" in line and "9" in line)
        assert "must be a number from 0 to 5" in row
        assert "must be a number above 0 and at most 1, not 'x'." in flat(c)
        assert c.chat.settings.sampling.temperature == 0.3
        await c.press("1")
        assert not form.query_one("#wrong-temperature").content, "a complaint goes as soon as it is heeded"
        await c.press("tab", *"0.5", "enter")
        await c.until(lambda: c.app.screen is c.screen, "applied")
        assert (c.chat.settings.sampling.temperature, c.chat.settings.sampling.top_p) == (1.0, 0.5)


async def test_esc_drops_what_was_set(console):
    async with console(adapter=("",)) as c:
        await opened(c, "f8", SettingsForm)
        await c.press("1", "escape")
        await c.until(lambda: c.app.screen is c.screen, "closed")
        assert c.chat.settings.sampling.temperature == 0.3


@pytest.mark.parametrize(("key", "kind"), [("f8", SettingsForm), ("f2", InstructionPicker), ("f3", AdapterPicker)])
async def test_hints_are_whole_in_80_columns(console, key, kind):
    async with console(size=(80, 24), adapter=("",)) as c:
        await opened(c, key, kind)
        assert help_content(kind.HINT, {}).plain in flat(c)


async def test_each_option_is_explained_in_full(console):
    async with console(size=(80, 24), adapter=("",)) as c:
        form = await opened(c, "f8", SettingsForm)
        for text in ("0 is greedy. A number from 0 to 5.", "with this probability. A number above 0 and at most 1."):
            assert text in flat(c)
            await c.press("down")
        form.query_one("#option-history").focus()
        await c.pilot.pause()
        assert "Whether each column continues its own answers (own) or all continue the chosen one (shared)." in flat(c)


# adapters -----------------------------------------------------------------------------------------


async def test_why_an_adapter_cannot_be_used_is_said_in_full(console):
    choices = [AdapterChoice("good", "/a/good", "r 3"), AdapterChoice("bad", "/a/bad", "", problem=LONG.strip())]
    async with console(size=(80, 24), adapter=("",)) as c:
        taken = []
        c.app.push_screen(AdapterPicker("Adapter", choices, Column()), taken.append)
        await c.until(lambda: isinstance(c.app.screen, AdapterPicker) and c.app.screen.focused, "picker")
        await c.press("j", "j")
        await c.until(lambda: LONG.strip() in flat(c), "the whole reason")
        await c.press("enter")
        assert isinstance(c.app.screen, AdapterPicker) and not taken
        await c.sees("bad cannot be used")
        await c.press("k", "enter")
        await c.until(lambda: taken, "taken")
        assert taken[0].adapter == AdapterRef("good", "/a/good")


async def test_the_strength_says_what_it_is_and_is_checked(console):
    async with console(size=(80, 24), adapter=("",)) as c:
        taken = []
        c.app.push_screen(AdapterPicker("Adapter", [AdapterChoice("good", "/a/good", "r 3")], Column()), taken.append)
        await c.until(lambda: isinstance(c.app.screen, AdapterPicker) and c.app.screen.focused, "picker")
        await c.press("j", "tab")
        await c.sees("Strength")
        await c.sees("0 to 2; 1 as trained, 0 is the base")
        await c.press("3", "enter")
        await c.sees("The strength must be a number from 0 to 2, not '3'.")
        await c.press("home", "delete", *"1.5", "enter")
        await c.until(lambda: taken, "taken")
        assert taken[0].strength == 1.5


# instructions -------------------------------------------------------------------------------------


async def test_saving_an_instruction_says_where_it_went(console, workspace):
    async with console(size=(120, 40), adapter=("",)) as c:
        c.chat.set_instruction(Instruction("Answer in rhyme."))
        picker = await opened(c, "f2", InstructionPicker)
        await c.press("s")
        await c.sees("Name for “Answer in rhyme.”")
        await c.press("enter")
        await c.sees("An instruction needs a name.")
        await c.press(*"Bard", "enter")
        await c.until(lambda: workspace.own_instructions.exists(), "saved")
        await c.sees("Saved as “Bard”")
        assert str(workspace.own_instructions) in flat(c).replace(" ", "")
        assert json.loads(workspace.own_instructions.read_text().splitlines()[-1])["phrasings"] == ["Answer in rhyme."]
        assert picker.query_one(VimList).has_focus and c.app.screen is picker
        assert any(str(workspace.own_instructions) in message.text for message in c.app.messages)
        await c.press("enter")
        await c.until(lambda: c.app.screen is c.screen, "taken")
        assert c.chat.state.instruction.text == "Answer in rhyme." and c.chat.state.instruction.type


async def test_an_instruction_that_cannot_be_saved_keeps_the_name(console):
    def refuse(_name: str, _text: str) -> Instruction:
        raise UserError("The library cannot be written.", "Choose another workspace.")

    async with console(adapter=("",)) as c:
        c.app.push_screen(InstructionPicker(list(c.app.bench.library.types), Instruction("Rhyme."), refuse))
        await c.until(lambda: isinstance(c.app.screen, InstructionPicker) and c.app.screen.focused, "picker")
        await c.press("s", *"Bard", "enter")
        await c.sees("The library cannot be written. Choose another workspace.")
        assert c.app.screen.query_one("#save-name").value == "Bard"


# esc ----------------------------------------------------------------------------------------------


async def test_esc_leaves_the_name_before_the_picker(console):
    async with console(adapter=("",)) as c:
        picker = await opened(c, "f2", InstructionPicker)
        await c.press("s", "x", "escape")
        assert c.app.screen is picker and picker.query_one(VimList).has_focus
        await c.press("escape")
        await c.until(lambda: c.app.screen is c.screen, "closed")


@pytest.mark.parametrize("key", ["f1", "f2", "f3", "f8", "f9", "f10", "e", "t", "i", "ctrl+p"])
async def test_each_esc_closes_one_dialog(console, key):
    async with console(adapter=("",)) as c:
        await start_two(c)
        await c.send("One")
        await c.leave_prompt()
        await c.press("1")
        await c.idle()
        focused = c.screen.focused
        await c.press(key)
        await c.until(lambda: len(c.app.screen_stack) == 3, "opened")
        below = c.app.screen
        await c.pilot.pause(0.05)
        nested = "f10" if key == "f1" else "f1"
        await c.press(nested)
        await c.until(lambda: len(c.app.screen_stack) == 4, "a text over it")
        await c.pilot.pause(0.05)
        await c.press("escape")
        await c.until(lambda: c.app.screen is below, "back in the dialog")
        await c.press("escape")
        await c.until(lambda: c.app.screen is c.screen, "back on the chat")
        assert c.screen.focused is focused
        assert c.chat.state.last.take.verdict, "nothing else happened"


# the palette --------------------------------------------------------------------------------------


async def palette(c) -> list[str]:
    await c.press("ctrl+p")
    await c.until(lambda: CommandPalette.is_open(c.app) and c.app.screen.query_one(CommandList).option_count, "palette")
    await c.pilot.pause(0.3)
    return entries(c)


def entries(c) -> list[str]:
    return [str(option.prompt) for option in c.app.screen.query_one(CommandList).options]


async def test_the_palette_names_actions_with_their_keys_and_no_ids(console, workspace):
    workspace.config.write_text('[keys]\n"board.tie" = "w"\n')
    async with console(adapter=("",)) as c:
        listed = await palette(c)
        assert "Left  1\nThe left answer is better." in listed
        assert "Tie  w\nThe two are equally good." in listed
        assert any(entry.startswith("Messages  F10\n") for entry in listed)
        assert not [entry for entry in listed if "board." in entry or "chat." in entry]
        assert len({entry.split("\n")[0] for entry in listed}) == len(listed), "no name twice"


async def test_the_palette_finds_by_what_an_action_does_and_runs_it(console):
    async with console(adapter=("",)) as c:
        await palette(c)
        await c.press(*"word diff")
        await c.until(lambda: [entry.split("  ")[0] for entry in entries(c)] == ["View"], "found")
        await c.press("down", "enter")
        await c.until(lambda: c.screen.view.value == "diff", "done")


async def test_the_palette_of_another_screen_has_its_actions(console):
    async with console(adapter=("",)) as c:
        await c.send("One")
        await c.press("f9")
        await c.until(lambda: getattr(c.app.screen, "_found", None), "sessions")
        listed = {entry.split("\n")[0] for entry in await palette(c)}
        assert {"Rename  r", "Export  m", "Help  F1", "Theme"} <= listed
        assert not any(entry.startswith(("Left", "Adapter")) for entry in listed)
        await c.press(*"rename", "enter")
        await c.until(lambda: c.app.screen.query_one("#renaming").display, "renaming")
