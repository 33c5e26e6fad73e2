"""Which of several verdicts over the same two answers is trained on: one where they agree, none where they do not.

Several annotators may judge the same two answers, a person may judge what came with a file, and a model may judge what a
person did. Each verdict stands and is counted in the statistics; in training data the two answers stand once.
Pinned in tests/workbench/test_curation_settled.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aligntui.core.pair import Verdict

if TYPE_CHECKING:
    from aligntui import store as db

JUDGE = "judge:"
"""Annotators whose names begin so are model judges."""
BY_MODEL = "judged by a model"
ALIKE = "judged alike by another annotator"
CONTESTED = "on which annotators disagree"


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
    by_answers: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row in store.judgements(wanted, repeats=False):
        if row.verdict not in (Verdict.LEFT, Verdict.RIGHT):
            continue
        if row.annotator.startswith(JUDGE) and not (wanted.annotator or "").startswith(JUDGE):
            reasons[row.id] = BY_MODEL
            continue
        left, right = row.left_id, row.right_id
        chosen = left if row.verdict is Verdict.LEFT else right
        by_answers.setdefault((min(left, right), max(left, right)), []).append((row.id, chosen))
    for verdicts in by_answers.values():
        if len({chosen for _, chosen in verdicts}) > 1:
            reasons |= {pair_id: CONTESTED for pair_id, _ in verdicts}
        else:
            reasons |= {pair_id: ALIKE for pair_id, _ in verdicts[1:]}
    return reasons
