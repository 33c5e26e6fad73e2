"""Which of several verdicts over the same two answers is trained on: one where they agree, none where they do not.

Several annotators may judge the same two answers, a person may judge what came with a file, and a model may judge what a
person did. Each verdict stands and is counted in the statistics; in training data the two answers stand once. Opposed pairs
stand twice: their two halves say what is wanted under one instruction and what under the other, so no verdict over the two
answers contests them, and one that says the same again is left out.
Pinned in tests/workbench/test_curation_settled.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aligntui.core.pair import OPPOSED, Verdict

if TYPE_CHECKING:
    from aligntui import store as db

JUDGE = "judge:"
"""Annotators whose names begin so are model judges."""
BY_MODEL = "judged by a model"
ALIKE = "judged alike by another annotator"
CONTESTED = "judged both ways"


def passed_over(store: db.Store, wanted: db.PairFilter) -> dict[str, str]:
    """Decided pairs that are left out because of another verdict, each with the reason.

    Verdicts of model judges are left out unless the filter names their annotator. A verdict that decides nothing (tie,
    both bad, skip) contests none that does.

    Args:
        store: of the workspace.
        wanted: the pairs that training data are made of; verdicts outside of it count for nothing.

    Raises:
        StoreError: the database cannot be read.
    """
    reasons: dict[str, str] = {}
    by_answers: dict[frozenset[str], list[_Verdict]] = {}
    for row in store.judgements(wanted, repeats=False):
        if row.verdict not in (Verdict.LEFT, Verdict.RIGHT):
            continue
        if row.annotator.startswith(JUDGE) and not (wanted.annotator or "").startswith(JUDGE):
            reasons[row.id] = BY_MODEL
            continue
        chosen = row.left_id if row.verdict is Verdict.LEFT else row.right_id
        verdict = _Verdict(row.id, chosen, OPPOSED in row.tags)
        by_answers.setdefault(frozenset((row.left_id, row.right_id)), []).append(verdict)
    for verdicts in by_answers.values():
        verdicts.sort(key=lambda one: not one.opposed)  # the halves come first, so that they are what is kept
        if verdicts[0].opposed:
            kept = {one.chosen: one.pair_id for one in reversed(verdicts)}
            reasons |= {one.pair_id: ALIKE for one in verdicts if kept[one.chosen] != one.pair_id}
        elif len({one.chosen for one in verdicts}) > 1:
            reasons |= {one.pair_id: CONTESTED for one in verdicts}
        else:
            reasons |= {one.pair_id: ALIKE for one in verdicts[1:]}
    return reasons


@dataclass(frozen=True)
class _Verdict:
    pair_id: str
    chosen: str
    opposed: bool
