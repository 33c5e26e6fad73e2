"""Versions of a data set from the pairs of a workspace: filtered, split by prompt, with a manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.core.pair import Verdict
from aligntui.core.prompt_format import Message
from aligntui.data.dataset_versions import SplitRule, VersionItem, VersionWish, Written, write_version
from aligntui.data.pair_layouts import PreferencePair

if TYPE_CHECKING:
    from aligntui import store as db


@dataclass(frozen=True)
class BuildWish:
    """Which pairs become which version."""

    name: str
    layout: str = "trl"
    filter: db.PairFilter | None = None
    """None takes all pairs that count."""
    validation_share: float = 0.1
    seed: int = 0
    parent: int | None = None
    with_partial: bool = False
    """Also pairs in which an answer was broken off."""
    same_instruction: bool = False
    """Only pairs whose two answers were made under one instruction."""
    system_slot: bool = True
    leave_out_misfits: bool = False
    """Leave out, and count, what the layout cannot hold, instead of refusing it."""
    leave_out: frozenset[str] = field(default_factory=frozenset)
    """Ids of pairs to leave out, such as those that lint would."""
    note: str = ""


def build_version(
    store: db.Store, workspace: Workspace, wish: BuildWish, on_progress: Callable[[int], None] = lambda _done: None
) -> Written:
    """Write a version; it appears whole or not at all.

    Raises:
        UserError: no pair fits, a name or layout is wrong, or the layout cannot hold a pair.
        EnvironmentProblem: it cannot be written.
    """
    from aligntui.store import PairFilter

    wanted = wish.filter or PairFilter()
    left_out: Counter[str] = Counter()
    items = _items(store, wanted, wish, left_out, on_progress)
    filters = {key: _plain(value) for key, value in asdict(wanted).items() if value not in (None, "", (), False)}
    version = VersionWish(
        name=wish.name,
        layout=wish.layout,
        split=SplitRule(wish.validation_share, wish.seed),
        parent=wish.parent,
        system_slot=wish.system_slot,
        leave_out_misfits=wish.leave_out_misfits,
        filters={**filters, "with_partial": wish.with_partial, "same_instruction": wish.same_instruction},
        origin={"database": workspace.database.name},
        note=wish.note,
    )
    try:
        return write_version(workspace, version, items)
    except UserError as error:
        counted = ", ".join(f"{count} {reason}" for reason, count in left_out.most_common())
        raise UserError(
            error.message, f"{error.hint} Left out before: {counted}." if counted else error.hint
        ) from error


def _items(
    store: db.Store, wanted: db.PairFilter, wish: BuildWish, left_out: Counter[str], on_progress: Callable[[int], None]
) -> Iterator[VersionItem]:
    for number, record in enumerate(store.curated_records(wanted), 1):
        if number % 1000 == 0:
            on_progress(number)
        if reason := _unfit(record, wish):
            left_out[reason] += 1
            continue
        yield VersionItem(preference_pair(record), record.id, record.tags)


def _unfit(record: db.CuratedRecord, wish: BuildWish) -> str:
    if not (record.verdict.decides or record.verdict is Verdict.EXAMPLE):
        return "undecided"
    if record.id in wish.leave_out:
        return "found by lint"
    partial = record.chosen_finish.partial or (record.rejected_finish is not None and record.rejected_finish.partial)
    if partial and not wish.with_partial:
        return "with a broken-off answer"
    if record.instructions_differ and wish.same_instruction:
        return "under two instructions"
    return ""


def preference_pair(record: db.CuratedRecord) -> PreferencePair:
    """A pair of the database as layouts take it."""
    rejected = None if record.rejected is None else [Message(*message) for message in record.rejected]
    return PreferencePair(
        record.instruction,
        record.mode,
        [Message(*message) for message in record.prompt],
        [Message(*message) for message in record.chosen],
        rejected,
        record.injection_every,
    )


def _plain(value: object) -> object:
    return [str(one) for one in value] if isinstance(value, tuple) else value
