"""The report of one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aligntui.data.lint.finding import Finding, Severity, Waiver, apply_waivers
from aligntui.data.lint.rule import Coverage

REPORT_VERSION = 1
"""Of the JSON form; a change that a reader could stumble over raises it."""

_ORDER = {severity: place for place, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Report:
    """What lint found, what it could not check, and the figures."""

    pairs: int
    """Records seen."""
    findings: tuple[Finding, ...]
    """The worst first, then in the order of the rules and of the pairs."""
    coverage: Mapping[str, Coverage]
    """By rule, in the order of the rules; a rule that did not run is not in it."""
    statistics: Mapping[str, Mapping[str, Any]]
    """Figures by rule, JSON values."""

    @property
    def counts(self) -> dict[str, int]:
        """Findings by rule; 0 for a rule that ran and found none."""
        counted = Counter(finding.rule for finding in self.findings)
        return {rule: counted[rule] for rule in self.coverage}

    @property
    def counts_by_subject(self) -> dict[str, dict[str, int]]:
        """Findings by rule and subject, for rules that have subjects."""
        counted: dict[str, Counter[str]] = {}
        for finding in self.findings:
            if finding.subject:
                counted.setdefault(finding.rule, Counter())[finding.subject] += 1
        return {rule: dict(sorted(subjects.items())) for rule, subjects in sorted(counted.items())}

    @property
    def unchecked(self) -> dict[str, str]:
        """Rules that could check no pair although there were some, with the commonest reason."""
        return {
            rule: coverage.not_checked.most_common(1)[0][0]
            for rule, coverage in self.coverage.items()
            if not coverage.checked and coverage.not_checked
        }

    def of(self, pair_id: str) -> list[Finding]:
        """Findings that name a pair."""
        return [finding for finding in self.findings if pair_id in finding.pair_ids]

    def as_dict(self, waivers: Sequence[Waiver] = ()) -> dict[str, Any]:
        """As a JSON object.

        Args:
            waivers: findings that they cover stand under `waived`, each with its waiver, and not under `findings`.
        """
        parted = apply_waivers(self.findings, waivers)
        return {
            "version": REPORT_VERSION,
            "pairs": self.pairs,
            "counts": self.counts,
            "counts_by_subject": self.counts_by_subject,
            "severities": {severity.value: sum(f.severity is severity for f in parted.open) for severity in Severity},
            "unchecked": self.unchecked,
            "coverage": {rule: coverage.as_dict() for rule, coverage in self.coverage.items()},
            "statistics": {rule: dict(figures) for rule, figures in self.statistics.items() if figures},
            "findings": [finding.as_dict() for finding in parted.open],
            "waived": [finding.as_dict() | {"waiver": waiver.as_dict()} for finding, waiver in parted.waived],
            "stale_waivers": [waiver.as_dict() for waiver in parted.stale],
        }


def by_weight(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The worst first; what weighs the same keeps its order."""
    return tuple(sorted(findings, key=lambda finding: _ORDER[finding.severity]))
