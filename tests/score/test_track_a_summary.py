"""Pass rates of one run against counts by hand."""

from __future__ import annotations

import pytest

from aligntui.score.track_a.checking import AnswerVerdict, check_answers
from aligntui.score.track_a.prompt import ConstraintType, Params, Prompt
from aligntui.score.track_a.summary import summarise

T = ConstraintType


def no_comma(number: int) -> Prompt:
    return Prompt(f"n{number}", T.NO_COMMA, f"Question {number}.", Params(), "tests")


def french(number: int) -> Prompt:
    return Prompt(f"f{number}", T.LANGUAGE, f"Question {number} in French.", Params(language="fr"), "tests")


SUITE = [*(no_comma(i) for i in range(5)), *(french(i) for i in range(3))]
ANSWERS = {
    "n0": "none",
    "n1": "none",
    "n2": "none",
    "n3": "",
    "f0": "La maison est grande et le jardin est tout petit.",
    "f1": "12345",
}


def test_rates_count_what_could_not_be_checked_and_empty_answers_as_not_passed() -> None:
    summary = summarise(SUITE, check_answers(SUITE, ANSWERS))
    by_type = dict(summary.types)
    assert list(by_type) == [T.NO_COMMA, T.LANGUAGE]

    commas = by_type[T.NO_COMMA]
    assert (commas.rate.k, commas.rate.n, commas.empty, commas.could_not_check) == (3, 4, 1, 0)
    assert commas.coverage.as_dict() == {"used": 4, "total": 5, "left_out": {"no answer": 1}}
    # Wilson for 3 of 4 at 95%: middle 0.62754, half width 0.32689
    assert commas.rate.low == pytest.approx(0.30064, abs=1e-5)
    assert commas.rate.high == pytest.approx(0.95442, abs=1e-5)
    assert (commas.rate.method, commas.rate.chance) == ("wilson", None)

    language = by_type[T.LANGUAGE]
    assert (language.rate.k, language.rate.n, language.empty, language.could_not_check) == (1, 2, 0, 1)

    assert (summary.overall.rate.k, summary.overall.rate.n) == (4, 6)
    assert (summary.overall.empty, summary.overall.could_not_check) == (1, 1)
    assert summary.overall.coverage.as_dict() == {"used": 6, "total": 8, "left_out": {"no answer": 2}}


def test_the_level_reaches_the_intervals() -> None:
    verdicts = check_answers(SUITE, ANSWERS)
    narrow, wide = summarise(SUITE, verdicts, level=0.8).overall.rate, summarise(SUITE, verdicts).overall.rate
    assert narrow.level == 0.8
    assert narrow.low is not None
    assert wide.low is not None
    assert narrow.low > wide.low


def test_nothing_answered_is_no_rate_and_no_error() -> None:
    summary = summarise(SUITE, ())
    assert summary.overall.rate.rate is None
    assert summary.overall.coverage.used == 0
    assert [rate.coverage.total for _, rate in summary.types] == [5, 3]


def test_a_summary_turns_into_json() -> None:
    plain = summarise(SUITE, check_answers(SUITE, ANSWERS)).as_dict()
    assert set(plain) == {"overall", "types"}
    types = plain["types"]
    assert isinstance(types, dict)
    assert list(types) == ["no_comma", "language_target"]
    assert types["no_comma"]["rate"]["rate"] == 0.75


def test_verdicts_that_do_not_fit_the_suite_are_refused() -> None:
    (verdict,) = check_answers([no_comma(0)], {"n0": "none"})
    with pytest.raises(ValueError, match="two verdicts on 'n0'"):
        summarise(SUITE, [verdict, AnswerVerdict("n0", T.NO_COMMA, verdict.outcome)])
    with pytest.raises(ValueError, match="'n0', which is no prompt"):
        summarise([no_comma(1)], [verdict])
