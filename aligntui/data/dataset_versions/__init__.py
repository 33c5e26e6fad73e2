"""Data sets of a workspace in versions that are never changed: `datasets/NAME/vN/`.

A version is `train.jsonl`, `validation.jsonl`, `index.jsonl` and `manifest.json`. It is written whole or not at all,
split by prompt, and names its parent; two versions can be compared, and each can be checked against its hashes.
"""

from __future__ import annotations

from aligntui.data.dataset_versions.comparing import VersionDiff, compare
from aligntui.data.dataset_versions.folders import (
    INDEX,
    MANIFEST,
    TRAIN,
    VALIDATION,
    data_sets,
    find_version,
    version_folder,
    versions_of,
)
from aligntui.data.dataset_versions.index import IndexLine, read_index
from aligntui.data.dataset_versions.manifest import Counts, FileEntry, Manifest, load_manifest
from aligntui.data.dataset_versions.split import SplitRule, prompt_group, validation_groups
from aligntui.data.dataset_versions.verifying import verify
from aligntui.data.dataset_versions.writing import VersionItem, VersionWish, Written, write_version

__all__ = [
    "INDEX",
    "MANIFEST",
    "TRAIN",
    "VALIDATION",
    "Counts",
    "FileEntry",
    "IndexLine",
    "Manifest",
    "SplitRule",
    "VersionDiff",
    "VersionItem",
    "VersionWish",
    "Written",
    "compare",
    "data_sets",
    "find_version",
    "load_manifest",
    "prompt_group",
    "read_index",
    "validation_groups",
    "verify",
    "version_folder",
    "versions_of",
    "write_version",
]
