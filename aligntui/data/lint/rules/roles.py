"""The order of roles in a pair."""

from __future__ import annotations

from aligntui.data.lint.finding import Fix, Severity
from aligntui.data.lint.record import Messages, RecordView
from aligntui.data.lint.rule import Rule, Takes


class RoleOrder(Rule):
    """Prompts and sides whose messages do not follow each other as a chat does.

    Chat templates raise on some of these and render others without a word (methods.md, section 1: template mismatches).
    """

    name = "role-order"
    summary = "Messages stand in an order that no chat has, such as a prompt that ends with an answer."
    severity = Severity.ERROR
    takes = Takes.DECIDED

    def add(self, view: RecordView) -> str | None:
        """Look at the roles of the prompt and of each side."""
        record = view.record
        wrong = prompt_fault(record.prompt, bool(record.instruction_in_force))
        wrong = wrong or next((fault for name, side in view.sides if (fault := side_fault(name, side.messages))), None)
        if wrong:
            self.find(
                wrong,
                [view.id],
                fix=Fix.DROP,
                evidence={
                    "prompt": [role for role, _ in record.prompt],
                    **{name: [role for role, _ in side.messages] for name, side in view.sides},
                },
            )
        return None


def prompt_fault(prompt: Messages, has_instruction: bool) -> str | None:
    """What is wrong with the roles of a prompt; None where nothing is.

    Args:
        prompt: its messages.
        has_instruction: whether an instruction stands beside it; a system message would then come twice.
    """
    turns = prompt
    if turns and turns[0][0] == "system":
        if has_instruction:
            return "The prompt has a system message of its own beside the instruction."
        turns = turns[1:]
    if not turns:
        return "The prompt has no message of the user."
    if turns[-1][0] != "user":
        return f"The prompt ends with a message of {turns[-1][0]!r}, not of the user."
    fault = _fault("prompt", turns, first="user")
    return fault or ("The prompt has a blank message." if not all(text.strip() for _, text in turns) else None)


def side_fault(name: str, messages: Messages) -> str | None:
    """What is wrong with the roles of a side; None where nothing is. An empty side is the matter of another rule."""
    if not messages:
        return None
    if messages[-1][0] != "assistant":
        return f"The {name} side ends with a message of {messages[-1][0]!r}, not with an answer."
    return _fault(f"{name} side", messages, first="assistant")


def _fault(what: str, messages: Messages, first: str) -> str | None:
    expected = first
    for place, (role, _) in enumerate(messages, 1):
        if role not in ("user", "assistant"):
            return f"Message {place} of the {what} has the role {role!r}."
        if role != expected:
            return f"Message {place} of the {what} is by {role!r} where {expected!r} should speak."
        expected = "assistant" if role == "user" else "user"
    return None
