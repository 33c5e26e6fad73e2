"""Verdicts on recorded answers equal those of lm-evaluation-harness 0.4.13, instruction by instruction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aligntui.score.ifeval.checkers.keywords import LetterFrequency
from aligntui.score.ifeval.prompts import Prompt, read_prompts
from aligntui.score.ifeval.scoring import Scored, Scoring, score_answers, write_verdicts
from aligntui.score.ifeval.summary import summarise

DATA = Path(__file__).resolve().parents[3] / "shared" / "ifeval"
DRAWN = {(1122, "strict", 1), (1129, "loose", 0)}
"""Recorded verdicts that came out of a random draw. Both are on prompts that ask for a sign, `#` and `!`: the reference
puts a random letter in its place, anew for each reading, so that 1129 is recorded as passing strictly and failing loosely.
No rule can give both verdicts of either prompt."""


@pytest.fixture(scope="module")
def prompts() -> tuple[Prompt, ...]:
    if not (DATA / "input_data.jsonl").is_file():
        pytest.skip(f"IFEval's reference data are not part of the project and do not lie in {DATA}")
    return read_prompts(DATA / "input_data.jsonl")


@pytest.fixture(scope="module")
def recorded(prompts: tuple[Prompt, ...]) -> dict[int, dict[str, Any]]:
    lines = (DATA / "gpt4_reference.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["key"]: row for row in map(json.loads, lines)}


@pytest.fixture(scope="module")
def scoring(prompts: tuple[Prompt, ...], recorded: dict[int, dict[str, Any]]) -> Scoring:
    return score_answers(prompts, {key: row["response"] for key, row in recorded.items()})


def test_no_verdict_differs(scoring: Scoring, recorded: dict[int, dict[str, Any]]) -> None:
    different = {
        (scored.key, reading, place)
        for scored in scoring.scored
        for reading in ("strict", "loose")
        for place, (ours, theirs) in enumerate(
            zip(getattr(scored, reading), recorded[int(scored.key)][reading], strict=True)
        )
        if ours is not theirs
    }
    assert len(scoring.scored) == 540
    assert different == DRAWN


def test_the_drawn_verdicts_are_on_signs_and_contradict_each_other(
    prompts: tuple[Prompt, ...], recorded: dict[int, dict[str, Any]]
) -> None:
    by_key = {prompt.key: prompt for prompt in prompts}
    signs = {
        (prompt.key, place, checker.letter)
        for prompt in prompts
        for place, checker in enumerate(prompt.checkers)
        if isinstance(checker, LetterFrequency) and not ("a" <= checker.letter <= "z")
    }
    assert signs == {(1122, 1, "#"), (1129, 0, "!")}
    assert {(key, place) for key, _, place in DRAWN} == {(key, place) for key, place, _ in signs}
    assert recorded[1129]["strict"][0] and not recorded[1129]["loose"][0]
    # the answer to 1122 has neither asterisks nor a second line, so all its variants are the same text
    assert by_key[1122].instructions[1] == "keywords:letter_frequency"
    assert "\n" not in recorded[1122]["response"] and "*" not in recorded[1122]["response"]
    assert not recorded[1122]["strict"][1] and recorded[1122]["loose"][1]


def test_totals(scoring: Scoring) -> None:
    rates = summarise(scoring).all
    # recorded: 416 and 430 prompts, 696 and 712 instructions, each without the one verdict drawn against it
    assert (rates.prompt_strict.k, rates.prompt_strict.n) == (417, 540)
    assert (rates.prompt_loose.k, rates.prompt_loose.n) == (431, 540)
    assert (rates.instruction_strict.k, rates.instruction_strict.n) == (697, 832)
    assert (rates.instruction_loose.k, rates.instruction_loose.n) == (713, 832)


def test_adjusted_rates_leave_out_the_prompts_without_commas(scoring: Scoring) -> None:
    summary = summarise(scoring)
    commas = [scored for scored in scoring.scored if "punctuation:no_comma" in scored.prompt.instructions]
    rest = [scored for scored in scoring.scored if scored not in commas]
    assert len(commas) == 66 and summary.adjusted.prompt_strict.n == 474
    assert summary.adjusted.prompt_loose.k == sum(scored.follows_all(loose=True) for scored in rest)
    assert summary.adjusted.instruction_strict.n == sum(len(scored.strict) for scored in rest)


def test_the_missing_answer_is_coverage(scoring: Scoring) -> None:
    assert len(scoring.missing) == 1
    assert summarise(scoring).coverage.as_dict() == {"used": 540, "total": 541, "left_out": {"no answer": 1}}


def test_all_types_and_tiers_are_there(scoring: Scoring) -> None:
    summary = summarise(scoring)
    assert len(summary.categories) == 25
    assert all(tier.strict.low is not None and not tier.strict.note for tier in summary.tiers)


def test_every_failure_has_a_reason(scoring: Scoring) -> None:
    for scored in scoring.scored:
        reasons = scored.reasons()
        assert [reason is None for reason in reasons] == list(scored.strict)
        assert all(reason is None or (reason.wanted and reason.found) for reason in reasons)
        assert [name is not None for name in scored.loosened()] == _only_loose(scored)


def test_verdicts_written(scoring: Scoring, recorded: dict[int, dict[str, Any]], tmp_path: Path) -> None:
    write_verdicts(tmp_path / "verdicts.jsonl", scoring)
    rows = [json.loads(line) for line in (tmp_path / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["key"] for row in rows] == [scored.key for scored in scoring.scored]
    undrawn = [row for row in rows if row["key"] not in {key for key, _, _ in DRAWN}]
    assert undrawn == [{name: recorded[row["key"]][name] for name in ("key", "strict", "loose")} for row in undrawn]


def _only_loose(scored: Scored) -> list[bool]:
    return [loose and not strict for strict, loose in zip(scored.strict, scored.loose, strict=True)]
