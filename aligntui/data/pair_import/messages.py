"""Messages as data sets write them, and the order in which they may stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aligntui.core.prompt_format import Message
from aligntui.data.pair_import.records import Refused
from aligntui.data.pair_import.text_rows import kind_of
from aligntui.data.pair_layouts import whole_characters

ROLES = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
}
"""Role by the names that are in use: role/content files, ShareGPT (human, gpt), Gemma (model)."""
_KEYS = (("role", "content"), ("from", "value"))


def is_conversation(value: Any) -> bool:
    """Whether a value is meant as messages: a list, one message, or the columns of a list."""
    return isinstance(value, list | dict)


def conversation(value: Any, name: str) -> tuple[list[Message], list[str]]:
    """Messages in whichever of the usual shapes.

    A list of role/content or from/value objects, one such object alone, or an object of two lists (as Parquet files of
    older `datasets` versions have it).

    Args:
        value: from a row.
        name: of its column, for messages.

    Returns:
        The messages, and notes on what was left out of them.

    Raises:
        Refused: it is none of these, a role is unknown, or a content is no text or blank.
    """
    notes: list[str] = []
    return [_message(one, name, at, notes) for at, one in enumerate(_entries(value, name), 1)], notes


def _entries(value: Any, name: str) -> list[Any]:
    if isinstance(value, dict):
        for role, content in _KEYS:
            roles, contents = value.get(role), value.get(content)
            if isinstance(roles, list) and isinstance(contents, list) and len(roles) == len(contents):
                return [{"role": one, "content": other} for one, other in zip(roles, contents, strict=True)]
        return [value]
    if not isinstance(value, list):
        raise Refused("type", f"the column {name!r} holds {kind_of(value)} where messages are wanted")
    return value


def _message(value: Any, name: str, at: int, notes: list[str]) -> Message:
    where = f"message {at} of {name!r}"
    if not isinstance(value, dict):
        raise Refused("type", f"{where} is {kind_of(value)}, not an object")
    keys = next((pair for pair in _KEYS if pair[0] in value and pair[1] in value), None)
    if keys is None:
        found = ", ".join(sorted(map(str, value))) or "nothing"
        raise Refused("type", f"{where} has neither role and content nor from and value, but {found[:120]}")
    role, content = value[keys[0]], value[keys[1]]
    if not isinstance(role, str) or role.strip().lower() not in ROLES:
        raise Refused("roles", f"{where} has the role {str(role)[:40]!r}, not system, user or assistant")
    if not isinstance(content, str):
        raise Refused("type", f"{where} holds {kind_of(content)} where a text is wanted")
    role = ROLES[role.strip().lower()]
    if role != "system" and not content.strip():
        raise Refused("empty", f"{where} ({role}) is empty")
    _leave_out(value, keys, where, notes)
    return Message(role, whole_characters(content))


def _leave_out(value: dict[str, Any], keys: tuple[str, str], where: str, notes: list[str]) -> None:
    others = sorted(str(key) for key, entry in value.items() if key not in keys and entry not in (None, "", [], {}))
    for key in ("tool_calls", "images", "image"):
        if key in others:
            raise Refused("type", f"{where} has {key}, and only text can be imported")
    if others:
        notes.append(f"left out of messages: {', '.join(others)[:120]}")


def take_system(prompt: Sequence[Message]) -> tuple[str, list[Message]]:
    """The system message at the head of a prompt, empty when there is none or it is blank, and the rest."""
    if prompt and prompt[0].role == "system":
        return prompt[0].content if prompt[0].content.strip() else "", list(prompt[1:])
    return "", list(prompt)


def check_turns(prompt: Sequence[Message], sides: Sequence[tuple[str, Sequence[Message]]]) -> None:
    """See that user and assistant take turns: the user begins and ends the prompt, the assistant each side.

    Args:
        prompt: without the leading system message.
        sides: name and messages of chosen, and of rejected where there is one.

    Raises:
        Refused: they do not.
    """
    if not prompt:
        raise Refused("prompt", "there is no message of the user before the answer")
    _check_order("the prompt", prompt, "user", "user")
    for name, messages in sides:
        if not messages:
            raise Refused("empty", f"nothing is left of {name} below the prompt that both share")
        _check_order(name, messages, "assistant", "assistant")


def _check_order(name: str, messages: Sequence[Message], first: str, last: str) -> None:
    wanted = first
    for at, message in enumerate(messages, 1):
        if message.role != wanted:
            raise Refused("roles", f"message {at} of {name} is of the {message.role} where the {wanted} is due")
        wanted = "assistant" if wanted == "user" else "user"
    if messages[-1].role != last:
        raise Refused("roles", f"{name} ends with the {messages[-1].role}, not with the {last}")
