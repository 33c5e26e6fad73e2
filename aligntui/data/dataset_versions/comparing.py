"""What changed between two versions, as counts, examples and lines to read."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aligntui.core.printable import one_line
from aligntui.data.dataset_versions.index import IndexLine, read_index
from aligntui.data.dataset_versions.manifest import Manifest, load_manifest

EXAMPLES = 3
"""Records of each kind that the lines show."""
SHOWN_COUNTS = 12
"""Instructions and tags that the lines show, those with the largest change first."""


@dataclass(frozen=True)
class VersionDiff:
    """The way from an earlier version to a later one. Records are the same when their fingerprints are."""

    earlier: Manifest
    later: Manifest
    added: tuple[IndexLine, ...]
    """Only in the later one."""
    removed: tuple[IndexLine, ...]
    """Only in the earlier one."""
    changed: tuple[tuple[IndexLine, IndexLine], ...]
    """The same instruction and prompt with another answer on either side: before and after."""
    moved: tuple[tuple[IndexLine, IndexLine], ...]
    """The same record on the other side of the split: before and after."""
    unchanged: int
    """Records in both, moved ones among them."""
    instructions: dict[str, tuple[int, int]]
    """Instruction, empty for none, to its records before and after; only where these differ."""
    tags: dict[str, tuple[int, int]]
    """Tag to its records before and after; only where these differ."""

    @property
    def is_empty(self) -> bool:
        """Whether both hold the same records on the same sides."""
        return not (self.added or self.removed or self.changed or self.moved)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready mapping, with every record that differs."""
        return {
            "earlier": _named(self.earlier),
            "later": _named(self.later),
            "counts": {
                "added": len(self.added),
                "removed": len(self.removed),
                "changed": len(self.changed),
                "moved": len(self.moved),
                "unchanged": self.unchanged,
            },
            "settings": {name: list(both) for name, both in _settings(self.earlier, self.later).items()},
            "instructions": {name: list(both) for name, both in self.instructions.items()},
            "tags": {name: list(both) for name, both in self.tags.items()},
            "added": [asdict(line) for line in self.added],
            "removed": [asdict(line) for line in self.removed],
            "changed": [{"before": asdict(old), "after": asdict(new)} for old, new in self.changed],
            "moved": [{"before": asdict(old), "after": asdict(new)} for old, new in self.moved],
        }

    def lines(self, examples: int = EXAMPLES) -> list[str]:
        """The diff to read, safe to print.

        Args:
            examples: records of each kind to show.
        """
        lines = [
            f"{_title(self.earlier)} -> {_title(self.later)}",
            f"{len(self.added)} added, {len(self.removed)} removed, {len(self.changed)} changed, "
            f"{len(self.moved)} moved between train and validation, {self.unchanged} in both",
        ]
        lines += [
            f"{name}: {_setting(old)} -> {_setting(new)}" for name, (old, new) in self._settings_and_sizes().items()
        ]
        lines += _count_lines("instruction", self.instructions)
        lines += _count_lines("tag", self.tags)
        lines += _example_lines("added", "+", self.added, examples)
        lines += _example_lines("removed", "-", self.removed, examples)
        if self.changed:
            lines.append(_heading("changed", len(self.changed), examples))
            for old, new in self.changed[:examples]:
                lines += [f"  ~ {_asked(new)}", f"    - {_answers(old)}", f"    + {_answers(new)}"]
        if self.moved:
            lines.append(_heading("moved", len(self.moved), examples))
            lines += [f"  > {_asked(new)}: {old.split} -> {new.split}" for old, new in self.moved[:examples]]
        return lines

    def _settings_and_sizes(self) -> dict[str, tuple[Any, Any]]:
        old, new = self.earlier.counts, self.later.counts
        sizes = {name: (getattr(old, name), getattr(new, name)) for name in ("records", "train", "validation")}
        return {**sizes, **_settings(self.earlier, self.later)}


