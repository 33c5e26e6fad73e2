"""Verdicts of the database as a training file, with a count of what went in and what did not.

A pair under two instructions is written: the chosen answer is wanted under its own instruction and the other one is
not, which is what `ResolvedPair` says. It is counted, and can be left out. A pair with a broken-off answer is left out
unless asked for: where a person pressed stop says nothing of the model. Pinned in tests/cli/test_pairs.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aligntui.core.errors import UserError, nearest
from aligntui.core.pair import Pair, Verdict
from aligntui.data.pair_layouts import LAYOUTS, PreferencePair, records, write_jsonl

if TYPE_CHECKING:
    from aligntui import store as db

_NOT_DECIDED = {Verdict.TIE: "ties", Verdict.BAD: "both_bad", Verdict.SKIP: "skipped"}
PAGE = 500
"""Pairs that are in memory at once."""


@dataclass(frozen=True)
class ExportWish:
    """Which pairs, as what, and where to."""

    layout: str
    out: Path
    session_id: str | None = None
    with_partial: bool = False
    """Also pairs in which an answer was broken off."""
    same_instruction: bool = False
    """Only pairs whose two answers were made under one instruction."""
    system_slot: bool = True
    """Whether the chat template to be trained with has a system slot."""


@dataclass
class ExportCounts:
    """What became of every verdict."""

    written: int = 0
    ties: int = 0
    both_bad: int = 0
    skipped: int = 0
    undone: int = 0
    partial: int = 0
    """Pairs with a broken-off answer; written only when that was asked for."""
    instructions_differ: int = 0
    """Pairs whose two answers were made under different instructions; written unless that was ruled out."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready mapping."""
        return asdict(self)


def export_pairs(store: db.Store, wish: ExportWish) -> ExportCounts:
    """Write every decided pair in the order judged; the file appears whole or not at all.

    Raises:
        UserError: there is no such layout, no pair to write, or no such place for a file.
        EnvironmentProblem: the disk is full.
        StoreError: the database cannot be read.
    """
    if wish.layout not in LAYOUTS:
        raise UserError(f"There is no format {wish.layout!r}.", nearest(wish.layout, list(LAYOUTS)))
    counts = ExportCounts()
    pairs = _decided(store, wish, counts)
    first = next(pairs, None)
    if first is None:
        raise UserError(
            f"There is no decided pair to export{' in this session' if wish.session_id else ''}: "
            f"{counts.ties} ties, {counts.both_bad} both bad, {counts.skipped} skipped, {counts.undone} undone, "
            f"{counts.partial} with a broken-off answer.",
            "Judge two answers in the console (1 or 2), or with `aligntui pairs add`.",
        )
    rows = records(_chained(first, pairs), wish.layout, system_slot=wish.system_slot)
    counts.written = write_jsonl(wish.out, rows)
    return counts


def _chained(first: PreferencePair, rest: Iterator[PreferencePair]) -> Iterator[PreferencePair]:
    yield first
    yield from rest


def _decided(store: db.Store, wish: ExportWish, counts: ExportCounts) -> Iterator[PreferencePair]:
    for pair in _all_pairs(store, wish.session_id):
        if pair.undone:
            counts.undone += 1
        elif not pair.verdict.decides:
            name = _NOT_DECIDED[pair.verdict]
            setattr(counts, name, getattr(counts, name) + 1)
        else:
            resolved = store.pair_messages(pair)
            counts.partial += resolved.partial
            counts.instructions_differ += resolved.instructions_differ
            left_out = (resolved.partial and not wish.with_partial) or (
                resolved.instructions_differ and wish.same_instruction
            )
            if not left_out:
                yield PreferencePair(
                    resolved.instruction,
                    resolved.mode,
                    resolved.prompt,
                    resolved.chosen,
                    resolved.rejected,
                    resolved.injection_every,
                )


def _all_pairs(store: db.Store, session_id: str | None) -> Iterator[Pair]:
    offset = 0
    while page := store.list_pairs(session_id, include_undone=True, limit=PAGE, offset=offset, oldest_first=True):
        yield from page
        offset += len(page)
