"""Whether a version is still what its manifest says."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from pathlib import Path

from aligntui.core.errors import UserError
from aligntui.data.dataset_versions.folders import INDEX, TRAIN, VALIDATION
from aligntui.data.dataset_versions.index import read_index
from aligntui.data.dataset_versions.manifest import FileEntry, Manifest, load_manifest
from aligntui.data.dataset_versions.writing import hash_of_lines


def verify(folder: Path) -> list[str]:
    """Hash the files of a version and count their records.

    Returns:
        What does not hold, a sentence each; empty when all does.

    Raises:
        UserError: the folder is no version, or its manifest is damaged.
        EnvironmentProblem: a file cannot be read.
    """
    manifest = load_manifest(folder)
    problems: list[str] = []
    if folder.name != f"v{manifest.version}" or folder.parent.name != manifest.name:
        problems.append(f"The manifest in {folder} is that of {manifest.name} v{manifest.version}.")
    for name in (TRAIN, INDEX, *([VALIDATION] if manifest.counts.validation else [])):
        entry = manifest.files.get(name)
        problems += [f"The manifest does not name {name}."] if entry is None else _of_file(folder / name, entry)
    if not manifest.counts.validation and (folder / VALIDATION).exists():
        problems.append(f"{folder / VALIDATION} is not of this version.")
    if problems:
        return problems
    return _of_index(folder, manifest)


def _of_file(path: Path, entry: FileEntry) -> list[str]:
    if not path.is_file():
        return [f"{path} is missing."]
    digest, count = hashlib.sha256(), 0
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
                count += chunk.count(b"\n")
    except OSError as error:
        return [f"{path} cannot be read: {(error.strerror or str(error)).lower()}."]
    if digest.hexdigest() == entry.sha256:
        return []
    return [f"{path} was changed: it has {count} records where {entry.records} were written, and another hash."]


def _of_index(folder: Path, manifest: Manifest) -> list[str]:
    """What the index contradicts although its own hash holds: a manifest that was edited."""
    fingerprints, ids = [], []
    sides: Counter[str] = Counter()
    groups: dict[str, set[str]] = defaultdict(set)
    try:
        for line in read_index(folder):
            fingerprints.append(line.fingerprint)
            ids += [line.id] if line.id else []
            sides[line.split] += 1
            groups[line.group].add(line.split)
    except UserError as error:
        return [error.message]
    counts, problems = manifest.counts, []
    if (sides["train"], sides["validation"]) != (counts.train, counts.validation):
        problems.append(
            f"{folder / INDEX} has {sides['train']} records to train on and {sides['validation']} to validate."
        )
    if hash_of_lines(fingerprints) != manifest.content_sha256 or hash_of_lines(ids) != manifest.ids_sha256:
        problems.append(f"{folder / INDEX} lists other records than the manifest.")
    both = sum(len(names) > 1 for names in groups.values())
    if both:
        problems.append(f"{both} prompts stand in {TRAIN} and in {VALIDATION}.")
    return problems
