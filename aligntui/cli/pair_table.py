"""Verdicts as lines that a person can tell apart: what was asked, who was better, under which instruction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aligntui.core.pair import Pair
from aligntui.core.printable import one_line
from aligntui.core.turn import Answer, Finish

if TYPE_CHECKING:
    from aligntui.store import Store

HEADINGS = ("verdict", "answers", "prompt", "instruction", "notes", "given (UTC)", "by", "pair")
_EXCERPT_CHARS = 40
_TEXT_CHARS = 24


def pair_rows(store: Store, pairs: Iterable[Pair]) -> list[tuple[object, ...]]:
    """A row under `HEADINGS` for each pair.

    Raises:
        StoreError: the database cannot be read.
    """
    return [_row(store, pair) for pair in pairs]


def instruction_name(answer: Answer, limit: int = 60) -> str:
    """The library name of an answer's instruction, else the beginning of its text in quotes; empty for none."""
    text = answer.conditions.instruction
    if not text.strip():
        return ""
    return one_line(answer.instruction_label) or f"“{one_line(text, limit)}”"


def _side(answer: Answer) -> str:
    """What made an answer; of an imported one nobody knows."""
    return "imported" if answer.finish is Finish.IMPORTED else answer.side


def _row(store: Store, pair: Pair) -> tuple[object, ...]:
    ids = (pair.chosen_id, pair.rejected_id) if pair.rejected_id else (pair.left_id, pair.right_id)
    answers = [store.get_answer(id) for id in ids if id]
    names = dict.fromkeys(instruction_name(answer, _TEXT_CHARS) or "none" for answer in answers)
    notes = [one_line(pair.reason, _EXCERPT_CHARS), *(f"#{tag}" for tag in pair.tags), "undone" if pair.undone else ""]
    return (
        pair.verdict.value,
        (" over " if pair.rejected_id else " and ").join(map(_side, answers)),
        one_line(store.get_prompt(answers[0].parent_id).text, _EXCERPT_CHARS),
        ", ".join(names),
        " ".join(note for note in notes if note),
        pair.created_at[:16].replace("T", " "),
        pair.annotator,
        pair.id,
    )


def pair_record(pair: Pair) -> dict[str, Any]:
    """Every field of a pair as JSON has it, with the ids of the chosen and the rejected answer."""
    return {**asdict(pair), "chosen_id": pair.chosen_id, "rejected_id": pair.rejected_id}
