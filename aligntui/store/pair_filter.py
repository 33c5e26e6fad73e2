"""Which pairs are listed, and in which order."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from aligntui.core.errors import UserError
from aligntui.core.pair import Verdict
from aligntui.store.query import Query, parse_query
from aligntui.store.values import storable


@dataclass(frozen=True)
class PairFilter:
    """What listed pairs must have; everything that is given must hold. By default those that count, whatever they are."""

    text: str = ""
    """Words that all occur in prompt, left or right answer, in the manner of `Store.search`."""
    session_id: str | None = None
    instruction: str | None = None
    """Label of the instruction, such as `concise/1`, or its type alone for every phrasing; of one without a label the
    beginning of its text, as `Facets.instructions` names it; `none` for no instruction."""
    tag: str | None = None
    side: str | None = None
    """Left or right answer made by it: `base`, or an adapter with its strength where that is not 1."""
    annotator: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    """One of these; empty for any."""
    since: str | None = None
    """Judged at this time or later: a day in UTC (`2026-11-21`) or a time in ISO 8601."""
    until: str | None = None
    """Judged before this time; of a day, before its end."""
    deleted: bool | None = False
    """False: pairs that count. True: those taken back or replaced. None: both."""
    imported: bool | None = None
    """True: verdicts that came with a file. False: those given here, over answers of a file or of a model. None: both."""
    repeats: bool = False
    """Also verdicts that were asked again to measure the annotator."""
    ids: tuple[str, ...] | None = None
    """Only these pairs; None for any. An id that no pair has is passed over."""


class PairSort(StrEnum):
    """Orders of a list of pairs; pairs that are alike in it stand by time and then as they were stored."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LONGEST = "longest"
    """Both answers together, in characters."""
    SHORTEST = "shortest"
    LENGTH_GAP = "length_gap"
    """By how much the two answers differ in characters, most first; an example has no gap."""
    INSTRUCTION = "instruction"
    ANNOTATOR = "annotator"
    VERDICT = "verdict"


ORDERS: dict[PairSort, tuple[tuple[str, ...], bool]] = {
    PairSort.NEWEST: (("at", "seq"), True),
    PairSort.OLDEST: (("at", "seq"), False),
    PairSort.LONGEST: (("chars", "seq"), True),
    PairSort.SHORTEST: (("chars", "seq"), False),
    PairSort.LENGTH_GAP: (("gap", "seq"), True),
    PairSort.INSTRUCTION: (("instruction", "at", "seq"), False),
    PairSort.ANNOTATOR: (("annotator", "at", "seq"), False),
    PairSort.VERDICT: (("verdict", "at", "seq"), False),
}
"""Columns of `pair_index` by which each order goes, and whether it goes down."""


@dataclass(frozen=True)
class Conditions:
    """A filter as the rows of `pair_index` have it."""

    shelves: tuple[int, ...]
    equal: dict[str, tuple[object, ...]] = field(default_factory=dict)
    """Column to the values that it may have, at least one; no row fits where a tuple is empty."""
    side: str | None = None
    tag: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    words: Query = field(default_factory=lambda: Query((), ()))
    seqs: tuple[int, ...] | None = None
    """Only these rows."""

    @property
    def nothing(self) -> bool:
        """Whether no pair can fit: of an unknown session, instruction or id."""
        return self.seqs == () or not all(self.equal.values())


def conditions_of(conn: sqlite3.Connection, wanted: PairFilter) -> Conditions:
    """Look the names of a filter up.

    Raises:
        UserError: a day or time cannot be read.
    """
    equal: dict[str, tuple[object, ...]] = {}
    if wanted.session_id is not None:
        rows = conn.execute("SELECT seq FROM sessions WHERE id = ?", (storable(wanted.session_id),))
        equal["session"] = tuple(row[0] for row in rows)
    if wanted.instruction is not None:
        equal["instruction"] = _instructions(conn, storable(wanted.instruction))
    if wanted.annotator is not None:
        equal["annotator"] = (storable(wanted.annotator),)
    if wanted.verdicts:
        equal["verdict"] = tuple(dict.fromkeys(map(str, wanted.verdicts)))
    if wanted.imported is not None:
        equal["from_file"] = (int(wanted.imported),)
    undone = {False: (0,), True: (1,), None: (0, 1)}[wanted.deleted]
    return Conditions(
        shelves=(*undone, *(shelf + 2 for shelf in undone)) if wanted.repeats else undone,
        equal=equal,
        side=None if wanted.side is None else storable(wanted.side),
        tag=None if wanted.tag is None else storable(wanted.tag),
        since_ms=None if wanted.since is None else _milliseconds("since", wanted.since, end=False),
        until_ms=None if wanted.until is None else _milliseconds("until", wanted.until, end=True),
        words=parse_query(wanted.text),
        seqs=None if wanted.ids is None else _rows_of(conn, wanted.ids),
    )


def _rows_of(conn: sqlite3.Connection, ids: Sequence[str]) -> tuple[int, ...]:
    rows = conn.execute(
        "SELECT p.seq FROM json_each(?) wanted CROSS JOIN pairs p ON p.id = wanted.value",
        (json.dumps([storable(one) for one in dict.fromkeys(ids)]),),
    )
    return tuple(row[0] for row in rows)


def _instructions(conn: sqlite3.Connection, name: str) -> tuple[str, ...]:
    """The instruction of this name and the phrasings of this type that pairs have."""
    rows = conn.execute(
        "SELECT value FROM pair_facets WHERE kind = 'instruction' "
        "AND (value = :name OR (value > :name || '/' AND value < :name || '0'))",
        {"name": name},
    )
    return tuple(row[0] for row in rows)


def _milliseconds(name: str, text: str, *, end: bool) -> int:
    """A day or time as ms since 1970; with `end` a day is its end."""
    text = text.strip()
    try:
        at = datetime.fromisoformat(text)
        if end and len(text) <= len("2026-11-21"):
            at += timedelta(days=1)
        return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise UserError(
            f"{name} is a day such as 2026-11-21 or a time such as 2026-11-21T14:30, not {text!r}."
        ) from None
