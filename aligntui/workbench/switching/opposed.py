"""Opposed pairs: two answers under two instructions, each the chosen one under its own.

That is what training to switch needs (arXiv 2601.06157, section 4): the prompt alone never tells which answer is wanted.
A pair takes the instruction of its chosen answer (`aligntui.store.resolve`), so the two halves are two verdicts over the
same two answers, left and right, both tagged `opposed`. Pinned in tests/workbench/test_switching_opposed.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aligntui.core.errors import UserError
from aligntui.core.ids import new_id, now_utc
from aligntui.core.pair import OPPOSED, Pair, Scope, Verdict
from aligntui.core.turn import Answer

if TYPE_CHECKING:
    from aligntui.store import Store


def check_opposed(first: Answer, second: Answer) -> None:
    """Raise UserError where two answers cannot be opposed."""
    if first.parent_id != second.parent_id or first.session_id != second.session_id:
        raise UserError("Opposed pairs need two answers to one prompt in one run.", "Choose two cells of the grid.")
    if first.conditions.instruction.strip() == second.conditions.instruction.strip():
        raise UserError(
            "Both answers were made under the same instruction, so neither is wanted under another.",
            "Choose two rows of the grid.",
        )
    if first.text.strip() == second.text.strip():
        raise UserError("The two answers say the same: a model learns nothing from preferring one.", "Choose others.")
    for answer in (first, second):
        if answer.finish.partial or not answer.text.strip():
            raise UserError("One of the answers is empty or broke off.", "Ask that cell again.")


def store_opposed(store: Store, first: Answer, second: Answer, annotator: str, tags: Sequence[str] = ()) -> list[Pair]:
    """Store the two halves; durable when the call returns.

    Args:
        store: the workspace's database.
        first: under one instruction.
        second: under another, to the same prompt.
        annotator: who says so.
        tags: further ones.

    Returns:
        The pair in which `first` is chosen, then the one in which `second` is.

    Raises:
        UserError: the answers cannot be opposed, or are already.
        StoreError: nothing could be written.
    """
    check_opposed(first, second)
    pairs = [
        Pair(
            id=new_id("pair"),
            session_id=first.session_id,
            left_id=first.id,
            right_id=second.id,
            verdict=verdict,
            scope=Scope.ANSWER,
            blind=False,
            shuffled=False,
            annotator=annotator,
            created_at=now_utc(),
            tags=tuple(dict.fromkeys((OPPOSED, *tags))),
        )
        for verdict in (Verdict.LEFT, Verdict.RIGHT)
    ]
    with store.connection.write():
        if any(OPPOSED in pair.tags and not pair.undone for pair in store.pairs_over(first.id, second.id)):
            raise UserError(
                "These two answers are opposed pairs already.", "Find them on the pairs screen, tag opposed."
            )
        return [store.add_pair(pair) for pair in pairs]
