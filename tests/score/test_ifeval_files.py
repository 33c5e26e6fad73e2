"""Files of prompts, of answers and of verdicts, and what is said of broken ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aligntui.core.errors import UserError
from aligntui.score.ifeval.prompts import Prompt, read_prompts
from aligntui.score.ifeval.responses import read_responses
from aligntui.score.ifeval.scoring import score_answers, write_verdicts

NO_COMMA = {
    "key": 7,
    "prompt": "Name a knot. No commas.",
    "instruction_id_list": ["punctuation:no_comma"],
    "kwargs": [{}],
}
SHORT = {
    "key": "b-1",
    "prompt": "Describe a kiln in less than 5 words, in quotes.",
    "instruction_id_list": ["length_constraints:number_words", "startend:quotation"],
    "kwargs": [{"num_words": 5, "relation": "less than", "language": None}, {"num_words": None}],
}


def lines(path: Path, *rows: Any) -> Path:
    texts = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_bytes(b"\n".join(text.encode("utf-8", "surrogatepass") for text in texts))
    return path


@pytest.fixture
def prompts(tmp_path: Path) -> tuple[Prompt, ...]:
    return read_prompts(lines(tmp_path / "prompts.jsonl", NO_COMMA, "", SHORT, ""))


def test_prompts(prompts: tuple[Prompt, ...]) -> None:
    assert [prompt.key for prompt in prompts] == [7, "b-1"]
    assert prompts[1].instructions == ("length_constraints:number_words", "startend:quotation")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "not one JSON object"),
        ("[" * 100_000, "not one JSON object"),
        ("[1]", "wanted a JSON object, found list"),
        ({"key": 1}, "found no prompt and no instruction_id_list and no kwargs"),
        ({**NO_COMMA, "key": 1.5}, "wanted a number or a text as key, found 1.5"),
        ({**NO_COMMA, "key": True}, "wanted a number or a text as key, found True"),
        ({**NO_COMMA, "key": 1, "prompt": " "}, "wanted a text as prompt"),
        ({**NO_COMMA, "key": 1, "prompt": "x", "instruction_id_list": []}, "wanted a list of instruction ids"),
        ({**NO_COMMA, "key": 1, "prompt": "x", "instruction_id_list": "punctuation:no_comma"}, "wanted a list of"),
        ({**NO_COMMA, "key": 1, "prompt": "x", "kwargs": []}, "a list of 1 objects as kwargs"),
        ({**NO_COMMA, "key": 1, "prompt": "x", "kwargs": [None]}, "a list of 1 objects as kwargs"),
        ({**NO_COMMA, "key": 1, "prompt": "x", "instruction_id_list": ["punctuation:no_commas"]}, "Did you mean"),
        ({**NO_COMMA, "prompt": "x"}, "the key 7 stands already in"),
        ({**NO_COMMA, "key": 1}, "this prompt stands already in"),
    ],
)
def test_a_broken_prompt_is_named_with_its_line(tmp_path: Path, row: Any, said: str) -> None:
    path = lines(tmp_path / "prompts.jsonl", NO_COMMA, row)
    with pytest.raises(UserError) as raised:
        read_prompts(path)
    assert str(raised.value).startswith(f"{path}, line 2: ")
    assert said in str(raised.value)


def test_prompts_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_prompts(tmp_path / "none.jsonl")
    with pytest.raises(UserError, match="has no prompts"):
        read_prompts(lines(tmp_path / "empty.jsonl", "", " "))


def test_answers(prompts: tuple[Prompt, ...], tmp_path: Path) -> None:
    path = lines(
        tmp_path / "answers.jsonl",
        "\ufeff" + json.dumps({"response": "Bowline\u2028and hitch", "prompt": NO_COMMA["prompt"], "model": "x"}),
        json.dumps({"prompt": SHORT["prompt"], "response": "\ud800"}, ensure_ascii=True),
    )
    assert read_responses(path, prompts) == {7: "Bowline\u2028and hitch", "b-1": "\ud800"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"prompt": NO_COMMA["prompt"], "response": "again"}, "the prompt 7 has an answer already in"),
        ({"prompt": "Name a sail.", "response": "Jib"}, "is not one of the 2 prompts: “Name a sail.”"),
        ({"prompt": NO_COMMA["prompt"] + " ", "response": "Jib"}, "is not one of the 2 prompts"),
        ({"prompt": SHORT["prompt"]}, 'found no "response"'),
        ({"response": "Jib"}, 'found no "prompt"'),
        ({"prompt": SHORT["prompt"], "response": None}, 'wanted a text as "response", found None'),
        ({"prompt": 7, "response": "Jib"}, 'wanted a text as "prompt", found 7'),
        ("Jib", "not one JSON object"),
    ],
)
def test_a_broken_answer_is_named_with_its_line(
    prompts: tuple[Prompt, ...], tmp_path: Path, row: Any, said: str
) -> None:
    path = lines(tmp_path / "answers.jsonl", {"prompt": NO_COMMA["prompt"], "response": "Bowline"}, row)
    with pytest.raises(UserError) as raised:
        read_responses(path, prompts)
    assert str(raised.value).startswith(f"{path}, line 2: ")
    assert said in str(raised.value)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_wrong_encoding(prompts: tuple[Prompt, ...], tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "answers.jsonl"
    row = {"prompt": NO_COMMA["prompt"], "response": "Fähre"}
    path.write_bytes(json.dumps(row, ensure_ascii=False).encode(encoding))
    with pytest.raises(UserError, match=r"line 1: the text is not in UTF-8 \(byte \d+ of the line\)"):
        read_responses(path, prompts)


def test_missing_and_empty_answers(prompts: tuple[Prompt, ...], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    scoring = score_answers(prompts, {7: " \n"}, lambda done, all_: told.append((done, all_)))
    assert [prompt.key for prompt in scoring.missing] == ["b-1"]
    assert scoring.scored[0].is_empty and not scoring.scored[0].follows_all(loose=True)
    assert told == [(1, 1)]
    with pytest.raises(UserError, match="no prompt with the key 8"):
        score_answers(prompts, {8: "x"})


def test_verdicts_stand_in_the_order_of_prompts_and_instructions(prompts: tuple[Prompt, ...], tmp_path: Path) -> None:
    scoring = score_answers(prompts, {"b-1": 'Sure:\n"Hot brick box"', 7: "Hitch"})
    write_verdicts(tmp_path / "verdicts.jsonl", scoring)
    assert (tmp_path / "verdicts.jsonl").read_text(encoding="utf-8") == (
        '{"key": 7, "strict": [true], "loose": [true]}\n'
        '{"key": "b-1", "strict": [true, false], "loose": [true, true]}\n'
    )
    assert scoring.scored[1].loosened() == (None, "without its first line")
    assert [reason and reason.found for reason in scoring.scored[1].reasons()] == [
        None,
        '“S” at the beginning and “"” at the end',
    ]
