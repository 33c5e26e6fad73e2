"""Pairs of the database as a training file, with a manifest beside it and a count of what did not go in.

A pair under two instructions is written: the chosen answer is wanted under its own instruction and the other one is
not, which is what `ResolvedPair` says. It is counted, and can be left out. A pair with a broken-off answer is left out
unless asked for: where a person pressed stop says nothing of the model. What the layout cannot hold, such as an example
where it wants two answers, is left out and counted. Pinned in tests/cli/test_pairs.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aligntui import __version__
from aligntui.core.errors import UserError, nearest
from aligntui.core.files import write_text_atomic
from aligntui.core.ids import now_utc
from aligntui.core.pair import Verdict
from aligntui.core.prompt_format import Message
from aligntui.data.pair_layouts import LAYOUTS, PreferencePair, json_line, misfit
from aligntui.workbench.curation.settled import passed_over

if TYPE_CHECKING:
    from aligntui import store as db

MANIFEST_SUFFIX = ".manifest.json"
"""Behind the name of the file; the manifest of an export lies beside it."""
FORMAT = 1
"""Of the manifest."""
PROGRESS_EVERY = 1000
_NOT_DECIDED = {Verdict.TIE: "ties", Verdict.BAD: "both_bad", Verdict.SKIP: "skipped"}


@dataclass(frozen=True)
class ExportWish:
    """Which pairs, as what, and where to."""

    layout: str
    out: Path
    filter: db.PairFilter | None = None
    """None takes all pairs that count."""
    with_partial: bool = False
    """Also pairs in which an answer was broken off."""
    same_instruction: bool = False
    """Only pairs whose two answers were made under one instruction."""
    system_slot: bool = True
    """Whether the chat template to be trained with has a system slot."""


@dataclass
class ExportCounts:
    """What became of every verdict under the filter."""

    written: int = 0
    examples: int = 0
    """Of those written, the ones without a rejected answer."""
    ties: int = 0
    both_bad: int = 0
    skipped: int = 0
    undone: int = 0
    """Verdicts taken back or replaced."""
    partial: int = 0
    """Pairs with a broken-off answer; written only when that was asked for."""
    instructions_differ: int = 0
    """Pairs whose two answers were made under different instructions; written unless that was ruled out."""
    settled: dict[str, int] = field(default_factory=dict)
    """Pairs left out because of another verdict over the same two answers, by the reason (`curation.settled`)."""
    misfits: dict[str, int] = field(default_factory=dict)
    """Pairs that the layout cannot hold, by what they have or lack."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready mapping."""
        return asdict(self)

    @property
    def left_out(self) -> str:
        """Everything that was not written, in words."""
        parts = [
            f"{self.ties} tie{'s' * (self.ties != 1)}",
            f"{self.both_bad} both bad",
            f"{self.skipped} skipped",
            f"{self.undone} taken back or replaced",
        ]
        parts += [f"{self.partial} with a broken-off answer"]
        parts += [f"{count} {reason}" for reason, count in self.settled.items()]
        parts += [f"{count} with {reason}" for reason, count in self.misfits.items()]
        return ", ".join(parts)


@dataclass(frozen=True)
class Exported:
    """A file that was written, and what its manifest says."""

    out: Path
    manifest: Path
    counts: ExportCounts
    sha256: str
    """Lower-case hex, of the file."""
    content_sha256: str
    """Over the sorted fingerprints of its records, one a line; that of a data set version with the same records is the
    same, whatever their order and layout."""
    size_bytes: int


