"""Keys, waivers, fixes, the report and the options."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.core.errors import UserError
from aligntui.data.lint import (
    RULES,
    Finding,
    Fix,
    LintOptions,
    LintRecord,
    Severity,
    Waiver,
    apply_waivers,
    lint,
    plan_fixes,
)
from tests.data.lint_builders import BUT_LANGUAGES, SUITE, clean_set, options, plant, record, run

WHY = "looked at it"


def empty_answer(**changes: Any) -> Finding:
    (finding,) = run([record("a", chosen=" ", **changes)], "empty-answers").findings
    return finding


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "Why?"},
        {"rejected": "No."},
        {"rejected": None},
        {"instruction": "Be brief."},
        {"instruction": "be brief."},
        {"mode": "ita"},
        {"chosen": ""},
        {"prompt": (("user", "How do I keep basil alive in winter?"), ("assistant", ""), ("user", ""))},
    ],
)
def test_a_key_holds_as_long_as_the_texts_do(changes: dict[str, Any]) -> None:
    finding = empty_answer()
    assert finding.key == empty_answer(annotator="ben", chosen_finish="length", prompt_tokens=None).key
    assert finding.key.startswith("b2:")
    (other,) = run([record("a", **({"chosen": " "} | changes))], "empty-answers").findings
    assert finding.key != other.key


def test_messages_cannot_be_mixed_up_in_a_key() -> None:
    one = record("a", prompt=(("user", "x"), ("assistant", "y"), ("user", "z")), chosen=" ")
    other = record("a", prompt=(("user", "x"),), chosen=(("assistant", "y"), ("user", "z"), ("assistant", " ")))
    keys = {run([each], "empty-answers").findings[0].key for each in (one, other)}
    assert len(keys) == 2


def test_waivers_of_one_finding_and_of_a_rule() -> None:
    findings = run([record("a", chosen=""), record("b", chosen=""), record("c", chosen="<|im_end|>")]).findings
    empty_a, empty_b, token = (f for f in findings if f.rule in ("empty-answers", "contamination"))
    one = Waiver("empty-answers", empty_a.key, WHY, "ana", "2026-11-21")
    parted = apply_waivers([empty_a, empty_b, token], [one])
    assert (parted.open, parted.waived, parted.stale) == ((empty_b, token), ((empty_a, one),), ())
    every = Waiver("empty-answers", "*", WHY)
    parted = apply_waivers([empty_a, empty_b, token], [every, one])
    assert [waiver for _, waiver in parted.waived] == [one, every]
    subject = Waiver("contamination", "*", WHY, subject="chat-template-tokens")
    stale = [Waiver("contamination", "*", WHY, subject="secret"), Waiver("role-order", empty_a.key, WHY)]
    parted = apply_waivers([empty_a, empty_b, token], [subject, *stale])
    assert [finding for finding, _ in parted.waived] == [token]
    assert parted.stale == tuple(stale)
    assert subject.covers(token) and not subject.covers(empty_a)


@pytest.mark.parametrize("values", [("", "*", WHY), ("role-order", " ", WHY), ("role-order", "*", " ")])
def test_a_waiver_has_rule_key_and_reason(values: tuple[str, str, str]) -> None:
    with pytest.raises(UserError):
        Waiver(*values)


def finding(*ids: str, fix: Fix = Fix.DROP, targets: tuple[str, ...] = ()) -> Finding:
    return Finding("rule", Severity.WARNING, "Something.", ids, fix, targets=targets)


def test_leaving_out_goes_before_swapping() -> None:
    swaps = [finding("a", "b", fix=Fix.SWAP), finding("b", fix=Fix.SWAP)]
    plan = plan_fixes([*swaps, finding("a"), finding("c", fix=Fix.NONE)])
    assert set(plan.leave_out) == {"a"}
    assert plan.swap == {"b": (swaps[0].key, swaps[1].key)}
    assert [one.pair_ids for one in plan.unfixed] == [("c",)]
    pairs = [record(name, chosen=name, rejected="x") for name in "abc"]
    fixed = list(plan.apply(pairs))
    assert [(one.id, one.chosen[0][1]) for one in fixed] == [("b", "x"), ("c", "c")]


def test_a_user_may_choose_another_fix() -> None:
    one = finding("a", "b")
    plan = plan_fixes([one], {one.key: Fix.SWAP})
    assert (set(plan.leave_out), set(plan.swap)) == (set(), {"a", "b"})
    assert plan_fixes([one], {one.key: Fix.NONE}).unfixed == (one,)


def test_no_group_vanishes() -> None:
    group = finding("a", "b", "c", fix=Fix.DROP_ALL_BUT_FIRST)
    assert set(plan_fixes([group]).leave_out) == {"b", "c"}
    assert set(plan_fixes([group, finding("a")]).leave_out) == {"a", "c"}
    several = finding("a", "b", "c", "d", fix=Fix.DROP_ALL_BUT_FIRST, targets=("c", "d"))
    assert set(plan_fixes([several]).leave_out) == {"c", "d"}
    assert set(plan_fixes([several, finding("a")]).leave_out) == {"a", "c", "d"}
    assert set(plan_fixes([several, finding("a", "b")]).leave_out) == {"a", "b", "d"}


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(
        st.tuples(st.sampled_from(BUT_LANGUAGES), st.integers(0, 15)), min_size=1, max_size=4, unique_by=lambda t: t[0]
    ),
)
def test_many_defects_at_once_are_all_mended(seed: int, defects: list[tuple[str, int]]) -> None:
    mendable = [rule for rule, _ in defects if rule not in ("length-skew", "one-sided-instructions")]
    records: list[LintRecord] = clean_set(seed, 8)
    for number, rule in enumerate(mendable):
        records = plant(rule, records, dict(defects)[rule])[0]
        records = [replace(one, id=f"again{number}") if one.id == "again" else one for one in records]
    rules = [rule for rule in BUT_LANGUAGES if rule not in ("length-skew", "one-sided-instructions")]
    plan = plan_fixes(run(records, *rules).findings)
    assert not plan.unfixed
    assert run(list(plan.apply(records)), *rules).findings == ()


def test_the_report_as_json() -> None:
    records = [*clean_set(1, 8), record("bad", chosen="", rejected="Hi<|im_end|>")]
    report = run(records, *BUT_LANGUAGES)
    waiver = Waiver("contamination", "*", WHY, "ana")
    told = json.loads(json.dumps(report.as_dict([waiver])))
    assert list(told) == [
        "version", "pairs", "counts", "counts_by_subject", "severities", "unchecked", "coverage", "statistics",
        "findings", "waived", "stale_waivers",
    ]  # fmt: skip
    assert told["pairs"] == 17
    assert told["counts"] == dict.fromkeys(BUT_LANGUAGES, 0) | {"empty-answers": 1, "contamination": 1}
    assert told["counts_by_subject"] == {"contamination": {"chat-template-tokens": 1}}
    assert told["severities"] == {"error": 1, "warning": 0, "notice": 0}
    assert [one["rule"] for one in told["findings"]] == ["empty-answers"]
    assert told["waived"][0]["waiver"]["reason"] == WHY
    assert report.of("bad") == list(report.findings)


def test_the_worst_come_first_and_a_severity_can_be_changed() -> None:
    records = [record("a", chosen_finish="length"), record("b", chosen="")]
    assert [f.rule for f in run(records, "empty-answers", "truncated-answers").findings] == [
        "empty-answers",
        "truncated-answers",
    ]
    raised = run(records, "empty-answers", "truncated-answers", severities={"empty-answers": "notice"})
    assert [(f.rule, f.severity) for f in raised.findings] == [
        ("truncated-answers", Severity.WARNING),
        ("empty-answers", Severity.NOTICE),
    ]


def test_records_are_read_once_and_progress_is_told() -> None:
    told: list[int] = []
    records = clean_set(1, 600)
    report = lint(iter(records), options(rules=["role-order"]), progress=told.append)
    assert (report.pairs, told) == (1200, [500, 1000, 1200])

    class Stop(Exception):
        pass

    def stop(_: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        lint(records, options(rules=["role-order"]), progress=stop)


def test_an_id_stands_for_one_pair() -> None:
    with pytest.raises(UserError, match="id 'a'"):
        lint([record("a"), record("a")], suites=SUITE)


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"sameness": {"nearr": 0.9}}, ["'sameness.nearr'", "near"]),
        ({"samenes": {}}, ["'samenes'", "sameness"]),
        ({"sameness": 3}, ["'sameness'", "table"]),
        ({"sameness": {"near": 2}}, ["sameness.near", "0 and 1"]),
        ({"sameness": {"near": "high"}}, ["sameness.near", "number"]),
        ({"truncation": {"training_length": 0}}, ["training_length", "at least 1"]),
        ({"truncation": {"training_length": 1.5}}, ["training_length", "whole number"]),
        ({"truncation": {"training_length": True}}, ["training_length", "whole number"]),
        ({"duplicates": {"near": 0.1}}, ["duplicates.near", "0.2"]),
        ({"lengths": {"confidence": 1.0}}, ["lengths.confidence"]),
        ({"lengths": {"longer_share": 0.4}}, ["longer_share", "0.5"]),
        ({"languages": {"wanted": {"de": 5}}}, ["languages.wanted.de"]),
        ({"languages": {"wanted": []}}, ["languages.wanted", "table"]),
        ({"doctrine": {"terms": {"x": "word"}}}, ["doctrine.terms.x", "list"]),
        ({"severities": {"role-order": "bad"}}, ["severities.role-order", "notice"]),
        ({"severities": {"role-odrer": "error"}}, ["'role-odrer'", "role-order"]),
        ({"rules": ["role-odrer"]}, ["'role-odrer'", "role-order"]),
        ({"rules": "role-order"}, ["'rules'", "list"]),
        ({"contamination": {"own": {"x": "("}}}, ["'x'"]),
    ],
)
def test_wrong_options_are_named(mapping: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        lint([], LintOptions.from_mapping(mapping))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_options_from_tables() -> None:
    made = LintOptions.from_mapping(
        {
            "rules": ["languages"],
            "truncation": {"training_length": 1024},
            "lengths": {"longer_share": 1},
            "doctrine": {"terms": {"x": ["a", "b"]}},
            "languages": {"wanted": {"de": 0.1}},
        }
    )
    assert (made.rules, made.truncation.training_length, made.lengths.longer_share) == (("languages",), 1024, 1.0)
    assert (made.doctrine.terms, made.languages.wanted) == ({"x": ("a", "b")}, {"de": 0.1})
    assert LintOptions.from_mapping({}) == LintOptions()


def test_every_rule_has_a_sentence() -> None:
    for name, rule in RULES.items():
        assert rule.name == name and rule.summary.endswith(".") and rule.severity in Severity


def test_the_package_loads_without_the_heavy_libraries() -> None:
    import subprocess
    import sys

    code = "import aligntui.data.lint, sys; print(sorted({'torch','transformers','numpy','scipy','langdetect'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
