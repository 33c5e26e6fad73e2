"""Writing a version: complete under a name of its own, then in place by one rename.

Whoever is killed half-way leaves a draft that no list shows and a later writing removes. A version is never changed
afterwards. Pinned in tests/data/test_dataset_versions.py.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aligntui import __version__
from aligntui.config.paths import Workspace
from aligntui.core.errors import EnvironmentProblem, UserError, nearest
from aligntui.core.files import sync_folder, write_text_atomic
from aligntui.core.ids import now_utc
from aligntui.core.printable import one_line
from aligntui.data.dataset_versions.folders import (
    DRAFT,
    INDEX,
    MANIFEST,
    TRAIN,
    VALIDATION,
    check_free,
    version_folder,
    versions_of,
)
from aligntui.data.dataset_versions.index import IndexLine, index_line, parse_line, read_index
from aligntui.data.dataset_versions.manifest import Counts, FileEntry, Manifest, load_manifest
from aligntui.data.dataset_versions.split import SplitRule, validation_groups
from aligntui.data.pair_layouts import LAYOUTS, PreferencePair, json_line, misfit

DRAFT_AGE_S = 24 * 3600
"""A draft older than this belongs to nobody any more."""
SHOWN_INSTRUCTIONS = 20
"""Instructions that the manifest counts by name."""
_SPOOL = "spool"


@dataclass(frozen=True)
class VersionItem:
    """One record to be written."""

    pair: PreferencePair
    id: str = ""
    """Of the pair in the database, or of the record in its file."""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class VersionWish:
    """What a version is to be."""

    name: str
    layout: str
    split: SplitRule = field(default_factory=SplitRule)
    parent: int | None = None
    """Version that it goes on from; None takes the latest, if there is one."""
    system_slot: bool = True
    leave_out_misfits: bool = False
    """Leave out, and count, records that the layout cannot hold, instead of refusing them."""
    filters: Mapping[str, Any] = field(default_factory=dict)
    """What was left out before, for the manifest; JSON values."""
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Where the records come from, for the manifest; JSON values."""
    note: str = ""


@dataclass(frozen=True)
class Written:
    """A version on the disk."""

    folder: Path
    manifest: Manifest
    is_new: bool
    """False where the parent has the same records, layout, split and filters: nothing was written then."""


@dataclass
class _Tally:
    """What a pass over the records learns of them."""

    groups: list[str] = field(default_factory=list)
    fingerprints: list[bytes] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    instructions: Counter[str] = field(default_factory=Counter)
    tags: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    examples: int = 0

    def add(self, line: IndexLine, group: str) -> None:
        self.groups.append(group)
        self.fingerprints.append(bytes.fromhex(line.fingerprint))
        if line.id:
            self.ids.append(line.id)
        self.instructions[one_line(line.instruction, 120)] += 1
        self.tags.update(line.tags)
        self.examples += line.rejected is None


def write_version(workspace: Workspace, wish: VersionWish, items: Iterable[VersionItem]) -> Written:
    """Write the next version of a data set.

    The records stand in the order given; the same records in the same order give the same files. An error out of `items`
    passes through, and nothing is left then.

    Args:
        workspace: where `datasets/` is.
        wish: name, layout, split.
        items: the records, gone through once.

    Raises:
        UserError: the name cannot be one or is taken by something else, there is no such layout or parent, no record,
            or one that the layout cannot hold.
        EnvironmentProblem: the disk is full or read-only.
    """
    if wish.layout not in LAYOUTS:
        raise UserError(f"There is no layout {wish.layout!r}.", nearest(wish.layout, list(LAYOUTS)))
    home = check_free(workspace, wish.name)
    parent = _parent(workspace, wish)
    with _draft_in(home) as draft:
        tally = _spool(draft / _SPOOL, wish, items)
        validation = validation_groups(tally.groups, wish.split, _known_sides(workspace, wish, parent))
        files = _write_files(draft, tally, validation)
        manifest = _manifest(wish, parent, tally, validation, files)
        if parent is not None and _is_same(manifest, parent):
            return Written(version_folder(workspace, wish.name, parent.version), parent, is_new=False)
        (draft / _SPOOL).unlink()
        return _publish(workspace, draft, manifest)


def _parent(workspace: Workspace, wish: VersionWish) -> Manifest | None:
    known = versions_of(workspace, wish.name)
    if wish.parent is not None and wish.parent not in known:
        shown = ", ".join(f"v{one}" for one in known) or "none"
        raise UserError(f"The data set {wish.name} has no version v{wish.parent} to go on from.", f"It has {shown}.")
    number = wish.parent if wish.parent is not None else known[-1] if known else None
    return None if number is None else load_manifest(version_folder(workspace, wish.name, number))


def _known_sides(workspace: Workspace, wish: VersionWish, parent: Manifest | None) -> dict[str, bool]:
    """Sides of the parent's prompts, where it was split by the same rule."""
    if parent is None or parent.split != wish.split:
        return {}
    folder = version_folder(workspace, wish.name, parent.version)
    return {line.group: line.split == "validation" for line in read_index(folder)}


