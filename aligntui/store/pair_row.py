"""One line of the list of pairs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from aligntui.core.pair import Scope, Verdict

EXCERPT = 160
"""Characters of a text in a line of the list."""

_READ = 4 * EXCERPT
"""Characters that are read for an excerpt; white space in them folds."""


@dataclass(frozen=True, slots=True)
class PairRow:
    """One line of the list. Texts are cut and on one line, as stored: make them printable before they are shown.

    The chosen answer is the left one where the verdict decides nothing.
    """

    id: str
    verdict: Verdict
    scope: Scope
    undone: bool
    repeat_of: str | None
    annotator: str
    created_at: str
    instruction_label: str
    """Library name of the instruction of the chosen answer; empty where it has none."""
    instruction: str
    """Beginning of its text; empty where none was in force."""
    left_side: str
    """What made the left answer, as `Answer.side`; empty where nobody knows."""
    right_side: str
    """Likewise; empty for an example too."""
    left_column: int
    """Column of the left answer; of an import 0 for what the file calls chosen, 1 for what it calls rejected."""
    right_column: int | None
    """Likewise; None for an example."""
    prompt: str
    """Beginning of the prompt that both answer; of a conversation the first."""
    chosen: str
    """Beginning of the chosen answer; of a conversation its last."""
    rejected: str
    """Likewise; empty for an example."""
    chosen_chars: int
    """Length of the whole answer; of a conversation of its last."""
    rejected_chars: int | None
    """None for an example."""
    chosen_tokens: int | None
    """Of the answer as generated, or of the whole side as counted at its import; None where nobody counted."""
    rejected_tokens: int | None
    tags: tuple[str, ...]
    reason: str
    session_id: str
    session_name: str
    imported: bool
    """Whether all its answers came from a file."""


_ROWS = f"""
SELECT p.id, p.verdict, p.scope, p.undone, p.repeat_of, p.annotator, p.created_at, p.tags, p.reason,
    CASE WHEN i.instruction <> 'none' THEN a.instruction_label ELSE '' END AS instruction_label,
    CASE WHEN i.instruction <> 'none' THEN substr(n.text, 1, {_READ}) ELSE '' END AS instruction,
    i.left_side, coalesce(i.right_side, '') AS right_side, substr(asked.text, 1, {_READ}) AS prompt,
    substr(l.text, 1, {_READ}) AS left_text, substr(r.text, 1, {_READ}) AS right_text,
    i.left_chars, i.right_chars, i.left_tokens, i.right_tokens,
    al.column_index AS left_column, ar.column_index AS right_column,
    s.id AS session_id, s.name AS session_name, i.imported
FROM json_each(?) wanted CROSS JOIN pair_index i ON i.seq = wanted.value CROSS JOIN pairs_now p ON p.seq = i.seq
CROSS JOIN sessions s ON s.seq = i.session CROSS JOIN turns asked ON asked.seq = i.prompt_seq
CROSS JOIN turns l ON l.seq = i.left_seq LEFT JOIN turns r ON r.seq = i.right_seq
JOIN answers al ON al.seq = i.left_seq LEFT JOIN answers ar ON ar.seq = i.right_seq
LEFT JOIN answers a ON a.seq = iif(p.verdict = 'right', i.right_seq, i.left_seq)
LEFT JOIN instructions n ON n.id = i.instruction_id
ORDER BY wanted.key
"""


def read_rows(conn: sqlite3.Connection, seqs: Sequence[int]) -> list[PairRow]:
    """The lines of these rows of `pair_index`, in the order given."""
    return [_row(row) for row in conn.execute(_ROWS, (json.dumps(list(seqs)),))]


def excerpt(text: str | None) -> str:
    """The beginning of a text on one line, at most `EXCERPT` characters, with an ellipsis where it was cut."""
    line = " ".join((text or "").split())
    cut = len(line) > EXCERPT or len(text or "") >= _READ
    return line[: EXCERPT - 1] + "…" if cut else line


def _row(row: sqlite3.Row) -> PairRow:
    verdict = Verdict(row["verdict"])
    chosen, rejected = ("right", "left") if verdict is Verdict.RIGHT else ("left", "right")
    return PairRow(
        id=row["id"],
        verdict=verdict,
        scope=Scope(row["scope"]),
        undone=bool(row["undone"]),
        repeat_of=row["repeat_of"],
        annotator=row["annotator"],
        created_at=row["created_at"],
        instruction_label=row["instruction_label"],
        instruction=excerpt(row["instruction"]),
        left_side=row["left_side"],
        right_side=row["right_side"],
        left_column=row["left_column"],
        right_column=row["right_column"],
        prompt=excerpt(row["prompt"]),
        chosen=excerpt(row[f"{chosen}_text"]),
        rejected=excerpt(row[f"{rejected}_text"]),
        chosen_chars=row[f"{chosen}_chars"],
        rejected_chars=row[f"{rejected}_chars"],
        chosen_tokens=row[f"{chosen}_tokens"],
        rejected_tokens=row[f"{rejected}_tokens"],
        tags=tuple(json.loads(row["tags"])),
        reason=row["reason"],
        session_id=row["session_id"],
        session_name=row["session_name"],
        imported=bool(row["imported"]),
    )
