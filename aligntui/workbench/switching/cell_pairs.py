"""Pairs of two cells of a sheet, whichever run made their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aligntui.core.errors import UserError
from aligntui.core.generation import GenerationRun
from aligntui.core.ids import new_id, now_utc
from aligntui.core.pair import OPPOSED, Pair, Scope, Verdict
from aligntui.workbench.switching.opposed import store_opposed

if TYPE_CHECKING:
    from aligntui.store import Store


def oppose_cells(store: Store, run: GenerationRun, first: str, second: str, annotator: str) -> list[Pair]:
    """Opposed pairs of two cells of a run, given by their keys.

    Raises:
        UserError: a cell has no answer, or the two cannot be opposed.
        StoreError: it could not be written.
    """
    return store_opposed(store, store.own_answer(run, first), store.own_answer(run, second), annotator)


def prefer_cell(store: Store, run: GenerationRun, chosen: str, other: str, annotator: str) -> list[Pair]:
    """A pair in which one cell of a run is chosen over another; a later verdict replaces the annotator's earlier one.

    Raises:
        UserError: a cell has no answer, the chosen one is empty, the two say the same, or it is said already.
        StoreError: it could not be written.
    """
    left, right = store.own_answer(run, chosen), store.own_answer(run, other)
    if not left.text.strip():
        raise UserError("An empty answer cannot be chosen.", "Choose the other one, or ask the cell again.")
    if left.text.strip() == right.text.strip():
        raise UserError("The two answers say the same: a model learns nothing from preferring one.", "Choose others.")
    standing = [pair for pair in store.pairs_over(left.id, right.id) if not pair.undone and pair.annotator == annotator]
    if any(OPPOSED in pair.tags for pair in standing):
        raise UserError(
            "These two are opposed pairs already: each is chosen under its own instruction.",
            "{key:switch.undo} takes the last ones back.",
        )
    before = next((pair for pair in reversed(standing) if pair.repeat_of is None), None)
    if before is not None and before.chosen_id == left.id:
        raise UserError("This cell is chosen over the other already.", "{key:switch.undo} takes the last pair back.")
    pair = Pair(
        id=new_id("pair"),
        session_id=run.session_id,
        left_id=left.id,
        right_id=right.id,
        verdict=Verdict.LEFT,
        scope=Scope.ANSWER,
        blind=False,
        shuffled=False,
        annotator=annotator,
        created_at=now_utc(),
    )
    return [store.add_pair(pair, replaces=before.id if before is not None else None)]


def take_back(store: Store, pairs: Sequence[Pair], annotator: str) -> None:
    """Undo pairs, all or none; what one had replaced counts again, and one that was undone elsewhere stays so.

    Raises:
        StoreError: it could not be written.
    """
    with store.connection.write():
        for pair in pairs:
            if not store.get_pair(pair.id).undone:
                store.undo_pair(pair.id, annotator)