def _spool(path: Path, wish: VersionWish, items: Iterable[VersionItem]) -> _Tally:
    """Write record and index line of each item in turn; sides are known only when all prompts are."""
    tally = _Tally()
    shared: dict[str, str] = {}  # one string for each group, however many records it has

    def lines() -> Iterator[str]:
        for number, item in enumerate(items, 1):
            if reason := misfit(item.pair, wish.layout):
                if not wish.leave_out_misfits:
                    which = item.id or f"number {number}"
                    raise UserError(
                        f"The layout {wish.layout} cannot hold the record {which}: it has {reason}.",
                        "Choose another layout, or leave such records out.",
                    )
                tally.left_out[reason] += 1
                continue
            line = index_line(item.pair, item.id, item.tags)
            tally.add(line, shared.setdefault(line.group, line.group))
            yield json_line(LAYOUTS[wish.layout](item.pair, system_slot=wish.system_slot))
            yield line.text()

    write_text_atomic(path, lines())
    if not tally.groups:
        left_out = f": the layout {wish.layout} can hold none of {tally.left_out.total()}" if tally.left_out else ""
        raise UserError(
            f"There is no record for the data set {wish.name}{left_out}.", "Choose other filters or another layout."
        )
    return tally


def _write_files(draft: Path, tally: _Tally, validation: set[str]) -> dict[str, FileEntry]:
    def side(wanted: str) -> Callable[[], Iterator[str]]:
        return lambda: (record for name, _, record, _ in _spooled(draft, tally, validation) if name == wanted)

    def index() -> Iterator[str]:
        for name, number, _, line in _spooled(draft, tally, validation):
            yield replace(parse_line(line), split=name, line=number).text()

    parts = {TRAIN: side("train"), INDEX: index}
    if validation:
        parts[VALIDATION] = side("validation")
    return {name: _write_lines(draft / name, lines()) for name, lines in parts.items()}


def _spooled(draft: Path, tally: _Tally, validation: set[str]) -> Iterator[tuple[str, int, str, str]]:
    """Side, line in its file, record and index line of each record."""
    written: Counter[str] = Counter()
    with (draft / _SPOOL).open(encoding="utf-8", newline="\n") as stream:
        for group, record, line in zip(tally.groups, stream, stream, strict=True):
            name = "validation" if group in validation else "train"
            written[name] += 1
            yield name, written[name], record, line


def _write_lines(path: Path, lines: Iterable[str]) -> FileEntry:
    digest, count, size_bytes = hashlib.sha256(), 0, 0

    def counted() -> Iterator[str]:
        nonlocal count, size_bytes
        for line in lines:
            content = line.encode()
            digest.update(content)
            count, size_bytes = count + 1, size_bytes + len(content)
            yield line

    write_text_atomic(path, counted())
    return FileEntry(digest.hexdigest(), count, size_bytes)


def _manifest(
    wish: VersionWish, parent: Manifest | None, tally: _Tally, validation: set[str], files: dict[str, FileEntry]
) -> Manifest:
    records, distinct = len(tally.groups), len(set(tally.fingerprints))
    held_out = files[VALIDATION].records if validation else 0
    counts = Counts(
        records=records,
        train=records - held_out,
        validation=held_out,
        prompts=len(set(tally.groups)),
        validation_prompts=len(validation),
        pairs=records - tally.examples,
        examples=tally.examples,
        duplicates=records - distinct,
        left_out=dict(tally.left_out),
        instructions=dict(tally.instructions.most_common(SHOWN_INSTRUCTIONS)),
        tags=dict(sorted(tally.tags.items())),
    )
    return Manifest(
        name=wish.name,
        version=1,
        parent=parent.version if parent else None,
        parent_content_sha256=parent.content_sha256 if parent else None,
        created_at=now_utc(),
        tool_version=__version__,
        layout=wish.layout,
        system_slot=wish.system_slot,
        split=wish.split,
        counts=counts,
        files=files,
        content_sha256=hash_of_lines(fingerprint.hex() for fingerprint in tally.fingerprints),
        ids_sha256=hash_of_lines(tally.ids),
        filters=json.loads(json.dumps(dict(wish.filters))),  # as it is read back, so that it compares equal
        origin=json.loads(json.dumps(dict(wish.origin))),
        note=wish.note,
    )


def hash_of_lines(texts: Iterable[str]) -> str:
    """Lower-case hex SHA-256 over the texts, sorted, each with a line end."""
    digest = hashlib.sha256()
    for text in sorted(texts):
        digest.update(text.encode() + b"\n")
    return digest.hexdigest()


def _is_same(manifest: Manifest, parent: Manifest) -> bool:
    names = ("content_sha256", "ids_sha256", "layout", "system_slot", "split", "filters", "files")
    return all(getattr(manifest, name) == getattr(parent, name) for name in names)


def _publish(workspace: Workspace, draft: Path, manifest: Manifest) -> Written:
    while True:
        version = (versions_of(workspace, manifest.name) or [0])[-1] + 1
        manifest = replace(manifest, version=version)
        folder = version_folder(workspace, manifest.name, version)
        write_text_atomic(draft / MANIFEST, manifest.text())
        try:
            draft.rename(folder)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # another writer was first: take the next number
                continue
            raise
        with contextlib.suppress(OSError):  # in place already; not every file system can sync a folder
            sync_folder(folder.parent)
        return Written(folder, manifest, is_new=True)


@contextlib.contextmanager
def _draft_in(home: Path) -> Iterator[Path]:
    made_home = not home.exists()
    draft: Path | None = None
    try:
        home.mkdir(parents=True, exist_ok=True)
        _sweep(home)
        draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=home))
        draft.chmod(0o755)  # mkdtemp makes it private, and this folder becomes the version
        yield draft
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise EnvironmentProblem(
            f"The version could not be written in {home}: {reason}.", "Nothing was changed there."
        ) from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
        if made_home:
            with contextlib.suppress(OSError):  # only where nothing came of it is it empty
                home.rmdir()


def _sweep(home: Path) -> None:
    for entry in home.glob(f"{DRAFT}*"):
        with contextlib.suppress(OSError):
            if time.time() - entry.stat().st_mtime > DRAFT_AGE_S:
                shutil.rmtree(entry, ignore_errors=True)
