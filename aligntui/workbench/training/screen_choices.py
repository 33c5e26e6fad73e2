"""What a run can be made of here: presets, data with their counts, models, settings. Pinned in tests/workbench/test_training_desk.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aligntui.config.paths import Workspace, bundled
from aligntui.config.training import KEYS, presets
from aligntui.core.errors import AligntuiError
from aligntui.data.dataset_versions import data_sets, find_version, load_manifest
from aligntui.store import open_store
from aligntui.workbench.training.sources import PAIRS

BUNDLED = ("opposed-demo", "four-laws")
"""Bundled data sets that can be trained on."""


@dataclass(frozen=True)
class Choice:
    """One value of a line of the form."""

    value: str
    about: str = ""
    problem: bool = False
    """Whether it cannot be taken now."""


@dataclass(frozen=True)
class Choices:
    """What can be chosen for each line; other values can be typed."""

    presets: tuple[Choice, ...]
    data: tuple[Choice, ...]
    models: tuple[Choice, ...]
    settings: tuple[Choice, ...]
    taken: frozenset[str]
    """Names of adapters that are there."""

    def free_name(self, preset: str) -> str:
        """A name that no adapter has: that of the preset, with a number where it is taken."""
        begin = Path(preset).stem or "run"
        number, name = 1, begin
        while name in self.taken:
            number += 1
            name = f"{begin}-{number}"
        return name


def choices_of(workspace: Workspace) -> Choices:
    """What there is in a workspace now."""
    known = tuple(Choice(preset.name, preset.about) for preset in presets())
    try:
        taken = frozenset(entry.name for entry in workspace.adapters.iterdir())
    except OSError:
        taken = frozenset()
    models = (Choice("", "the preset's own"), Choice("embedded", "SmolLM2-135M-Instruct, comes with aligntui"))
    settings = tuple(Choice(key, _kind(hint)) for key, hint in KEYS.items())
    return Choices(known, tuple(_data(workspace)), models, settings, taken)


def _data(workspace: Workspace) -> list[Choice]:
    found = [_pairs(workspace)]
    for name in data_sets(workspace):
        try:
            manifest = load_manifest(find_version(workspace, name))
        except AligntuiError as error:
            found.append(Choice(name, str(error), problem=True))
            continue
        counts = manifest.counts
        found.append(
            Choice(
                f"{name}@{manifest.version}",
                f"data set: {counts.train:,} to train on, {counts.validation:,} held out",
            )
        )
    for name in BUNDLED:
        folder = bundled("datasets", name)
        train = folder / "train.jsonl"
        parts = [train] if train.is_file() else sorted(folder.glob("part-*.jsonl"))
        if parts:
            found.append(Choice(name, f"bundled: {sum(map(_lines, parts)):,} records"))
    return found


def _pairs(workspace: Workspace) -> Choice:
    if not workspace.database.exists():
        return Choice(PAIRS, "no pair was judged in this workspace yet", problem=True)
    try:
        with open_store(workspace.database) as store:
            count = store.count_pairs()
    except AligntuiError as error:
        return Choice(PAIRS, str(error), problem=True)
    return Choice(PAIRS, f"{count:,} judged in this workspace", problem=not count)


def _lines(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except OSError:
        return 0


def _kind(hint: object) -> str:
    name = getattr(hint, "__name__", str(hint))
    return {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}.get(name, "")
