"""The manifest of a version: what is in it, where it came from, and the hashes by which that can be checked."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.data.dataset_versions.folders import MANIFEST, TRAIN, VALIDATION
from aligntui.data.dataset_versions.split import SplitRule
from aligntui.data.pair_layouts import LAYOUTS

FORMAT = 1
"""Of the manifest; a larger one is of a later aligntui."""
MAX_BYTES = 16 << 20
"""Largest manifest that is read."""
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class FileEntry:
    """One file of a version."""

    sha256: str
    records: int
    size_bytes: int


@dataclass(frozen=True)
class Counts:
    """Records by what they are."""

    records: int
    train: int
    validation: int
    prompts: int
    """Distinct prompts, as the split groups them."""
    validation_prompts: int
    pairs: int
    examples: int
    """Records without a rejected side."""
    duplicates: int
    """Records beyond the first of each content."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Records that the layout cannot hold, by reason."""
    instructions: dict[str, int] = field(default_factory=dict)
    """The most frequent instructions, one line each, with their records; the empty text stands for none."""
    tags: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """Everything that is known of a version."""

    name: str
    version: int
    parent: int | None
    """Version that it goes on from; None for the first."""
    parent_content_sha256: str | None
    created_at: str
    """ISO 8601, UTC."""
    tool_version: str
    """Of the aligntui that wrote it."""
    layout: str
    system_slot: bool
    """Whether the layout took it that the chat template has a system slot."""
    split: SplitRule
    counts: Counts
    files: dict[str, FileEntry]
    content_sha256: str
    """SHA-256 over the sorted fingerprints of all records, one a line: the same records give the same one."""
    ids_sha256: str
    """SHA-256 over the sorted ids of all records, one a line; the ids themselves are in the index."""
    filters: dict[str, Any] = field(default_factory=dict)
    """What was left out before, as the caller said it."""
    origin: dict[str, Any] = field(default_factory=dict)
    """Where the records came from, as the caller said it."""
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready mapping, as it stands in the file."""
        return {"format": FORMAT, "tool": "aligntui", **asdict(self)}

    def text(self) -> str:
        """The file."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def load_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of a version.

    Args:
        folder: of the version.

    Raises:
        UserError: there is none, it is damaged, or a later aligntui wrote it.
        EnvironmentProblem: it cannot be read.
    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
        record = json.loads(path.read_bytes())
        if not isinstance(record, dict):
            raise ValueError("it is no JSON object")
        return _manifest(record)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{folder} is no version of a data set: it has no {MANIFEST}.") from None
    except OSError as error:
        raise EnvironmentProblem(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    except (ValueError, RecursionError) as error:
        damaged = isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError)
        reason = "it is not JSON" if damaged else str(error)
        raise UserError(
            f"The manifest {path} cannot be read: {reason}.", "Restore it, or build a new version."
        ) from error


def _manifest(record: dict[str, Any]) -> Manifest:
    if record.get("format") != FORMAT:
        found = record.get("format")
        later = isinstance(found, int) and found > FORMAT
        raise ValueError("a later aligntui wrote it" if later else f"its format is {found!r}, not {FORMAT}")
    counts, split = _taken(record, "counts", dict), _taken(record, "split", dict)
    files = {name: _file(name, entry) for name, entry in _taken(record, "files", dict).items()}
    if TRAIN not in files or any(Path(name).name != name for name in files):
        raise ValueError("its files are not those of a version")
    made = Manifest(
        name=_taken(record, "name", str),
        version=_number(record, "version", 1),
        parent=None if record.get("parent") is None else _number(record, "parent", 1),
        parent_content_sha256=None if record.get("parent") is None else _hash(record, "parent_content_sha256"),
        created_at=_taken(record, "created_at", str),
        tool_version=_taken(record, "tool_version", str),
        layout=_taken(record, "layout", str),
        system_slot=_taken(record, "system_slot", bool),
        split=_split(split),
        counts=Counts(
            records=_number(counts, "records"),
            train=_number(counts, "train"),
            validation=_number(counts, "validation"),
            prompts=_number(counts, "prompts"),
            validation_prompts=_number(counts, "validation_prompts"),
            pairs=_number(counts, "pairs"),
            examples=_number(counts, "examples"),
            duplicates=_number(counts, "duplicates"),
            left_out=_numbers(counts, "left_out"),
            instructions=_numbers(counts, "instructions"),
            tags=_numbers(counts, "tags"),
        ),
        files=files,
        content_sha256=_hash(record, "content_sha256"),
        ids_sha256=_hash(record, "ids_sha256"),
        filters=_taken(record, "filters", dict),
        origin=_taken(record, "origin", dict),
        note=_taken(record, "note", str),
    )
    _check_sums(made)
    return made


def _check_sums(manifest: Manifest) -> None:
    counts, files = manifest.counts, manifest.files
    validation = files[VALIDATION].records if VALIDATION in files else 0
    agree = (files[TRAIN].records, validation) == (counts.train, counts.validation)
    if (
        not agree
        or counts.train + counts.validation != counts.records
        or counts.pairs + counts.examples != counts.records
    ):
        raise ValueError("its counts contradict each other")
    if manifest.layout not in LAYOUTS:
        raise ValueError(f"its layout is {manifest.layout[:40]!r}, not {', '.join(LAYOUTS)}")
    if manifest.parent is not None and manifest.parent >= manifest.version:
        raise ValueError(f"its parent v{manifest.parent} is no earlier version than v{manifest.version}")


def _taken(record: Mapping[str, Any], key: str, kind: type) -> Any:
    value = record.get(key)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise ValueError(f"{key!r} is missing or of the wrong type")
    return value


def _number(record: Mapping[str, Any], key: str, least: int | None = 0) -> int:
    value = _taken(record, key, int)
    if least is not None and value < least:
        raise ValueError(f"{key!r} is {value}")
    return value


def _numbers(record: Mapping[str, Any], key: str) -> dict[str, int]:
    found = _taken(record, key, dict)
    return {str(name): _number(found, name) for name in found}


def _split(record: Mapping[str, Any]) -> SplitRule:
    value = record.get("validation_share")
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or not 0 <= value < 1:
        raise ValueError("'validation_share' is no share")
    if record.get("by") != "prompt":
        raise ValueError("it was not split by prompt")
    return SplitRule(float(value), _number(record, "seed", None))


def _hash(record: Mapping[str, Any], key: str) -> str:
    value = _taken(record, key, str)
    if not _SHA256.fullmatch(value):
        raise ValueError(f"{key!r} is no SHA-256")
    return value


def _file(name: str, entry: Any) -> FileEntry:
    if not isinstance(entry, dict):
        raise ValueError(f"the entry of {name[:80]!r} is no object")
    return FileEntry(_hash(entry, "sha256"), _number(entry, "records"), _number(entry, "size_bytes"))
