"""The results screen, on the scripted engine and a real database: table, prompts, filters, comparisons."""

from __future__ import annotations

from pathlib import Path

import pytest

from aligntui.tui.modals.report_reader import ReportReader
from aligntui.tui.screens.score_results import ResultsScreen
from aligntui.workbench.scoring.desk import ScoreOrder
from aligntui.workbench.scoring.drill import DrillFilter
from tests.cli.score_runs import battery, prompts, track_a
from tests.tui.test_score_screen import done, footer, order, results, scores, whole  # noqa: F401  the fixture

ANSWERS = [
    {"match": "about 1?", "side": "demo", "text": "One, two, three."},
    {"match": "about 3?", "side": "base", "text": "Yes, no."},
    {"match": "Why 2?", "text": ""},
]
"""One is lost, one gained, one failed by both; the others of `track_a` pass."""


def rows(c) -> list[str]:
    """Lines of the list of prompts."""
    return [row.item for row in c.app.screen.rows]


async def opened(c, screen, folder: Path, **more) -> ResultsScreen:
    await whole(c, screen, folder, **more)
    return await results(c)


async def test_the_table_says_what_separates_two_columns(scores, tmp_path):  # noqa: F811
    async with scores(script={"answers": ANSWERS}, tmp=tmp_path) as (c, screen):
        await opened(c, screen, tmp_path, count=8)
        text = c.text()
        assert "8 of 8 answers of the whole suite judged" in text and "● 8" in text
        for part in ("Overall", "By constraint type", "Side effects", "no_comma", "required_word", "95% interval"):
            assert part in text
        line = next(one for one in text.splitlines() if "no_comma" in one)
        assert "75.0%" in line and " = " in line and "├" in line and "●" in line and "null" in line
        assert "prompt level  base 75.0%" in text and "No difference shown between demo and base" in text
        await c.press("down", "down", "down")
        await c.sees("no_comma  base 75.0% (30.1 to 95.4) · demo 75.0%")


async def test_from_a_category_down_to_its_prompts_and_back(scores, tmp_path):  # noqa: F811
    async with scores(script={"answers": ANSWERS}, tmp=tmp_path) as (c, screen):
        await opened(c, screen, tmp_path, count=8)
        await c.press("down", "down", "down", "enter")
        await c.sees("4 of 8: only no_comma")
        assert rows(c) == ["t1", "t3", "t5", "t7"], "what was lost comes first, then what was gained"
        await c.sees("wanted no comma, found 2")
        text = c.text()
        assert (
            "▼ lost: a demand that only base meets" in text and "What about 1?" in text and "One, two, three." in text
        )
        assert "base ✔ passes" in text and "demo ✘ fails" in text
        await c.press("down")
        await c.sees("▲ gained: a demand that only demo meets")
        await c.sees("wanted no comma, found 1")
        await c.press("escape")
        await c.sees("Overall")
        await c.press("2")
        await c.sees("8 of 8")


async def test_filters_by_flip_and_by_side(scores, tmp_path):  # noqa: F811
    async with scores(script={"answers": ANSWERS}, tmp=tmp_path) as (c, screen):
        await opened(c, screen, tmp_path, count=8)
        await c.press("2")
        await c.sees("8 of 8")
        for keys, wanted, said in (
            ("f", ["t1", "t3"], "2 of 8: flips"),
            ("b", ["t1"], "flips, demo fails"),
            ("b", ["t3"], "flips, demo passes"),
            ("0", ["t1", "t3", "t0", "t2", "t4", "t5", "t6", "t7"], "8 of 8"),
            ("x", ["t1", "t3", "t2"], "failed by one at least"),
            ("a", ["t3", "t2"], "base fails"),
            ("0ab", ["t2"], "base fails, demo fails"),
        ):
            await c.press(*keys)
            await c.sees(said)
            assert rows(c) == wanted, keys
        await c.press("f")
        await c.sees("No prompt is left: 0 takes the filter away.")
        assert "0 All" in footer(c) and "Read" not in footer(c)
        await c.press("enter", "J", "0")
        await c.sees("8 of 8")
        assert c.app.screen.focused is c.app.screen.prompts


