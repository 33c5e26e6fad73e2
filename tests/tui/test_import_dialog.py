"""The import dialog on real files and a real database: look, import, refuse, stop."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from aligntui.store import PairFilter
from aligntui.tui.help_text import help_content
from aligntui.tui.modals import import_dialog
from aligntui.tui.modals.choice_field import ChoiceField
from aligntui.tui.modals.import_dialog import ImportDialog
from aligntui.tui.screens.pairs import PairsScreen
from aligntui.tui.widgets.path_suggester import PathSuggester

from .test_dialogs import flat


def rows(count: int, first: int = 0) -> list[dict[str, object]]:
    return [
        {"question": f"Why is sky {n} blue?", "good": f"Scattering, case {n}.", "bad": f"Magic, case {n}. \x1b[31m", "id": n}
        for n in range(first, first + count)
    ]  # fmt: skip


def write(folder: Path, records: list[dict[str, object]], *more: str, name: str = "pairs.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(one) + "\n" for one in records) + "".join(f"{line}\n" for line in more))
    return path


MAPPING = "prompt=question, chosen = good,rejected=bad"


async def opened(c, path: Path | str = "", mapping: str = "") -> ImportDialog:
    await c.leave_prompt()
    await c.press("ctrl+g")
    await c.until(lambda: isinstance(c.app.screen, PairsScreen) and c.app.screen._counted, "pairs screen")
    await c.press("i")
    await c.until(lambda: isinstance(c.app.screen, ImportDialog) and c.app.screen.focused, "dialog")
    dialog = c.app.screen
    dialog.query_one("#source").value = str(path)
    dialog.query_one("#mapping").value = mapping
    await c.pilot.pause()
    return dialog


async def says(c, text: str) -> None:
    """Until the dialog says so, wherever its lines break."""
    await c.until(lambda: text in flat(c), text)


async def live(c) -> int:
    return await c.chat.store.run(lambda store: store.count_pair_rows(PairFilter()))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_look_says_how_a_file_would_be_read_and_stores_nothing(console, tmp_path, size):
    path = write(tmp_path, [{**one, "extra": 1} for one in rows(3)], "{broken")
    async with console(adapter=("",), size=size) as c:
        await opened(c, path, MAPPING)
        assert "Nothing is stored before Ctrl+S." in flat(c)
        await c.press("enter")
        await says(c, "trl It has prompt, chosen and rejected, which are texts.")
        text = flat(c)
        assert "prompt = question, chosen = good, rejected = bad, id" in text
        assert "not read extra" in text and "█ 3 pairs ░ 1 bad of 4" in text
        assert "1 cannot be read: 1 not JSON or CSV" in text and "line 4 it is not JSON" in text
        await c.press("pagedown", "pagedown")
        await c.sees("Record 2 · line 2")
        assert "\x1b" not in c.text()
        assert await live(c) == 0


async def test_the_hint_is_whole_in_80_columns(console):
    async with console(adapter=("",), size=(80, 24)) as c:
        await opened(c)
        assert help_content(ImportDialog.HINT, {}).plain in flat(c)


async def test_what_cannot_be_told_is_said_with_what_to_do(console, tmp_path):
    path = write(tmp_path, rows(2))
    async with console(adapter=("",), size=(120, 40)) as c:
        await opened(c, path)
        await c.press("enter")
        await says(c, "its layout cannot be told from its columns.")
        assert "It has the columns question, good, bad, id." in flat(c)
        assert "Map columns to fields, as in prompt=question." in flat(c)


@pytest.mark.parametrize(
    ("source", "mapping", "said"),
    [
        ("", "", "Name a file or a data set first."),
        ("x.jsonl", "prompt", "'prompt' has no equals sign."),
        ("x.jsonl", "promt=a", "There is no field 'promt' to map a column to."),
    ],
)
async def test_a_wish_that_cannot_be_read_is_refused_where_it_stands(console, source, mapping, said):
    async with console(adapter=("",), size=(80, 24)) as c:
        dialog = await opened(c, source, mapping)
        for key in ("enter", "ctrl+s"):
            await c.press(key)
            await c.until(lambda: said in flat(c), said)
        assert dialog.focused.id == ("mapping" if mapping else "source")


async def test_a_file_that_is_not_there_is_said(console, tmp_path):
    async with console(adapter=("",), size=(120, 40)) as c:
        await opened(c, tmp_path / "nowhere.jsonl")
        for key in ("enter", "ctrl+s"):
            await c.press(key)
            await c.until(lambda: "✖" in flat(c) and "nowhere.jsonl" in flat(c), "said")
        assert await live(c) == 0


async def test_one_bad_record_refuses_the_whole_file_until_it_may_be_left_out(console, tmp_path):
    path = write(tmp_path, rows(3), "{broken")
    async with console(adapter=("",), size=(120, 40)) as c:
        dialog = await opened(c, path, MAPPING)
        await c.press("ctrl+s")
        await c.sees("✖ Nothing was imported: 1 of 4 records cannot be read.")
        assert f"{path}, line 4: it is not JSON" in flat(c).replace(f"{path} ,", f"{path},")
        await c.sees("Correct them, or choose “leave out” for bad records.")
        assert await live(c) == 0
        dialog.query_one("#bad", ChoiceField).focus()
        await c.press("right", "ctrl+s")
        await c.sees("✓ 3 pairs added")
        assert "bad 1 could not be read and were left out" in flat(c)
        assert await live(c) == 3
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, PairsScreen) and c.app.screen.listing.total == 3, "listed")
        await c.sees("3 pairs imported from")


async def test_known_and_deleted_records_are_counted_apart(console, tmp_path):
    path = write(tmp_path, rows(3))
    async with console(adapter=("",), size=(120, 40)) as c:
        await opened(c, path, MAPPING)
        await c.press("ctrl+s")
        await c.sees("✓ 3 pairs added")
        await c.sees("counted with the tokenizer of the embedded model")
        await c.chat.store.run(lambda store: store.undo_pairs(store.pair_ids(PairFilter())[:1]))
        write(tmp_path, rows(4))
        await c.press("ctrl+s")
        await c.sees("✓ 1 pair added")
        assert "known 2 stand in the database already" in flat(c)
        assert "deleted 1 were imported before and deleted since; they stay deleted" in flat(c)
        await c.press("ctrl+s")
        await c.sees("Nothing was added.")
        assert await live(c) == 3


async def test_an_import_shows_its_progress_and_is_stopped_without_a_trace(console, tmp_path, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    whole = import_dialog.import_pairs

    def slow(store, wish, library, counter, on_progress):
        def waiting(done: int) -> None:
            begun.set()
            go_on.wait(20)
            on_progress(done)

        return whole(store, wish, library, counter, waiting)

    monkeypatch.setattr(import_dialog, "import_pairs", slow)
    path = write(tmp_path, rows(1500))
    async with console(adapter=("",), size=(80, 24)) as c:
        dialog = await opened(c, path, MAPPING)
        await c.press("ctrl+s")
        await c.until(begun.is_set, "under way")
        try:
            await c.sees("◌ importing: ")
            await c.sees("Esc stops it; nothing enters")
            assert await live(c) == 0, "the store answers meanwhile, and sees none of it"
            await c.press("escape")
            await c.sees("stopping; nothing will have entered")
            assert c.app.screen is dialog
        finally:
            go_on.set()
        await c.sees("■ Stopped: nothing was imported.")
        assert await live(c) == 0
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, PairsScreen), "closed")


async def test_the_layout_is_chosen_and_a_line_breaks_between_two_of_them(console, tmp_path):
    path = write(tmp_path, [{"instruction": "Translate.", "input": "Haus", "output": "house"}])
    async with console(adapter=("",), size=(80, 24)) as c:
        dialog = await opened(c, path)
        assert not any(line.rstrip(" │").endswith("○") for line in c.text().split("\n"))
        await c.press("enter")
        await c.sees("alpaca  It has the columns instruction and output.")
        await c.press("down", "left")
        assert dialog.query_one("#layout", ChoiceField).value == "alpaca-task"
        await c.press("enter")
        await c.sees("alpaca-task  The layout was asked for.")


async def test_a_quoted_path_is_the_path(console, tmp_path):
    path = write(tmp_path, rows(1), name="two words.jsonl")
    async with console(adapter=("",), size=(120, 40)) as c:
        await opened(c, f"'{path}'", MAPPING)
        await c.press("enter")
        await c.sees("█ 1 pair  ░ 0 bad  of 1")


async def test_a_file_name_is_completed(console, tmp_path):
    write(tmp_path, rows(1), name="tides.jsonl")
    async with console(adapter=("",), size=(120, 40)) as c:
        dialog = await opened(c)
        field = dialog.query_one("#source")
        field.value = ""
        await c.press(*f"{tmp_path}/tid")
        await c.until(lambda: field._suggestion == f"{tmp_path}/tides.jsonl", "suggested")
        await c.press("right")
        assert field.value == f"{tmp_path}/tides.jsonl"


async def test_files_that_can_be_read_come_before_others_and_folders_end_with_a_slash(tmp_path, monkeypatch):
    for name in ("data.aux", "data.jsonl", "data.log", ".hidden"):
        (tmp_path / name).write_text("")
    (tmp_path / "more").mkdir()
    suggester = PathSuggester((".jsonl",))
    assert await suggester.get_suggestion(f"{tmp_path}/da") == f"{tmp_path}/data.jsonl"
    assert await suggester.get_suggestion(f"{tmp_path}/data.l") == f"{tmp_path}/data.log"
    assert await suggester.get_suggestion(f"{tmp_path}/m") == f"{tmp_path}/more/"
    assert await suggester.get_suggestion(f"{tmp_path}/more/x") is None
    assert await suggester.get_suggestion(f"{tmp_path}/nowhere/x") is None
    assert await suggester.get_suggestion("a\0b/") is None
    monkeypatch.chdir(tmp_path)
    assert await suggester.get_suggestion("dat") == "data.jsonl"
    assert await suggester.get_suggestion("") is None
