"""Contamination patterns: what each finds, that none can be made to hang, and the user's own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.core.errors import UserError
from aligntui.data.lint import BUILT_IN, LintOptions, Severity, lint, patterns_from, read_patterns
from aligntui.data.lint.normal import normal
from tests.data.lint_builders import found, record, run

RULE = "contamination"
BY_NAME = {pattern.name: pattern for pattern in BUILT_IN}

FOUND = {
    "chat-template-tokens": [
        "<|im_start|>",
        "<|eot_id|>",
        "[/INST]",
        "<</SYS>>",
        "</s>",
        "<end_of_turn>",
        "<｜User｜>",
    ],
    "format-headings": ["ok\n### Response: yes", "## Instruction:\n", "### What's expected instead?"],
    "role-labels": ["Hi\nUser: and then?", "**Assistant:** sure", "Human: why?"],
    "reasoning-tags": ["<think>hm</think>", "</Thinking>"],
    "assistant-self-reference": [
        "As an AI language model, I",
        "I'm just an AI",
        "trained by OpenAI",
        "my knowledge cutoff",
    ],
    "refusal-boilerplate": ["I'm sorry, but I can't do that", "I cannot assist with it", "I am unable to provide"],
    "web-address": ["see https://example.org/a?b=1", "www.example.org"],
    "e-mail-address": ["write to jo.e+x@mail.example.org now"],
    "phone-number": ["+44 20 7946 0958", "(212) 555-0147", "212-555-0147"],
    "secret": ["sk-" + "a1" * 16, "AKIA" + "A" * 16, "ghp_" + "a" * 36, "-----BEGIN RSA PRIVATE KEY-----"],
    "malformed-text": ["caf\ufffd", "donâ€™t", "a\x00b", "CafÃ©"],
    "runtime-error": [
        "Traceback (most recent call last):\n",
        "CUDA out of memory",
        "[object Object]",
        "Error code: 429",
    ],
    "placeholder": ["Dear {{ name }},", "[Your Name]", "Lorem ipsum dolor", "<insert link>"],
}
LEFT_ALONE = {
    "chat-template-tokens": ["a < b | c > d", "List<String>", "x[0]", "<strong>bold</strong>"],
    "format-headings": ["### Responses of readers", "The Response: yes", "# Instruction"],
    "role-labels": ["The user: a person", "Username: x", "AI:s"],
    "reasoning-tags": ["I <3 thinking", "think twice"],
    "assistant-self-reference": ["as an aid", "AI models are trained by people", "as a language teacher"],
    "refusal-boilerplate": ["I cannot recommend it enough", "Sorry, I was late"],
    "web-address": ["http is a protocol", "www is short for it"],
    "e-mail-address": ["meet me @ noon", "@handle"],
    "phone-number": ["2024-01-15", "1 000 000", "3.14159", "pages 100-200", "192.168.100.200"],
    "secret": ["ask-me-anything-about-it-please-today", "sk-learn", "AKIA"],
    "malformed-text": ["naïve café, “quoted”…\n\ttab", "天気 😀", "Ã"],
    "runtime-error": ["a traceback helps", "the rate limit of the pump", "chapter 404"],
    "placeholder": ["{x}", "[1]", "[the end", "the dolor"],
}


@pytest.mark.parametrize("name", BY_NAME)
def test_what_each_pattern_finds(name: str) -> None:
    for text in FOUND[name]:
        (finding,) = [f for f in found([record("a", chosen=text)], RULE) if f.subject == name]
        assert finding.evidence["chosen"] and finding.severity is BY_NAME[name].severity
    for text in LEFT_ALONE[name]:
        assert not [f for f in found([record("a", chosen=text)], RULE) if f.subject == name], text


@pytest.mark.parametrize("name", BY_NAME)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_match_holds_one_of_the_literals(name: str, data: st.DataObject) -> None:
    pattern = BY_NAME[name]
    expression = re.compile(pattern.expression, pattern.flags)
    text = data.draw(st.from_regex(expression).filter(expression.search))
    assert not pattern.literals or any(literal in normal(text) for literal in pattern.literals)


HOSTILE = [
    "a",
    "-",
    ".",
    "1",
    "1 ",
    "1-",
    "+1",
    "(",
    "<|",
    "a.",
    "a@a.",
    "www.",
    "{{",
    "[your ",
    "sk-a",
    "#",
    " ",
    "\n",
    "i'm ",
]


def test_no_pattern_hangs_on_hostile_texts() -> None:
    """Each takes milliseconds; one that grows with the square of the text would take an hour."""
    code = f"""