@pytest.mark.parametrize(("size", "beside"), [((80, 24), False), ((120, 40), True)])
async def test_a_prompt_is_read_alone_and_the_next_one_after_it(scores, tmp_path, size, beside):  # noqa: F811
    async with scores(size=size, script={"answers": ANSWERS}, tmp=tmp_path) as (c, screen):
        await opened(c, screen, tmp_path, count=8)
        await c.press("2")
        await c.sees("8 of 8")
        assert ("One, two, three." in c.text()) is beside, "at 80 columns the answers are a key away"
        await c.press("enter")
        await c.sees("wanted no comma, found 2")
        heads = [line for line in c.text().splitlines() if "base ✔ passes" in line]
        assert ("demo ✘ fails" in heads[0]) is beside
        await c.press("J")
        await c.sees("▲ gained")
        await c.press("J", "J")
        await c.sees("(empty answer)")
        await c.press("K", "escape")
        await c.sees("8 of 8")
        assert c.app.screen.prompts.cursor == 2


async def test_loose_and_strict_and_tiers(scores, tmp_path):  # noqa: F811
    async with scores() as (c, screen):
        desk = c.app.score_desk
        await desk.go_on(await desk.begin(ScoreOrder("ifeval", prompts(tmp_path, 6), name="ifeval")))
        screen.load()
        await c.until(lambda: screen.current is not None, "listed")
        await results(c)
        await c.sees("prompt level, strict  base")
        assert "Tiers" in c.text() and "w Loose" in footer(c) and "T1" in c.text() and "Summary  strict" in c.text()
        await c.press("w")
        await c.sees("prompt level, loose  base")
        assert "w Strict" in footer(c) and "Summary  loose" in c.text()


async def test_a_battery_shows_each_delivery_and_what_it_changes(scores, tmp_path):  # noqa: F811
    async with scores() as (c, screen):
        desk = c.app.score_desk
        await desk.go_on(await desk.begin(ScoreOrder("battery", battery=battery(tmp_path, 6), name="laws")))
        screen.load()
        await c.until(lambda: screen.current is not None, "listed")
        await results(c)
        assert "demo (none) · ◂1/4▸" in c.text() and "Next column" in footer(c)
        await c.press("left")
        await c.sees("demo (both) · ◂4/4▸")
        await c.press("3")
        await c.sees("With and without the instruction")
        assert "system − none" in c.text() and "+100.0 pp" in c.text()


async def test_what_came_since_is_said_and_judged_on_demand(scores, tmp_path):  # noqa: F811
    async with scores(script={"delay_s": 0.1}, tmp=tmp_path) as (c, _screen):
        await order(c, prompts=track_a(tmp_path, 30))
        desk = c.app.score_desk
        await c.until(lambda: sum(one.answered for one in desk.live) > 1, "some")
        found = await results(c)
        before = found.results.judged
        await c.sees("stale")
        await done(c)
        await c.sees(f"{60 - before} answers since: R judges again")
        assert "R Again" in footer(c)
        await c.press("R")
        await c.until(lambda: found.results.judged == 60, "judged")
        await c.sees("30 of 30 answers of the whole suite judged")
        assert "stale" not in c.text()


async def test_runs_are_compared_in_the_order_of_their_marks(scores, tmp_path):  # noqa: F811
    async with scores(script={"answers": ANSWERS}, tmp=tmp_path) as (c, screen):
        await whole(c, screen, tmp_path, "old", 8)
        await whole(c, screen, tmp_path, "new", 12)
        await c.press("G", "space", "g", "space", "c")
        await c.until(lambda: isinstance(c.app.screen, ResultsScreen) and c.app.screen.is_mounted, "compared")
        await c.sees("2 runs compared")
        assert (
            "● 8 of 8" in c.text()
            and "! 3 notes" in c.text()
            and "4 Progression" in c.text()
            and "5 Models" in c.text()
        )
        await c.press("4")
        await c.sees("failures on the 8 answers that every version has")
        lines = [line for line in c.text().splitlines() if line.rstrip().endswith("%") and "█" in line]
        assert len(lines) == 2 and "reduction" in c.text()
        await c.press("5")
        await c.sees("Track A delta")
        assert "not among what is compared: battery, IFEval" in c.text()
        await c.press("m")
        await c.sees("files written to")
        (folder,) = c.app.bench.workspace.exports.glob("compare-*")
        assert "aligntui compare score_" in (folder / "report.md").read_text("utf-8")
        await c.press("t")
        await c.until(lambda: isinstance(c.app.screen, ReportReader), "report")
        await c.sees("Comparison of scores")


