"""Prompt banks: the bundled one, files of both shapes, and what is said of files that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aligntui.core.errors import UserError
from aligntui.data.prompt_bank import BankPrompt, json_lines, read_bank


def bank(folder: Path, text: str | bytes, name: str = "bank.jsonl") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_bundled_bank() -> None:
    prompts = read_bank()
    assert len(prompts) == 500 and len({prompt.id for prompt in prompts}) == 500
    assert all(prompt.text and prompt.domain and prompt.source for prompt in prompts)


def test_json_lines_keep_what_is_known_of_a_prompt(tmp_path: Path) -> None:
    full = {"id": "a", "prompt": " Why? ", "domain": "science", "source": "headline", "more": 1}
    path = bank(tmp_path, json.dumps(full) + '\n\n{"prompt": "How?", "domain": null}\r\n')
    assert read_bank(path) == (BankPrompt("a", "Why?", "science", "headline"), BankPrompt("p0003", "How?"))


def test_any_other_file_has_a_prompt_a_line(tmp_path: Path) -> None:
    path = bank(tmp_path, '\ufeffWhy?\r\n\n  {"prompt": "as it stands"}  \n日本は?', "bank.txt")
    assert [(one.id, one.text) for one in read_bank(path)] == [
        ("p0001", "Why?"),
        ("p0003", '{"prompt": "as it stands"}'),
        ("p0004", "日本は?"),
    ]


def test_a_line_separator_of_a_text_ends_no_line(tmp_path: Path) -> None:
    path = bank(tmp_path, json.dumps({"prompt": "one\u2028two\x85three"}, ensure_ascii=False))
    assert [one.text for one in read_bank(path)] == ["one\u2028two\x85three"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "bank.jsonl has no prompt."),
        ("\n \n", "bank.jsonl has no prompt."),
        ('{"prompt": "a"}\n{"prompt": "b"', "bank.jsonl, line 2: this is not JSON"),
        ('{"prompt": "a"}\n["b"]', "line 2: a line has to be a JSON object"),
        ('{"text": "a"}', "line 1: 'prompt' is missing"),
        ('{"prompt": null}', "line 1: 'prompt' is missing"),
        ('\n{"prompt": " "}', "line 2: 'prompt' is blank"),
        ('{"prompt": 3}', "line 1: 'prompt' has to be a text, not 3"),
        ('{"prompt": "a", "id": 7}', "line 1: 'id' has to be a text, not 7"),
        ('{"prompt": "a", "domain": ["x"]}', "line 1: 'domain' has to be a text, not [\"x\"]"),
        ('{"prompt": "a \\ud800"}', "line 1: 'prompt' holds half a character"),
        ('{"id": "x", "prompt": "a"}\n\n{"id": "x", "prompt": "b"}', "line 3: the id 'x' stands in line 1 already"),
        ('{"id": "p0002", "prompt": "a"}\n{"prompt": "b"}', "line 2: the id 'p0002' stands in line 1 already"),
        (b"\xff\xfeW", "bank.jsonl is not UTF-8 text"),
        ("[" * 100_000, "line 1: this is not JSON"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(UserError) as refused:
        read_bank(bank(tmp_path, text))
    assert says in refused.value.message and refused.value.hint


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    for path, says in ((tmp_path / "none.txt", "There is no file"), (tmp_path, "is a folder")):
        with pytest.raises(UserError, match=says):
            read_bank(path)


def test_objects_come_with_their_lines(tmp_path: Path) -> None:
    assert list(json_lines(bank(tmp_path, '\n{"a": 1}\n\n{"b": 2}\n'))) == [(2, {"a": 1}), (4, {"b": 2})]
