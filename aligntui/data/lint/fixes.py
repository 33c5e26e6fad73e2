"""From findings to the pairs that are left out or exchanged; nothing is changed here, callers preview and apply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from aligntui.data.lint.finding import Finding, Fix
from aligntui.data.lint.record import LintRecord


@dataclass(frozen=True, slots=True)
class FixPlan:
    """What applying fixes would do."""

    leave_out: Mapping[str, tuple[str, ...]]
    """Pairs to leave out, each with the keys of the findings that ask for it."""
    swap: Mapping[str, tuple[str, ...]]
    """Pairs to exchange, likewise; none of them is also left out."""
    unfixed: tuple[Finding, ...]
    """Findings that no machine can do anything about."""

    def apply(self, records: Iterable[LintRecord]) -> Iterator[LintRecord]:
        """The records as they would be."""
        for record in records:
            if record.id not in self.leave_out:
                yield record.swapped() if record.id in self.swap else record


def plan_fixes(findings: Iterable[Finding], choices: Mapping[str, Fix] | None = None) -> FixPlan:
    """Work out what the fixes of some findings come to together.

    Leaving out goes before exchanging. Where the first pairs of a group are left out for another reason, the next one
    is kept in their place, so that no group vanishes. Two findings that exchange the same pair exchange it once.

    Args:
        findings: those to fix; waived ones are best left away.
        choices: fix by key of a finding, where it is to differ from the proposed one.
    """
    choices = choices or {}
    leave_out: dict[str, list[str]] = {}
    swap: dict[str, list[str]] = {}
    groups: list[tuple[Finding, str]] = []
    unfixed: list[Finding] = []
    for finding in findings:
        key = finding.key
        match choices.get(key, finding.fix):
            case Fix.DROP:
                for one in _all_of(finding):
                    leave_out.setdefault(one, []).append(key)
            case Fix.SWAP:
                for one in _all_of(finding):
                    swap.setdefault(one, []).append(key)
            case Fix.DROP_ALL_BUT_FIRST:
                groups.append((finding, key))
            case Fix.NONE:
                unfixed.append(finding)
    for finding, key in groups:
        targets = list(finding.targets or finding.pair_ids[1:])
        is_target = set(targets)
        kept = [one for one in finding.pair_ids if one not in is_target and one not in leave_out]
        stand_in = None if kept else next((one for one in targets if one not in leave_out), None)
        for one in targets:
            if one != stand_in:
                leave_out.setdefault(one, []).append(key)
    return FixPlan(
        {one: tuple(keys) for one, keys in leave_out.items()},
        {one: tuple(keys) for one, keys in swap.items() if one not in leave_out},
        tuple(unfixed),
    )


def _all_of(finding: Finding) -> tuple[str, ...]:
    return finding.targets or finding.pair_ids
