"""The statistics screen on real verdicts: every rate with interval, chance and coverage, drawn and printed."""

from __future__ import annotations

import threading

import pytest

from aligntui.core.errors import StoreError
from aligntui.core.pair import Verdict
from aligntui.score.results import Coverage, Estimate, Rate
from aligntui.store import Store
from aligntui.tui.rate_rows import Columns
from aligntui.tui.screens.pairs import PairsScreen
from aligntui.tui.screens.statistics import StatisticsScreen
from aligntui.tui.statistics_text import SECTIONS
from aligntui.workbench.curation import statistics
from aligntui.workbench.curation.statistics import verdict_report
from tests.store.builders import ask, import_all, make_answer, make_conditions, make_pair, make_record

SIDES = (None, "demo", "tuned")


def judge_some(store: Store, prompts: int = 24, judge: bool = True) -> None:
    """Two people and a judge over three sides; the first person is asked again every fourth time."""
    session = store.create_session("Judging")
    for n in range(prompts):
        prompt = ask(store, session, f"Question {n}?")[0]
        first, second = SIDES[n % 3], SIDES[(n + 1) % 3]
        left, right = store.add_answers(
            [
                make_answer(prompt, "word " * (n % 7 + 2), 0, conditions=make_conditions(adapter=first)),
                make_answer(prompt, "word " * (n % 5 + 1), 1, conditions=make_conditions(adapter=second)),
            ]
        )
        verdict = Verdict.TIE if n % 8 == 7 else Verdict.RIGHT if n % 5 < 3 else Verdict.LEFT
        tags = ("facts",) if n % 2 else ("tone",)
        mine = store.add_pair(make_pair(left, right, verdict, annotator="ann", blind=True, tags=tags))
        if n % 4 == 0:
            store.add_pair(make_pair(right, left, Verdict.LEFT, annotator="ann", blind=True, repeat_of=mine.id))
        if n % 3 == 0:
            store.add_pair(make_pair(left, right, Verdict.RIGHT, annotator="bob", blind=True))
        if judge and n % 2 == 0:
            store.add_pair(make_pair(left, right, Verdict.LEFT, annotator="judge:small", blind=True))
            store.add_pair(make_pair(right, left, Verdict.LEFT, annotator="judge:small", blind=True))


async def opened(c, *, computed: bool = True) -> StatisticsScreen:
    await c.leave_prompt()
    await c.press("ctrl+g")
    await c.until(lambda: isinstance(c.app.screen, PairsScreen) and c.app.screen._counted, "pairs screen")
    await c.press("S")
    await c.until(lambda: isinstance(c.app.screen, StatisticsScreen), "statistics screen")
    if computed:
        await c.until(lambda: c.app.screen.report is not None, "computed", 60)
        await c.pilot.pause(0.05)
    return c.app.screen


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_sections_open_by_number_and_in_turn(console, size):
    async with console(adapter=("",), size=size) as c:
        await c.chat.store.run(judge_some)
        screen = await opened(c)
        await c.sees("ann · 24 verdicts")
        await c.sees("same verdict twice")
        assert "┊" in c.text() and "●" in c.text() and "├" in c.text()
        await c.press("2")
        await c.sees("alpha (−1…+1)")
        await c.press("tab")
        assert screen.at == 2
        await c.sees("judge:small against ann")
        await c.sees("base rate")
        await c.press("4")
        await c.sees("demo over base")
        await c.press("l")
        await c.sees("Points · 0 is base")
        await c.press("right")
        assert screen.at == 0, "round to the first"
        await c.press("shift+tab")
        assert screen.at == 4
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, PairsScreen), "back")


async def test_a_long_section_scrolls_with_the_keys_of_a_list(console):
    async with console(adapter=("",), size=(80, 24)) as c:
        await c.chat.store.run(judge_some)
        screen = await opened(c)
        await c.press("4", "j", "j")
        scroll = screen.query_one("#section")
        await c.until(lambda: scroll.scroll_y == 2, "two lines down")
        await c.press("G")
        await c.sees("tuned is not shown to differ from base")
        await c.sees("per tag")
        await c.press("5")
        await c.until(lambda: scroll.scroll_y == 0, "a section begins at its beginning")


async def test_a_click_opens_a_section(console):
    async with console(adapter=("",), size=(120, 40)) as c:
        await c.chat.store.run(judge_some)
        screen = await opened(c)
        line = c.text().split("\n")[1]
        await c.pilot.click("SectionTabs", offset=(line.index("Judges") + 2, 0))
        await c.until(lambda: screen.at == 2, "judges")


async def test_new_verdicts_are_computed_without_being_asked_for(console, monkeypatch):
    monkeypatch.setattr("aligntui.tui.screens.statistics.LOOK_EVERY_S", 0.05)
    async with console(adapter=("",), size=(120, 40)) as c:
        await c.chat.store.run(lambda store: judge_some(store, 8, judge=False))
        screen = await opened(c)
        before = screen.report.verdicts
        await c.chat.store.run(lambda store: judge_some(store, 8, judge=False))
        await c.until(lambda: screen.report.verdicts == 2 * before, "computed again", 60)


