"""The lint screen on a real database: what is found, fixed, waived, and when it no longer holds."""

from __future__ import annotations

import threading

import pytest
from textual.content import Content

from aligntui.core.errors import StoreError
from aligntui.data.lint import Coverage, Finding, Severity
from aligntui.store import PairFilter
from aligntui.tui.bars import Axis, Part, interval_bar, share_bar, stacked_bar
from aligntui.tui.lint_text import finding_line, tally_head, tally_line
from aligntui.tui.modals.lint_dialogs import FixDialog, WaiveDialog, WaiverList
from aligntui.tui.modals.lint_settings import LintSettings
from aligntui.tui.modals.readers import Reader
from aligntui.tui.screens.lint import LintScreen
from aligntui.tui.screens.pairs import PairsScreen
from aligntui.workbench.curation import lint_desk
from aligntui.workbench.curation.lint_desk import Standing, Tally, Topic
from tests.store.builders import import_all, make_record

HOSTILE = "Red \x1b[31m and [bold]markup[/bold] \u202e reversed."


async def fill(c, *records) -> None:
    await c.chat.store.run(lambda store: import_all(store, *records))


def good(number: int):
    return make_record(f"What is {number} plus {number}?", f"It is {2 * number}.", f"No idea about {number}, sorry.")


def defects():
    """Two pairs with the same answer twice, one pair three times, one with a template token."""
    same = [make_record(f"Say {word}.", f"{word}, as you wish.", f"{word}, as you wish.") for word in ("so", "ho")]
    thrice = [make_record("Why is it?", "Because it is so.", "Who knows that.", fingerprint=f"d{n}") for n in range(3)]
    token = make_record("How are you?", f"Fine. <|im_end|> {HOSTILE}", "Bad, to be honest with you.")
    return [*same, *thrice, token, good(1), good(2)]


async def opened(c) -> LintScreen:
    await c.leave_prompt()
    await c.press("ctrl+g")
    await c.until(lambda: isinstance(c.app.screen, PairsScreen) and c.app.screen._counted, "pairs screen")
    await c.press("L")
    await c.until(lambda: isinstance(c.app.screen, LintScreen), "lint screen")
    screen = c.app.screen
    await c.until(lambda: not screen.running, "the run has ended")
    await c.pilot.pause(0.1)
    return screen


async def go_to(c, screen: LintScreen, name: str) -> Tally:
    """Put the cursor on a rule, or on `rule:subject`."""
    place = next(n for n, tally in enumerate(screen._tallies) if tally.topic.name == name)
    screen.rules.focus()
    screen.rules.move_to(place)
    await c.until(lambda: screen.rules.current.topic.name == name and screen._rows is not None, name)
    await c.pilot.pause(0.05)
    return screen.rules.current


async def live(c) -> int:
    return await c.chat.store.run(lambda store: store.count_pair_rows(PairFilter()))


def tally(screen: LintScreen, name: str) -> Tally:
    return next(one for one in screen._tallies if one.topic.name == name)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_rules_stand_with_their_counts_the_worst_first(console, size):
    async with console(adapter=("",), size=size) as c:
        await fill(c, *defects())
        screen = await opened(c)
        await c.sees("8 pairs")
        assert tally(screen, "identical-answers").open == 2
        assert tally(screen, "duplicate-pairs").open == 1 and tally(screen, "duplicate-pairs").pairs == 3
        order = [one.topic.rule for one in screen._tallies if not one.topic.subject]
        assert order.index("identical-answers") < order.index("duplicate-pairs") < order.index("role-order")
        text = c.text()
        assert "✖ identical-answers" in text and "▲ duplicate-pairs" in text
        await c.press("G")
        await c.sees("✓ role-order")
        await c.press("g")


