"""The ways in which rules or an instruction can reach what is scored."""

from __future__ import annotations

from enum import StrEnum

from aligntui.core.prompt_format import Message, Mode, place_instruction


class Delivery(StrEnum):
    """How the rules are delivered, the barest first."""

    NONE = "none"
    """Not at all: what the weights know by themselves."""
    SYSTEM = "system"
    """In the system slot."""
    INJECTION = "injection"
    """Before the user's text at turn 1 and every k turns after it."""
    BOTH = "both"
    """In the system slot, and injected as well."""
    ITA = "ita"
    """In the block of an alignment instruction at the head of the user's turn."""

    @property
    def label(self) -> str:
        """For tables and sentences."""
        return {
            Delivery.NONE: "no rules given",
            Delivery.SYSTEM: "system prompt",
            Delivery.INJECTION: "injection",
            Delivery.BOTH: "system prompt and injection",
            Delivery.ITA: "ITA block",
        }[self]


def deliver(
    history: list[Message], rules: str, delivery: Delivery, *, every: int = 1, system_slot: bool = True
) -> list[Message]:
    """Put the rules where the delivery says, by the rules of `core.prompt_format`.

    Args:
        history: user and assistant messages in turn, the last one from the user; no system message.
        rules: the text of the rules.
        delivery: where they go.
        every: for injection, k: turns 1, 1 + k, 1 + 2k, ... of the user carry them.
        system_slot: whether the chat template has a system slot; without one, `both` puts the rules twice at the head of the
            first user turn.

    Raises:
        UserError: the history is empty, does not end with the user, or `every` is below 1.
    """
    placed = place_instruction(history, rules, Mode.ITA) if delivery is Delivery.ITA else history
    if delivery in (Delivery.INJECTION, Delivery.BOTH):
        placed = place_instruction(placed, rules, Mode.INJECTION, every=every)
    if delivery in (Delivery.SYSTEM, Delivery.BOTH):
        placed = place_instruction(placed, rules, Mode.SYSTEM, system_slot=system_slot)
    return place_instruction(history, rules, Mode.NONE) if delivery is Delivery.NONE else placed
