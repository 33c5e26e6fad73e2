"""Every rule fires on a planted defect, names it, and stays quiet on a clean set."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.config.paths import bundled
from aligntui.data.lint import RULES, Fix, LintRecord, Severity, lint, plan_fixes
from tests.data.lint_builders import BUT_LANGUAGES, SUITE, clean_set, options, plant, record, run

FEW = settings(max_examples=25, deadline=None)
SEEDS = st.integers(0, 2**32)


@FEW
@given(SEEDS, st.integers(0, 25))
def test_a_clean_set_has_no_finding_and_nothing_goes_unchecked(seed: int, prompts: int) -> None:
    records = clean_set(seed, prompts)
    report = run(records, *BUT_LANGUAGES)
    assert report.findings == ()
    assert report.pairs == len(records)
    assert {name: coverage.checked for name, coverage in report.coverage.items()} == dict.fromkeys(
        BUT_LANGUAGES, len(records)
    )
    assert not report.unchecked


@pytest.mark.parametrize("rule", BUT_LANGUAGES)
@FEW
@given(seed=SEEDS, prompts=st.integers(6, 15), place=st.integers(0, 11))
def test_a_planted_defect_is_found_named_and_mended(rule: str, seed: int, prompts: int, place: int) -> None:
    records, guilty = plant(rule, clean_set(seed, prompts), place)
    report = run(records, rule)
    assert report.counts == {rule: 1}
    (finding,) = report.findings
    assert set(finding.pair_ids) == guilty if rule != "length-skew" else set(finding.pair_ids) <= guilty
    assert finding.severity is (Severity.ERROR if rule == "contamination" else RULES[rule].severity)
    assert finding.message.endswith(".")
    if finding.fix is Fix.NONE:
        assert not finding.affected
    else:
        plan = plan_fixes(report.findings)
        assert set(plan.leave_out) == set(finding.affected) <= guilty
        assert run(list(plan.apply(records)), rule).findings == ()


@pytest.mark.parametrize("rule", BUT_LANGUAGES)
def test_the_order_of_the_records_changes_no_key(rule: str) -> None:
    records, _ = plant(rule, clean_set(5, 8), 3)
    forwards, backwards = (run(of, rule).findings for of in (records, records[::-1]))
    assert [finding.key for finding in forwards] == [finding.key for finding in backwards]


def test_the_bundled_pairs_are_clean_but_for_their_one_language() -> None:
    records = []
    for file in sorted(bundled("datasets", "opposed-demo").glob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            (one, preferred), (other, rejected) = row["answers"].items()
            for kind, chosen, against in ((one, preferred, rejected), (other, rejected, preferred)):
                records.append(
                    record(
                        f"{row['id']}-{kind}",
                        prompt=row["prompt"],
                        chosen=chosen,
                        rejected=against,
                        instruction=f"Be {kind}.",
                        instruction_label=f"{kind}/1",
                        chosen_tokens=None,
                    )
                )
    report = run(records, languages={"sample": 60})
    assert len(records) > 400
    assert [(finding.rule, finding.subject, finding.severity) for finding in report.findings] == [
        ("languages", "single-language", Severity.NOTICE)
    ]


def test_what_cannot_be_checked_is_said() -> None:
    bare = LintRecord("a", (("user", "Why?"),), (("assistant", "Because."),), (("assistant", "Dunno."),))
    report = lint([bare])
    assert report.findings == ()
    assert report.unchecked == {
        "truncated-answers": "nobody knows why an answer ended",
        "identical-after-truncation": "no training length was given",
        "languages": "no language could be told",
        "evaluation-overlap": "no evaluation suite was given",
    }


def test_undecided_pairs_and_single_answers_are_not_taken_for_checked() -> None:
    records = [
        record("tie", verdict="tie", rejected=""),
        record("skip", verdict="skip", rejected=""),
        record("alone", rejected=None),
    ]
    report = run(records, "empty-answers", "identical-answers", "contradictory-verdicts")
    assert report.findings == ()
    assert {name: (c.checked, dict(c.not_checked)) for name, c in report.coverage.items()} == {
        "empty-answers": (1, {"the verdict does not decide": 1, "nothing was judged": 1}),
        "identical-answers": (
            0,
            {"the verdict does not decide": 1, "nothing was judged": 1, "there is no rejected answer": 1},
        ),
        "contradictory-verdicts": (1, {"nothing was judged": 1, "there is no rejected answer": 1}),
    }


def test_a_single_answer_is_still_looked_at() -> None:
    alone = record("alone", rejected=None, chosen="Sure!<|im_end|>")
    assert [finding.rule for finding in run([alone], *BUT_LANGUAGES).findings] == ["contamination"]


@given(
    st.lists(st.text(st.characters(), max_size=40), min_size=4, max_size=4), st.sampled_from(["system", "none", "ita"])
)
@settings(max_examples=60, deadline=None)
def test_no_text_breaks_a_rule(texts: list[str], mode: str) -> None:
    instruction, prompt, chosen, rejected = texts
    one = record("a", instruction=instruction, prompt=prompt, chosen=chosen, rejected=rejected, mode=mode)
    report = lint([one, *clean_set(1, 2)], options(), suites=SUITE | {"own": texts})
    json.dumps(report.as_dict())


def test_empty_lists_of_messages_break_no_rule() -> None:
    report = run([LintRecord("a", (), (), ()), LintRecord("b", (), (), None)])
    assert {finding.rule for finding in report.findings} >= {"role-order", "empty-answers"}