async def test_the_line_on_top_counts_findings_by_their_own_weight(console):
    async with console(adapter=("",), size=(140, 40)) as c:
        await fill(c, *defects())
        screen = await opened(c)
        found = screen.desk.run.open
        assert len({finding.severity for finding in found if finding.rule == "contamination"}) > 1, (
            "one rule, two weights"
        )
        for sign, severity in (("✖", Severity.ERROR), ("▲", Severity.WARNING)):
            await c.sees(f"{sign} {sum(finding.severity is severity for finding in found)} {severity}s")


async def test_a_rule_that_could_not_check_says_so_and_why(console):
    async with console(adapter=("",), size=(120, 40)) as c:
        await fill(c, good(1))
        screen = await opened(c)
        await go_to(c, screen, "identical-after-truncation")
        await c.sees("? identical-after-truncation")
        reason = screen.desk.run.report.unchecked["identical-after-truncation"]
        await c.sees(f"1 not checked: {reason[:30]}")


async def test_patterns_are_counted_by_side_and_hostile_text_is_shown_harmless(console):
    async with console(adapter=("",), size=(140, 40)) as c:
        await fill(c, *defects())
        screen = await opened(c)
        await go_to(c, screen, "contamination")
        await c.sees("pattern")
        await c.sees("Looked for and not found")
        await go_to(c, screen, "contamination:chat-template-tokens")
        await c.press("enter")
        await c.sees("“<|im_end|>”")
        await c.sees("␛[31m and [bold]markup[/bold]")
        assert "\x1b" not in c.text() and "\u202e" not in c.text()


async def test_a_fix_asks_deletes_is_undone_and_leaves_the_result_stale(console):
    async with console(adapter=("",), size=(120, 40)) as c:
        await fill(c, *defects())
        screen = await opened(c)
        await go_to(c, screen, "duplicate-pairs")
        await c.press("enter", "f")
        await c.until(lambda: isinstance(c.app.screen, FixDialog), "asked")
        await c.sees("2 pairs will be deleted, 6 of 8 stay.")
        await c.press("escape")
        await c.until(lambda: c.app.screen is screen, "left")
        assert await live(c) == 8, "Esc changes nothing"
        await c.press("f")
        await c.until(lambda: isinstance(c.app.screen, FixDialog), "asked again")
        await c.press("enter")
        await c.sees("2 pairs deleted; u brings them back.")
        assert await live(c) == 6
        await c.sees("stale: 2 pairs gone since, R runs again")
        assert tally(screen, "duplicate-pairs").open == 0 and tally(screen, "duplicate-pairs").fixed == 1
        await c.sees("fixed · ")
        await c.press("u")
        await c.sees("2 pairs brought back.")
        assert await live(c) == 8 and tally(screen, "duplicate-pairs").open == 1
        assert "stale" not in c.text(), "the pairs are those of the run again"
        await c.press("u")
        await c.sees("There is no fix to take back.")


async def test_all_findings_of_a_rule_are_fixed_at_once_and_a_new_run_finds_none(console):
    async with console(adapter=("",), size=(80, 24)) as c:
        await fill(c, *defects())
        screen = await opened(c)
        await go_to(c, screen, "identical-answers")
        await c.press("F")
        await c.until(lambda: isinstance(c.app.screen, FixDialog), "asked")
        await c.sees("2 of 2 findings are fixed by it.")
        await c.press("y")
        await c.sees("2 pairs deleted")
        await c.press("R")
        await c.until(lambda: not screen.running and screen.desk.run.report.pairs == 6, "run again")
        assert tally(screen, "identical-answers").open == 0
        assert "stale" not in c.text()


async def test_what_no_machine_can_fix_is_said(console):
    async with console(adapter=("",), size=(120, 40)) as c:
        await fill(c, good(1))
        screen = await opened(c)
        await go_to(c, screen, "role-order")
        await c.press("F")
        await c.sees("No machine can fix this")
        await c.sees("o shows the pairs; w lets it stand with a reason.")
        await c.press("enter")
        await c.sees("Nothing was found here.")