def compare(earlier: Path, later: Path) -> VersionDiff:
    """Compare two versions, of one data set or of two.

    Args:
        earlier: folder of the one.
        later: folder of the other.

    Raises:
        UserError: a folder is no version, or its manifest or index is damaged.
        EnvironmentProblem: one cannot be read.
    """
    manifests = load_manifest(earlier), load_manifest(later)
    old, new = _by_fingerprint(earlier), _by_fingerprint(later)
    removed, added, moved, unchanged = [], [], [], 0
    for fingerprint in {**old, **new}:
        before, after = old.get(fingerprint, []), new.get(fingerprint, [])
        both = min(len(before), len(after))
        unchanged += both
        moved += [(one, other) for one, other in zip(before, after, strict=False) if one.split != other.split]
        removed += before[both:]
        added += after[both:]
    changed, removed, added = _changed(removed, added)
    return VersionDiff(
        *manifests,
        tuple(added),
        tuple(removed),
        tuple(changed),
        tuple(moved),
        unchanged,
        _differing(*(Counter(line.instruction for line in _all(lines)) for lines in (old, new))),
        _differing(*(Counter(tag for line in _all(lines) for tag in line.tags) for lines in (old, new))),
    )


_Lines = dict[str, list[IndexLine]]


def _by_fingerprint(folder: Path) -> _Lines:
    found: _Lines = defaultdict(list)
    for line in read_index(folder):
        found[line.fingerprint].append(line)
    return found


def _all(lines: _Lines) -> list[IndexLine]:
    return [line for same in lines.values() for line in same]


def _changed(
    removed: list[IndexLine], added: list[IndexLine]
) -> tuple[list[tuple[IndexLine, IndexLine]], list[IndexLine], list[IndexLine]]:
    """Pair removed and added records that answer the same question, in order, and return the rest of both."""
    waiting: _Lines = defaultdict(list)
    for line in removed:
        waiting[line.key].append(line)
    changed: list[tuple[IndexLine, IndexLine]] = []
    new: list[IndexLine] = []
    for line in added:
        if waiting.get(line.key):
            changed.append((waiting[line.key].pop(0), line))
        else:
            new.append(line)
    return changed, _all(waiting), new


def _differing(old: Counter[str], new: Counter[str]) -> dict[str, tuple[int, int]]:
    both = {name: (old[name], new[name]) for name in sorted({*old, *new}) if old[name] != new[name]}
    return dict(sorted(both.items(), key=lambda item: -abs(item[1][1] - item[1][0])))


def _settings(old: Manifest, new: Manifest) -> dict[str, tuple[Any, Any]]:
    """Settings of the two versions that differ."""
    values = {
        "layout": (old.layout, new.layout),
        "system slot": (old.system_slot, new.system_slot),
        "validation share": (old.split.validation_share, new.split.validation_share),
        "seed": (old.split.seed, new.split.seed),
        "left out": (old.counts.left_out, new.counts.left_out),
    }
    names = dict.fromkeys((*old.filters, *new.filters))
    values |= {f"filter {name}": (old.filters.get(name), new.filters.get(name)) for name in names}
    return {name: both for name, both in values.items() if both[0] != both[1]}


def _setting(value: Any) -> str:
    return "none" if value is None or value == {} else one_line(str(value), 120)


def _named(manifest: Manifest) -> dict[str, Any]:
    return {"name": manifest.name, "version": manifest.version, "content_sha256": manifest.content_sha256}


def _title(manifest: Manifest) -> str:
    return f"{manifest.name} v{manifest.version} ({manifest.created_at[:10]})"


def _count_lines(what: str, counts: dict[str, tuple[int, int]]) -> list[str]:
    if not counts:
        return []
    rows = [(one_line(name, 60) or "(none)", *both) for name, both in list(counts.items())[:SHOWN_COUNTS]]
    width = max(len(name) for name, *_ in rows)
    lines = [f"records by {what}:"]
    lines += [f"  {name:<{width}}  {old} -> {new} ({new - old:+d})" for name, old, new in rows]
    return [*lines, f"  and {len(counts) - len(rows)} more"] if len(counts) > len(rows) else lines


def _example_lines(what: str, mark: str, found: tuple[IndexLine, ...], examples: int) -> list[str]:
    if not found:
        return []
    shown = [f"  {mark} {_asked(line)}: {_answers(line)}" for line in found[:examples]]
    return [_heading(what, len(found), examples), *shown]


def _heading(what: str, count: int, examples: int) -> str:
    return f"{what} ({count}):" if count <= examples else f"{what} (first {examples} of {count}):"


def _asked(line: IndexLine) -> str:
    instruction = f"[{one_line(line.instruction, 40)}] " if line.instruction else ""
    return f"{instruction}{one_line(line.prompt, 60)}"


def _answers(line: IndexLine) -> str:
    rejected = "" if line.rejected is None else f" | not: {one_line(line.rejected, 60)}"
    return f"{one_line(line.chosen, 60)}{rejected}"
