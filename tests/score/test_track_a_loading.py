"""A suite of prompts is read whole or not at all, and a bad line is named with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.score.track_a import loading
from aligntui.score.track_a.loading import load_prompts
from aligntui.score.track_a.prompt import ConstraintType, Params

GOOD: dict[str, Any] = {
    "id": "a-1",
    "type": "word_frequency",
    "prompt": "Use water twice.",
    "params": {"word": "water", "count": 2},
    "subject": "tests",
}


def written(folder: Path, *lines: str | bytes) -> Path:
    path = folder / "prompts.jsonl"
    path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines))
    return path


def changed(**fields: Any) -> str:
    return json.dumps({key: value for key, value in {**GOOD, **fields}.items() if value is not ...})


def test_a_line_becomes_a_prompt(tmp_path: Path) -> None:
    (prompt,) = load_prompts(written(tmp_path, "", json.dumps(GOOD), " "))
    assert (prompt.id, prompt.prompt, prompt.subject) == ("a-1", "Use water twice.", "tests")
    assert prompt.type is ConstraintType.WORD_FREQUENCY
    assert prompt.params == Params(count=2, word="water")


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = written(tmp_path, b"\xef\xbb\xbf" + changed().encode() + b"\r", changed(id="a-2", prompt="Other."))
    assert [prompt.id for prompt in load_prompts(path)] == ["a-1", "a-2"]


def test_every_type_can_be_read(tmp_path: Path) -> None:
    given: dict[str, dict[str, Any]] = {
        "word_count_exact": {"count": 1},
        "sentence_count_exact": {"count": 1},
        "forbidden_word": {"word": "water"},
        "required_word": {"word": "well-being"},
        "no_comma": {},
        "language_target": {"language": "zh"},
        "word_frequency": {"word": "don't", "count": 1},
        "single_sentence": {},
    }
    lines = [changed(id=kind, type=kind, prompt=kind, params=params) for kind, params in given.items()]
    assert [str(prompt.type) for prompt in load_prompts(written(tmp_path, *lines))] == list(ConstraintType)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON (expecting property name enclosed in double quotes at column 2)"),
        ("[1]", "the line is no JSON object"),
        (b'{"id": "\xff"}', "the line is not UTF-8 text"),
        (changed(subject=...), "the field 'subject' is missing"),
        (changed(parms={}), "there is no field 'parms': Did you mean 'params'?"),
        (changed(id=7), "'id' must be a text, not 7"),
        (changed(prompt=" "), "'prompt' must be a text, not \" \""),
        (changed(type="word_frequencies"), "there is no constraint type 'word_frequencies': Did you mean 'word_frequency'?"),
        (changed(params=[]), "'params' must be an object, not []"),
        (changed(params={"word": "water"}), "word_frequency needs 'count'"),
        (changed(params={"count": 2}), "word_frequency needs 'word'"),
        (changed(type="no_comma"), "no_comma takes no 'word'; it takes nothing"),
        (changed(params={"word": "water", "count": "2"}), "'count' must be a whole number, not \"2\""),
        (changed(params={"word": "water", "count": True}), "'count' must be a whole number, not true"),
        (changed(params={"word": "water", "count": 2.0}), "'count' must be a whole number, not 2.0"),
        (changed(params={"word": "water", "count": 0}), "'count' must be at least 1, not 0"),
        (changed(params={"word": 3, "count": 2}), "'word' must be a text, not 3"),
        (changed(params={"word": "hot water", "count": 2}), "'word' must be one word"),
        (changed(params={"word": "\u6c34", "count": 2}), "whole words cannot be told"),
        (changed(type="language_target", params={"language": "klingon"}), "'language' must be a code"),
        (changed(prompt="Something else."), 'the id "a-1" was there before, in line 1'),
        (changed(id="a-2", prompt="  Use water twice. "), 'the prompt "Use water twice." was there before, in line 1'),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_with_its_number_and_reason(tmp_path: Path, line: str | bytes, reason: str) -> None:
    path = written(tmp_path, json.dumps(GOOD), "", line)
    with pytest.raises(UserError) as raised:
        load_prompts(path)
    assert raised.value.message.startswith(f"{path}, line 3: ")
    assert reason in raised.value.message


def test_deeply_nested_json_is_a_bad_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="line 1"):
        load_prompts(written(tmp_path, "[" * 100_000))


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_a_suite_without_prompts_is_an_error(tmp_path: Path, content: str) -> None:
    with pytest.raises(UserError, match="holds no prompt"):
        load_prompts(written(tmp_path, content))


def test_a_file_of_the_user_that_cannot_be_read_is_an_error_of_the_user(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            load_prompts(path)


def test_a_missing_file_of_our_own_is_a_problem_of_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "bundled_prompts", lambda: tmp_path / "gone.jsonl")
    with pytest.raises(EnvironmentProblem, match="missing"):
        load_prompts()