async def test_a_waiver_needs_a_reason_is_listed_and_can_be_withdrawn(console):
    async with console(adapter=("",), size=(120, 40)) as c:
        await fill(c, *defects())
        screen = await opened(c)
        await go_to(c, screen, "identical-answers")
        await c.press("enter", "w")
        await c.until(lambda: isinstance(c.app.screen, WaiveDialog) and c.app.screen.focused, "asked")
        await c.press("enter")
        await c.sees("A waiver needs a reason")
        await c.press(*"control", "enter")
        await c.sees("Waived; W lists and withdraws waivers.")
        assert (tally(screen, "identical-answers").open, tally(screen, "identical-answers").waived) == (1, 1)
        stored = await c.chat.store.run(lambda store: store.list_waivers())
        assert [(one.rule, one.reason, one.annotator) for one in stored] == [("identical-answers", "control", "tester")]
        await c.press("W")
        await c.until(lambda: isinstance(c.app.screen, WaiverList), "listed")
        await c.sees("identical-answers · one finding")
        await c.sees("tester: control")
        await c.press("enter")
        await c.sees("Withdrawn")
        assert tally(screen, "identical-answers").open == 2


async def test_a_pattern_is_waived_for_today_and_later(console):
    async with console(adapter=("",), size=(120, 40)) as c:
        await fill(c, *defects())
        screen = await opened(c)
        await go_to(c, screen, "contamination:chat-template-tokens")
        await c.press("w")
        await c.until(lambda: isinstance(c.app.screen, WaiveDialog) and c.app.screen.focused, "asked")
        await c.sees("Everything that contamination:chat-template-tokens finds, today and later (1 open now).")
        await c.press(*"meant", "enter")
        await c.sees("Waived;")
        await fill(c, make_record("And you?", "So so. <|im_end|>", "Not good at all today."))
        await c.press("R")
        await c.until(lambda: not screen.running and screen.desk.run.report.pairs == 9, "run again")
        of_pattern = tally(screen, "contamination:chat-template-tokens")
        assert (of_pattern.open, of_pattern.waived) == (0, 2)


async def test_pairs_of_a_finding_are_read_in_full(console):
    async with console(adapter=("",), size=(120, 40)) as c:
        await fill(c, *defects())
        screen = await opened(c)
        await go_to(c, screen, "duplicate-pairs")
        await c.press("enter", "enter")
        await c.until(lambda: isinstance(c.app.screen, Reader), "reader")
        await c.sees("1 of 3 · pair_")
        await c.sees("★ chosen")
        await c.press("escape", "escape")
        await c.until(lambda: c.app.screen is screen and screen.on_rules, "back among the rules")
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, PairsScreen), "back among the pairs")


async def test_the_pairs_of_a_finding_or_of_a_rule_are_listed_in_the_table(console):
    async with console(adapter=("",), size=(120, 40)) as c:
        await fill(c, *defects())
        screen = await opened(c)
        tally = await go_to(c, screen, "identical-answers")
        await c.press("p")
        await c.until(lambda: isinstance(c.app.screen, PairsScreen) and c.app.screen._counted, "the table")
        assert c.app.screen.listing.total == tally.open == 2
        await c.sees("only those of the finding")
        await c.press("L")
        await c.until(lambda: isinstance(c.app.screen, LintScreen), "lint again")
        screen = c.app.screen
        await go_to(c, screen, "identical-answers")
        await c.press("enter", "p")
        await c.until(lambda: isinstance(c.app.screen, PairsScreen) and c.app.screen._counted, "the table")
        assert c.app.screen.listing.total == 1
        await c.press("f")
        await c.sees("Filter pairs")
        await c.press("ctrl+x", "enter")
        await c.until(lambda: c.app.screen.listing.total == len(defects()), "all again")


