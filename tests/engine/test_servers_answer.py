"""Answers of every shape: read where they can be, refused where they cannot, and never believed beyond that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aligntui.core.turn import Finish
from aligntui.engine.servers.address import Api, parse_server
from aligntui.engine.servers.answer import ServerAnswer, read_answer
from aligntui.engine.servers.faults import NoAnswer, QuestionRefused

ADDRESS = parse_server("http://host:8000")


def read(payload: Any, api: Api = Api.CHAT, limit: int = 16) -> ServerAnswer:
    return read_answer(payload, api, ADDRESS, limit)


def chat(content: Any = "Yes.", finish: Any = "stop", message: Any = None, **choice: Any) -> dict[str, Any]:
    said = {"role": "assistant", "content": content} if message is None else message
    return {"choices": [{"index": 0, "message": said, "finish_reason": finish, **choice}]}


def test_all_that_a_server_may_tell() -> None:
    entries = [{"token": "Yes", "logprob": -0.25}, {"token": ".", "logprob": 0.0}]
    payload = chat(logprobs={"content": entries}, token_ids=[7, 8]) | {
        "model": "llama",
        "system_fingerprint": "fp_1",
        "usage": {"prompt_tokens": 11, "completion_tokens": 3},
    }
    assert read(payload) == ServerAnswer("Yes.", Finish.STOP, (7, 8), (-0.25, 0.0), 11, 3, "llama", "fp_1")


def test_no_more_than_the_text() -> None:
    assert read(chat()) == ServerAnswer("Yes.", Finish.STOP)


def test_llama_cpp_tells_token_ids_with_the_log_probs() -> None:
    found = read(chat(logprobs={"content": [{"id": 5, "logprob": -1}, {"id": 6, "logprob": -2.5}]}))
    assert (found.token_ids, found.logprobs, found.tokens) == ((5, 6), (-1.0, -2.5), 2)


@pytest.mark.parametrize(
    ("counted", "finish", "kept"), [(2, "stop", 2), (3, "stop", 2), (4, "stop", 0), (3, "length", 0)]
)
def test_ids_with_gaps_are_not_kept(counted: int, finish: str, kept: int) -> None:
    entries = [{"id": 5, "logprob": -1}, {"id": 6, "logprob": -2.5}]
    payload = chat(finish=finish, logprobs={"content": entries}) | {"usage": {"completion_tokens": counted}}
    assert len(read(payload).token_ids) == kept


def test_a_plain_completion() -> None:
    payload = {"choices": [{"text": " upon", "finish_reason": "length", "logprobs": {"token_logprobs": [-0.5]}}]}
    found = read(payload, Api.PLAIN, limit=1)
    assert (found.text, found.finish, found.logprobs, found.tokens) == (" upon", Finish.LENGTH, (-0.5,), 1)


@pytest.mark.parametrize(
    ("reason", "tokens", "finish"),
    [
        ("stop", 3, Finish.STOP),
        ("tool_calls", 3, Finish.STOP),
        ("length", 16, Finish.LENGTH),
        ("length", 0, Finish.LENGTH),
        ("length", 9, Finish.CONTEXT),
    ],
)
def test_why_it_ended(reason: str, tokens: int, finish: Finish) -> None:
    assert read(chat(finish=reason) | {"usage": {"completion_tokens": tokens}}).finish is finish


@pytest.mark.parametrize("message", [{"role": "assistant"}, {"content": None, "tool_calls": []}, {"reasoning": "Hm."}])
def test_an_answer_without_words_is_empty(message: dict[str, Any]) -> None:
    assert read(chat(message=message)).text == ""


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "<html>",
        [],
        {},
        {"choices": []},
        {"choices": ["Yes."]},
        {"choices": [{"finish_reason": "stop"}]},
        {"choices": [{"message": "Yes.", "finish_reason": "stop"}]},
        {"error": {"message": "out of memory"}},
        chat(content=["Yes."]),
        chat(content=7),
        chat(message={}),
        chat(finish=None),
        chat(finish="abort"),
        chat(finish={"reason": "stop"}),
    ],
)
def test_another_shape_is_no_answer(payload: Any) -> None:
    with pytest.raises(NoAnswer, match="shape of OpenAI's interface was wanted of host:8000"):
        read(payload)


def test_a_withheld_answer_is_a_refusal() -> None:
    with pytest.raises(QuestionRefused, match="withholds its answer"):
        read(chat(finish="content_filter"))


@pytest.mark.parametrize("value", ['"7"', "-1", "true", "1e400", "NaN", "99999999999", "null", "[]", "1.5"])
def test_numbers_that_cannot_be_are_not_believed(value: str) -> None:
    number = json.loads(value)
    found = read(chat(token_ids=[3, number]) | {"usage": {"prompt_tokens": number, "completion_tokens": number}})
    assert (found.token_ids, found.prompt_tokens, found.tokens) == ((), 0, 0)


@pytest.mark.parametrize("value", ["0.5", '"-1"', "null", "NaN", "-Infinity", "true", "{}", "-1" + "0" * 400])
def test_log_probs_that_cannot_be_are_not_believed(value: str) -> None:
    entries = [{"logprob": -0.5}, {"logprob": json.loads(value)}]
    assert read(chat(logprobs={"content": entries})).logprobs == ()
    assert read(chat(logprobs={"content": [value]})).logprobs == ()


def test_words_about_itself_are_made_safe_and_short() -> None:
    found = read(chat() | {"model": "a\x1b[2J" + "x" * 500, "system_fingerprint": ["x"]})
    assert "\x1b" not in found.model and len(found.model) == 120 and found.fingerprint == ""


def test_the_text_is_kept_as_it_came() -> None:
    hostile = "\x1b]0;x\x07 \u202e \x00"
    assert read(chat(content=hostile)).text == hostile
