"""Questions in the words of each server, and what is left out when a server refuses it."""

from __future__ import annotations

from dataclasses import replace

from aligntui.core.prompt_format import Message
from aligntui.core.sampling import Sampling
from aligntui.engine.servers.address import Api
from aligntui.engine.servers.question import OPTIONAL, Dialect, Question, adapted, body_of, plain_text

ASKED = Question((Message("system", "Be brief."), Message("user", "Why?")), Sampling(0.7, 0.9, 32, 5))


def test_a_chat_question() -> None:
    assert body_of(ASKED, "llama", Dialect()) == {
        "model": "llama",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 32,
        "stream": False,
        "seed": 5,
        "logprobs": True,
        "return_token_ids": True,
        "top_k": -1,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
    }


def test_a_plain_question_to_a_server_that_takes_no_extras() -> None:
    assert body_of(ASKED, "llama", Dialect(Api.PLAIN, fields=frozenset())) == {
        "model": "llama",
        "prompt": "Be brief.\n\nWhy?",
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 32,
        "stream": False,
    }
    assert body_of(ASKED, "llama", Dialect(Api.PLAIN))["logprobs"] == 1
    assert plain_text(ASKED.messages) == "Be brief.\n\nWhy?"


def test_a_greedy_question_leaves_the_nucleus_whole() -> None:
    assert body_of(replace(ASKED, sampling=Sampling(0.0, 0.5)), "llama", Dialect())["top_p"] == 1.0


def test_what_a_refusal_names_is_left_out() -> None:
    adjusted = adapted(Dialect(), "Unexpected fields in the request: {'top_k', 'min_p'}")
    assert adjusted is not None and adjusted.fields == OPTIONAL - {"top_k", "min_p"}
    assert adjusted.left_out == ("min_p", "top_k")
    without = adapted(adjusted, "This model does not support logprobs.")
    assert without is not None and without.fields == adjusted.fields - {"logprobs"}
    assert without.left_out == ("min_p", "top_k"), "log-probs decide nothing that is drawn"


def test_a_refusal_that_names_nothing_ends_in_a_plain_question_and_then_in_none() -> None:
    bare = adapted(Dialect(), "bad request")
    assert bare is not None and bare.fields == frozenset()
    assert adapted(bare, "bad request") is None


def test_the_limit_goes_by_the_name_that_the_server_asks_for() -> None:
    said = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    other = adapted(Dialect(), said)
    assert other is not None and other.fields == OPTIONAL
    body = body_of(ASKED, "o", other)
    assert body["max_completion_tokens"] == 32 and "max_tokens" not in body
    assert adapted(replace(other, fields=frozenset()), said) is None, "and never back and forth"
