"""Down to the prompts: order, filters, reasons."""

from __future__ import annotations

from aligntui.workbench.scoring.drill import DrillFilter, drill_rows, failures
from aligntui.workbench.scoring.scored import Scored, scored
from tests.score.suite_builders import NO_COMMA, WORDS, column, questions, small_ifeval

LONG = "this answer has far more than five words"


def two() -> Scored:
    suite = small_ifeval(6)
    base = {"100": "all of it small", "101": "no comma", "102": LONG, "103": LONG, "104": ""}
    tuned = {"100": "ALL CAPITALS", "101": "no comma", "102": "yes this is small", "103": "a, b", "104": "", "105": "x"}
    return scored(suite, [column(suite, base, "base"), column(suite, tuned, "tuned")])


def test_what_was_lost_comes_first_then_what_was_gained() -> None:
    rows = drill_rows(two())
    assert [(row.item, row.flip) for row in rows] == [
        ("100", "lost"), ("103", "lost"), ("102", "gained"), ("101", ""), ("104", ""), ("105", ""),
    ]  # fmt: skip
    assert rows[0].passed == (True, False) and rows[5].passed == (None, True) and rows[5].answers == (None, "x")


def test_filters_choose_by_side_flip_failure_and_category() -> None:
    found = two()

    def items(**wanted) -> list[str]:
        return [row.item for row in drill_rows(found, wanted=DrillFilter(**wanted))]

    assert items(first=True) == ["100", "101"] and items(first=False) == ["103", "102", "104"]
    assert items(first=False, second=True) == ["102"] and items(second=False) == ["100", "103", "104"]
    assert items(flips=True) == ["100", "103", "102"] and items(failed=True) == ["100", "103", "102", "104"]
    assert items(category=NO_COMMA) == ["103", "101", "105"]
    rows = {row.item: row for row in drill_rows(found, wanted=DrillFilter(category=WORDS))}
    assert rows["103"].flip == "gained" and rows["103"].passed == (False, True), "of this demand alone"


def test_every_failure_has_its_reason() -> None:
    found = two()
    row = next(row for row in drill_rows(found) if row.item == "103")
    (base,), (tuned,) = failures(found, row)
    assert base.category == WORDS and "found 8 words" in base.reason
    assert tuned.category == NO_COMMA and "found" in tuned.reason
    whole = next(row for row in drill_rows(found) if row.item == "101")
    assert failures(found, whole) == ((), ())
    empty = next(row for row in drill_rows(found) if row.item == "104")
    assert len(failures(found, empty)[0]) == 2 and "an empty answer" in failures(found, empty)[0][0].reason
    missing = next(row for row in drill_rows(found) if row.item == "105")
    assert failures(found, missing)[0] == ()


def test_one_column_alone_and_columns_by_name() -> None:
    found = two()
    alone = drill_rows(found, "tuned", wanted=DrillFilter(failed=True))
    assert [row.item for row in alone] == ["100", "103", "104"] and all(len(row.answers) == 1 for row in alone)
    turned = drill_rows(found, "tuned", "base", DrillFilter(flips=True))
    assert {row.item: row.flip for row in turned} == {"100": "gained", "102": "lost", "103": "lost"}


def test_answers_without_verdicts_are_rows_too() -> None:
    suite = questions("verbosity", 2)
    found = scored(suite, [column(suite, {"g0": "a"}, "base"), column(suite, {"g0": "b"}, "tuned")])
    rows = drill_rows(found)
    assert [row.passed for row in rows] == [(None, None)] * 2 and failures(found, rows[0]) == ((), ())
