"""What servers tell of the rows that they were asked, besides what the local engine tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aligntui.wire.engine import AnswerFinished


@dataclass(frozen=True)
class ServedAnswer(AnswerFinished):
    """A whole answer of a server; `token_ids` and `logprobs` are empty where the server does not tell both."""

    server: str
    """Its address."""
    conditions: dict[str, Any]
    """As they are known now, with what the server said of itself."""
    tokens: int
    """New tokens; 0 where the server does not count."""


@dataclass(frozen=True)
class RowRefused:
    """A server will not answer a row, such as one whose prompt is longer than its context."""

    request: str
    row: str
    message: str
    hint: str


@dataclass(frozen=True)
class RowBroken:
    """No server has an answer to a row, in spite of retries."""

    request: str
    row: str
    why: str


@dataclass(frozen=True)
class ServerGivenUp:
    """Nothing more is asked of a server in this request; its rows go to the others."""

    request: str
    server: str
    why: str


ServerEvent = ServedAnswer | RowRefused | RowBroken | ServerGivenUp
