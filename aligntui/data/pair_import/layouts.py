"""From one row to one record, for each layout that can be imported.

`trl` is the preference format of TRL 1.16 ("Dataset formats and types") with an explicit or implicit prompt, plain or
conversational, told apart for each row as `trl.data_utils.maybe_extract_prompt` does: a prompt that is a text beside
sides that are messages counts as implicit. An implicit prompt is the longest common beginning of both sides: messages,
or characters, where a blank before the first difference goes to the answers (`extract_prompt`). Pinned against TRL's
functions in tests/data/test_pair_import_layouts.py. Two things differ on purpose: sides without any common beginning
are refused, and an answer that both sides share after the last common prompt stays with the sides, as it does when
a pair of the database is laid out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aligntui.core.prompt_format import Message, Mode
from aligntui.data.pair_import import blocks
from aligntui.data.pair_import.columns import Fields, filled_text, id_of, tags_of
from aligntui.data.pair_import.messages import check_turns, conversation, is_conversation, take_system
from aligntui.data.pair_import.records import ImportedRecord, Place, Refused

Turns = list[Message]


@dataclass
class _Draft:
    """A record while it is taken apart."""

    prompt: Turns
    chosen: Turns
    rejected: Turns | None = None
    instruction: str = ""
    mode: Mode = Mode.NONE
    notes: list[str] = field(default_factory=list)

    @property
    def sides(self) -> list[Turns]:
        return [self.chosen] if self.rejected is None else [self.chosen, self.rejected]

    def instruct(self, instruction: str, mode: Mode) -> None:
        """Put an instruction in force; a blank one is none."""
        if not instruction.strip():
            return
        if mode is Mode.NONE:
            self.notes.append("an instruction was left out, because its mode is none")
            return
        if self.instruction:
            raise Refused("roles", "it has two instructions: in a column and in the messages, or in two columns")
        self.instruction, self.mode = instruction, mode

    def take_ita(self) -> None:
        """Take the instruction out of ITA blocks in the user turns."""
        if self.instruction:
            return
        instruction, self.prompt, sides, notes = blocks.take_ita(self.prompt, self.sides)
        self.chosen, self.rejected = sides[0], sides[1] if self.rejected is not None else None
        self.instruct(instruction, Mode.ITA)
        self.notes += notes


def read_row(layout: str, place: Place, fields: Fields) -> ImportedRecord:
    """Understand one row.

    Args:
        layout: one of `IMPORT_LAYOUTS`.
        place: where it stands.
        fields: its values.

    Raises:
        Refused: it cannot be understood.
    """
    draft = IMPORT_LAYOUTS[layout](fields)
    for messages in (draft.prompt, *draft.sides):
        for message in messages:
            if message.role != "system" and not message.content.strip():
                raise Refused("empty", f"a message of the {message.role} is empty")
    return ImportedRecord(
        draft.instruction,
        draft.mode,
        tuple(draft.prompt),
        tuple(draft.chosen),
        None if draft.rejected is None else tuple(draft.rejected),
        place,
        id_of(fields),
        tags_of(fields),
        tuple(dict.fromkeys(draft.notes)),
    )


def trl(fields: Fields) -> _Draft:
    """TRL preference; the instruction is the system message, a column of its own, or in ITA blocks."""
    draft = _preference(fields)
    _settle(draft, fields)
    draft.take_ita()
    _note_headings(draft, fields)
    return draft


def eba(fields: Fields) -> _Draft:
    """EBA: as `trl`, and plain texts are taken apart by their headings."""
    draft = _preference(fields)
    if is_conversation(fields.get("chosen")) or is_conversation(fields.get("prompt")):
        _settle(draft, fields)
        draft.take_ita()
        return draft
    instruction, draft.prompt, notes = blocks.eba_prompt(draft.prompt[0].content)
    draft.notes += notes
    draft.instruct(instruction, Mode.ITA)
    draft.chosen, notes = blocks.transcript(draft.chosen[0].content, "the chosen side")
    draft.notes += notes
    if draft.rejected is not None:
        draft.rejected, notes = blocks.transcript(draft.rejected[0].content, "the rejected side")
        draft.notes += notes
    _settle(draft, fields)
    return draft


def ita(fields: Fields) -> _Draft:
    """ITA: prompt and completion, or one conversation that ends with the answer; an example without rejected."""
    draft = _example(fields)
    _settle(draft, fields)
    if blocks.has_rejected_block(draft.prompt[-1].content):
        draft.notes.append("a rejected answer in the prompt was kept as text: the layout contrastive-ita takes it out")
    draft.take_ita()
    return draft


def contrastive_ita(fields: Fields) -> _Draft:
    """Contrastive ITA: as `ita`, with the rejected side taken out of the last user turn."""
    draft = _example(fields)
    _settle(draft, fields)
    last = draft.prompt[-1].content
    parts = blocks.take_rejected(last)
    if parts is None:
        many = blocks.has_rejected_block(last)
        draft.notes.append(
            "the rejected answer was kept as text: its heading stands more than once"
            if many
            else "an example: no rejected answer stands in the prompt"
        )
        draft.take_ita()
        return draft
    asked, rejected = parts
    if not rejected.strip():
        raise Refused("empty", "the rejected answer in the prompt is empty")
    plain = blocks.take_asked(asked)
    whole = draft.prompt
    draft.prompt = [*whole[:-1], Message("user", asked if plain is None else plain)]
    if plain is None:
        draft.take_ita()
    if plain is None and draft.mode is not Mode.ITA:
        draft.prompt = whole
        draft.notes.append("the rejected answer was kept as text: the ITA block above it cannot be read")
        return draft
    draft.rejected, notes = blocks.transcript(rejected, "the rejected side")
    draft.notes += notes
    return draft


def alpaca(fields: Fields) -> _Draft:
    """Alpaca: an input that is not blank is the prompt, under the instruction; without one the instruction is it.

    Rendered as Alpaca blocks, the record gives the text that it was written for. Beside `output`, columns `chosen` and
    `rejected` are read.
    """
    instruction, given = fields.filled("instruction"), fields.text("input")
    draft = _alpaca_draft(fields, given if given.strip() else instruction)
    if given.strip():
        draft.instruct(instruction, Mode.SYSTEM)
    _settle(draft, fields, ("system", "mode"))
    return draft


def alpaca_task(fields: Fields) -> _Draft:
    """Alpaca, the instruction as the user's task: instruction, blank line and input are the prompt."""
    instruction, given = fields.filled("instruction"), fields.text("input")
    draft = _alpaca_draft(fields, f"{instruction}\n\n{given}" if given.strip() else instruction)
    _settle(draft, fields, ("system", "mode"))
    return draft


