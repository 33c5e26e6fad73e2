"""From messages to the exact text that is tokenised: the tokenizer's own chat template, or Alpaca blocks.

Chat, training and scoring render through this module, so a prompt is the same text everywhere, and the hash
of the template travels with every answer. Which messages exist is decided by `aligntui.core.prompt_format`.
A template that puts in a default system prompt of its own (SmolLM2's does when there is no system message) is left
as it is: that prompt is part of the rendered text and visible there.
Pinned in tests/backend/test_template.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aligntui.core.errors import UserError
from aligntui.core.ids import sha256_text
from aligntui.core.prompt_format import Message, Mode, place_instruction

OWN = "own"
ALPACA = "alpaca"

ALPACA_HEAD = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request."
)
ALPACA_HEAD_WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request."
)
ALPACA_STOPS = ("### Instruction:", "### Input:", "### Response:")
"""A model without a chat template often goes on with the next block: its answer ends before it."""

_SENTINEL = "zq-system-slot-probe-7041"


@dataclass(frozen=True)
class Template:
    """How this tokenizer turns messages into text."""

    kind: str
    """`own` or `alpaca`."""
    sha256: str
    """Of the template's text, or of the word `alpaca`."""
    system_slot: bool
    """Whether a system message reaches the text. The Alpaca blocks have one: the instruction block."""
    stops: tuple[str, ...]
    """Texts at which an answer ends, besides the end-of-sequence tokens."""
    begin: str
    """Text of the token that the tokenizer puts before everything, where the template does not write it itself."""


def find_template(tokenizer: Any) -> Template:
    """Look at a tokenizer's chat template and probe whether it has a system slot."""
    source = _chat_template(tokenizer)
    if source is None:
        return Template(ALPACA, sha256_text(ALPACA), True, ALPACA_STOPS, _begin_text(tokenizer))
    return Template(OWN, sha256_text(source), _has_system_slot(tokenizer), (), "")


def render(tokenizer: Any, template: Template, messages: list[Message]) -> str:
    """The text of `messages` with the head of the assistant's turn at its end.

    Raises:
        UserError: the template refuses the messages, for example roles out of turn.
    """
    if template.kind == ALPACA:
        return template.begin + alpaca_text(messages)
    try:
        return tokenizer.apply_chat_template(
            [message.as_dict() for message in messages], tokenize=False, add_generation_prompt=True
        )
    except Exception as error:
        raise UserError(
            f"The chat template of this model refuses the conversation: {error}.",
            "Branch from an earlier turn, or put the instruction elsewhere (mode ita).",
        ) from error


def render_prompt(
    tokenizer: Any, template: Template, history: list[Message], instruction: str, mode: Mode, every: int = 1
) -> str:
    """Place the instruction as `mode` says and render.

    Raises:
        UserError: nothing to answer, or the template refuses the messages.
    """
    messages = place_instruction(history, instruction, mode, every=every, system_slot=template.system_slot)
    return render(tokenizer, template, messages)


def encode_rendered(tokenizer: Any, text: str) -> list[int]:
    """Token ids of a rendered prompt: nothing is added, since the text holds its special tokens already."""
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def alpaca_text(messages: list[Message]) -> str:
    """Instruction, input and response blocks for models without a chat template.

    A system message is the instruction and the user's text its input; without one the user's text is the
    instruction. Earlier turns are blocks of the same kind, one after the other.

    Source: tatsu-lab/stanford_alpaca, the two prompts of train.py. Pinned in tests/backend/test_template.py.
    """
    instruction = messages[0].content if messages and messages[0].role == "system" else ""
    blocks = [ALPACA_HEAD_WITH_INPUT if instruction else ALPACA_HEAD]
    for message in messages:
        if message.role == "assistant":
            blocks[-1] += message.content
        elif message.role == "user":
            if instruction:
                blocks.append(f"### Instruction:\n{instruction}")
                blocks.append(f"### Input:\n{message.content}")
            else:
                blocks.append(f"### Instruction:\n{message.content}")
            blocks.append("### Response:\n")
    return "\n\n".join(blocks)


def _chat_template(tokenizer: Any) -> str | None:
    source = getattr(tokenizer, "chat_template", None)
    if isinstance(source, dict):
        source = source.get("default")  # several named templates: the one that plain chat uses
    return source or None


def _has_system_slot(tokenizer: Any) -> bool:
    messages = [{"role": "system", "content": _SENTINEL}, {"role": "user", "content": "x"}]
    try:
        return _SENTINEL in tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except Exception:  # noqa: BLE001 - raising is how a template says that it takes no system message
        return False


def _begin_text(tokenizer: Any) -> str:
    first = tokenizer("a")["input_ids"][:1]
    begin = getattr(tokenizer, "bos_token_id", None)
    return tokenizer.bos_token if first and begin is not None and first[0] == begin else ""
