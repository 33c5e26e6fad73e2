"""Base against adapter on the same prompts: tables by hand, McNemar's exact test, Holm over the types."""

from __future__ import annotations

from math import comb

import pytest

from aligntui.score.power import detectable_paired
from aligntui.score.track_a.checking import AnswerVerdict, Outcome, check_answers
from aligntui.score.track_a.comparing import compare_runs
from aligntui.score.track_a.prompt import ConstraintType, Params, Prompt
from aligntui.score.wording import Finding

T = ConstraintType
PARAMS = {
    T.WORD_COUNT: Params(count=5),
    T.SENTENCE_COUNT: Params(count=2),
    T.FORBIDDEN_WORD: Params(word="water"),
    T.REQUIRED_WORD: Params(word="water"),
    T.LANGUAGE: Params(language="fr"),
    T.WORD_FREQUENCY: Params(word="water", count=2),
}
SUITE = [
    Prompt(f"{kind}-{i}", kind, f"{kind} {i}", PARAMS.get(kind, Params()), "tests") for kind in T for i in range(20)
]


def run(passed: dict[ConstraintType, set[int]]) -> list[AnswerVerdict]:
    """Verdicts on the whole suite, of which those with these numbers pass."""
    return [
        AnswerVerdict(
            prompt.id,
            prompt.type,
            Outcome.PASSED if int(prompt.id.rpartition("-")[2]) in passed.get(prompt.type, set()) else Outcome.FAILED,
        )
        for prompt in SUITE
    ]


BASE = run({T.NO_COMMA: set(range(4)), T.LANGUAGE: set(range(10)), T.REQUIRED_WORD: set(range(18))})
ADAPTER = run({T.NO_COMMA: set(range(16)), T.LANGUAGE: set(range(5, 15)), T.REQUIRED_WORD: set(range(12, 18))})


def test_tables_and_tests_by_hand() -> None:
    compared = compare_runs(SUITE, BASE, ADAPTER)
    by_type = {row.type: row for row in compared.types}
    assert list(by_type) == list(T)

    commas = by_type[T.NO_COMMA]
    assert (commas.rates.both, commas.rates.only_first, commas.rates.only_second, commas.rates.neither) == (4, 0, 12, 4)
    assert commas.rates.difference.value == pytest.approx(12 / 20)
    assert commas.rates.p == pytest.approx(2 / 2**12)
    assert commas.wording.finding is Finding.BETTER

    required = by_type[T.REQUIRED_WORD]
    assert required.rates.difference.value == pytest.approx(-12 / 20)
    assert required.wording.finding is Finding.WORSE
    assert required.wording.sentence.startswith("adapter is worse than base: -60.0 pp (95% interval")

    language = by_type[T.LANGUAGE]
    assert (language.rates.only_first, language.rates.only_second) == (5, 5)
    assert language.rates.p == 1.0
    assert language.wording.finding is Finding.NULL

    # Holm over eight types: the two equal p-values are multiplied by 8 and 7 and kept in order
    assert compared.family == 8
    assert commas.p_corrected == pytest.approx(8 * 2 / 2**12)
    assert required.p_corrected == pytest.approx(8 * 2 / 2**12)
    assert language.p_corrected == 1.0


def test_all_prompts_together_are_one_test() -> None:
    compared = compare_runs(SUITE, BASE, ADAPTER)
    overall = compared.overall
    assert (overall.only_first, overall.only_second) == (17, 17)
    assert overall.p == 1.0
    assert (overall.first.k, overall.second.k, overall.first.n) == (32, 32, 160)
    assert compared.wording.finding is Finding.NULL
    assert overall.coverage.as_dict() == {"used": 160, "total": 160, "left_out": {}}
    assert overall.detectable == detectable_paired(160, 35 / 162)
    assert f"below {overall.detectable * 100:.1f} pp could have stayed unseen" in compared.wording.sentence  # type: ignore[operator]


def test_flips_are_named() -> None:
    compared = compare_runs(SUITE, BASE, ADAPTER)
    assert compared.gained == (
        *(f"no_comma-{i}" for i in range(4, 16)),
        *(f"language_target-{i}" for i in range(10, 15)),
    )
    assert compared.lost == (*(f"required_word-{i}" for i in range(12)), *(f"language_target-{i}" for i in range(5)))


