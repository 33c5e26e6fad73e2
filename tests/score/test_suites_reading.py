"""Suites survive being stored, and recorded answers are read or refused with their line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aligntui.core.errors import UserError
from aligntui.score.battery.checking import Outcome
from aligntui.score.battery.reading import read_battery
from aligntui.score.suites.battery_suite import battery_suite
from aligntui.score.suites.reading import SUITES, read_answers, suite_from
from aligntui.score.suites.suite import Suite
from tests.score.suite_builders import questions, small_ifeval, small_track_a


def battery(folder: Path) -> Suite:
    lines = [
        {"battery": "tiny", "laws": ["Calm"], "doctrine": ["the law"], "system": "Be calm."},
        {"id": "q1", "question": "Run?", "kind": "x", "expect": {"all": ["re:walk|stay"]}, "laws": ["Calm"]},
        {"id": "q2", "question": "Shout?", "structure": [{"lines": ["No", "Because"]}]},
        {"id": "q3", "question": "Wait?", "expect": {"all": ["re:(a+)+$"]}},
    ]
    path = folder / "tiny.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    return battery_suite(read_battery(path))


def every(folder: Path) -> list[Suite]:
    found = [
        small_ifeval(), small_track_a(), battery(folder), questions(), questions("bleed", doctrine=("re:law[s]?",)),
        questions("repetition"),
    ]  # fmt: skip
    assert {one.name for one in found} == set(SUITES)
    return found


def test_every_suite_is_read_back_as_it_was_whole_or_in_part(tmp_path: Path) -> None:
    answers = ("", "walk on", "No.\nBecause.", "the laws, round and round " * 30, "x" * 20)
    for suite in every(tmp_path):
        for one in (suite, suite.limited(2)):
            again = suite_from(json.loads(json.dumps(one.as_dict())))
            assert (type(again), again.fingerprint, again.total, again.source) == (
                type(one), one.fingerprint, suite.total, one.source,
            )  # fmt: skip
            assert [item.key for item in again.items] == [item.key for item in one.items]
            assert again.rules == one.rules and [t.written for t in again.doctrine] == [t.written for t in one.doctrine]
            for item in one.items:
                for text in answers:
                    assert again.judge(item, text) == one.judge(item, text)
                    assert again.reasons(item, text) == one.reasons(item, text)
        assert suite.limited(2).fingerprint != suite.fingerprint and len(suite.limited(99).items) == suite.total


def test_an_endless_expression_says_file_line_and_reason(tmp_path: Path) -> None:
    suite = battery(tmp_path)
    stored = suite_from(suite.limited(3).as_dict())
    item = stored.by_id["q3"]
    marks = stored.judge(item, "a" * 5000 + "b")
    assert marks.parts[0].passed is None and marks.follows_all() is None
    (reason,) = stored.reasons(item, "a" * 5000 + "b")
    assert f"{tmp_path / 'tiny.jsonl'}, line 4: the regular expression '(a+)+$' was stopped after 1 s" in reason
    assert str(Outcome.NOT_CHECKED) in reason


def test_an_expression_that_does_not_compile_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"id": "q", "question": "x", "expect": {"all": ["re:(ab"]}}')
    with pytest.raises(UserError, match=r"bad\.jsonl, line 1: in 'all', '\(ab' is no regular expression"):
        read_battery(path)


def responses(folder: Path, *lines: object, encoding: str = "utf-8") -> Path:
    path = folder / "answers.jsonl"
    path.write_bytes(
        "\n".join(one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in lines).encode(
            encoding
        )
    )
    return path


def test_answers_go_by_prompt_id_or_key_and_empty_ones_are_kept(tmp_path: Path) -> None:
    suite = small_ifeval(4)
    path = responses(
        tmp_path,
        {"prompt": suite.items[0].prompt, "response": "", "model": "m"},
        {"key": 101, "response": "by key"},
        {"id": "102", "answer": "by id"},
        "",
    )
    assert read_answers(path, suite) == {"100": "", "101": "by key", "102": "by id"}
    part = suite.limited(1)
    assert read_answers(path, part, suite) == {"100": ""}, "answers to what was not asked are passed over"
    with pytest.raises(UserError, match=r"line 2: IFEval has no item 101"):
        read_answers(path, part)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (
            [{"prompt": "Say 0 things, please.", "response": "x"}] * 2,
            r"line 2: the item 100 has an answer already in .*line 1",
        ),
        ([{"prompt": "Say nothing.", "response": "x"}], r"line 1: this prompt is not one of the 2 prompts of IFEval"),
        ([{"prompt": "Say 0 things, please."}], r'line 1: wanted .* found no "response"'),
        ([{"prompt": 3, "response": "x"}], r'line 1: wanted a text as "prompt", found 3'),
        ([{"key": 100, "response": None}], r'line 1: wanted a text as "response", found None'),
        ([{"response": "x"}], r'line 1: found no "prompt" and no "id"'),
        (["[1]"], r"line 1: wanted a JSON object, found list"),
        (["{"], r"line 1: not one JSON object a line"),
    ],
)
def test_wrong_lines_are_named(tmp_path: Path, lines: list[object], says: str) -> None:
    with pytest.raises(UserError, match=says):
        read_answers(responses(tmp_path, *lines), small_ifeval(2))


def test_a_wrong_encoding_is_named(tmp_path: Path) -> None:
    path = responses(tmp_path, {"key": 100, "response": "Größe"}, encoding="latin-1")
    with pytest.raises(UserError, match="line 1: the text is not in UTF-8"):
        read_answers(path, small_ifeval(2))


def test_two_items_with_one_prompt_are_told_apart_by_id_alone(tmp_path: Path) -> None:
    from aligntui.score.suites.general_suite import general_suite

    rows = [("1", {"id": "a", "question": "Why?"}), ("2", {"id": "b", "question": "Why?"})]
    suite = general_suite("verbosity", rows, "x")
    with pytest.raises(UserError, match="several items have this prompt"):
        read_answers(responses(tmp_path, {"prompt": "Why?", "response": "x"}), suite)
    both = {"prompt": "Why?", "id": "b", "response": "x"}
    assert read_answers(responses(tmp_path, both), suite) == {"b": "x"}


@pytest.mark.parametrize(
    ("name", "rows", "says"),
    [
        ("verbosity", [], "x has no question"),
        ("verbosity", [{"id": "a"}], 'row 0: wanted a text as "question"'),
        ("verbosity", [{"question": "a", "id": 1}, {"question": "b", "id": "1"}], "row 1: the id '1' was there before"),
        ("bleed", [{"question": "a"}], "which terms belong to the doctrine"),
    ],
)
def test_questions_that_are_none_are_refused(name: str, rows: list[dict], says: str) -> None:
    from aligntui.score.suites.general_suite import general_suite

    with pytest.raises(UserError, match=says):
        general_suite(name, [(f"row {n}", row) for n, row in enumerate(rows)], "x")


def test_a_suite_of_a_later_aligntui_is_refused() -> None:
    with pytest.raises(UserError, match="no suite 'mmlu'"):
        suite_from({"suite": "mmlu", "source": "", "total": 1, "records": []})
