"""Rates, tiers and comparisons, counted by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aligntui.core.errors import UserError
from aligntui.score.corrections import corrected
from aligntui.score.ifeval.comparison import compare, flips
from aligntui.score.ifeval.prompts import Prompt, parse_prompts
from aligntui.score.ifeval.registry import CHECKERS
from aligntui.score.ifeval.scoring import Scoring, score_answers
from aligntui.score.ifeval.summary import summarise
from aligntui.score.ifeval.tiers import TIERS, tier_of
from aligntui.score.intervals import clustered_rate, wilson

COMMA, QUOTES, TITLE, OAR = (
    "punctuation:no_comma",
    "startend:quotation",
    "detectable_format:title",
    "keywords:existence",
)
REPEAT = "combination:repeat_prompt"
ARGUMENTS: dict[str, dict[str, Any]] = {OAR: {"keywords": ["oar"]}, REPEAT: {"prompt_to_repeat": "Row"}}


def prompts(*instructions: tuple[str, ...]) -> tuple[Prompt, ...]:
    rows = (
        {"key": key, "prompt": f"p{key}", "instruction_id_list": ids, "kwargs": [ARGUMENTS.get(id_, {}) for id_ in ids]}
        for key, ids in enumerate(instructions)
    )
    return parse_prompts(((f"row {i}", row) for i, row in enumerate(rows)), "rows")


SUITE = prompts((COMMA, QUOTES), (QUOTES,), (COMMA,), (TITLE, OAR), (OAR,), (REPEAT,))


def scored(*answers: str | None) -> Scoring:
    return score_answers(SUITE, {key: answer for key, answer in enumerate(answers) if answer is not None})


FIRST = scored('"Row on"', 'Sure:\n"Row"', "Row, row", "<<Oar>>", "row", "")
"""Strict: both; fails (loosely passes); fails; both; fails; empty."""


def test_rates_of_one_run() -> None:
    summary = summarise(FIRST)
    assert (summary.all.prompt_strict.k, summary.all.prompt_strict.n) == (2, 6)
    assert (summary.all.prompt_loose.k, summary.all.prompt_loose.n) == (3, 6)
    assert (summary.all.instruction_strict.k, summary.all.instruction_strict.n) == (4, 8)
    assert (summary.all.instruction_loose.k, summary.all.instruction_loose.n) == (5, 8)
    assert (summary.all.prompt_strict.low, summary.all.prompt_strict.high) == wilson(2, 6)
    assert summary.all.instruction_strict == clustered_rate(
        [(0, 1.0), (0, 1.0), (1, 0.0), (2, 0.0), (3, 1.0), (3, 1.0), (4, 0.0), (5, 0.0)]
    )
    assert summary.empty == 1


def test_adjusted_rates_leave_out_whole_prompts() -> None:
    adjusted = summarise(FIRST).adjusted
    # prompts 0 and 2 contain no_comma: the quotation instruction of prompt 0 leaves with it
    assert (adjusted.prompt_strict.k, adjusted.prompt_strict.n) == (1, 4)
    assert (adjusted.prompt_loose.k, adjusted.prompt_loose.n) == (2, 4)
    assert (adjusted.instruction_strict.k, adjusted.instruction_strict.n) == (2, 5)


def test_categories_and_their_tiers() -> None:
    categories = {c.instruction: c for c in summarise(FIRST).categories}
    assert list(categories) == [id_ for id_ in CHECKERS if id_ in {COMMA, QUOTES, TITLE, OAR, REPEAT}]
    assert {id_: (c.tier, c.strict.k, c.loose.k, c.strict.n) for id_, c in categories.items()} == {
        COMMA: ("T1", 1, 1, 2),
        QUOTES: ("T2", 1, 2, 2),
        TITLE: ("T2", 1, 1, 1),
        OAR: ("T1", 1, 1, 2),
        REPEAT: ("T3", 0, 0, 1),
    }


def test_tier_averages_are_means_of_types() -> None:
    tiers = {tier.tier: tier for tier in summarise(FIRST).tiers}
    assert list(tiers) == ["T1", "T2", "T3", "T1 without language"]
    assert tiers["T1"].strict.value == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert tiers["T2"].strict.value == pytest.approx((1 / 2 + 1) / 2)
    assert tiers["T2"].loose.value == pytest.approx(1.0)
    assert tiers["T3"].strict.value == 0.0
    assert tiers["T1"].strict.n == 4
    assert "6 of 8 types have no prompt" in tiers["T1"].strict.note
    assert "5 of 7 types have no prompt" in tiers["T1 without language"].strict.note


def test_tier_intervals_hold_the_mean_and_narrow_with_prompts() -> None:
    def run(copies: int) -> Scoring:
        suite = prompts(*[(OAR,), (COMMA,)] * copies)
        return score_answers(suite, {p.key: "oar" if int(p.key) % 3 else "x, y" for p in suite})

    widths = []
    for copies in (20, 180):
        estimate = summarise(run(copies)).tiers[0].strict
        assert estimate.value is not None and estimate.low is not None and estimate.high is not None
        assert 0 <= estimate.low < estimate.value < estimate.high <= 1
        assert estimate == summarise(run(copies)).tiers[0].strict
        widths.append(estimate.high - estimate.low)
    assert widths[1] < widths[0] / 2


def test_the_tiers_are_the_sources() -> None:
    assert set(TIERS["T1"]) == {
        "keywords:forbidden_words",
        "keywords:frequency",
        "keywords:existence",
        "language:response_language",
        "length_constraints:number_words",
        "length_constraints:number_sentences",
        "punctuation:no_comma",
        "detectable_format:constrained_response",
    }
    assert set(TIERS["T3"]) == {
        "combination:repeat_prompt",
        "detectable_format:number_highlighted_sections",
        "detectable_content:number_placeholders",
    }
    assert set(TIERS["T2"]) == set(CHECKERS) - set(TIERS["T1"]) - set(TIERS["T3"])
    assert set(TIERS["T1 without language"]) == set(TIERS["T1"]) - {"language:response_language"}
    assert {"keywords:letter_frequency", "length_constraints:nth_paragraph_first_word"} <= set(TIERS["T2"])
    assert all(id_ in TIERS[str(tier_of(id_))] for id_ in CHECKERS)


def test_nothing_scored_is_said_not_raised() -> None:
    summary = summarise(score_answers(SUITE, {}))
    assert summary.all.prompt_strict.rate is None
    assert summary.categories == ()
    assert all(tier.strict.value is None and tier.strict.note for tier in summary.tiers)
    assert summary.coverage.as_dict() == {"used": 0, "total": 6, "left_out": {"no answer": 6}}
    assert json.loads(json.dumps(summary.as_dict()))["all"]["prompt_strict"]["n"] == 0


def test_two_runs_prompt_by_prompt() -> None:
    second = scored('"Row, on"', '"Row"', "Row row", "<<Oar>>", None, "Row: yes")
    comparison = compare(FIRST, second)
    prompt = comparison.strict.prompt
    assert (prompt.both, prompt.only_first, prompt.only_second, prompt.neither) == (1, 1, 3, 0)
    assert prompt.p_method == "mcnemar, exact" and prompt.p == pytest.approx(0.625)
    assert prompt.difference.value == pytest.approx(2 / 5)
    assert prompt.coverage.as_dict() == {"used": 5, "total": 6, "left_out": {"second could not be checked": 1}}
    instruction = comparison.strict.instruction
    assert (instruction.both, instruction.only_first, instruction.only_second, instruction.neither) == (3, 1, 3, 0)
    assert instruction.p_method == "sign flips over prompts"
    assert instruction.coverage.total == 8
    adjusted = comparison.strict.prompt_adjusted
    assert (adjusted.both, adjusted.only_first, adjusted.only_second, adjusted.coverage.total) == (1, 0, 2, 4)
    assert comparison.strict.instruction_adjusted.coverage.total == 5
    # loosely the first run passes prompt 1 too
    assert comparison.loose.prompt.only_second == 2


def test_two_runs_type_by_type_with_both_corrections() -> None:
    second = scored('"Row, on"', '"Row"', "Row row", "<<Oar>>", "oar", "Row: yes")
    reading = compare(FIRST, second).strict
    by_type = {c.instruction: c for c in reading.categories}
    assert (by_type[COMMA].rates.only_first, by_type[COMMA].rates.only_second) == (1, 1)
    assert by_type[QUOTES].rates.only_second == 1
    p_values = [c.rates.p for c in reading.categories]
    assert [c.p_holm for c in reading.categories] == list(corrected(p_values, "holm"))
    assert [c.p_benjamini_hochberg for c in reading.categories] == list(corrected(p_values, "benjamini-hochberg"))
    tiers = {tier.tier: tier for tier in reading.tiers}
    assert tiers["T1"].first.value == pytest.approx(1 / 2)
    assert tiers["T1"].second.value == pytest.approx((1 / 2 + 1) / 2)
    assert tiers["T1"].difference.value == pytest.approx(1 / 4)
    assert tiers["T3"].difference.value == 1.0
    assert json.loads(json.dumps(reading.as_dict()))["tiers"][2]["tier"] == "T3"


def test_a_run_against_itself_differs_in_nothing() -> None:
    comparison = compare(FIRST, FIRST)
    assert comparison.strict.prompt.p == 1.0 and comparison.strict.prompt.difference.value == 0.0
    assert all(tier.difference.value == 0.0 for tier in comparison.strict.tiers[:3])
    assert flips(FIRST, FIRST) == ()


def test_flips() -> None:
    second = scored('"Row, on"', '"Row"', "Row, row", "<<Title>>", None, "")
    found = flips(FIRST, second)
    assert [(flip.key, flip.gained, flip.lost, flip.follows_all) for flip in found] == [
        (0, (), (COMMA,), (True, False)),
        (1, (QUOTES,), (), (False, True)),
        (3, (), (OAR,), (True, False)),
    ]
    assert [flip.key for flip in flips(FIRST, second, loose=True)] == [0, 3]


def test_runs_over_other_prompts_are_not_compared() -> None:
    other = score_answers(prompts((COMMA,)), {0: "Row"})
    for function in (compare, flips):
        with pytest.raises(UserError, match="the same prompts, and 7 stand in one of these two only"):
            function(FIRST, other)
