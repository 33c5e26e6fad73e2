"""Preference pairs as records for training: TRL preference, EBA, ITA, contrastive ITA and Alpaca.

Formats: methods.md, section 1; the TRL shapes are those of "Dataset formats and types" in TRL 1.16 (preference with an
explicit prompt, and prompt-completion, both conversational). `datasets.load_dataset("json", ...)` reads each file as it
is; DPOTrainer takes `trl` and `eba`, SFTTrainer `ita` and `contrastive-ita` (tests/unit/test_pair_layouts.py). The way
back is `aligntui.data.pair_import`.

An instruction is in force when it is not blank and the mode is not `none`. A pair without one keeps its plain prompt in
every layout: a heading with nothing below it would teach a format that no chat ever shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aligntui.core.errors import UserError, nearest
from aligntui.core.files import write_text_atomic
from aligntui.core.ids import canonical_json, sha256_text
from aligntui.core.prompt_format import (
    ITA_EXPECTED,
    ITA_PROMPT,
    ITA_REJECTED,
    Message,
    Mode,
    contrastive_ita_block,
    ita_block,
    place_instruction,
)

RESPONSE = "### Response:"
"""Heading of an answer inside a plain-text conversation of several turns."""

Record = dict[str, Any]


@dataclass(frozen=True)
class PreferencePair:
    """A decided pair, or an example without a rejected side, as messages without their instruction."""

    instruction: str
    """Text of the alignment instruction; blank when none."""
    mode: Mode
    """How it reached the model."""
    prompt: list[Message]
    """User and assistant messages in turn, the last one from the user."""
    chosen: list[Message]
    """What follows on the preferred side: an answer, or a conversation that begins and ends with one."""
    rejected: list[Message] | None
    """What follows on the other side, likewise; None for an example, which only `ita` and `alpaca` can hold."""
    injection_every: int = 1
    """k of the injection mode."""

    def __post_init__(self) -> None:
        if not self.prompt or self.prompt[-1].role != "user":
            raise UserError("The prompt of a pair must end with a message of the user.")
        for side, messages in (("chosen", self.chosen), ("rejected", self.rejected)):
            if messages is None and side == "rejected":
                continue
            if not messages or messages[0].role != "assistant" or messages[-1].role != "assistant":
                raise UserError(f"The {side} side of a pair must begin and end with an answer.")

    @property
    def instruction_in_force(self) -> str:
        """The instruction, or nothing where the mode is `none` or the text is blank."""
        return self.instruction if self.mode is not Mode.NONE and self.instruction.strip() else ""

    @cached_property
    def fingerprint(self) -> str:
        """Lower-case hex SHA-256 of what is learnt from it: two pairs are the same when this is.

        Instruction in force and its mode, prompt and both sides count, to the last blank; k counts in the injection
        mode. An instruction that is not in force is none, whatever its text and mode, and half a surrogate pair is
        U+FFFD, as in every file that is written.
        """
        instruction = self.instruction_in_force
        content = {
            "instruction": instruction,
            "mode": self.mode.value if instruction else Mode.NONE.value,
            "every": self.injection_every if instruction and self.mode is Mode.INJECTION else 1,
            "prompt": _turns(self.prompt),
            "chosen": _turns(self.chosen),
            "rejected": None if self.rejected is None else _turns(self.rejected),
        }
        return sha256_text(whole_characters(canonical_json(content)))


def trl_record(pair: PreferencePair, *, system_slot: bool = True) -> Record:
    """TRL preference, conversational, explicit prompt: the instruction stands where it stood in the chat.

    Args:
        pair: the pair.
        system_slot: whether the chat template to be trained with has one; without it the system mode puts the
            instruction at the head of the first user turn, as the chat does.
    """
    prompt, chosen = _placed(pair, pair.chosen, pair.mode, system_slot)
    _, rejected = _placed(pair, _rejected(pair, "trl"), pair.mode, system_slot)
    return {"prompt": _plain(prompt), "chosen": _plain(chosen), "rejected": _plain(rejected)}


def eba_record(pair: PreferencePair, *, system_slot: bool = True) -> Record:
    """EBA: three plain strings; instruction and prompt as an ITA block, whatever the mode of the chat.

    TRL joins prompt and answer of plain strings as they are. A conversation of several turns goes on below the block
    under the headings `### Response:` and `### User Prompt:`; its last answer stands without a heading when it is the
    only one of its side.

    Args:
        pair: the pair.
        system_slot: not used: a plain string has none.
    """
    first, *later = pair.prompt
    instruction = pair.instruction_in_force
    if instruction:
        head = ita_block(instruction, first.content)
    else:
        head = f"{ITA_PROMPT}\n{first.content}" if later else first.content
    return {
        "prompt": "\n\n".join([head, *map(_under_heading, later)]),
        "chosen": _transcript(pair.chosen),
        "rejected": _transcript(_rejected(pair, "eba")),
    }


def ita_record(pair: PreferencePair, *, system_slot: bool = True) -> Record:
    """ITA, as conversational prompt and completion: each user turn an ITA block, the chosen side is the completion.

    Args:
        pair: the pair.
        system_slot: not used: the ITA block stands in the user turn.
    """
    prompt, completion = _placed(pair, pair.chosen, Mode.ITA, system_slot)
    return {"prompt": _plain(prompt), "completion": _plain(completion)}


def contrastive_ita_record(pair: PreferencePair, *, system_slot: bool = True) -> Record:
    """Contrastive ITA: the last user turn of the prompt also shows the rejected side and asks for a better one.

    Args:
        pair: the pair.
        system_slot: not used: the ITA block stands in the user turn.
    """
    prompt, completion = _placed(pair, pair.chosen, Mode.ITA, system_slot)
    asked, rejected = pair.prompt[-1].content, _transcript(_rejected(pair, "contrastive-ita"))
    if pair.instruction_in_force:
        content = contrastive_ita_block(pair.instruction, asked, rejected)
    else:
        content = f"{ITA_PROMPT}\n{asked}\n\n{ITA_REJECTED}\n{rejected}\n\n{ITA_EXPECTED}"
    return {"prompt": _plain([*prompt[:-1], Message("user", content)]), "completion": _plain(completion)}


def alpaca_record(pair: PreferencePair, *, system_slot: bool = True) -> Record:
    """Alpaca: the instruction and the prompt as its input; without one the prompt is the instruction.

    These are the blocks that `aligntui.backend.template.alpaca_text` renders for a chat with the same messages.

    Args:
        pair: the pair, of one turn.
        system_slot: not used: the instruction block is one.
    """
    if reason := misfit(pair, "alpaca"):
        raise UserError(f"A pair cannot be laid out as Alpaca: it has {reason}.", "Use `ita` for conversations.")
    asked, answer, instruction = pair.prompt[0].content, pair.chosen[0].content, pair.instruction_in_force
    if instruction:
        return {"instruction": instruction, "input": asked, "output": answer}
    return {"instruction": asked, "input": "", "output": answer}


LAYOUTS: dict[str, Callable[..., Record]] = {
    "trl": trl_record,
    "eba": eba_record,
    "ita": ita_record,
    "contrastive-ita": contrastive_ita_record,
    "alpaca": alpaca_record,
}
"""Layouts by the name that `aligntui pairs export --format` takes."""


def misfit(pair: PreferencePair, layout: str) -> str:
    """What a pair has, or lacks, that this layout cannot hold, as "it has ..." goes on; empty when it fits."""
    if pair.rejected is None and layout in ("trl", "eba", "contrastive-ita"):
        return "no rejected answer"
    if layout == "alpaca" and len(pair.prompt) + len(pair.chosen) > 2:
        return "more than one turn"
    return ""


def records(pairs: Iterable[PreferencePair], layout: str, *, system_slot: bool = True) -> Iterator[Record]:
    """One record for each pair, in the order given.

    Raises:
        UserError: there is no such layout, or, while iterating, a pair that it cannot hold (`misfit`).
    """
    if layout not in LAYOUTS:
        raise UserError(f"There is no layout {layout!r}.", nearest(layout, list(LAYOUTS)))
    return (LAYOUTS[layout](pair, system_slot=system_slot) for pair in pairs)


def write_jsonl(path: Path, rows: Iterable[Record]) -> int:
    """Write one JSON object a line, all of them or none: whatever stood at `path` stays until the new file is whole.

    The same records give the same bytes: UTF-8, keys sorted, no spaces. Line separators of Unicode are escaped, so that
    no reader takes one for the end of a line; a lone surrogate becomes U+FFFD.

    Returns:
        How many records were written.

    Raises:
        UserError: there is no record, `path` is no place for a file, or its folder cannot be written.
        EnvironmentProblem: the disk is full or failed.
    """
    count = 0

    def lines() -> Iterator[str]:
        nonlocal count
        for row in rows:
            yield json_line(row)
            count += 1
        if not count:
            raise UserError(
                "There is no decided pair to write.", "Judge two answers first: 1 left or 2 right is better."
            )

    write_text_atomic(path, lines(), make_folder=True)
    return count


_LINE_SEPARATOR = re.compile("[\x85\u2028\u2029]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def json_line(row: Record) -> str:
    """A record as one line of a JSONL file, with its line end; see `write_jsonl`."""
    text = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    text = _LINE_SEPARATOR.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
    return whole_characters(text) + "\n"


def whole_characters(text: str) -> str:
    """`text` with U+FFFD in place of each half of a surrogate pair, which no file of UTF-8 can hold."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def _rejected(pair: PreferencePair, layout: str) -> list[Message]:
    if pair.rejected is None:
        raise UserError(
            f"An example cannot be laid out as {layout}: it has no rejected answer.", "Use `ita` or `alpaca` for it."
        )
    return pair.rejected


def _turns(messages: list[Message]) -> list[list[str]]:
    return [[message.role, message.content] for message in messages]


def _placed(
    pair: PreferencePair, side: list[Message], mode: Mode, system_slot: bool
) -> tuple[list[Message], list[Message]]:
    """Prompt and one side, with the instruction in every user turn that carries it, those inside the side included."""
    asked = [*pair.prompt, *side[:-1]]
    instruction = pair.instruction_in_force
    placed = place_instruction(asked, instruction, mode, every=pair.injection_every, system_slot=system_slot)
    parting = len(placed) - len(side) + 1
    return placed[:parting], [*placed[parting:], side[-1]]


def _plain(messages: list[Message]) -> list[dict[str, str]]:
    return [message.as_dict() for message in messages]


def _transcript(side: list[Message]) -> str:
    first, *later = side
    return "\n\n".join([first.content, *map(_under_heading, later)])


def _under_heading(message: Message) -> str:
    return f"{ITA_PROMPT if message.role == 'user' else RESPONSE}\n{message.content}"
