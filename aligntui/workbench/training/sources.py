"""Where training data come from: the pairs of the workspace, a version of a data set, a bundled set, a file, the hub.

Files are read by `data.pair_import`, so every layout that `aligntui pairs import` knows can be trained on. A folder that
has a validation file keeps its split. Pinned in tests/workbench/test_training_sources.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aligntui.config.paths import Workspace, bundled
from aligntui.core.errors import UserError, nearest
from aligntui.data.dataset_versions import (
    TRAIN,
    VALIDATION,
    data_sets,
    find_version,
    load_manifest,
    read_index,
    versions_of,
)
from aligntui.data.instruction_library import InstructionLibrary, load_library
from aligntui.data.pair_import import AUTO, BadRecord, ImportReport, make_plan, open_source, read, summary
from aligntui.workbench.training.opposed_records import is_opposed, opposed_items
from aligntui.workbench.training.records import Item, Source

if TYPE_CHECKING:
    from aligntui.data.pair_import import Source as Files

PAIRS = "pairs"
"""Names the pairs that were judged in the workspace."""
_REF = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,63})(?:[@/]v?[0-9]+)?")
_VALIDATION_NAMES = (VALIDATION, "eval.jsonl", "dev.jsonl", "valid.jsonl")
_SHOWN = 5


@dataclass(frozen=True)
class DataWish:
    """Which data, and how to read them."""

    ref: str
    """`pairs`, a file or folder, NAME[@VERSION] of a data set, a bundled set, or a data set of the hub."""
    layout: str = AUTO
    mapping: dict[str, str] | None = None
    skip_bad: bool = False
    """Leave records out that cannot be read, instead of refusing the whole."""


def load_source(workspace: Workspace, wish: DataWish) -> Source:
    """Read all records of what the user means.

    What exists as a path is taken as one, then as a data set of the workspace, then as a bundled one, then as a name
    on the hub.

    Raises:
        UserError: there is no such thing, it holds no record, or a record cannot be read.
        EnvironmentProblem: it cannot be read or reached.
    """
    ref = wish.ref.strip()
    if not ref:
        raise UserError("--data names nothing.", "Give `pairs`, a file, or NAME[@VERSION] of a data set.")
    path = Path(ref).expanduser()
    if ref == PAIRS and not path.is_file():
        return _from_database(workspace)
    library = load_library(workspace)
    if path.is_dir():
        return _from_folder(path, wish, library)
    found = _REF.fullmatch(ref)
    if path.exists() or found is None:
        return _from_files([ref], wish, library)
    name = found[1]
    if versions_of(workspace, name):
        return _from_version(find_version(workspace, ref), wish, library)
    folder = bundled("datasets", name)
    if folder.is_dir() and name == ref:
        return _from_folder(folder, wish, library)
    if "/" in ref:
        return _from_files([ref], wish, library)
    known = [PAIRS, *data_sets(workspace), *_bundled_names()]
    raise UserError(f"There is no file and no data set {ref!r}.", nearest(name, known))


def _bundled_names() -> list[str]:
    return sorted(folder.name for folder in bundled("datasets").glob("*/") if _parts(folder))


def _from_folder(folder: Path, wish: DataWish, library: InstructionLibrary) -> Source:
    if (folder / "manifest.json").is_file() and (folder / "index.jsonl").is_file():
        return _from_version(folder, wish, library)
    train, validation = folder / TRAIN, next((p for n in _VALIDATION_NAMES if (p := folder / n).is_file()), None)
    parts = [train] if train.is_file() else _parts(folder)
    if not parts:
        raise UserError(
            f"The folder {folder} has no training data: neither {TRAIN} nor part-*.jsonl.",
            "Name a file in it, or put the records into one of these.",
        )
    if all(is_opposed(part) for part in parts):
        items = opposed_items(parts, library)
        return Source(items, origin={"kind": "folder", "source": str(folder), "layout": "opposed answers"})
    source = _from_files([str(part) for part in parts], wish, library)
    if validation is not None:
        held_out = _from_files([str(validation)], wish, library)
        source.validation, source.skipped = held_out.train, source.skipped + held_out.skipped
    source.origin |= {"kind": "folder", "source": str(folder)}
    return source


def _parts(folder: Path) -> list[Path]:
    train = folder / TRAIN
    return [train] if train.is_file() else sorted(folder.glob("part-*.jsonl"))


def _from_version(folder: Path, wish: DataWish, library: InstructionLibrary) -> Source:
    manifest = load_manifest(folder)
    ids = {(line.split, line.line): line.id for line in read_index(folder)}
    # a version says its own layout, so nothing has to be guessed
    layout = manifest.layout if wish.layout == AUTO else wish.layout
    sides: dict[str, list[Item]] = {"train": [], "validation": []}
    skipped: Counter[str] = Counter()
    warnings: list[str] = []
    for split, file in (("train", TRAIN), ("validation", VALIDATION)):
        path = folder / file
        if path.is_file() and path.stat().st_size:
            own = DataWish(str(path), layout, wish.mapping, wish.skip_bad)
            found = _from_files([str(path)], own, library)
            sides[split] = [_named(item, ids.get((split, _line_of(item)))) for item in found.train]
            skipped += found.skipped
            warnings += found.warnings
    origin = {
        "kind": "data set",
        "source": wish.ref,
        "name": manifest.name,
        "version": manifest.version,
        "content_sha256": manifest.content_sha256,
        "layout": layout,
    }
    return Source(sides["train"], sides["validation"], origin, skipped, warnings)


def _line_of(item: Item) -> int:
    return int(item.id.rpartition(":")[2]) if item.id.rpartition(":")[2].isdigit() else 0


def _named(item: Item, id: str | None) -> Item:
    if not id:
        return item
    return Item(item.pair, id, id if id.startswith("pair_") else None, item.label)


def _from_files(refs: list[str], wish: DataWish, library: InstructionLibrary) -> Source:
    labels = {text: f"{known.type}/{n}" for known in library.types for n, text in enumerate(known.phrasings, 1)}
    items: list[Item] = []
    skipped: Counter[str] = Counter()
    warnings: list[str] = []
    hashes: list[str] = []
    layouts: list[str] = []
    for ref in refs:
        if Path(ref).is_file() and is_opposed(Path(ref)):
            items += opposed_items([Path(ref)], library)
            layouts.append("opposed answers")
            continue
        files = open_source(ref)
        plan = make_plan(files, wish.layout, wish.mapping or None)
        report = ImportReport()
        several = len(refs) > 1
        items += _items(read(files, plan), report, labels, f"{Path(ref).stem}:" if several else "")
        _refuse(files, report, wish.skip_bad)
        skipped.update({f"that cannot be read: {summary(report)}": report.bad} if report.bad else {})
        warnings += [*files.warnings, *plan.warnings]
        hashes.append(files.sha256)
        layouts.append(plan.layout)
    origin = {
        "kind": "file",
        "source": refs[0] if len(refs) == 1 else refs,
        "sha256": hashes[0] if len(hashes) == 1 else hashes,
        "layout": ", ".join(dict.fromkeys(layouts)),
    }
    return Source(items, [], origin, skipped, list(dict.fromkeys(warnings)))


def _items(records: Iterable[object], report: ImportReport, labels: dict[str, str], before: str) -> Iterator[Item]:
    from aligntui.data.pair_import import ImportedRecord

    for record in records:
        assert isinstance(record, ImportedRecord | BadRecord)
        report.add(record)
        if isinstance(record, ImportedRecord):
            id = record.id or f"{before}line:{record.line}"
            yield Item(record.as_pair(), id, label=labels.get(record.instruction, ""))


def _refuse(files: Files, report: ImportReport, skip_bad: bool) -> None:
    if not report.bad or (skip_bad and report.good):
        return
    shown = "; ".join(map(str, report.first_bad[:_SHOWN]))
    more = f"; and {report.bad - _SHOWN} more" if report.bad > _SHOWN else ""
    total = report.good + report.bad
    hint = "Correct them, or leave them out with --skip-bad." if report.good else "Correct them."
    raise UserError(
        f"{files.name} cannot be trained on: {report.bad} of {total} {'record' if total == 1 else 'records'} cannot be "
        f"read. {shown}{more}.",
        hint,
    )


def _from_database(workspace: Workspace) -> Source:
    from aligntui.store import PairFilter, open_store
    from aligntui.workbench.curation.settled import passed_over
    from aligntui.workbench.pair_export import has_partial, preference_pair

    items: list[Item] = []
    skipped: Counter[str] = Counter()
    wanted = PairFilter()
    with open_store(workspace.database) as store:
        settled = passed_over(store, wanted)
        for record in store.curated_records(wanted):
            if not record.verdict.trains:
                skipped["undecided"] += 1
            elif reason := settled.get(record.id):
                skipped[reason] += 1
            elif has_partial(record):
                skipped["with a broken-off answer"] += 1
            else:
                items.append(Item(preference_pair(record), record.id, record.id, record.instruction_label))
    return Source(items, [], {"kind": "pairs", "source": PAIRS, "database": workspace.database.name}, skipped)
