"""The score screen, on the scripted engine and a real database."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from rich.cells import cell_len

from aligntui.core.errors import UserError
from aligntui.core.generation import RunKind
from aligntui.store import open_store
from aligntui.tui.modals.score_form import ScoreForm, SuitesField
from aligntui.tui.screens.chat import ChatScreen
from aligntui.tui.screens.score import ScoreScreen
from aligntui.tui.screens.score_results import ResultsScreen
from aligntui.workbench.generation.holding import held
from aligntui.workbench.scoring.desk import ScoreOrder
from aligntui.workbench.scoring.running import fill_run
from tests.cli.score_runs import battery, track_a, write_lines
from tests.tui.test_hard_cases import start_two
from tests.workbench.switch_bench import scripted


@pytest.fixture
def scores(console):
    """`async with scores() as (c, screen):` opens the score screen with base and demo."""

    @asynccontextmanager
    async def start(size=(120, 40), script=None, tmp=None, two=True, **flags):
        argv = scripted(tmp, **script) if script and tmp else None
        async with console(size=size, adapter=("",), argv=argv, max_new_tokens=24, **flags) as c:
            if two:
                await start_two(c)
            yield c, await to_scores(c)

    return start


async def to_scores(c) -> ScoreScreen:
    await c.press("ctrl+n")
    await c.until(lambda: isinstance(c.app.screen, ScoreScreen) and c.app.screen.is_mounted, "score screen")
    await c.pilot.pause(0.1)
    screen = c.app.screen
    assert isinstance(screen, ScoreScreen)
    return screen


async def order(c, suites=("tracka",), **values: str) -> None:
    """Fill in the form and begin."""
    await c.press("n")
    await c.until(lambda: isinstance(c.app.screen, ScoreForm), "form")
    c.app.screen.query_one(SuitesField).ticked = set(suites)
    for name, value in values.items():
        c.app.screen.query_one(f"#field-{name.replace('_', '-')}").value = value
    await c.press("enter")


async def done(c, count: int = 1) -> None:
    desk = c.app.score_desk
    await c.until(
        lambda: desk.running is None and len(desk.runs) >= count and all(r.done == r.cells for r in desk.runs), "done"
    )
    await c.pilot.pause(0.1)


async def whole(c, screen, folder, name="mine", count=6, **more) -> None:
    """One run, filled."""
    desk = c.app.score_desk
    await desk.go_on(await desk.begin(ScoreOrder("tracka", track_a(folder, count), name=name, **more)))
    screen.load()
    await c.until(lambda: screen.current is not None and screen.listing.total == len(desk.runs), "listed")
    await c.pilot.pause(0.1)


async def results(c) -> ResultsScreen:
    await c.press("enter")
    await c.until(lambda: isinstance(c.app.screen, ResultsScreen) and c.app.screen.is_mounted, "results")
    await c.pilot.pause(0.1)
    return c.app.screen


def footer(c) -> str:
    return c.text().splitlines()[-1]


async def test_without_a_run_it_says_how_to_begin(scores):
    async with scores() as (c, _screen):
        await c.sees("No run yet.")
        assert "n begins one" in c.text() and "n New" in footer(c) and "Results" not in footer(c)
        await c.press("r", "o", "m", "s", "c", "space", "z", "enter")
        assert "No run yet." in c.text(), "keys without a run open and begin nothing"
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, ChatScreen), "the chat again")


@pytest.mark.parametrize("key", ["ctrl+n", "alt+5"])
async def test_both_keys_open_it_from_the_prompt_box(console, key):
    async with console(adapter=("",)) as c:
        c.screen.query_one("#prompt").focus()
        await c.press(key)
        await c.until(lambda: isinstance(c.app.screen, ScoreScreen), "open")
        await c.press("alt+1")
        await c.until(lambda: isinstance(c.app.screen, ChatScreen), "closed")
        assert not c.screen.query_one("#prompt").text


async def test_a_run_is_ordered_and_watched_with_its_partial_scores(scores, tmp_path):
    async with scores(script={"delay_s": 0.1}, tmp=tmp_path) as (c, _screen):
        await order(c, prompts=track_a(tmp_path, 24), name="mine")
        await c.sees("So far")
        desk = c.app.score_desk
        await c.until(lambda: sum(one.answered for one in desk.live) > 2, "answers")
        await c.sees("of a part of the answers")
        assert "s Stop" in footer(c) and "n New" not in footer(c) and "◉ under way" in c.text()
        await c.until(lambda: desk.progress.eta_s is None or "left" in c.text(), "time left")
        await done(c)
        await c.sees("● whole · 48 of 48 answers")
        assert "Enter judges it" in c.text() and "So far" not in c.text()
        found = await results(c)
        await c.press("escape")
        await c.sees("48 of 48 answers")
        headline = found.results.scored.table.headline
        assert headline.versus[0].sentence[:40] in c.text(), "what was judged stands beside the run"
        assert "24 of 24 answers of the whole suite judged" in c.text()


async def test_a_stopped_run_is_a_part_and_goes_on(scores, tmp_path):
    async with scores(script={"delay_s": 0.1}, tmp=tmp_path) as (c, _screen):
        await order(c, prompts=track_a(tmp_path, 40))
        desk = c.app.score_desk
        await c.until(lambda: sum(one.answered for one in desk.live) > 1, "under way")
        await c.press("s")
        await c.sees("Stopped; whole answers are kept. r goes on with the run.")
        run = desk.runs[0]
        assert 0 < run.done < run.cells and "◐ stopped: a part is answered" in c.text() and "r Go on" in footer(c)
        await results(c)
        assert "◐ A part: " in c.text()
        await c.press("escape", "r")
        await done(c)
        await c.sees("● whole")


async def test_a_run_that_another_process_answers_is_only_watched(scores, tmp_path):
    async with scores(script={"delay_s": 0.1}, tmp=tmp_path) as (c, screen):
        await order(c, prompts=track_a(tmp_path, 40))
        desk = c.app.score_desk
        await c.until(lambda: sum(one.answered for one in desk.live) > 1, "under way")
        await c.press("s")
        await c.sees("stopped: a part is answered")
        run = desk.runs[0]
        with held(c.chat.store.path, run):  # as the process does that fills it
            screen.load()
            await c.sees("◎ answered by another process")
            assert "r Go on" not in footer(c)
            with pytest.raises(UserError, match="another process"):
                await fill_run(c.chat, run, lambda event: None)
        await c.sees("stopped: a part is answered")
        await c.press("r")
        await done(c)


async def test_a_run_goes_on_while_the_screen_is_left_and_nothing_is_drawn_meanwhile(scores, tmp_path):
    async with scores(script={"delay_s": 0.05}, tmp=tmp_path) as (c, screen):
        await order(c, prompts=track_a(tmp_path, 30))
        desk = c.app.score_desk
        await c.until(lambda: sum(one.answered for one in desk.live) > 1, "under way")
        drawn: list[int] = []
        screen._draw_title = lambda: drawn.append(1)
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, ChatScreen), "chat")
        drawn.clear()
        await done(c)
        assert not drawn
        again = await to_scores(c)
        assert again is not screen
        await c.sees("● whole")


async def test_several_suites_wait_their_turn_and_stop_empties_the_queue(scores, tmp_path):
    async with scores(script={"delay_s": 0.1}, tmp=tmp_path) as (c, _screen):
        await order(c, ("tracka", "verbosity", "repetition"), limit="20", name="all")
        desk = c.app.score_desk
        await c.until(lambda: len(desk.waiting) == 2 and sum(one.answered for one in desk.live), "under way")
        await c.sees("2 more wait")
        assert [one.name for one in desk.waiting] == ["all (verbosity)", "all (repetition)"] and c.text().count(
            "○ ▕"
        ) == 2
        await c.press("up")
        await c.sees("○ waits, number")
        await c.press("ctrl+c")
        await c.sees("Stopped")
        assert desk.waiting == [] and [run.done for run in desk.runs][:2] == [0, 0]
        assert "nothing is answered yet" in c.text() and "Results" not in footer(c) and "r Go on" in footer(c)
        await c.press("enter")
        await c.sees("Nothing of the run all (verbosity) is answered yet.")


async def test_what_is_wrong_is_said_in_the_form_where_everything_typed_stays(scores, tmp_path):
    async with scores() as (c, _screen):
        desk = c.app.score_desk
        for values, said in (
            ({"limit": "0"}, "limit is a whole number of at least 1"),
            ({"at_once": "9999"}, "at once is a whole number from 1 to 512"),
            ({"temperature": "hot"}, "temperature is a number from 0 to 2"),
            ({"delivery": "sytem"}, "There is no delivery 'sytem'."),
            ({"battery": "mine.jsonl"}, "neither battery nor bleed is ticked"),
            ({"seeds": "3"}, "temperature above 0"),
            ({"prompts": str(tmp_path / "nothing.jsonl")}, "nothing.jsonl"),
            ({"instruction": "concize"}, "concise"),
        ):
            await order(c, **values)
            await c.sees(said)
            form = c.app.screen
            assert isinstance(form, ScoreForm)
            name, value = next(iter(values.items()))
            assert form.query_one(f"#field-{name.replace('_', '-')}").value == value
            await c.press("escape")
            desk.typed.clear()
        await order(c, ())
        await c.sees("No suite is ticked.")
        assert desk.runs == []


async def test_a_battery_needs_an_adapter_or_the_base(scores, tmp_path):
    async with scores(two=False) as (c, _screen):
        await order(c, ("battery",), battery=battery(tmp_path))
        await c.sees("A battery is asked of adapters, and none stands in the chat.")
        c.app.screen.query_one("#field-base").value = "yes"
        await c.press("enter")
        await done(c)
        await results(c)
        assert "base (none)" in c.text() and "◂1/4▸" in c.text()
        await c.press("right", "right")
        await c.sees("base (injection) · ◂3/4▸")


async def test_the_form_ticks_suites_by_key_and_by_click(scores):
    async with scores(size=(80, 24)) as (c, _screen):
        await c.press("n")
        await c.until(lambda: isinstance(c.app.screen, ScoreForm), "form")
        field = c.app.screen.query_one(SuitesField)
        await c.press("space", "right", "space")
        assert field.chosen == ("battery",)
        await c.sees("does an adapter keep to its rules")
        await c.pilot.click(SuitesField, offset=(2 + SuitesField.CELLS, 1))
        assert field.chosen == ("battery", "bleed")
        await c.press("down")
        await c.sees("limit: so many prompts")
        assert "Esc closes" in c.text() and "asked of base, demo" in c.text()


async def test_while_the_base_is_loaded_nothing_is_begun(console, tmp_path):
    argv = scripted(tmp_path, load_s=30.0)
    async with console(adapter=("",), argv=argv, ready=False) as c:
        await to_scores(c)
        await c.sees("◌ ")
        await order(c, prompts=track_a(tmp_path))
        await c.until(lambda: isinstance(c.app.screen, ScoreForm) and c.app.screen._problem, "said")
        assert c.app.score_desk.runs == []


async def test_a_run_whose_engine_dies_says_why_and_keeps_what_was_answered(scores, tmp_path):
    file = write_lines(
        tmp_path / "crash.jsonl",
        *(
            {"id": f"t{n}", "type": "no_comma", "prompt": text, "params": {}, "subject": "any"}
            for n, text in enumerate(["Why?", "How?", *[f"What of {n}?" for n in range(20)], "!crash now"])
        ),
    )
    async with scores() as (c, _screen):
        await order(c, prompts=file, at_once="2")
        desk = c.app.score_desk
        await c.until(lambda: desk.failures, "failed")
        await c.until(lambda: desk.running is None, "ended")
        await c.sees("✖ broke off")
        assert desk.runs[0].done < desk.runs[0].cells and "r Go on" in footer(c)
        assert desk.failures[desk.runs[0].id][:20] in c.text() and "✖ engine gone" in c.text()


async def test_a_run_of_a_later_version_is_listed_and_not_touched(scores):
    async with scores() as (c, screen):
        await c.chat.store.run(lambda store: store.begin_run(RunKind.SCORE, "later", {"format": 99}, 4))
        screen.load()
        await c.sees("? cannot be read")
        assert "A later aligntui made this run." in c.text() and "Go on" not in footer(c) and "Results" not in footer(c)


async def test_quitting_in_the_middle_keeps_what_was_finished(scores, tmp_path):
    async with scores(script={"delay_s": 0.1}, tmp=tmp_path) as (c, _screen):
        await order(c, prompts=track_a(tmp_path, 40))
        await c.until(lambda: sum(one.answered for one in c.app.score_desk.live) >= 2, "under way")
        path = c.chat.store.path
        async with asyncio.timeout(60):
            await c.app.action_quit()
    with open_store(path) as store:
        (run,) = store.list_runs(RunKind.SCORE)
        assert 2 <= run.done < run.cells


async def test_the_report_is_written_with_figures(scores, tmp_path):
    async with scores() as (c, screen):
        await whole(c, screen, tmp_path)
        await c.press("m")
        await c.sees("files written to")
        folder = c.app.bench.workspace.exports / c.app.score_desk.runs[0].id
        names = {path.name for path in folder.iterdir()}
        assert names >= {"report.md", "report.html", "report.json", "rates.png", "overall.csv"}


async def test_marks_are_numbered_in_turn_and_taken_away(scores, tmp_path):
    async with scores() as (c, screen):
        for name in ("first", "second", "third"):
            await whole(c, screen, tmp_path, name)
        await c.press("c")
        await c.sees("A comparison needs at least two runs.")
        await c.press("G", "space", "g", "space")
        desk = c.app.score_desk
        assert [next(run.name for run in desk.runs if run.id == id_) for id_ in desk.marked] == ["first", "third"]
        await c.sees("2 marked")
        assert "2● ▕" in c.text() and "1● ▕" in c.text() and "c Compare" in footer(c)
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, ChatScreen), "chat")
        await to_scores(c)
        await c.sees("2 marked")
        await c.press("g", "space")
        assert len(desk.marked) == 1 and "Compare" not in footer(c)
        await c.press("backspace")
        assert desk.marked == []


async def test_the_run_alone_at_80_columns(scores, tmp_path):
    async with scores(size=(80, 24)) as (c, screen):
        await whole(c, screen, tmp_path)
        assert "▕████" in c.text()
        await c.press("z")
        await c.until(lambda: "▕████" not in c.text(), "the run alone")
        assert "z List" in footer(c) and "● whole" in c.text()
        await c.press("escape")
        await c.until(lambda: "▕████" in c.text(), "the list again")
        assert c.app.screen is screen


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (112, 30), (200, 60)])
async def test_no_size_breaks_a_line(scores, tmp_path, size):
    async with scores(size=size) as (c, screen):
        await whole(c, screen, tmp_path, name="名前" * 30)
        for key in ("", "enter", "2", "enter", "escape", "3"):
            await c.press(*([key] if key else []))
            await c.pilot.pause(0.1)
            assert max(cell_len(line) for line in c.text().splitlines()) <= size[0]
            assert "F1 Help" in footer(c)
