"""Where the alignment instruction goes: one set of rules for chat, training and scoring.

The formats are those of the source documents: the system slot (AISF "CHAT"), the ITA block (Ecliptica,
SFT), injection every k turns (AISF session injection) and none. This module decides which messages exist;
turning messages into text through a chat template is `aligntui.backend.template`.
Pinned in tests/unit/test_prompt_format.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from aligntui.core.errors import UserError

ITA_INSTRUCTION = "### Alignment Instruction:"
ITA_PROMPT = "### User Prompt:"
ITA_REJECTED = "### Rejected Response (Bad):"
ITA_EXPECTED = "### What's expected instead?"


class Mode(StrEnum):
    """How an instruction reaches the model."""

    SYSTEM = "system"
    """The chat template's system slot; at the head of the first user turn where it has none."""
    ITA = "ita"
    """`### Alignment Instruction:` and `### User Prompt:` inside the user turn."""
    INJECTION = "injection"
    """Prepended to the user text at turn 1 and again every k turns."""
    NONE = "none"
    """No instruction at all."""


@dataclass(frozen=True)
class Message:
    """One message of a conversation. `role` is `system`, `user` or `assistant`."""

    role: str
    content: str

    def as_dict(self) -> dict[str, str]:
        """The shape that chat templates and TRL take."""
        return {"role": self.role, "content": self.content}


def ita_block(instruction: str, prompt: str) -> str:
    """The ITA user turn: instruction, blank line, prompt (methods.md, section 1)."""
    return f"{ITA_INSTRUCTION}\n{instruction}\n\n{ITA_PROMPT}\n{prompt}"


def contrastive_ita_block(instruction: str, prompt: str, rejected: str) -> str:
    """The contrastive ITA user turn, which shows the rejected answer and asks for a better one."""
    return f"{ita_block(instruction, prompt)}\n\n{ITA_REJECTED}\n{rejected}\n\n{ITA_EXPECTED}"


def place_instruction(
    history: list[Message], instruction: str, mode: Mode, *, every: int = 1, system_slot: bool = True
) -> list[Message]:
    """Put the instruction where `mode` says.

    Args:
        history: user and assistant messages in turn, the last one from the user; no system message.
        instruction: text of the alignment instruction; empty means none, whatever the mode.
        mode: where it goes.
        every: for injection only, k: turns 1, 1 + k, 1 + 2k, ... of the user carry the instruction.
        system_slot: whether the chat template has a system slot; without one the instruction stands at
            the head of the first user turn, followed by a blank line.

    Returns:
        The messages to render; `history` itself is not changed.

    Raises:
        UserError: history is empty, does not end with the user, or `every` is below 1.
    """
    if not history or history[-1].role != "user":
        raise UserError("A prompt must end with a message of the user.", "Type a prompt first.")
    if mode is Mode.INJECTION and every < 1:
        raise UserError(f"Injection needs a whole number of turns of at least 1, not {every}.")
    if mode is Mode.NONE or not instruction.strip():
        return list(history)
    if mode is Mode.SYSTEM and system_slot:
        return [Message("system", instruction), *history]
    placed: list[Message] = []
    user_turn = 0
    for message in history:
        if message.role == "user":
            user_turn += 1
            if mode is Mode.ITA:
                message = Message("user", ita_block(instruction, message.content))
            elif mode is Mode.INJECTION:
                if (user_turn - 1) % every == 0:
                    message = Message("user", f"{instruction}\n\n{message.content}")
            elif user_turn == 1:
                message = Message("user", f"{instruction}\n\n{message.content}")
        placed.append(message)
    return placed