IMPORT_LAYOUTS: dict[str, Callable[[Fields], _Draft]] = {
    "trl": trl,
    "eba": eba,
    "ita": ita,
    "contrastive-ita": contrastive_ita,
    "alpaca": alpaca,
    "alpaca-task": alpaca_task,
}
"""Layouts by name: those of `pair_layouts.LAYOUTS`, and a second reading of Alpaca."""


def _alpaca_draft(fields: Fields, prompt: str) -> _Draft:
    answer = "output" if fields.has("output") or not fields.has("chosen") else "chosen"
    rejected = [Message("assistant", fields.filled("rejected"))] if fields.has("rejected") else None
    return _Draft([Message("user", prompt)], [Message("assistant", fields.filled(answer))], rejected)


def _preference(fields: Fields) -> _Draft:
    chosen, rejected = fields.wanted("chosen"), fields.wanted("rejected")
    talks = is_conversation(chosen)
    if talks != is_conversation(rejected):
        names = fields.name("chosen"), fields.name("rejected")
        raise Refused("type", "of {!r} and {!r} one holds messages and the other does not".format(*names))
    if not talks:
        return _plain_preference(fields, chosen, rejected)
    left, notes = conversation(chosen, fields.name("chosen"))
    right, more = conversation(rejected, fields.name("rejected"))
    notes += more
    prompt = fields.or_none("prompt")
    if prompt is None:
        return _Draft(*_parted(left, right), notes=notes)
    if is_conversation(prompt):
        asked, more = conversation(prompt, fields.name("prompt"))
        return _Draft(asked, left, right, notes=notes + more)
    text = filled_text(prompt, fields.name("prompt"))
    if left and right and left[0].role == right[0].role == "assistant":
        notes.append("the prompt is a text and the sides begin with the answer: it was read as the user's message")
        return _Draft([Message("user", text)], left, right, notes=notes)
    draft = _Draft(*_parted(left, right), notes=notes)
    if not any(message.content == text for message in draft.prompt):
        notes.append(f"the text in {fields.name('prompt')!r} is not what the messages ask, and was left out")
    return draft


