"""Versions of a data set from the pairs of a workspace: filtered, split by prompt, with a manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aligntui.config.paths import Workspace, bundled
from aligntui.core.errors import AligntuiError, UserError
from aligntui.data.dataset_versions import (
    Manifest,
    SplitRule,
    VersionItem,
    VersionWish,
    Written,
    data_sets,
    load_manifest,
    version_folder,
    versions_of,
    write_version,
)
from aligntui.workbench.curation.settled import passed_over
from aligntui.workbench.pair_export import described, has_partial, preference_pair

if TYPE_CHECKING:
    from aligntui import store as db

PROGRESS_EVERY = 1000


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
    reason: Mapping[str, Any] = field(default_factory=dict)
    """Why these are left out, for the manifest; JSON values."""
    note: str = ""


@dataclass(frozen=True)
class Built:
    """A version, and what was under the filter and is not in it."""

    written: Written
    left_out: Mapping[str, int]
    """Pairs by the reason why they are not in the version; what the layout cannot hold is counted in its manifest."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready mapping."""
        return {
            "folder": str(self.written.folder),
            "is_new": self.written.is_new,
            "left_out": dict(self.left_out),
            **self.written.manifest.as_dict(),
        }


def build_version(
    store: db.Store, workspace: Workspace, wish: BuildWish, on_progress: Callable[[int], None] = lambda _done: None
) -> Built:
    """Write a version; it appears whole or not at all.

    Args:
        store: of the workspace.
        workspace: where its `datasets/` is.
        wish: which pairs, as what.
        on_progress: told now and then how many pairs were read. What it raises ends the writing, and nothing is left.

    Raises:
        UserError: no pair fits, a name or layout is wrong, or the layout cannot hold a pair.
        EnvironmentProblem: it cannot be written.
        StoreError: the database cannot be read.
    """
    from aligntui.store import PairFilter

    wanted = wish.filter or PairFilter()
    left_out: dict[str, int] = {}
    version = VersionWish(
        name=wish.name,
        layout=wish.layout,
        split=SplitRule(wish.validation_share, wish.seed),
        parent=wish.parent,
        system_slot=wish.system_slot,
        leave_out_misfits=wish.leave_out_misfits,
        filters={
            **described(wanted),
            "with_partial": wish.with_partial,
            "same_instruction": wish.same_instruction,
            **({"left_out": dict(wish.reason)} if wish.reason else {}),
        },
        origin={"database": workspace.database.name, "left_out": left_out},  # filled while the records are read
        note=wish.note,
    )
    try:
        return Built(write_version(workspace, version, _items(store, wanted, wish, left_out, on_progress)), left_out)
    except UserError as error:
        if not left_out:
            raise
        raise UserError(error.message, f"{error.hint} Left out before: {in_words(left_out)}.".lstrip()) from error


def in_words(left_out: Mapping[str, int]) -> str:
    """`3 undecided, 1 with a broken-off answer`, the most frequent first."""
    return ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items(), key=lambda item: -item[1]))


def _items(
    store: db.Store,
    wanted: db.PairFilter,
    wish: BuildWish,
    left_out: dict[str, int],
    on_progress: Callable[[int], None],
) -> Iterator[VersionItem]:
    settled = passed_over(store, wanted)
    for number, record in enumerate(store.curated_records(wanted), 1):
        if number % PROGRESS_EVERY == 0:
            on_progress(number)
        if reason := _unfit(record, wish) or settled.get(record.id, ""):
            left_out[reason] = left_out.get(reason, 0) + 1
        else:
            yield VersionItem(preference_pair(record), record.id, record.tags)


def _unfit(record: db.CuratedRecord, wish: BuildWish) -> str:
    """Why a pair is not in the version; empty where it is."""
    if not record.verdict.trains:
        return "undecided"
    if record.id in wish.leave_out:
        return "found by lint"
    if has_partial(record) and not wish.with_partial:
        return "with a broken-off answer"
    if record.instructions_differ and wish.same_instruction:
        return "under two instructions"
    return ""


@dataclass(frozen=True)
class LintReasons:
    """Pairs that lint would leave out."""

    ids: frozenset[str]
    counts: Mapping[str, Any]
    """For the manifest: how many, by rule, and the options that were asked for."""


def lint_reasons(
    store: db.Store, wanted: db.PairFilter, options_file: Path | None, on_progress: Callable[[int], None]
) -> LintReasons:
    """Run lint over the pairs under a filter and take what the fixes of its open findings leave out.

    Raises:
        UserError: the options cannot be read, or name something that does not exist.
        StoreError: the database cannot be read.
    """
    from aligntui.workbench.curation.linting import LintWish, fix_plan, fixed_by_rule, lint_pairs

    options = LintWish(options_file).options()
    run = lint_pairs(store, wanted, options, on_progress=on_progress)
    plan = fix_plan(run, named=options.rules or ())
    return LintReasons(frozenset(plan.leave_out), {"lint": fixed_by_rule(run, plan)})


@dataclass(frozen=True)
class DataSet:
    """A data set with versions."""

    versions: tuple[int, ...]
    latest: Manifest


@dataclass(frozen=True)
class BundledSet:
    """A data set that comes with aligntui: records in files, without versions."""

    name: str
    folder: str
    files: str
    """Names of its files, with commas between."""
    records: int


@dataclass(frozen=True)
class DataSetList:
    """What there is."""

    own: tuple[DataSet, ...]
    bundled: tuple[BundledSet, ...]
    problems: tuple[str, ...]
    """Versions whose manifest cannot be read, a sentence each."""


def data_set_list(workspace: Workspace) -> DataSetList:
    """The data sets of a workspace by their latest version, and those that come with aligntui."""
    own: list[DataSet] = []
    problems: list[str] = []
    for name in data_sets(workspace):
        versions = versions_of(workspace, name)
        try:
            latest = load_manifest(version_folder(workspace, name, versions[-1]))
        except AligntuiError as error:
            problems.append(error.message)
        else:
            own.append(DataSet(tuple(versions), latest))
    return DataSetList(tuple(own), tuple(_bundled_sets()), tuple(problems))


def _bundled_sets() -> Iterator[BundledSet]:
    for folder in sorted(bundled("datasets").glob("*/")):
        files = [] if (folder / "v1").is_dir() else sorted(folder.glob("*.jsonl"))
        if files and (folder / "README.md").is_file():
            records = sum(file.read_bytes().count(b"\n") for file in files)
            yield BundledSet(folder.name, str(folder), ", ".join(file.name for file in files), records)
