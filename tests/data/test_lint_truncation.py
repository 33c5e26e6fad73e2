"""Truncation at the training length, against TRL's own collator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trl.trainer.dpo_trainer import DataCollatorForPreference

from aligntui.data.lint import LintRecord, Report, lint
from tests.data.lint_builders import options, record

RULE = "identical-after-truncation"
END = 255
"""Token that TRL puts behind an answer, as templates do."""

ANSWERS = st.text("ab", min_size=1, max_size=12)


def tokens(text: str) -> list[int]:
    """A token a byte."""
    return list(text.encode())


def pairs_of_letters(text: str) -> list[int]:
    """A token for two letters, one for a single last one: tokens do not end where texts part."""
    raw = text.encode()
    return [raw[i] * 256 + (raw[i + 1] if i + 1 < len(raw) else 0) for i in range(0, len(raw), 2)]


def check(one: LintRecord, length: int | None, tokenize: Any = None) -> Report:
    given_length = {} if length is None else {"training_length": length}
    return lint([one], options(rules=[RULE], truncation=given_length), tokenize=tokenize)


def trained_as_the_same(prompt: int, chosen: list[int], rejected: list[int], length: int) -> bool:
    """Whether TRL leaves the pair out, or makes two equal rows of it."""
    if prompt >= length:
        return True
    example = {"prompt_ids": [7] * prompt, "chosen_ids": [*chosen, END], "rejected_ids": [*rejected, END]}
    made = DataCollatorForPreference(pad_token_id=0, max_length=length)([example])
    return made["input_ids"][0].tolist() == made["input_ids"][1].tolist()


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 12), ANSWERS, ANSWERS, st.integers(1, 24), st.sampled_from([tokens, pairs_of_letters]))
def test_with_a_tokenizer_it_says_what_trl_does(prompt: int, a: str, b: str, length: int, tokenize: Any) -> None:
    if a == b:
        b += "c"
    chosen, rejected = tokenize(a), tokenize(b)
    one = record(chosen=a, rejected=b, prompt_tokens=prompt, chosen_tokens=None, rejected_tokens=None)
    for tried in (one, record(chosen=a, rejected=b, prompt_tokens=prompt, chosen_tokens=len(chosen), rejected_tokens=len(rejected))):  # fmt: skip
        report = check(tried, length, tokenize)
        assert bool(report.findings) is trained_as_the_same(prompt, chosen, rejected, length)
        assert report.coverage[RULE].checked == 1


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 12), ANSWERS, ANSWERS, st.integers(1, 24), st.sampled_from([tokens, pairs_of_letters]))
def test_without_one_it_is_never_wrong(prompt: int, a: str, b: str, length: int, tokenize: Any) -> None:
    if a == b:
        b += "c"
    chosen, rejected = tokenize(a), tokenize(b)
    one = record(chosen=a, rejected=b, prompt_tokens=prompt, chosen_tokens=len(chosen), rejected_tokens=len(rejected))
    report = check(one, length)
    same = trained_as_the_same(prompt, chosen, rejected, length)
    if report.coverage[RULE].checked:
        assert bool(report.findings) is same
    else:
        assert prompt + max(len(chosen), len(rejected)) > length


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 300), ANSWERS, ANSWERS, st.integers(0, 128), st.sampled_from([tokens, pairs_of_letters]))
def test_without_the_template_it_is_never_wrong(asked: int, a: str, b: str, template: int, tokenize: Any) -> None:
    if a == b:
        b += "c"
    length = 160
    one = record(prompt="x" * asked, chosen=a, rejected=b, prompt_tokens=None, chosen_tokens=None, rejected_tokens=None)
    report = check(one, length, tokenize)
    prompt = len(tokenize("x" * asked)) + template
    if report.findings:
        assert trained_as_the_same(prompt, tokenize(a), tokenize(b), length)
    elif report.coverage[RULE].checked:
        assert not trained_as_the_same(prompt, tokenize(a), tokenize(b), length)
    else:
        assert report.unchecked == {RULE: "the tokens of the template were not counted"}


def test_the_default_of_trl_is_to_keep_the_start() -> None:
    from trl import DPOConfig

    config = DPOConfig(output_dir="x", report_to=[], bf16=False)
    assert (config.truncation_mode, DataCollatorForPreference(0).truncation_mode) == ("keep_start", "keep_start")


@pytest.mark.parametrize(
    ("changes", "length", "reason"),
    [
        ({}, None, "no training length was given"),
        ({"prompt_tokens": None}, 64, "the tokens of the prompt were not counted"),
        (
            {"prompt_tokens": 60, "chosen": "Well, it all began.", "rejected": "Well, it all ended."},
            64,
            "the tokens were not counted and no tokenizer was given",
        ),
    ],
)
def test_what_it_could_not_check(changes: dict[str, Any], length: int | None, reason: str) -> None:
    report = check(record(**changes), length)
    assert report.unchecked == {RULE: reason}
    assert not report.findings


def test_subjects_and_figures() -> None:
    cut = record("cut", prompt_tokens=60, chosen_tokens=40, rejected_tokens=3)
    filled = record("filled", prompt_tokens=64)
    same = record("same", prompt_tokens=60, chosen="aaaa bbbb", rejected="aaaa cccc")
    report = lint([cut, filled, same], options(rules=[RULE], truncation={"training_length": 64}), tokenize=tokens)
    assert [(finding.subject, finding.pair_ids) for finding in report.findings] == [
        ("prompt-fills-length", ("filled",)),
        ("same-after-cut", ("same",)),
    ]
    assert report.statistics[RULE]["an_answer_is_cut"]["count"] == 2
    assert "token 66, after the cut at 64" in report.findings[1].message