def _plain_preference(fields: Fields, chosen: Any, rejected: Any) -> _Draft:
    left, right = (
        filled_text(value, fields.name(name)) for name, value in (("chosen", chosen), ("rejected", rejected))
    )
    notes: list[str] = []
    prompt = fields.or_none("prompt")
    if prompt is None:
        start = _common(left, right)
        if left[start] != right[start] and left[start - 1 : start] == " ":
            start -= 1
        if not left[:start].strip():
            raise Refused("prompt", "there is no prompt, and both sides have no common beginning that could be one")
        asked = [Message("user", left[:start])]
        left, right = left[start:], right[start:]
    elif is_conversation(prompt):
        asked, notes = conversation(prompt, fields.name("prompt"))
    else:
        asked = [Message("user", filled_text(prompt, fields.name("prompt")))]
    return _Draft(asked, [Message("assistant", left)], [Message("assistant", right)], notes=notes)


def _example(fields: Fields) -> _Draft:
    prompt = fields.wanted("prompt")
    talks = is_conversation(prompt)
    notes: list[str] = []
    if talks:
        asked, notes = conversation(prompt, fields.name("prompt"))
    else:
        asked = [Message("user", filled_text(prompt, fields.name("prompt")))]
    answer = fields.or_none("completion")
    if answer is not None:
        if is_conversation(answer):
            said, more = conversation(answer, fields.name("completion"))
            return _Draft(asked, said, notes=notes + more)
        return _Draft(asked, [Message("assistant", filled_text(answer, fields.name("completion")))], notes=notes)
    if not talks or not asked or asked[-1].role != "assistant":
        name = fields.name("completion")
        raise Refused("missing", f"there is no {name!r}, and {fields.name('prompt')!r} does not end with an answer")
    return _Draft(asked[:-1], asked[-1:], notes=notes)


def _parted(left: Turns, right: Turns) -> tuple[Turns, Turns, Turns]:
    start = _common(left, right)
    if start < 1:
        raise Refused("prompt", "there is no prompt, and both sides have no common beginning that could be one")
    return left[:start], left[start:], right[start:]


def _common(left: Sequence[Any], right: Sequence[Any]) -> int:
    """Length of the common beginning; where one side is the beginning of the other, its last item is an answer."""
    for at, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return at
    return min(len(left), len(right)) - 1


def _settle(draft: _Draft, fields: Fields, columns: Sequence[str] = ("instruction", "system", "mode")) -> None:
    """Take the system message and the instruction columns, and see that roles take turns."""
    system, draft.prompt = take_system(draft.prompt)
    draft.instruct(system, Mode.SYSTEM)
    if "instruction" in columns:
        draft.instruct(fields.text("instruction"), _mode(fields))
    draft.instruct(fields.text("system"), Mode.SYSTEM)
    shared: Turns = []
    while draft.prompt and draft.prompt[-1].role != "user":
        shared.insert(0, draft.prompt.pop())
    if shared:
        draft.notes.append("an answer that both sides share was put at the head of both")
        draft.chosen = [*shared, *draft.chosen]
        draft.rejected = None if draft.rejected is None else [*shared, *draft.rejected]
    sides = zip(("the chosen side", "the rejected side"), draft.sides, strict=False)
    check_turns(draft.prompt, list(sides))


def _mode(fields: Fields) -> Mode:
    word = fields.text("mode").strip().lower()
    if word not in ("", *Mode):
        raise Refused(
            "type", f"the column {fields.name('mode')!r} says {word[:40]!r}, not system, ita, injection or none"
        )
    return Mode(word) if word else Mode.SYSTEM


def _note_headings(draft: _Draft, fields: Fields) -> None:
    plain = not is_conversation(fields.get("chosen")) and not is_conversation(fields.get("prompt"))
    if plain and draft.mode is not Mode.ITA and blocks.has_ita_heading(draft.prompt[0].content):
        draft.notes.append("an ITA heading in the prompt was kept as text: the layout eba takes it apart")