def test_the_correction_takes_back_what_one_of_eight_tests_finds_by_chance() -> None:
    first, second = run({T.NO_COMMA: set()}), run({T.NO_COMMA: set(range(6))})
    row = next(row for row in compare_runs(SUITE, first, second).types if row.type is T.NO_COMMA)
    assert row.rates.p == pytest.approx(2 / 2**6)
    assert row.rates.p is not None
    assert row.rates.p < 0.05
    assert row.p_corrected == pytest.approx(8 * 2 / 2**6)
    assert row.wording.finding is Finding.NULL
    assert "after correction" in row.wording.sentence


def test_prompts_that_one_run_did_not_answer_leave_the_comparison_and_are_counted() -> None:
    first = [verdict for verdict in BASE if verdict.prompt_id not in ("no_comma-0", "no_comma-1", "no_comma-2")]
    second = [verdict for verdict in ADAPTER if verdict.prompt_id not in ("no_comma-2", "no_comma-19")]
    compared = compare_runs(SUITE, first, second)
    row = next(row for row in compared.types if row.type is T.NO_COMMA)
    left_out = {"first has no answer": 2, "second has no answer": 1, "neither has an answer": 1}
    assert row.rates.coverage.as_dict() == {"used": 16, "total": 20, "left_out": left_out}
    assert (row.rates.both, row.rates.only_second, row.rates.neither) == (1, 12, 3)
    assert compared.overall.coverage.as_dict() == {"used": 156, "total": 160, "left_out": left_out}


def test_what_could_not_be_checked_counts_as_not_passed() -> None:
    suite = [prompt for prompt in SUITE if prompt.type is T.LANGUAGE][:1]
    name = suite[0].id
    first = check_answers(suite, {name: "La maison est grande et le jardin est petit."})
    second = check_answers(suite, {name: "12345"})
    assert second[0].outcome is Outcome.COULD_NOT_CHECK
    compared = compare_runs(suite, first, second, first_name="v1", second_name="v2")
    assert compared.lost == (name,)
    assert compared.overall.coverage.used == 1
    assert (compared.first, compared.second) == ("v1", "v2")


def test_runs_without_a_common_prompt_give_no_finding() -> None:
    compared = compare_runs(SUITE, BASE[:10], ADAPTER[10:20])
    assert compared.family == 0
    assert compared.wording.finding is Finding.UNKNOWN
    assert {row.p_corrected for row in compared.types} == {None}


def test_the_other_correction_is_at_hand() -> None:
    compared = compare_runs(SUITE, BASE, ADAPTER, correction="benjamini-hochberg")
    row = next(row for row in compared.types if row.type is T.NO_COMMA)
    assert compared.correction == "benjamini-hochberg"
    assert row.p_corrected == pytest.approx(8 / 2 * 2 / 2**12)


def test_a_comparison_turns_into_plain_data() -> None:
    plain = compare_runs(SUITE, BASE, ADAPTER).as_dict()
    assert plain["overall"]["p"] == 1.0
    assert [row["type"] for row in plain["types"]] == [str(kind) for kind in T]
    assert plain["types"][4]["wording"]["finding"] == "better"


def test_swapping_the_runs_turns_the_difference_round() -> None:
    one, other = compare_runs(SUITE, BASE, ADAPTER), compare_runs(SUITE, ADAPTER, BASE)
    assert (one.gained, one.lost) == (other.lost, other.gained)
    for a, b in zip(one.types, other.types, strict=True):
        assert a.rates.p == b.rates.p
        assert a.rates.difference.value == pytest.approx(-b.rates.difference.value)  # type: ignore[operator]


def test_mcnemar_is_the_binomial_test_of_the_flips() -> None:
    first, second = run({T.NO_COMMA: {0, 1}}), run({T.NO_COMMA: set(range(2, 11))})
    row = next(row for row in compare_runs(SUITE, first, second).types if row.type is T.NO_COMMA)
    assert row.rates.p == pytest.approx(2 * sum(comb(11, k) for k in range(3)) / 2**11)
