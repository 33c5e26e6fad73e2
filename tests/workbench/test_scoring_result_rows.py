"""Lines of a results table say what the table says, in words that fit a screen."""

from __future__ import annotations

import pytest

from aligntui.core.errors import UserError
from aligntui.workbench.scoring.result_rows import result_rows
from aligntui.workbench.scoring.scored import scored
from tests.score.suite_builders import column, questions, small_ifeval, small_track_a


def test_every_rate_of_a_pair_is_a_line() -> None:
    suite = small_track_a(20)
    good = {item.id: "no comma and just six words" for item in suite.items}
    found = scored(suite, [column(suite, dict.fromkeys(good, "a, b"), "base"), column(suite, good, "tuned")])
    rows = result_rows(found)
    assert [(row.group, row.name) for row in rows] == [
        ("overall", "prompt level"), ("category", "word_count_exact"), ("category", "no_comma"),
        ("side effect", "words per answer"), ("side effect", "degenerate repetition"),
    ]  # fmt: skip
    head = rows[0]
    assert (head.first, head.second, head.delta, head.p, head.n) == ("0.0%", "100.0%", "+100.0", "< 0.001", 20)
    assert (head.value, head.unit) == (1.0, "rate") and head.low is not None and 0 < head.low < 1 and head.high == 1.0
    assert head.sentence.startswith("demo") is False and "tuned" in head.sentence and "better" in head.sentence
    assert (head.finding, head.sign) == ("better", "+") and head.first_interval == "0.0 to 16.1"
    assert head.delta_interval.endswith("to +100.0") and head.delta_interval.startswith("+")
    words = rows[3]
    assert (words.first, words.second, words.delta, words.finding) == ("2.0", "6.0", "+4.0", "longer")
    assert (rows[4].finding, rows[4].sign) == ("null", "=")
    with pytest.raises(UserError, match="no pair 2; pairs of columns compared: 1"):
        result_rows(found, 1)


def test_readings_are_chosen_and_tiers_named() -> None:
    suite = small_ifeval(4)
    found = scored(suite, [column(suite, {"100": "this is small", "102": "*A*\nthis is"}, name) for name in ("a", "b")])
    strict, loose = result_rows(found), result_rows(found, loose=True)
    assert {row.name for row in strict} >= {"prompt level, strict", "T1", "punctuation:no_comma", "words per answer"}
    assert not any("loose" in row.name for row in strict) and any(row.name == "prompt level, loose" for row in loose)
    assert next(row for row in strict if row.name == "punctuation:no_comma").tier == "T1"


def test_one_column_alone_and_a_suite_without_verdicts() -> None:
    suite = questions()
    (words, signs) = result_rows(scored(suite, [column(suite, {"g0": "one two"}, "base")]))
    assert (words.first, words.second, words.delta, words.finding, words.sign) == ("2.0", "-", "-", "", "")
    assert signs.name == "degenerate repetition"
    assert (words.value, words.unit, words.sentence, signs.unit) == (2.0, "words", "", "rate")
    apart = [
        column(suite, {"g0": "one two"}, "a", delivery="none"),
        column(suite, {"g0": "one"}, "b", delivery="system"),
    ]
    assert result_rows(scored(suite, apart), 1)[0].first == "1.0"
    with pytest.raises(UserError, match="no column 3; columns: 2"):
        result_rows(scored(suite, apart), 2)
    nothing = result_rows(scored(suite, [column(suite, {}, "a"), column(suite, {}, "b")]))
    assert (nothing[0].first, nothing[0].delta, nothing[0].finding, nothing[0].sign) == ("-", "-", "unknown", "?")
