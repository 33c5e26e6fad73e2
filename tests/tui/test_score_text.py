"""Texts of the score screens: lines fit, signs say what colours say, nothing that is missing is drawn as zero."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from aligntui.core.generation import GenerationRun, RunKind
from aligntui.score.results import Estimate, Rate
from aligntui.tui import score_rows, score_summary, score_text
from aligntui.tui.cells import fit
from aligntui.tui.score_rows import Ruler
from aligntui.tui.score_text import Standing
from aligntui.workbench.generation.progress import RunProgress
from aligntui.workbench.scoring.comparing import ModelSummary, Source, compare
from aligntui.workbench.scoring.drill import DrillFilter, Failure, drill_rows
from aligntui.workbench.scoring.live import LiveRate, LiveScores
from aligntui.workbench.scoring.result_rows import result_rows
from aligntui.workbench.scoring.scored import Scored, scored
from tests.score.suite_builders import column, questions, small_ifeval, small_track_a
from tests.workbench.score_bench import plan

GOOD, BAD = "no comma and just six words", "a, b"


def two(count: int = 20, suite=None) -> Scored:
    """Base fails everything, demo passes it."""
    suite = suite or small_track_a(count)
    return scored(suite, [column(suite, dict.fromkeys(suite.by_id, text), name) for text, name in ((BAD, "base"), (GOOD, "demo"))])  # fmt: skip


def run(**more) -> GenerationRun:
    made = plan()
    return GenerationRun(
        "score_1", RunKind.SCORE, "mine", "s", made.as_dict(), "2026-11-21T10:00:00Z", len(made.cells), **more
    )


# the list and a run -------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [20, 44, 53, 62, 90])
@pytest.mark.parametrize("name", ["mine", "漢字" * 40, "a" * 200, "\x1b[31m[red]"])
def test_a_line_of_the_list_fits(width, name):
    for state in score_text.SIGNS:
        line = score_text.list_line(replace(run(), name=name), Standing(state, 3), width, mark=2)
        assert line.plain.startswith(f"2{score_text.SIGNS[state][0]}") and "\x1b" not in line.plain
        assert line.cell_length <= max(width, 34)


def test_every_state_has_a_sign_of_its_own():
    assert len({sign for sign, _ in score_text.SIGNS.values()}) == len(score_text.SIGNS)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (Standing("whole", 12), "Enter judges it"),
        (Standing("part", 4), "◐ stopped: a part is answered · 4 of 12 answers"),
        (Standing("part", 0), "nothing is answered yet"),
        (Standing("waiting", 0, place=2), "○ waits, number 2"),
        (Standing("failed", 4, failure="The engine went away."), "✖ The engine went away."),
        (Standing("part", 4, RunProgress(12, 4, failed=3)), "3 were not finished; going on asks them again."),
        (
            Standing("part", 4, RunProgress(12, 4, refused=2, refusal="too long")),
            "✖ 2 were refused by the engine: too long",
        ),
        (Standing("part", 4, RunProgress(12, 4, problems=("server gone",))), "! server gone"),
    ],
)
def test_what_is_said_of_a_run(at, said):
    lines = score_text.about(run(), plan(), at, 78, {})
    assert said in "\n".join(line.plain for line in lines)


def test_a_run_that_cannot_be_read_is_not_gone_on_with():
    text = "\n".join(
        line.plain for line in score_text.about(run(), None, Standing("unreadable", 0, failure="later"), 60, {})
    )
    assert "? cannot be read" in text and "✖ later" in text and "goes on" not in text and "suite " not in text


def test_partial_scores_are_named_so_and_columns_without_answers_have_no_rate():
    made = plan()
    scores = LiveScores(made)
    one, other = scores.rates()
    assert score_text.live_lines((one, other), "prompt level", 70)[0].plain.startswith("So far")
    empty = "\n".join(line.plain for line in score_text.live_lines((one, other), "prompt level", 70))
    assert empty.count("no answer yet") == 2 and "%" not in empty
    rate = Rate(2, 4, 0.1, 0.9, None, "wilson")
    half = "\n".join(
        line.plain for line in score_text.live_lines((replace(one, answered=4, passed=rate, words=5.0), other), "x", 70)
    )
    assert "50% (10–90) 2/4" in half and "answered: base 4 of 6, 5 words each; demo 0 of 6" in half
    full = tuple(LiveRate(name, 6, 6, rate, None, None) for name in ("base", "demo"))
    assert score_text.live_lines(full, "x", 70)[0].plain.startswith("Scores")


def test_a_suite_without_verdicts_shows_words():
    rates = [LiveRate(name, 2, 4, Rate(0, 0, None, None, None, "none"), None, words) for name, words in (("a", 40.0), ("b", 20.0))]  # fmt: skip
    lines = [line.plain for line in score_text.live_lines(rates, "words per answer", 70)]
    assert "40.0 words an answer" in lines[1] and lines[1].index("●") > lines[2].index("●")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "about 1 s left"), (89, "about 89 s left"), (600, "about 10 min left"), (7200, "about 2 h 00 min left")]
)  # fmt: skip
def test_time_left(seconds, said):
    assert score_text.left(seconds) == said


# the table ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 78, 100, 118, 200])
def test_lines_of_the_table_fit_and_stand_below_their_head(width):
    rows = result_rows(two(suite=small_ifeval(8)))
    ruler = Ruler.of(rows, width)
    head = ruler.head("base", "a long name of an adapter")
    for line in score_rows.table_lines(rows, "instruction type"):
        drawn = ruler.line(line)
        if line.row is not None:
            assert cell_len(drawn.plain) <= max(width, 70)
            place = head.plain.index("95% interval")
            bounds = fit(line.row.delta_interval, 16)
            assert drawn.plain[place : place + len(bounds)] == bounds


def test_colour_and_sign_say_the_same():
    rows = result_rows(two())
    ruler = Ruler.of(rows, 120)
    drawn = {row.name: ruler.line(score_rows.Line("", row)) for row in rows}
    better = drawn["prompt level"]
    assert " + " in better.plain and better.plain.rstrip().endswith("better")
    assert any("success" in str(span.style) for span in better.spans)
    longer = drawn["words per answer"]
    assert " + " in longer.plain and any("warning" in str(span.style) for span in longer.spans)
    null = drawn["degenerate repetition"]
    assert " = " in null.plain and not any("success" in str(span.style) for span in null.spans)


def test_the_axis_holds_every_interval_and_has_zero_in_its_middle():
    rows = result_rows(two(4))
    ruler = Ruler.of(rows, 120)
    most = max(abs(end) for row in rows if row.unit == "rate" for end in (row.low, row.high) if end is not None)
    assert most <= ruler.span <= most + 0.05 + 1e-9
    assert ruler.axis(rows[0]).tick == 0.0 and ruler.axis(rows[0]).start == -ruler.axis(rows[0]).end


def test_one_column_alone_has_an_axis_of_shares():
    suite = small_track_a(4)
    rows = result_rows(scored(suite, [column(suite, dict.fromkeys(suite.by_id, GOOD), "demo")]))
    ruler = Ruler.of(rows, 100)
    assert not ruler.paired and ruler.axis(rows[0]).end == 1.0
    assert (
        "delta" not in ruler.head("demo", "demo").plain and "100.0%" in ruler.line(score_rows.Line("", rows[0])).plain
    )


def test_the_comparison_is_said_in_words_below():
    (head, *_) = result_rows(two())
    text = score_rows.spoken(head, "base", "demo").plain
    assert text.startswith("prompt level  base 0.0% (0.0 to 16.1) · demo 100.0% (83.9 to 100.0) · n 20 · p < 0.001\n+ ")
    assert head.sentence in text and "better" in head.sentence


# prompts ------------------------------------------------------------------------------------------


def test_verdicts_and_flips_have_signs():
    suite = small_track_a(4)
    answers = {"a0": GOOD, "a1": BAD, "a2": GOOD}
    found = scored(suite, [column(suite, dict.fromkeys(suite.by_id, GOOD), "base"), column(suite, answers, "demo")])
    lines = [score_rows.prompt_line(row, 78, seeds=False).plain for row in drill_rows(found)]
    assert lines[0].startswith("▼ ✔ ✘ a1") and lines[1].startswith("  ✔ ✔ a0") and lines[3].startswith("  ✔ · a3")
    assert "a0/0" in score_rows.prompt_line(drill_rows(found)[1], 78, seeds=True).plain
    for width in (30, 50, 78, 120):
        for row in drill_rows(found):
            assert score_rows.prompt_line(row, width, seeds=False).cell_length <= max(width, 26)


def test_an_answer_says_what_failed_and_why():
    why = (Failure("no_comma", "wanted no comma, found 1", True),)
    text = score_rows.answer_text("demo", "a, b", False, why, judged=True).plain
    assert text == "demo ✘ fails\n✘ no_comma: wanted no comma, found 1 (passes loosely)\n\na, b"
    assert "working out why" in score_rows.answer_text("demo", "a", False, None, judged=True).plain
    assert "(empty answer)" in score_rows.answer_text("demo", " \n", False, why, judged=True).plain
    assert score_rows.answer_text("demo", None, None, (), judged=True).plain.endswith("no answer yet")
    assert score_rows.answer_text("demo", "text", None, (), judged=False).plain == "demo\n\ntext"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (DrillFilter(), ""),
        (DrillFilter(flips=True, category="no_comma"), "only no_comma, flips"),
        (DrillFilter(first=False, second=True), "base fails, demo passes"),
        (DrillFilter(failed=True), "failed by one at least"),
    ],
)
def test_a_filter_in_words(wanted, said):
    assert score_rows.filter_words(wanted, ("base", "demo")) == said


# pages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [62, 78, 118])
def test_pages_fit(width):
    found = two(suite=small_ifeval(8))
    comparison = compare([Source("one", found), Source("two", two(suite=small_ifeval(8)))])
    (group,) = comparison.groups
    for page in (score_summary.summary(found, width), score_summary.progression(group.versions, width)):
        assert max(cell_len(line) for line in page.plain.splitlines()) <= width


def test_a_part_is_called_one():
    whole = two(4)
    assert score_summary.covered_line(whole).plain == "● 4 of 4 answers of the whole suite judged"
    suite = small_track_a(6).limited(4)
    part = scored(suite, [column(suite, {"a0": GOOD}, "base"), column(suite, {}, "demo")])
    assert score_summary.covered_line(part).plain == "◐ A part: base 1 of 6, demo 0 of 6 answers judged"
    text = score_summary.summary(part, 78).plain
    assert "no verdict to count" in text and "? " in text and "left out: 2 not asked" in text


def test_a_progression_of_nothing_failed_has_no_reduction():
    suite = small_track_a(4)
    good = scored(suite, [column(suite, dict.fromkeys(suite.by_id, GOOD), "v1")])
    bad = scored(suite, [column(suite, dict.fromkeys(suite.by_id, BAD), "v2")])
    (group,) = compare([Source("1", good), Source("2", bad)]).groups
    first, second = [line for line in score_summary.progression(group.versions, 78).plain.splitlines() if line.startswith("v")][1:]  # fmt: skip
    assert first.split()[1:2] == ["0"] and second.split()[-2:] == ["-", "-"]
    (back,) = compare([Source("1", bad), Source("2", good)]).groups
    assert "+100.0%" in score_summary.progression(back.versions, 78).plain


def test_a_model_shows_what_it_was_scored_on_and_names_the_rest():
    rate = Rate(6, 8, 0.4, 0.9, None, "wilson")
    words = Estimate(-5.0, None, None, 8, 0.0, "none")
    one = ModelSummary("org/base", 135_000_000, "polite", rate, "system", None, None, None, None, words, "tracka")
    text = score_summary.models((one,), 78).plain
    assert "polite  on org/base, 0.14 bn parameters" in text and "battery, system" in text and "75% (40–90) 6/8" in text
    assert "length -5.0% of the base's, answers of tracka" in text
    assert "not among what is compared: IFEval, Track A" in text


def test_words_as_the_headline():
    suite = questions()
    found = scored(suite, [column(suite, dict.fromkeys(suite.by_id, text), name) for text, name in ((BAD, "base"), (GOOD, "demo"))])  # fmt: skip
    text = score_summary.summary(found, 78).plain
    assert "2.0 words (2.0 to 2.0) n 6" in text and "Answers of demo are longer than those of base" in text
