"""Roles, empty and broken-off answers, sameness, length, doctrine: examples and edges."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.data.lint import Fix, LintRecord
from aligntui.data.lint.rules.answers import leaves_block_open
from tests.data.lint_builders import Maker, found, record, run

U, A, S = ("user", "Hm?"), ("assistant", "Yes."), ("system", "Be brief.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"prompt": (S, U)}, ""),
        ({"prompt": (U, A, U), "chosen": (A, U, A), "rejected": (A, U, ("assistant", "No."))}, ""),
        ({"prompt": ()}, "no message of the user"),
        ({"prompt": (S,)}, "no message of the user"),
        ({"prompt": (U, A)}, "ends with a message of 'assistant'"),
        ({"prompt": (A, U)}, "Message 1 of the prompt is by 'assistant'"),
        ({"prompt": (U, U)}, "Message 2 of the prompt"),
        ({"prompt": (U, A, S, U)}, "role 'system'"),
        ({"prompt": (("human", "Hm?"), U)}, "role 'human'"),
        ({"prompt": (("user", " "), A, U)}, "blank"),
        ({"prompt": (S, U), "instruction": "Be warm."}, "beside the instruction"),
        ({"prompt": (S, U), "instruction": "Be warm.", "mode": "none"}, ""),
        ({"chosen": (U, A)}, "Message 1 of the chosen side"),
        ({"rejected": (A, U)}, "rejected side ends"),
        ({"rejected": (A, A)}, "Message 2 of the rejected side"),
    ],
)
def test_role_order(changes: dict[str, Any], words: str) -> None:
    findings = found([record("a", **changes)], "role-order")
    assert len(findings) == bool(words)
    assert not words or words in findings[0].message


@pytest.mark.parametrize(
    ("changes", "sides"),
    [
        ({"chosen": ""}, ["chosen"]),
        ({"chosen": "\u3000\n", "rejected": ()}, ["chosen", "rejected"]),
        ({"chosen": (("assistant", ""), U, A)}, ["chosen"]),
        ({"rejected": None}, []),
        ({"chosen": "."}, []),
    ],
)
def test_empty_answers(changes: dict[str, Any], sides: list[str]) -> None:
    findings = found([record("a", **changes)], "empty-answers")
    assert [finding.evidence["sides"] for finding in findings] == ([sides] if sides else [])


@pytest.mark.parametrize("finish", ["length", "context", "cancelled", "failed"])
def test_answers_that_broke_off(finish: str) -> None:
    (finding,) = found([record("a", chosen_finish=finish)], "truncated-answers")
    assert list(finding.evidence) == ["chosen"]
    assert not found([record("a", chosen_finish="edited")], "truncated-answers")


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ("```py\nx = 1\n```", False),
        ("```py\nx = 1\n", True),
        ("~~~\n```\n~~~", False),
        ("````\n```\n", True),
        ("```\na\n``` b\n", True),
        ("use ``` inline", False),
        ("```a``` b", False),
        ("    ```\nindented", False),
        ("1. x\n   ```\n   a\n   ```\n", False),
        ("", False),
    ],
)
def test_open_code_blocks(text: str, is_open: bool) -> None:
    assert leaves_block_open(text) is is_open
    report = run([record("a", chosen=text, chosen_finish="imported")], "truncated-answers")
    assert bool(report.findings) is is_open
    assert report.coverage["truncated-answers"].checked == is_open


def test_near_identical_and_identical_part_the_cases_between_them() -> None:
    long = Maker(1).text(60, 60)
    sides = {
        "same": (long, f"\n{long} "),
        "case": (long, long.upper()),
        "word": (long, long.replace(long.split()[30], "other", 1)),
        "far": (long, long[: len(long) // 2]),
    }
    records = [record(name, chosen=a, rejected=b) for name, (a, b) in sides.items()]
    report = run(records, "identical-answers", "near-identical-answers")
    assert [(f.rule, f.pair_ids) for f in report.findings] == [
        ("identical-answers", ("same",)),
        ("near-identical-answers", ("case",)),
        ("near-identical-answers", ("word",)),
    ]
    assert report.findings[1].evidence["similarity"] == 1.0
    assert "case, width or white space" in report.findings[1].message
    assert not found(records[2:3], "near-identical-answers", sameness={"near": 0.999})


@settings(max_examples=50, deadline=None)
@given(st.integers(20, 300), st.floats(0, 1), st.booleans(), st.floats(0.5, 0.95))
def test_length_skew_is_mended_by_leaving_out_what_it_names(n: int, share: float, turned: bool, limit: float) -> None:
    longer = round(n * share)
    records = []
    for number in range(n):
        lengths = (20 + number, 10) if (number < longer) is not turned else (10, 20 + number)
        records.append(record(f"p{number}", chosen_tokens=lengths[0], rejected_tokens=lengths[1]))
    findings = found(records, "length-skew", lengths={"longer_share": limit})
    assert len(findings) <= 1
    top = max(longer, n - longer)
    if findings:
        (finding,) = findings
        assert top / n > limit
        if finding.fix is Fix.NONE:  # every pair is of one kind: leaving some out changes nothing
            assert top == n and "needed" in finding.message
            return
        left = top - len(finding.affected)
        assert left <= limit * (n - len(finding.affected)) + 1e-9
        assert left + 1 > limit * (n - len(finding.affected) + 1) - 1e-9
    else:
        assert top / n < limit + 1.96 * math.sqrt(0.25 / n) + 4 / n


def test_length_figures() -> None:
    records = [
        record("a", chosen="one two three four", rejected="one two", chosen_tokens=None, instruction="Be warm."),
        record("b", chosen="一二", rejected="一二三四", rejected_tokens=None),
        record("c", chosen_tokens=5, rejected_tokens=5),
        record("d", chosen="", chosen_tokens=None),
    ]
    report = run(records, "length-skew")
    figures = report.statistics["length-skew"]
    assert report.coverage["length-skew"].not_checked == {"an answer is empty": 1}
    assert figures["units"] == {"tokens": 1, "words": 2}
    assert (figures["chosen_longer"]["count"], figures["chosen_longer"]["of"], figures["same_length"]) == (1, 2, 1)
    assert figures["mean_length_ratio"] == pytest.approx(1.0)
    assert figures["by_instruction"]["Be warm."]["share"] == 1.0


def test_a_waiver_of_skew_outlives_a_few_more_pairs() -> None:
    def skewed(longer: int, n: int) -> list[LintRecord]:
        return [record(f"p{i}", chosen_tokens=20 if i < longer else 5, rejected_tokens=10) for i in range(n)]

    first, later, worse = (found(skewed(*of), "length-skew")[0].key for of in ((160, 200), (163, 204), (199, 200)))
    assert first == later != worse


@pytest.mark.parametrize(
    ("changes", "terms"),
    [
        ({"chosen": "By the Four\nLaws, P2 holds."}, ["four laws"]),
        ({"chosen": "My guidelines, as the system prompt says, ask for it."}, ["my guidelines", "system prompt"]),
        ({"chosen": "Twenty-four lawsuits and WCAGs."}, []),
        ({"rejected": "By the Four Laws."}, []),
        ({"prompt": "What are the four laws?", "chosen": "The Four Laws are ..."}, []),
        ({"prompt": "What are the four laws?", "chosen": "The Four Laws are in AISF."}, ["aisf"]),
        ({"instruction": "Follow the Four Laws.", "chosen": "By the Four Laws."}, ["four laws"]),
    ],
)
def test_doctrine_terms(changes: dict[str, Any], terms: list[str]) -> None:
    findings = found([record("a", **changes)], "doctrine-terms")
    assert [list(finding.evidence["terms"]) for finding in findings] == ([terms] if terms else [])


def test_doctrine_figures_and_terms_of_ones_own() -> None:
    records = [record("a", chosen="The Charter asks for it."), record("b", rejected="The charter! The charter!")]
    own = {"doctrine": {"terms": {"house": ["charter", "C++ (2.0)"]}}}
    report = run([*records, record("c", chosen="Try c++ (2.0) today")], "doctrine-terms", **own)
    assert [(finding.pair_ids, finding.subject) for finding in report.findings] == [
        (("a",), "house"),
        (("c",), "house"),
    ]
    assert report.statistics["doctrine-terms"]["sides"]["rejected"]["count"] == 1
    none = run(records, "doctrine-terms", doctrine={"terms": {}})
    assert none.unchecked == {"doctrine-terms": "there are no terms"}


def test_a_swapped_pair_swaps_everything() -> None:
    one = record("a", chosen_finish="length", rejected_finish="stop", chosen_tokens=1, rejected_tokens=2)
    there = one.swapped()
    assert (there.chosen, there.rejected) == (one.rejected, one.chosen)
    assert (there.chosen_finish, there.rejected_finish) == ("stop", "length")
    assert (there.chosen_tokens, there.rejected_tokens) == (2, 1)
    assert there.swapped() == one
    with pytest.raises(ValueError, match="no rejected side"):
        replace(one, rejected=None).swapped()