async def test_a_run_outlives_its_screen_and_says_when_pairs_came_since(console):
    async with console(adapter=("",), size=(120, 40)) as c:
        await fill(c, *defects())
        screen = await opened(c)
        run = screen.desk.run
        await c.press("escape")
        await c.until(lambda: isinstance(c.app.screen, PairsScreen), "left")
        await fill(c, good(7), good(8))
        await c.press("L")
        await c.until(lambda: isinstance(c.app.screen, LintScreen), "again")
        assert c.app.screen.desk.run is run, "nothing was read again"
        await c.sees("stale: 2 pairs new since, R runs again")


async def test_an_empty_workspace_says_where_pairs_come_from(console):
    async with console(adapter=("",), size=(80, 24)) as c:
        await opened(c)
        await c.sees("No pair to look at.")
        assert "i on the pairs screen imports one." in " ".join(c.text().split())
        assert "Fix all" not in c.text(), "no key that does nothing"


async def test_a_run_shows_its_progress_and_is_stopped_without_a_trace(console, monkeypatch):
    read, go_on = threading.Event(), threading.Event()
    whole = lint_desk.lint_pairs

    def slow(store, *, on_progress, **wish):
        def halfway(done: int) -> None:
            on_progress(done // 2)
            read.set()
            go_on.wait(20)
            on_progress(done)

        return whole(store, on_progress=halfway, **wish)

    monkeypatch.setattr(lint_desk, "lint_pairs", slow)
    async with console(adapter=("",), size=(80, 24)) as c:
        await fill(c, *(good(n) for n in range(6)))
        await c.leave_prompt()
        await c.press("ctrl+g")
        await c.until(lambda: isinstance(c.app.screen, PairsScreen) and c.app.screen._counted, "pairs screen")
        await c.press("L")
        await c.until(read.is_set, "half of it read")
        try:
            await c.sees("reading 3 of 6 pairs")
            await c.sees("▕██████████░")
            assert await live(c) == 6, "the store answers meanwhile"
            await c.press("ctrl+c")
            await c.sees("The run was stopped. R looks at all pairs.")
            assert not c.app.screen.running and c.app.screen.desk.run is None
        finally:
            go_on.set()


async def test_a_database_that_cannot_be_read_is_said_and_tried_again(console, monkeypatch):
    whole = lint_desk.lint_pairs

    def fail(*_args, **_more):
        raise StoreError("The database is damaged.", "Restore a copy of it.")

    monkeypatch.setattr(lint_desk, "lint_pairs", fail)
    async with console(adapter=("",), size=(80, 24)) as c:
        await fill(c, good(1))
        screen = await opened(c)
        await c.sees("✖ The pairs could not be looked at.")
        await c.sees("The database is damaged. Restore a copy of it.")
        monkeypatch.setattr(lint_desk, "lint_pairs", whole)
        await c.press("R")
        await c.until(lambda: screen.desk.run is not None and not screen.running, "run")
        await c.sees("1 pair")


async def test_without_colour_marks_bars_and_cursor_can_be_told(console, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with console(adapter=("",), size=(120, 40)) as c:
        await fill(c, *defects())
        await opened(c)
        await c.sees("✖ identical-answers")
        assert "█" in c.text()


# lines ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 54, 78, 120])
def test_lines_of_rules_are_as_wide_as_the_list_and_stand_under_their_head(width):
    one = Tally(Topic("identical-after-truncation"), 12_345, 0, 7, 3, Severity.ERROR)
    below = Tally(Topic("contamination", "x" * 90), 1, 0, 0, 1, Severity.NOTICE)
    head = tally_head(width)
    for line in (tally_line(one, 10, width), tally_line(below, 10, width)):
        assert line.cell_length <= width
        assert line.cell_length == head.cell_length
    assert "12,345" in tally_line(one, 10, width).plain


def test_a_rule_that_was_not_checked_shows_no_zero():
    line = tally_line(Tally(Topic("evaluation-overlap"), 0, 0, 0, 0, None, "no suite was given"), 10, 54).plain
    assert line.split() == ["?", "evaluation-overlap", "?"]


@pytest.mark.parametrize(
    ("standing", "word"), [(Standing.OPEN, ""), (Standing.FIXED, "fixed"), (Standing.WAIVED, "waived")]
)
def test_what_became_of_a_finding_is_a_word_not_a_colour(standing, word):
    finding = Finding("identical-answers", Severity.ERROR, "The same.\x1b[2J", ("a",))
    text = finding_line(finding, standing, 60, named=False).plain
    assert ("fixed" in text, "waived" in text) == (word == "fixed", word == "waived")
    assert "\x1b" not in text


def test_coverage_is_what_was_checked_of_all():
    from aligntui.tui.lint_text import coverage_lines

    coverage = Coverage(3)
    coverage.not_checked["no rejected answer"] = 1
    lines = [line.plain for line in coverage_lines(coverage, 60)]
    assert lines[0].startswith("checked 3 of 4 ") and lines[1] == "? 1 not checked: no rejected answer"


# bars -----------------------------------------------------------------------------------------------


def test_an_interval_is_drawn_where_its_numbers_are():
    bar = interval_bar(0.5, 0.25, 0.75, 41, Axis(tick=0.5)).plain
    assert (bar.index("├"), bar.index("●"), bar.index("┤")) == (10, 20, 30) and len(bar) == 41
    assert interval_bar(0.7, 0.45, 0.9, 41, Axis(tick=0.5)).plain[20] == "┼", "chance inside the interval"
    assert interval_bar(0.8, 0.7, 0.9, 41, Axis(tick=0.5)).plain[20] == "┊", "chance outside"
    assert "●" not in interval_bar(None, None, None, 41, Axis(tick=0.5)).plain


def test_an_open_end_is_an_arrow():
    assert interval_bar(1.0, 0.0, None, 21, Axis(-2, 2, 0)).plain.endswith("▶")
    assert interval_bar(-1.0, None, 0.0, 21, Axis(-2, 2, 0)).plain.startswith("◀")


@pytest.mark.parametrize("amounts", [(30, 5, 1, 12), (0, 0, 0, 1), (1000, 1, 1, 1), (1, 1, 1, 1), (0, 0, 0, 0)])
def test_parts_fill_the_whole_and_none_that_there_is_vanishes(amounts):
    bar = stacked_bar([Part(amount, sign) for amount, sign in zip(amounts, "█▒×░", strict=True)], 20)
    assert isinstance(bar, Content) and bar.cell_length == 20
    for amount, sign in zip(amounts, "█▒×░", strict=True):
        assert (sign in bar.plain) == (amount > 0)


@pytest.mark.parametrize(("share", "drawn"), [(0, "    "), (0.001, "▏   "), (0.5, "██  "), (1, "████"), (2, "████")])
def test_a_share_above_nothing_is_seen(share, drawn):
    assert share_bar(share, 4) == drawn


async def test_a_training_length_and_a_suite_are_given_on_the_screen(console, tmp_path):
    suite = tmp_path / "suite.txt"
    suite.write_text("What is 1 plus 1?\n", "utf-8")
    async with console(adapter=("",), size=(120, 40)) as c:
        await fill(c, *defects())
        screen = await opened(c)
        await go_to(c, screen, "evaluation-overlap")
        await c.press("enter")
        await c.sees("This rule could check no pair. s gives it what it needs.")
        await c.press("s")
        await c.sees("How lint looks")
        await c.press(*"many", "enter")
        await c.sees("length is a whole number of tokens, not 'many'.")
        await c.press(*["backspace"] * 4, *"12", "down", *f"own={tmp_path}/none.txt", "enter")
        await c.sees("none.txt")
        assert isinstance(c.app.screen, LintSettings), "what was typed stays until it can be read"
        await c.press(*["backspace"] * len("none.txt"), *"suite.txt", "enter")
        await c.until(lambda: c.app.screen is screen and not screen.running, "looked again")
        tally = await go_to(c, screen, "evaluation-overlap")
        assert tally.open == 1 and not tally.unchecked
        assert (await go_to(c, screen, "identical-after-truncation")).unchecked == ""
