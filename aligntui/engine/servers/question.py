"""What is asked of a server, in words that this server understands.

Besides what every server must heed (temperature, top_p and the limit) some optional fields are sent: they ask for what
is worth knowing of an answer, and switch off the server's own changes of the next token's probabilities, which the local
engine does not make either. A server that refuses such a field is asked without it, and that is kept with its answers.
Pinned in tests/engine/test_servers_question.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from aligntui.core.prompt_format import Message
from aligntui.core.sampling import Sampling
from aligntui.engine.servers.address import Api

NEUTRAL = {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
"""Values that change nothing. vLLM otherwise takes its defaults from the model's generation_config.json, llama.cpp has
top_k 40 and min_p 0.05 of its own."""
OPTIONAL = frozenset({"seed", "logprobs", "return_token_ids", *NEUTRAL})
"""Fields that a server may refuse. `return_token_ids` is vLLM's."""
_LENGTH = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True)
class Question:
    """One prompt and how it is to be answered."""

    messages: tuple[Message, ...]
    """With the instruction in its place, where the server's interface has one for it."""
    sampling: Sampling


@dataclass(frozen=True)
class Dialect:
    """How a server wants to be asked."""

    api: Api = Api.CHAT
    fields: frozenset[str] = OPTIONAL
    """Optional fields that it takes."""
    length_field: str = _LENGTH[0]
    """Its name for the limit of the answer."""
    system_slot: bool = True
    """Whether it takes a system message."""

    @property
    def path(self) -> str:
        """Where questions are sent, below the server's root."""
        return "/chat/completions" if self.api is Api.CHAT else "/completions"

    @property
    def left_out(self) -> tuple[str, ...]:
        """Optional fields that decide what is drawn, and that it does not take."""
        return tuple(sorted({"seed", *NEUTRAL} - self.fields))


def body_of(question: Question, model: str, dialect: Dialect) -> dict[str, Any]:
    """The JSON of a request."""
    sampling = question.sampling
    body: dict[str, Any] = {
        "model": model,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p if sampling.temperature > 0 else 1.0,
        dialect.length_field: sampling.max_new_tokens,
        "stream": False,
    }
    if dialect.api is Api.CHAT:
        body["messages"] = [message.as_dict() for message in question.messages]
    else:
        body["prompt"] = plain_text(question.messages)
    offered = {
        "seed": sampling.seed,
        # plain completions ask for a number of likely tokens, of which the first is more than is needed
        "logprobs": True if dialect.api is Api.CHAT else 1,
        "return_token_ids": True,
        **NEUTRAL,
    }
    return body | {name: value for name, value in offered.items() if name in dialect.fields}


def plain_text(messages: tuple[Message, ...]) -> str:
    """What is continued where no template is applied: the texts with a blank line between."""
    return "\n\n".join(message.content for message in messages)


def adapted(dialect: Dialect, refusal: str) -> Dialect | None:
    """How to ask instead after a server refused the form of a question; None where there is no other way.

    Fields that the refusal names are left out first; where it names none, all optional ones are.

    Args:
        dialect: as it was asked.
        refusal: the server's own words.
    """
    words = set(re.findall(r"\w+", refusal))
    other = _LENGTH[1 - _LENGTH.index(dialect.length_field)]
    if dialect.length_field == _LENGTH[0] and other in words:
        return replace(dialect, length_field=other)
    named = dialect.fields & words
    if named:
        return replace(dialect, fields=dialect.fields - named)
    return replace(dialect, fields=frozenset()) if dialect.fields else None