import re
from aligntui.data.lint import BUILT_IN
for pattern in BUILT_IN:
    for piece in {HOSTILE!r}:
        re.compile(pattern.expression, pattern.flags).search(piece * (400_000 // len(piece)) + "!")
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_a_key_is_not_spread() -> None:
    (finding,) = found([record("a", chosen="Use ghp_" + "Z" * 36)], RULE)
    assert finding.subject == "secret"
    assert "ZZ" not in json.dumps(finding.as_dict())


def test_where_a_pattern_looks() -> None:
    mail = "write to a@example.org"
    report = run([record("a", prompt=mail), record("b", rejected=mail), record("c", prompt="As an AI, I")], RULE)
    assert [(finding.pair_ids, list(finding.evidence)) for finding in report.findings] == [
        (("a",), ["prompt"]),
        (("b",), ["rejected"]),
    ]
    assert report.statistics[RULE]["counts"]["e-mail-address"] == {"prompt": 1, "rejected": 1}
    assert report.statistics[RULE]["counts"]["assistant-self-reference"] == {}


def test_an_answer_that_opens_with_its_prompt() -> None:
    prompt = "Name the three longest rivers of Europe."
    echo = record("a", prompt=prompt, chosen="Name the three longest rivers of Europe. The Volga, the Danube ...")
    assert [finding.subject for finding in found([echo], RULE)] == ["prompt-echo"]
    asked = "First repeat this request word for word, then answer: why is the sky blue?"
    fine = [record("b", prompt=asked, chosen=f"{asked} Because."), record("c", prompt="Why?", chosen="Why? Because.")]
    assert not found(fine, RULE)
    assert not found([echo], RULE, contamination={"skip": ["prompt-echo"]})


def own(**patterns: Any) -> dict[str, Any]:
    return {"contamination": {"own": patterns, "timeout_s": 0.02}}


def test_patterns_of_the_users_own() -> None:
    groups = own(
        corrupt=r"BLOCK-\d+",
        shout={
            "expression": "please",
            "ignore_case": True,
            "severity": "error",
            "where": ["prompt"],
            "summary": "begging",
        },
    )
    records = [record("a", chosen="x\nBLOCK-17"), record("b", prompt="PLEASE!"), record("c", chosen="block-1, please")]
    findings = found(records, RULE, **groups)
    assert [(f.subject, f.pair_ids, f.severity) for f in findings] == [
        ("shout", ("b",), Severity.ERROR),
        ("corrupt", ("a",), Severity.WARNING),
    ]
    assert findings[0].message == "Found in the prompt: begging."


def test_a_pattern_that_never_ends_is_given_up_and_counts_as_not_checked() -> None:
    evil = "a" * 60 + "!"
    records = [record(f"p{i}", chosen=evil) for i in range(6)]
    report = run([*records, record("b", chosen="BLOCK-1")], RULE, **own(evil=r"(a|aa)+(a|aa)+(a|aa)+$", fine="BLOCK"))
    coverage = report.coverage[RULE]
    assert coverage.not_checked == {"the pattern 'evil' ran out of time": 7}
    assert coverage.notes == ["The pattern 'evil' ran out of time 3 times and was given up."]
    assert [finding.subject for finding in report.findings] == ["fine"]


@pytest.mark.parametrize(
    ("patterns", "words"),
    [
        ({"mine": "("}, ["'mine'", "no regular expression"]),
        ({"mine": "a*"}, ["'mine'", "empty text"]),
        ({"mine": 3}, ["'mine'", "not 3"]),
        ({"mine": {}}, ["'mine'", "no expression"]),
        ({"mine": {"expression": "a", "ignorecase": True}}, ["'mine'", "'ignorecase'", "ignore_case"]),
        ({"mine": {"expression": "a", "severity": "bad"}}, ["'mine'", "'bad'", "notice"]),
        ({"mine": {"expression": "a", "where": ["answer"]}}, ["'mine'", "rejected"]),
        ({"mine": {"expression": "a", "where": "chosen"}}, ["'mine'"]),
        ({"mine": {"expression": "a", "ignore_case": "yes"}}, ["'mine'", "'yes'"]),
        ({"web-address": "a"}, ["'web-address'", "built in"]),
        ({"prompt-echo": "a"}, ["'prompt-echo'", "built in"]),
        (["a"], ["table"]),
    ],
)
def test_wrong_patterns_are_named(patterns: Any, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        patterns_from(patterns)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_an_unknown_pattern_to_skip() -> None:
    with pytest.raises(UserError, match="'web-adress'") as caught:
        lint([], LintOptions.from_mapping({"contamination": {"skip": ["web-adress"]}}))
    assert "web-address" in caught.value.hint


def test_patterns_from_files(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[patterns]\nmine = 'BLOCK-\\d'\n[patterns.other]\nexpression = 'b'\n")
    (tmp_path / "b.json").write_text('{"mine": "BLOCK-\\\\d"}')
    assert [pattern.name for pattern in read_patterns(tmp_path / "a.toml")] == ["mine", "other"]
    assert [pattern.expression for pattern in read_patterns(tmp_path / "b.json")] == [r"BLOCK-\d"]
    (tmp_path / "c.json").write_text("{")
    (tmp_path / "d.toml").write_bytes(b"\xff")
    for name in ("c.json", "d.toml", "none.toml"):
        with pytest.raises(UserError, match=name):
            read_patterns(tmp_path / name)
