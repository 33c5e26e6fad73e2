"""What can go wrong with a server, by what becomes of the question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.core.printable import one_line
from aligntui.engine.servers.address import ServerAddress, key_variable

SAID = 300
"""Characters of a server's own words that are shown."""
_SHOWN_MODELS = 12
_CONTEXT = (
    "context length",
    "context size",
    "context window",
    "context_length",
    "exceed_context",
    "max_model_len",
    "too many tokens",
    "too long",
)
"""Any of these in a refusal means that the prompt, or prompt and answer together, do not fit."""


class QuestionRefused(UserError):
    """The server will not answer this question, however often it is asked; others it may."""


class NoAnswer(EnvironmentProblem):
    """This question got no answer in spite of retries; the server may answer others, and another server this one."""


class ServerFailed(NoAnswer):
    """The same by an error of the server's own (HTTP 500): it is there, and not merely busy."""


class ServerLost(EnvironmentProblem):
    """Nothing more is to be had from the server."""


class ModelUnknown(ServerLost):
    """The server does not know the model, or not the path that was asked."""


def refused(address: ServerAddress, status: int, payload: Any) -> QuestionRefused:
    """A refusal (HTTP 400 and its like) in the server's own words."""
    said = said_by(payload)
    if any(word in said.lower() for word in _CONTEXT):
        return QuestionRefused(
            _told(f"The prompt, with the answer asked for, is longer than the context of {address.name}", said),
            "Lower --max-new-tokens, leave the prompt out, or serve the model with a longer context.",
        )
    if "system" in said.lower() and "role" in said.lower():
        return QuestionRefused(
            _told(f"The model on {address.name} takes no system message", said),
            "Put the instruction elsewhere: --mode ita or --mode injection.",
        )
    return QuestionRefused(
        _told(f"{address.name} refuses the question (HTTP {status})", said or "it does not say why"),
        "Its log says more.",
    )


def locked(address: ServerAddress, status: int, payload: Any, *, had_key: bool) -> ServerLost:
    """HTTP 401 or 403."""
    said = said_by(payload)
    found = "refuses the key that it was given" if had_key else "wants a key and was given none"
    return ServerLost(
        _told(f"{address.name} {found} (HTTP {status})", said),
        f"Put its key into {key_variable(address)}, or into ALIGNTUI_API_KEY for all servers.",
    )


def no_such_model(address: ServerAddress, model: str, has: Sequence[str], payload: Any = None) -> ModelUnknown:
    """HTTP 404, or a list without the model.

    Args:
        address: of the server.
        model: as it was asked for.
        has: the models on its list; empty where that is not known.
        payload: what it said.
    """
    said = said_by(payload)
    shown = ", ".join(one_line(name, 80) for name in has[:_SHOWN_MODELS])
    more = f" and {len(has) - _SHOWN_MODELS} more" if len(has) > _SHOWN_MODELS else ""
    if has:
        return ModelUnknown(
            f"{address.name} serves no model {one_line(model, 80)!r}. It has: {shown}{more}.",
            "Name one of them: --served SIDE=MODEL.",
        )
    return ModelUnknown(
        _told(f"{address.name} has no model {one_line(model, 80)!r}, or no such interface (HTTP 404)", said),
        "The address ends with the root of the interface, usually /v1; --served SIDE=MODEL names the model.",
    )


def not_openai(address: ServerAddress, found: str) -> NoAnswer:
    """The answer has not the shape that OpenAI's interface gives it."""
    return NoAnswer(
        f"An answer in the shape of OpenAI's interface was wanted of {address.name}; it sent {found}.",
        "The address ends with the root of the interface, usually /v1; a proxy in between may answer in its place.",
    )


def unreachable(address: ServerAddress, why: str) -> ServerLost:
    """No connection, in spite of retries."""
    return ServerLost(
        f"{address.name} cannot be reached: {why}.",
        f"See that the server runs and that {address.url} is its address as seen from this machine.",
    )


def busy(address: ServerAddress, status: int, payload: Any) -> NoAnswer:
    """HTTP 429, 5xx and their like, in spite of retries."""
    kind = ServerFailed if status == 500 else NoAnswer
    return kind(
        _told(f"{address.name} answers HTTP {status} again and again", said_by(payload)),
        "Ask it less at once with --at-once." if status == 429 else "Its log says more.",
    )


def said_by(payload: Any) -> str:
    """A server's own words in an error, safe to print; empty where it has none.

    OpenAI and llama.cpp put them at `error.message`, vLLM there or at `message`, FastAPI at `detail`.
    """
    if isinstance(payload, str):
        return one_line(payload, SAID)
    if not isinstance(payload, dict):
        return ""
    for place in ("error", "message", "detail"):
        found = payload.get(place)
        if isinstance(found, dict):
            found = found.get("message")
        if isinstance(found, list):  # FastAPI's list of what is wrong with which field
            found = str(found)
        if isinstance(found, str) and found.strip():
            return one_line(found, SAID)
    return ""


def _told(found: str, said: str) -> str:
    """A sentence that ends in somebody else's words."""
    sentence = f"{found}: {said}" if said else found
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}."
