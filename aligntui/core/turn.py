"""Turns: the tree of a conversation.

A session holds a parent-linked tree. A `prompt` turn is what the user wrote; its parent is the answer it
continues, or nothing. An `answer` turn's parent is the prompt it answers, so the path to the root is the
exact history that the model saw. Two groupings lie over the tree: an *exchange* is one prompt as the user
sent it (one prompt turn for each distinct history), and a *take* is the set of answers that were made
together for it, one for each column.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from aligntui.core.conditions import UNKNOWN_ENGINE, Conditions


class Role(StrEnum):
    """Who wrote a turn."""

    PROMPT = "prompt"
    ANSWER = "answer"


class Finish(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    """The model ended it."""
    LENGTH = "length"
    """`max_new_tokens` was reached."""
    CONTEXT = "context"
    """The model's context was full."""
    CANCELLED = "cancelled"
    """The user stopped it; the text is partial."""
    FAILED = "failed"
    """The engine failed; the text is partial."""
    EDITED = "edited"
    """A person wrote or changed it."""
    IMPORTED = "imported"
    """It came from a file; nothing is known of how it was made."""

    @property
    def partial(self) -> bool:
        """Whether the text broke off where neither the model nor a limit ended it."""
        return self in (Finish.CANCELLED, Finish.FAILED)


class SessionKind(StrEnum):
    """How the turns of a session came about."""

    CHAT = "chat"
    """A person wrote them one after another."""
    IMPORT = "import"
    """They came from a file; its records have nothing to do with each other."""
    SAMPLING = "sampling"
    """Answers were drawn for a list of prompts, which have nothing to do with each other."""


@dataclass(frozen=True)
class Session:
    """One conversation tree with a name."""

    id: str
    name: str
    created_at: str
    updated_at: str
    turn_count: int = 0
    pair_count: int = 0
    """Verdicts that count; those asked again to measure the annotator do not."""
    kind: SessionKind = SessionKind.CHAT


@dataclass(frozen=True)
class Prompt:
    """A prompt turn."""

    id: str
    session_id: str
    parent_id: str | None
    exchange_id: str
    text: str
    created_at: str


@dataclass(frozen=True)
class Answer:
    """An answer turn with everything that made it."""

    id: str
    session_id: str
    parent_id: str
    """The prompt turn that it answers."""
    take_id: str
    column: int
    """Column it was made in, 0 from the left."""
    text: str
    finish: Finish
    created_at: str
    conditions: Conditions
    instruction_label: str = ""
    """Library name of the instruction, such as `concise/1`; empty when typed by hand."""
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    """Natural log of each token's probability under the model that wrote it, untempered; same length as token_ids."""
    prompt_tokens: int = 0
    decode_s: float = 0.0
    """Seconds from the first to the last generated token of this row; of a continued answer of all its parts, 0 where a person
    wrote one of them."""
    first_token_s: float = 0.0
    """Seconds from the request to the first token."""
    edited_from: str | None = None
    """Answer turn that a person edited to make this one."""
    continued_from: str | None = None
    """Answer turn that this one continues."""

    @property
    def tokens_per_s(self) -> float:
        """Decode speed of this row; 0 where it cannot be told."""
        return (len(self.token_ids) - 1) / self.decode_s if self.decode_s > 0 and len(self.token_ids) > 1 else 0.0

    @property
    def side(self) -> str:
        """`base`, or the adapter's name with its strength where that is not 1; empty where nobody knows, as of an import."""
        c = self.conditions
        if c.engine == UNKNOWN_ENGINE:
            return ""
        if c.adapter is None:
            return "base"
        return c.adapter if c.strength == 1 else f"{c.adapter} x{c.strength:g}"


@dataclass
class Tree:
    """The turns of a session that are in memory, by id."""

    prompts: dict[str, Prompt] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
