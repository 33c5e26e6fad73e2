"""What changed between two sets of switch cases: prompts, instructions, what answers are expected to be like, and the cases.

Pinned in tests/data/test_switch_case_diff.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aligntui.core.printable import one_line
from aligntui.data.switch_cases import SwitchDataSet

SHOWN = 100
"""Cells of a text in the lines."""


@dataclass(frozen=True)
class Change:
    """One thing that both sets have under one name, with another text."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Part:
    """Things of one kind: prompts by id, instructions by label, characteristics by type."""

    what: str
    added: tuple[tuple[str, str], ...]
    """Name and text."""
    removed: tuple[tuple[str, str], ...]
    changed: tuple[Change, ...]

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True)
class CaseDiff:
    """The way from an earlier set of cases to a later one."""

    earlier: str
    later: str
    parts: tuple[Part, ...]
    cases: tuple[int, int, int]
    """Cases only in the later one, only in the earlier one, and in both under the same texts."""

    @property
    def is_empty(self) -> bool:
        """Whether both ask the same."""
        return not any(self.parts) and not any(self.cases[:2])

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready mapping, with everything that differs."""
        added, removed, same = self.cases
        return {
            "earlier": self.earlier,
            "later": self.later,
            "cases": {"added": added, "removed": removed, "unchanged": same},
            **{
                part.what: {
                    "added": dict(part.added),
                    "removed": dict(part.removed),
                    "changed": {one.name: [one.before, one.after] for one in part.changed},
                }
                for part in self.parts
            },
        }

    def lines(self, examples: int) -> list[str]:
        """The diff to read, safe to print.

        Args:
            examples: of each kind to show.
        """
        added, removed, same = self.cases
        lines = [
            f"{self.earlier} -> {self.later}",
            f"cases: {added:,} added, {removed:,} removed, {same:,} in both under the same texts",
        ]
        if self.is_empty:
            return [*lines, "Both ask the same."]
        for part in self.parts:
            lines += _lines(part, examples)
        return lines


def compare_cases(earlier: SwitchDataSet, later: SwitchDataSet) -> CaseDiff:
    """Compare two sets of cases. A case is the same where prompt and instruction have the same names and texts."""
    old, new = _texts(earlier), _texts(later)
    return CaseDiff(
        earlier.name,
        later.name,
        (
            _part("prompts", *({one.id: one.text for one in found.prompts} for found in (earlier, later))),
            _part("instructions", *({case.wording.label: case.wording.text for case in found.cases} for found in (earlier, later))),
            _part("characteristics", *({name: " ".join(texts) for name, texts in found.characteristics.items()} for found in (earlier, later))),
        ),
        (len(new - old), len(old - new), len(old & new)),
    )  # fmt: skip


def _texts(found: SwitchDataSet) -> set[tuple[str, str, str]]:
    return {(case.id, case.prompt.text, case.wording.text) for case in found.cases}


def _part(what: str, old: Mapping[str, str], new: Mapping[str, str]) -> Part:
    return Part(
        what,
        tuple((name, text) for name, text in new.items() if name not in old),
        tuple((name, text) for name, text in old.items() if name not in new),
        tuple(Change(name, old[name], text) for name, text in new.items() if name in old and old[name] != text),
    )


def _lines(part: Part, examples: int) -> Iterator[str]:
    for name, found, mark in (("added", part.added, "+"), ("removed", part.removed, "-")):
        if found:
            yield f"{part.what} {name} ({_some(found, examples)}):"
            yield from (f"  {mark} {one_line(key, 40)}: {one_line(text, SHOWN)}" for key, text in found[:examples])
    if part.changed:
        yield f"{part.what} changed ({_some(part.changed, examples)}):"
        for one in part.changed[:examples]:
            yield f"  ~ {one_line(one.name, 40)}"
            yield f"    - {one_line(one.before, SHOWN)}"
            yield f"    + {one_line(one.after, SHOWN)}"


def _some(found: Sequence[object], examples: int) -> str:
    return f"{len(found):,}" if len(found) <= examples else f"first {examples} of {len(found):,}"
