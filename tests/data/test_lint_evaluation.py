"""Overlap with evaluation suites."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aligntui.data.lint import lint
from tests.data.lint_builders import SUITE, Maker, clean_set, found, options, record, run

RULE = "evaluation-overlap"
LIMERICK, SHORT = SUITE["suite"]
IFEVAL = Path(__file__).resolve().parents[3] / "shared" / "ifeval" / "input_data.jsonl"


def test_whole_prompts_whatever_their_case() -> None:
    (finding,) = found([record("a", prompt=f" {LIMERICK.upper()}\n")], RULE)
    assert finding.subject == "suite"
    assert finding.evidence["covered"] == 1.0
    assert finding.message == "It holds a prompt of suite (prompt)."
    assert found([record("a", prompt=SHORT)], RULE)


def test_in_answers_and_in_earlier_turns() -> None:
    (finding,) = found([record("a", chosen=f"They asked me: {LIMERICK}", rejected=LIMERICK)], RULE)
    assert finding.evidence["where"] == ["chosen", "rejected"]
    earlier = (("user", SHORT), ("assistant", "Volga, Danube, Ural."), ("user", "Three more."))
    assert found([record("a", prompt=earlier)], RULE)


def test_half_of_a_prompt_is_the_border() -> None:
    words = LIMERICK.split()
    assert len(words) == 16
    assert not found([record("a", prompt=" ".join(words[:8]))], RULE)
    (finding,) = found([record("a", prompt=" ".join(["So:", *words[:9]]))], RULE)
    assert finding.evidence["covered"] == 9 / 16
    assert not found([record("a", prompt=" ".join([*words[:7], "so", *words[8:15]]))], RULE)
    assert found([record("a", prompt=" ".join(words[:6]))], RULE, evaluation={"ngram_words": 5, "covered_share": 0.3})


def test_short_prompts_are_compared_as_a_whole_only_and_that_is_said() -> None:
    report = run([record("a", prompt=f"{SHORT} Then three lakes.")], RULE)
    assert not report.findings
    assert report.coverage[RULE].notes == ["1 suite prompt of fewer than 8 words was compared as a whole only."]
    assert report.statistics[RULE] == {"pairs_by_suite": {"suite": 0}}


def test_no_suite_is_no_pass() -> None:
    report = lint(clean_set(1, 3), options(rules=[RULE]), suites={"empty": []})
    assert report.unchecked == {RULE: "no evaluation suite was given"}


def test_scripts_without_spaces() -> None:
    suites = {"s": ["请用简单的话解释为什么海水是咸的并举两个咸水湖的例子"]}
    records = [
        record("a", prompt="好的。请用简单的话解释为什么海水是咸的，谢谢"),
        record("b", prompt="请用简单的话解释云"),
    ]
    report = lint(records, options(rules=[RULE]), suites=suites)
    assert [finding.pair_ids for finding in report.findings] == [("a",)]


@pytest.mark.skipif(not IFEVAL.is_file(), reason="the IFEval prompts are not here")
def test_every_ifeval_prompt_is_found_and_nothing_else_is() -> None:
    prompts = [json.loads(line)["prompt"] for line in IFEVAL.read_text("utf-8").splitlines()]
    assert len(prompts) == 541
    maker = Maker(1)
    records = [
        record(f"p{i}", prompt=f"{maker.text(3, 3)}. {prompt.replace(' ', '  ').swapcase()}")
        if len(prompt.split()) > 8
        else record(f"p{i}", prompt=prompt)
        for i, prompt in enumerate(prompts)
    ]
    report = lint([*records, *clean_set(2, 50)], options(rules=[RULE]), suites={"IFEval": prompts})
    assert {one for finding in report.findings for one in finding.pair_ids} == {one.id for one in records}
