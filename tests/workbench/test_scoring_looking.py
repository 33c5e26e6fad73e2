"""Results as they are looked at: pairs, views, filters, suites of a comparison."""

from __future__ import annotations

from aligntui.core.generation import GenerationRun, RunKind
from aligntui.workbench.scoring.comparing import Comparison, Source, compare
from aligntui.workbench.scoring.drill import DrillFilter
from aligntui.workbench.scoring.looking import Look, Results
from aligntui.workbench.scoring.scored import Scored, scored
from tests.score.suite_builders import column, questions, small_ifeval, small_track_a

RUN = GenerationRun("score_1", RunKind.SCORE, "mine", "s", {}, "2026-11-21T10:00:00Z", 12)
GOOD, BAD = "no comma and just six words", "a, b"


def made(*names: str, count: int = 6, delivery: bool = False) -> Scored:
    """Columns by turns bad and good; each under a delivery of its own where asked."""
    suite = small_track_a(count)
    return scored(
        suite,
        [
            column(suite, dict.fromkeys(suite.by_id, (BAD, GOOD)[n % 2]), name, delivery=name if delivery else "")
            for n, name in enumerate(names)
        ],
    )


def test_pairs_go_round_and_tell_their_columns() -> None:
    results = Results([RUN], [made("base", "one", "two")])
    assert (results.choices, results.names, results.views) == (2, ("base", "one"), ["scores", "prompts", "summary"])
    results.other_pair(1)
    assert results.names == ("base", "two") and results.table()[0].finding == "null"
    results.other_pair(1)
    assert results.names == ("base", "one") and results.table()[0].finding == "better"
    assert [row.flip for row in results.prompts()] == ["gained"] * 6 and results.judged == 18


def test_columns_that_nothing_is_compared_with_stand_alone() -> None:
    results = Results([RUN], [made("none", "system", delivery=True)], look=Look(pair=9))
    assert (results.choices, results.names) == (2, ("system",)), "a place that there is not is the last one"
    assert results.table()[0].first == "100.0%" and results.table()[0].finding == ""
    assert [len(row.answers) for row in results.prompts()] == [1] * 6
    results.other_pair(1)
    (why,) = results.reasons(results.prompts()[0])
    assert results.names == ("none",) and why[0].category == "word_count_exact"


def test_filters_and_readings() -> None:
    suite = small_ifeval(4)
    both = [column(suite, dict.fromkeys(suite.by_id, text), name) for text, name in ((BAD, "base"), ("x", "demo"))]
    results = Results([RUN], [scored(suite, both)], look=Look(loose=True, wanted=DrillFilter(flips=True)))
    assert any("loose" in row.name for row in results.table())
    assert 0 < len(results.prompts()) < results.wanted_rows == 4


def test_suites_of_a_comparison() -> None:
    suite = questions()
    words = scored(suite, [column(suite, dict.fromkeys(suite.by_id, GOOD), "base")])
    found = compare([Source("a", made("x")), Source("b", made("x", "y")), Source("c", words), Source("d", words)])
    results = Results([RUN] * 4, [one.scored for one in found.groups], found)
    assert results.views == ["scores", "prompts", "summary", "progression"] and len(results.versions) == 3
    results.look.wanted = DrillFilter(flips=True)
    results.next_suite()
    assert (
        results.scored is not None and results.scored.suite.name == "verbosity" and "progression" not in results.views
    )
    assert results.look.wanted == DrillFilter()
    results.next_suite()
    assert results.look.group == 0


def test_runs_without_a_suite_in_common() -> None:
    results = Results([RUN] * 2, [], Comparison((), ()))
    assert (results.scored, results.views, results.names, results.choices) == (None, [], (), 0)
    assert results.table() == [] and results.prompts() == [] and results.judged == 0 and results.wanted_rows == 0
    results.other_pair(1)
    results.next_suite()
