"""Instruction, prompt, answers and conversations taken out of texts with the headings of ITA and EBA.

Every reading here, written again by `aligntui.data.pair_layouts`, gives the text that was read. Where a text can be
read in two ways, because an instruction or a prompt holds a heading of its own, it stays as it is and a note says so.
The one exception is EBA, where a conversation and a text with the same headings cannot be told apart at all: its
headings are read as turns, as the layout defines them, and a note says that too. Pinned in
tests/data/test_pair_import_blocks.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from aligntui.core.prompt_format import ITA_EXPECTED, ITA_INSTRUCTION, ITA_PROMPT, ITA_REJECTED, Message, ita_block
from aligntui.data.pair_layouts import RESPONSE

_HEAD = f"{ITA_INSTRUCTION}\n"
_ASKED = f"\n\n{ITA_PROMPT}\n"
_REJECTED = f"\n\n{ITA_REJECTED}\n"
_EXPECTED = f"\n\n{ITA_EXPECTED}"
_TURN = re.compile(rf"\n\n({re.escape(ITA_PROMPT)}|{re.escape(RESPONSE)})\n")

Turns = list[Message]


def has_ita_heading(text: str) -> bool:
    """Whether a text begins as an ITA block, or as a conversation of EBA without an instruction."""
    return text.startswith((_HEAD, f"{ITA_PROMPT}\n"))


def has_rejected_block(text: str) -> bool:
    """Whether a user turn shows a rejected answer and asks for a better one."""
    return text.endswith(_EXPECTED) and _REJECTED in text


def take_ita(prompt: Turns, sides: Sequence[Turns]) -> tuple[str, Turns, list[Turns], list[str]]:
    """The instruction that every user turn carries in an ITA block, and the messages without it.

    Args:
        prompt: user and assistant messages.
        sides: what follows it, once or twice.

    Returns:
        Instruction (empty when there is none), prompt, sides, notes.
    """
    users = [message.content for turns in (prompt, *sides) for message in turns if message.role == "user"]
    blocks = [text for text in users if text.startswith(_HEAD)]
    if not blocks:
        return "", prompt, list(sides), []
    instructions = _instructions(blocks[0])
    fitting = [one for one in instructions if all(text.startswith(ita_block(one, "")) for text in users)]
    if len(fitting) != 1:
        if fitting:
            reason = "it can be read in more than one way"
        elif len(blocks) < len(users):
            reason = "not every user turn has one"
        else:
            reason = "the user turns have different ones" if instructions else "it is not complete"
        return "", prompt, list(sides), [f"an ITA block was kept as text: {reason}"]
    head = len(ita_block(fitting[0], ""))

    def plain(turns: Turns) -> Turns:
        return [Message("user", one.content[head:]) if one.role == "user" else one for one in turns]

    return fitting[0], plain(prompt), [plain(side) for side in sides], []


def take_rejected(text: str) -> tuple[str, str] | None:
    """The user turn without its rejected answer, and that answer; None where it has none or more than one reading."""
    if not has_rejected_block(text) or text.count(_REJECTED) != 1:
        return None
    asked, _, rejected = text.removesuffix(_EXPECTED).partition(_REJECTED)
    return asked, rejected


def take_asked(text: str) -> str | None:
    """The prompt of a contrastive turn without an instruction; None where the heading is missing."""
    return text.removeprefix(f"{ITA_PROMPT}\n") if text.startswith(f"{ITA_PROMPT}\n") else None


def eba_prompt(text: str) -> tuple[str, Turns, list[str]]:
    """Instruction, messages and notes of an EBA prompt; a text without headings is one message of the user."""
    whole = [Message("user", text)]
    if text.startswith(_HEAD):
        instruction, *rest = _TURN.split(text[len(_HEAD) :])
        complete = bool(instruction.strip() and rest)
    elif text.startswith(f"{ITA_PROMPT}\n"):
        instruction, rest = "", [ITA_PROMPT, *_TURN.split(text[len(ITA_PROMPT) + 1 :])]
        complete = len(rest) > 2  # a single prompt without an instruction is written without its heading
    else:
        return "", whole, []
    turns = _turns(rest)
    if not complete or not turns or turns[0].role != "user" or turns[-1].role != "user":
        return "", whole, ["headings in the prompt were kept as text: they make no instruction and no conversation"]
    return instruction, turns, [_by_headings("the prompt", turns)] if len(turns) > 1 else []


def transcript(text: str, name: str) -> tuple[Turns, list[str]]:
    """The messages of a side that is written as one text, and notes; usually one answer.

    Args:
        text: the side.
        name: of it, for the note.
    """
    first, *rest = _TURN.split(text)
    later = _turns(rest)
    if not later or not first.strip() or later[0].role != "user" or later[-1].role != "assistant":
        return [Message("assistant", text)], []
    turns = [Message("assistant", first), *later]
    return turns, [_by_headings(name, turns)]


def _instructions(block: str) -> list[str]:
    """Every instruction that an ITA block can be read to have."""
    body = block[len(_HEAD) :]
    found = [body[: mark.start()] for mark in re.finditer(f"(?={re.escape(_ASKED)})", body)]
    return [one for one in found if one.strip()]


def _turns(pieces: Sequence[str]) -> Turns:
    """Heading and text in turn as messages; none where two of one role follow each other or a text is blank."""
    roles = ["user" if heading == ITA_PROMPT else "assistant" for heading in pieces[::2]]
    texts = pieces[1::2]
    in_turn = all(one != other for one, other in pairwise(roles))
    return list(map(Message, roles, texts)) if in_turn and all(text.strip() for text in texts) else []


def _by_headings(name: str, turns: Turns) -> str:
    return f"{name} was read as {len(turns)} messages by its headings"