async def test_where_computing_takes_long_the_report_is_called_stale(console, monkeypatch):
    monkeypatch.setattr("aligntui.tui.screens.statistics.LOOK_EVERY_S", 0.05)
    monkeypatch.setattr("aligntui.tui.screens.statistics.AT_ONCE_S", 0.0)
    async with console(adapter=("",), size=(120, 40)) as c:
        await c.chat.store.run(lambda store: judge_some(store, 8, judge=False))
        screen = await opened(c)
        before = screen.report.verdicts
        await c.chat.store.run(lambda store: judge_some(store, 8, judge=False))
        await c.sees("stale: other verdicts since, R computes again")
        await c.press("R")
        await c.until(lambda: screen.report.verdicts == 2 * before, "computed again", 60)
        await c.until(lambda: "stale" not in c.text(), "fresh")


async def test_an_empty_workspace_and_one_of_imports_say_why_there_is_nothing(console):
    async with console(adapter=("",), size=(80, 24)) as c:
        await c.chat.store.run(lambda store: import_all(store, make_record()))
        await opened(c)
        for key in "12345":
            await c.press(key)
            await c.sees("No verdict over two answers yet.")
        await c.sees("1 imported pair is left out: nobody here judged it.")


async def test_what_a_section_needs_is_said_where_it_is_missing(console):
    async with console(adapter=("",), size=(80, 24)) as c:

        def one_alone(store: Store) -> None:
            session = store.create_session("One")
            prompt = ask(store, session)[0]
            left, right = store.add_answers([make_answer(prompt, "A", 0), make_answer(prompt, "B", 1)])
            store.add_pair(make_pair(left, right, Verdict.LEFT, annotator="ann"))

        await c.chat.store.run(one_alone)
        await opened(c)
        await c.sees("Self-agreement is not known: nothing was asked twice.")
        await c.sees("1 order not drawn by lot")
        await c.press("2")
        await c.sees("One person judged alone.")
        await c.press("3")
        await c.sees("No model judge has judged here.")
        await c.press("5")
        await c.sees("Ratings need three sides or more")


async def test_computing_is_stopped_and_begun_again(console, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    whole = statistics.verdict_report

    def slow(rows):
        begun.set()
        go_on.wait(20)
        return whole(rows)

    monkeypatch.setattr(statistics, "verdict_report", slow)
    async with console(adapter=("",), size=(80, 24)) as c:
        await c.chat.store.run(lambda store: judge_some(store, 8))
        screen = await opened(c, computed=False)
        await c.until(begun.is_set, "begun")
        await c.sees("◌ ")
        await c.press("ctrl+c")
        await c.sees("Computing was stopped. R computes everything.")
        go_on.set()
        await c.press("R")
        await c.until(lambda: screen.report is not None, "computed", 60)


async def test_a_database_that_cannot_be_read_is_said(console, monkeypatch):
    def fail(_rows):
        raise StoreError("The database is damaged.", "Restore a copy of it.")

    monkeypatch.setattr(statistics, "verdict_report", fail)
    async with console(adapter=("",), size=(80, 24)) as c:
        await opened(c, computed=False)
        await c.sees("✖ The verdicts could not be read.")
        await c.sees("The database is damaged. Restore a copy of it.")


# text -----------------------------------------------------------------------------------------------


@pytest.fixture
def report(tmp_path):
    from aligntui.store import open_store

    with open_store(tmp_path / "s.db") as store:
        judge_some(store)
        yield verdict_report(store.judgements())


@pytest.mark.parametrize("width", [62, 77, 99, 100, 118, 200])
def test_no_line_of_any_section_is_wider_than_the_screen(report, width):
    for name, content in SECTIONS:
        widest = max(content(report, width).split("\n"), key=lambda line: line.cell_length)
        assert widest.cell_length <= width, (name, widest.plain)


def test_printed_figures_are_those_of_the_report(report):
    rate = report.sides[0].overall.decided
    text = SECTIONS[3][1](report, 120).plain
    assert f"{rate.rate:.1%} ({rate.low:.1%}–{rate.high:.1%}) {rate.k:g} of {rate.n} chance 50%" in " ".join(
        text.split()
    )
    for reason, count in report.annotators[0].position.coverage.left_out:
        assert f"{count} {reason}" in SECTIONS[0][1](report, 120).plain


def test_a_rate_is_drawn_where_it_is_printed():
    columns = Columns(120)
    line = columns.rate("x", Rate(30, 40, 0.6, 0.86, 0.5, "wilson")).plain
    bar = line[columns.label : columns.label + columns.bar]
    last = columns.bar - 1
    assert bar.index("●") == round(0.75 * last) and bar.index("├") == round(0.6 * last)
    assert bar.index("┊") == round(0.5 * last)


def test_without_verdicts_there_is_no_number():
    line = Columns(80).rate("x", Rate(0, 0, None, None, 0.5, "none")).plain
    assert "no verdict to count" in line and "%" not in line and "●" not in line


def test_a_coefficient_that_is_not_defined_says_why():
    line = Columns(120).estimate("kappa", Estimate(None, None, None, 3, 0.0, "none", note="all chose the same")).plain
    assert "all chose the same" in line and "●" not in line


def test_log_odds_however_far_out_are_a_share():
    line = Columns(120).log_odds("x", Estimate(0.0, -5000.0, 5000.0, 9, 0.0, "wald")).plain
    assert "50.0% (0.0%–100.0%) n 9 chance 50%" in " ".join(line.split())


def test_coverage_counts_what_was_left_out_and_why():
    lines = Columns(80).covered(Coverage(3, 7, (("tie", 3), ("skipped", 1))))
    assert lines[0].plain == "  used 3 of 7; left out: 3 tie, 1 skipped"