def export_pairs(
    store: db.Store, wish: ExportWish, on_progress: Callable[[int], None] = lambda _done: None
) -> Exported:
    """Write every decided pair and example in the order judged, and the manifest; the file appears whole or not at all.

    Args:
        store: of the workspace.
        wish: which pairs, as what.
        on_progress: told now and then how many pairs were read.

    Raises:
        UserError: there is no such layout, no pair to write, or no such place for a file.
        EnvironmentProblem: the disk is full.
        StoreError: the database cannot be read.
    """
    from aligntui.store import PairFilter

    if wish.layout not in LAYOUTS:
        raise UserError(f"There is no format {wish.layout!r}.", nearest(wish.layout, list(LAYOUTS)))
    wanted = wish.filter or PairFilter()
    counts = ExportCounts(undone=store.count_pair_rows(replace(wanted, deleted=True)))
    pairs = _fitting(store, wanted, wish, counts, on_progress)
    first = next(pairs, None)
    if first is None:
        raise UserError(
            f"There is no decided pair to export{' under these filters' if described(wanted) else ''}: {counts.left_out}.",
            "Judge two answers in the console (1 or 2) or with `aligntui pairs add`, or import some.",
        )
    digest, size_bytes, fingerprints = hashlib.sha256(), 0, []

    def lines() -> Iterator[str]:
        nonlocal size_bytes
        for pair in chain([first], pairs):
            line = json_line(LAYOUTS[wish.layout](pair, system_slot=wish.system_slot))
            content = line.encode()
            digest.update(content)
            size_bytes += len(content)
            fingerprints.append(bytes.fromhex(pair.fingerprint))
            counts.written += 1
            counts.examples += pair.rejected is None
            yield line

    write_text_atomic(wish.out, lines(), make_folder=True)
    manifest = wish.out.with_name(wish.out.name + MANIFEST_SUFFIX)
    exported = Exported(wish.out, manifest, counts, digest.hexdigest(), _content(fingerprints), size_bytes)
    write_text_atomic(manifest, json.dumps(_manifest(exported, wish, wanted), ensure_ascii=False, indent=2) + "\n")
    return exported


def described(wanted: db.PairFilter) -> dict[str, Any]:
    """What a filter says beyond the default one, for a manifest; JSON values."""
    plain = {one.name: getattr(wanted, one.name) for one in fields(wanted)}
    default = type(wanted)()
    return {
        name: [str(one) for one in value] if isinstance(value, tuple) else value
        for name, value in plain.items()
        if value != getattr(default, name)
    }


def preference_pair(record: db.CuratedRecord) -> PreferencePair:
    """A pair of the database as layouts take it."""
    return PreferencePair(
        record.instruction,
        record.mode,
        [Message(*message) for message in record.prompt],
        [Message(*message) for message in record.chosen],
        None if record.rejected is None else [Message(*message) for message in record.rejected],
        record.injection_every,
    )


def has_partial(record: db.CuratedRecord) -> bool:
    """Whether one of the answers was broken off by the user or by a failure."""
    return record.chosen_finish.partial or (record.rejected_finish is not None and record.rejected_finish.partial)


def _fitting(
    store: db.Store,
    wanted: db.PairFilter,
    wish: ExportWish,
    counts: ExportCounts,
    on_progress: Callable[[int], None],
) -> Iterator[PreferencePair]:
    settled = passed_over(store, wanted)
    for number, record in enumerate(store.curated_records(wanted), 1):
        if number % PROGRESS_EVERY == 0:
            on_progress(number)
        if not record.verdict.trains:
            name = _NOT_DECIDED[record.verdict]
            setattr(counts, name, getattr(counts, name) + 1)
            continue
        if reason := settled.get(record.id):
            counts.settled[reason] = counts.settled.get(reason, 0) + 1
            continue
        partial = has_partial(record)
        counts.partial += partial
        counts.instructions_differ += record.instructions_differ
        if (partial and not wish.with_partial) or (record.instructions_differ and wish.same_instruction):
            continue
        pair = preference_pair(record)
        if reason := misfit(pair, wish.layout):
            counts.misfits[reason] = counts.misfits.get(reason, 0) + 1
        else:
            yield pair


def _content(fingerprints: list[bytes]) -> str:
    from aligntui.data.dataset_versions.writing import hash_of_lines

    return hash_of_lines(fingerprint.hex() for fingerprint in fingerprints)


def _manifest(exported: Exported, wish: ExportWish, wanted: db.PairFilter) -> Mapping[str, Any]:
    return {
        "format": FORMAT,
        "tool": "aligntui",
        "tool_version": __version__,
        "created_at": now_utc(),
        "layout": wish.layout,
        "system_slot": wish.system_slot,
        "filters": {
            **described(wanted),
            "with_partial": wish.with_partial,
            "same_instruction": wish.same_instruction,
        },
        "counts": exported.counts.as_dict(),
        "file": {
            "name": exported.out.name,
            "sha256": exported.sha256,
            "records": exported.counts.written,
            "size_bytes": exported.size_bytes,
        },
        "content_sha256": exported.content_sha256,
    }