async def test_two_suites_of_two_runs_each_are_walked_through(scores, tmp_path):  # noqa: F811
    async with scores() as (c, screen):
        desk = c.app.score_desk
        for _ in range(2):
            for one in (ScoreOrder("tracka", track_a(tmp_path)), ScoreOrder("repetition", limit=3)):
                await desk.go_on(await desk.begin(one))
        for run in reversed(desk.runs):
            desk.mark(run.id)
        screen.load()
        await c.press("c")
        await c.until(lambda: isinstance(c.app.screen, ResultsScreen) and c.app.screen.is_mounted, "compared")
        await c.sees("4 runs compared · Track A")
        await c.press("s")
        await c.sees("4 runs compared · Degenerate repetition")
        assert "s Suite" in footer(c)


async def test_how_it_was_looked_at_is_kept(scores, tmp_path):  # noqa: F811
    async with scores(script={"answers": ANSWERS}, tmp=tmp_path) as (c, screen):
        await opened(c, screen, tmp_path, count=8)
        await c.press("2", "f", "down")
        await c.sees("2 of 8: flips")
        await c.press("escape")
        await c.until(lambda: c.app.screen is screen, "the list")
        again = await results(c)
        assert again.view == "prompts" and rows(c) == ["t1", "t3"] and again.prompts.cursor == 1
        assert again.look.wanted == DrillFilter(flips=True)


async def test_the_report_and_its_files(scores, tmp_path):  # noqa: F811
    async with scores() as (c, screen):
        await opened(c, screen, tmp_path)
        await c.press("t")
        await c.sees("Track A: mine")
        await c.until(lambda: isinstance(c.app.screen, ReportReader), "report")
        await c.press("escape", "m")
        await c.sees("files written to")
        await c.press("4")
        await c.sees("Progression needs a comparison of runs. c on the list of runs makes one.")
        await c.press("tab", "tab", "tab", "shift+tab")
        assert c.app.screen.view == "summary"


async def test_thousands_of_prompts_are_drawn_a_screenful_at_a_time(scores, tmp_path, monkeypatch):  # noqa: F811
    from aligntui.tui import score_rows

    drawn: list[str] = []
    real = score_rows.prompt_line
    monkeypatch.setattr(score_rows, "prompt_line", lambda row, *a, **k: drawn.append(row.item) or real(row, *a, **k))
    async with scores() as (c, screen):
        await opened(c, screen, tmp_path, count=8)
        found = c.app.screen
        await c.press("2")
        await c.sees("8 of 8")
        found.rows = found.rows * 500
        found.prompts.reset(len(found.rows), found.rows[:100])
        drawn.clear()
        await c.press("G", "g", "G")
        await c.until(lambda: found.prompts.current is not None and found.prompts.cursor == 3999, "at the end")
        assert 0 < len(drawn) <= 12 * found.size.height


async def test_hostile_prompts_and_answers_stay_text(scores, tmp_path):  # noqa: F811
    from tests.cli.score_runs import write_lines

    file = write_lines(
        tmp_path / "h.jsonl",
        *(
            {"id": f"h{n}", "type": "no_comma", "prompt": text, "params": {}, "subject": "any"}
            for n, text in enumerate(("!hostile \x1b[2J[red]x[/]", "!cjk 漢字漢字漢字漢字漢字漢字", "!long", "!empty"))
        ),
    )
    async with scores(size=(80, 24)) as (c, screen):
        desk = c.app.score_desk
        await desk.go_on(await desk.begin(ScoreOrder("tracka", file, name="[b]hostile\x1b[0m")))
        screen.load()
        await c.until(lambda: screen.current is not None, "listed")
        await results(c)
        await c.press("2", "enter")
        for _ in range(4):
            await c.pilot.pause(0.1)
            assert "\x1b" not in c.text() and isinstance(c.app.screen, ResultsScreen)
            await c.press("J", "ctrl+d")
        await c.press("escape", "3")
        await c.sees("[b]hostile")
