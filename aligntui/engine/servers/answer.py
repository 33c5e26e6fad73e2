"""A server's answer, read with suspicion: the wrong shape is refused, and what is not known is said to be so.

The text is kept as it came, like the local engine's; it is made harmless where it is shown (`aligntui.core.printable`).
Pinned in tests/engine/test_servers_answer.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeGuard

from aligntui.core.printable import one_line
from aligntui.core.turn import Finish
from aligntui.engine.servers.address import Api, ServerAddress
from aligntui.engine.servers.faults import QuestionRefused, not_openai

MAX_COUNT = 2**31 - 1
"""Largest count and token id that is believed."""
_OTHERWISE = frozenset({"role", "tool_calls", "reasoning", "reasoning_content", "refusal"})
"""A message with one of these may do without content."""
_NAME = 120
"""Characters of a server's names for itself that are kept."""


@dataclass(frozen=True)
class ServerAnswer:
    """One answer."""

    text: str
    finish: Finish
    token_ids: tuple[int, ...] = ()
    """Empty where the server does not tell them."""
    logprobs: tuple[float, ...] = ()
    """Natural log of each token's probability as the server gives it; empty where it does not."""
    prompt_tokens: int = 0
    """0 where the server does not count."""
    tokens: int = 0
    """New tokens; 0 where the server does not count."""
    model: str = ""
    """The server's own name for the model that answered."""
    fingerprint: str = ""
    """`system_fingerprint`; empty where there is none."""


def read_answer(payload: Any, api: Api, address: ServerAddress, limit: int) -> ServerAnswer:
    """Read the JSON of an answer.

    Args:
        payload: what the server sent.
        api: interface that was asked.
        address: for messages.
        limit: new tokens that were asked for; an answer that was cut short of them met the end of the context.

    Raises:
        NoAnswer: it has not the shape of OpenAI's interface, or the server broke off.
        QuestionRefused: the server withholds the answer.
    """
    choice = _choice(payload, api, address)
    text = _text(choice, api)
    if text is None:
        raise not_openai(address, f"a choice without text: {one_line(str(choice), 160)}")
    usage = payload.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    counted = _count(usage.get("completion_tokens"))
    token_ids, logprobs = _tokens(choice, counted)
    tokens = counted or len(token_ids) or len(logprobs)
    return ServerAnswer(
        text=text,
        finish=_finish(choice.get("finish_reason"), tokens, limit, address),
        token_ids=token_ids,
        logprobs=logprobs,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        tokens=tokens,
        model=_name(payload.get("model")),
        fingerprint=_name(payload.get("system_fingerprint")),
    )


def _choice(payload: Any, api: Api, address: ServerAddress) -> dict[str, Any]:
    choices = payload.get("choices") if isinstance(payload, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise not_openai(address, f"JSON without choices: {one_line(str(payload), 160)}")
    choice = choices[0]
    if api is Api.CHAT and not isinstance(choice.get("message"), dict):
        raise not_openai(address, f"a choice without a message: {one_line(str(choice), 160)}")
    return choice


def _text(choice: dict[str, Any], api: Api) -> str | None:
    """None where there is none to be found. An answer that went into a tool call or into hidden thoughts is empty."""
    if api is Api.PLAIN:
        found = choice.get("text")
        return found if isinstance(found, str) else None
    message = choice["message"]
    found = message.get("content")
    if found is None and not _OTHERWISE.isdisjoint(message):
        return ""
    return found if isinstance(found, str) else None


def _finish(reason: Any, tokens: int, limit: int, address: ServerAddress) -> Finish:
    match reason:
        case "length":
            return Finish.CONTEXT if 0 < tokens < limit else Finish.LENGTH
        case "content_filter":
            raise QuestionRefused(f"{address.name} withholds its answer: a filter of its own stopped it.")
        case "stop" | "tool_calls" | "function_call" | "eos":
            return Finish.STOP
    raise not_openai(address, f"an answer that ended for the reason {one_line(str(reason), 40)!r}")


def _tokens(choice: dict[str, Any], counted: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Token ids and log-probs, each empty where it is not whole.

    vLLM gives ids as `token_ids`, llama.cpp as `id` of each entry of the log-probs. The latter may pass over tokens that
    are only part of a character; the end of the answer, which it counts, has no entry.

    Args:
        choice: the answer.
        counted: tokens by the server's own count, 0 where it gives none.
    """
    given = choice.get("logprobs")
    entries: list[Any] = []
    values: list[Any] = []
    if isinstance(given, dict):
        content, plain = given.get("content"), given.get("token_logprobs")
        entries = content if isinstance(content, list) else []
        values = [one.get("logprob") if isinstance(one, dict) else None for one in entries]
        values = values or (plain if isinstance(plain, list) else [])
    ids = choice.get("token_ids")
    if not isinstance(ids, list):
        ids = [one.get("id") if isinstance(one, dict) else None for one in entries]
        ends = 1 if choice.get("finish_reason") == "stop" else 0
        if counted and len(ids) not in (counted, counted - ends):
            ids = []
    token_ids = [value for value in ids if _is_count(value)]
    logprobs = [float(value) for value in values if _is_logprob(value)]
    return (
        tuple(token_ids) if len(token_ids) == len(ids) else (),
        tuple(logprobs) if len(logprobs) == len(values) else (),
    )


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT


def _is_logprob(value: Any) -> TypeGuard[float]:
    # a rounding may lift a probability a little above 1; nan compares as false
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e6 <= value <= 1e-3


def _count(value: Any) -> int:
    return value if _is_count(value) else 0


def _name(value: Any) -> str:
    return one_line(value, _NAME) if isinstance(value, str) else ""
