"""What a judge of switching is asked, and what it said: it sees one answer and the candidate instructions, nothing else.

Pinned in tests/workbench/test_switching_judge_question.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase

from aligntui.core.errors import UserError
from aligntui.core.ids import sha256_text
from aligntui.core.turn import Answer
from aligntui.wire.engine import Row
from aligntui.workbench.generation.cells import Asking, Cell, Side

QUESTION = """\
An assistant was given one of {count} instructions, which you cannot see, and wrote the answer below. Decide from the answer \
alone which of them it was.

[Answer]
{answer}
[End of the answer]

The instructions, each with what its answers are like:
{options}

Which instruction was it? Reply with one letter, {letters}."""
HEAD = "Answer:"
"""What the judge's reply begins with, so that a letter comes next."""
MOST_OPTIONS = len(ascii_uppercase)
MOST_CHARACTERS = 6000
"""Of an answer that the judge reads; the rest is left out, and so is no answer for being long."""
REPLY_TOKENS = 4
_LETTER = re.compile(r"[\s(\[\"'*`]*([A-Z])(?![A-Za-z'’])")


def options_for(text: str, types: Sequence[str]) -> tuple[str, ...]:
    """The candidates in the order in which they stand beside an answer: drawn from its text, so that it is the same again."""
    return tuple(sorted(types, key=lambda name: sha256_text(f"{name}\n{text}")))


def question(text: str, characteristics: Mapping[str, Sequence[str]]) -> str:
    """What is asked about an answer.

    Args:
        text: the answer.
        characteristics: what answers under each candidate are like.

    Raises:
        UserError: more candidates than letters.
    """
    if len(characteristics) > MOST_OPTIONS:
        raise UserError(
            f"A judge names one of at most {MOST_OPTIONS} instructions, and the run has {len(characteristics)}.",
            "The default recogniser has no such limit: `aligntui switch report`.",
        )
    order = options_for(text, list(characteristics))
    options = [f"{letter}) {name}: {' '.join(characteristics[name])}" for letter, name in zip(ascii_uppercase, order)]  # noqa: B905  as many letters as are needed
    letters = f"{', '.join(ascii_uppercase[: len(order) - 1])} or {ascii_uppercase[len(order) - 1]}"
    read = text.strip()
    read = read if len(read) <= MOST_CHARACTERS else f"{read[:MOST_CHARACTERS]} …"
    return QUESTION.format(count=len(order), answer=read, options="\n".join(options), letters=letters)


@dataclass(frozen=True)
class JudgeCell(Cell):
    """A reply of the judge, begun for it."""

    head: str = HEAD
    """What the reply begins with."""
    tokens: int = REPLY_TOKENS

    def row(self, side: Side, asking: Asking) -> Row:
        """What to ask of the engine."""
        row = super().row(side, asking)
        # the cache leaves the head out of account, so the options of one question are told apart by their seeds, which
        # greedy decoding would not look at; log-probabilities are of the model as it is, whatever the temperature
        heat = 0.0 if self.head == HEAD else 1.0
        return replace(row, prefix_text=self.head, temperature=heat, top_p=1.0, max_new_tokens=self.tokens)


def letter_cell(key: str, asked: str) -> JudgeCell:
    """The reply in which the judge writes a letter itself."""
    return JudgeCell(key, asked, 0, label="letter")


def option_cells(key: str, asked: str, options: int) -> list[JudgeCell]:
    """One reply for each option, begun with its letter: how likely the judge finds it."""
    return [
        JudgeCell(f"{key}#{letter}", asked, 0, label=f"letter {letter}", seed=place, head=f"{HEAD} {letter}", tokens=1)
        for place, letter in enumerate(ascii_uppercase[:options])
    ]


def read_letter(reply: str, options: int) -> int | None:
    """The place of the option that a reply names by its letter, from 0; None where it names none of them."""
    found = _LETTER.match(reply.removeprefix(HEAD))
    place = ascii_uppercase.index(found[1]) if found else options
    return place if place < options else None


def option_logprobs(replies: Sequence[Answer]) -> list[float] | None:
    """Natural log-probability of each option's letter, from the replies begun with them; None where they cannot be read.

    The letter is where the token ids of the replies first differ: before it they have the question and the head in common.
    """
    shortest = min(len(reply.token_ids) for reply in replies)
    at = next((n for n in range(shortest) if len({reply.token_ids[n] for reply in replies}) > 1), None)
    if at is None or len({reply.token_ids[at] for reply in replies}) < len(replies):
        return None
    if any(len(reply.logprobs) <= at for reply in replies):
        return None
    return [reply.logprobs[at] for reply in replies]
