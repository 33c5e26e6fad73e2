"""A run of lint to read: findings under their rule, then what could not be checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from aligntui.cli.output import counted
from aligntui.core.printable import one_line

if TYPE_CHECKING:
    from aligntui.data.lint import Coverage, Finding
    from aligntui.store import StoredWaiver
    from aligntui.workbench.curation.linting import LintRun

KEY_CHARS = 13
"""Of a finding's key: `b2:` and ten digits, which tell a million findings apart."""
IDS_SHOWN = 3
_MESSAGE_CHARS = 200


def report_lines(run: LintRun, min_severity: str, show: int) -> list[str]:
    """The report.

    Args:
        run: what was found.
        min_severity: leave out what weighs less.
        show: findings of each rule to write out.
    """
    from aligntui.data.lint import Severity
    from aligntui.workbench.curation.linting import by_rule

    findings = run.at_least(Severity(min_severity))
    lines: list[str] = []
    for rule, found in by_rule(findings).items():
        lines += [*_rule_lines(rule, found, show), ""]
    clean = [rule for rule, cover in run.report.coverage.items() if not run.report.counts[rule] and cover.checked]
    if clean:
        lines.append(f"no finding: {', '.join(clean)}")
    lines += _coverage_lines(run.report.coverage)
    if run.parted.waived:
        by = Counter(finding.rule for finding, _ in run.parted.waived)
        lines.append(f"waived: {', '.join(f'{count} {rule}' for rule, count in by.items())}; --waivers lists them")
    if run.parted.stale:
        lines.append(f"{counted(len(run.parted.stale), 'waiver')} without a finding any more: texts or pairs changed")
    return [*lines, _sum(run, findings)]


def waiver_rows(waivers: Iterable[StoredWaiver]) -> list[tuple[object, ...]]:
    """Waivers as rows of a table."""
    return [
        (
            one.id,
            one.rule,
            one_line(one.subject, 40),
            "all" if one.key == "*" else one.key[:KEY_CHARS],
            one.annotator,
            one.created_at[:16].replace("T", " "),
            one_line(one.reason),
        )
        for one in waivers
    ]


def _rule_lines(rule: str, found: Sequence[Finding], show: int) -> list[str]:
    severities = Counter(finding.severity.value for finding in found)
    pairs = len({pair_id for finding in found for pair_id in finding.pair_ids})
    weighed = ", ".join(f"{count} {severity}" for severity, count in severities.items())
    lines = [f"{rule}: {counted(len(found), 'finding')} ({weighed}) in {counted(pairs, 'pair')}"]
    subjects = Counter(finding.subject for finding in found if finding.subject)
    if len(subjects) > 1 or (subjects and len(found) > 1):
        named = [f"{one_line(subject, 60)} {count}" for subject, count in subjects.most_common(20)]
        more = f", and {len(subjects) - 20} more" if len(subjects) > 20 else ""
        lines.append(f"  by subject: {', '.join(named)}{more}")
    lines += [_finding_line(finding) for finding in found[:show]]
    if len(found) > show:
        lines.append(f"  ... and {len(found) - show} more; --show {len(found)} shows all")
    return lines


def _finding_line(finding: Finding) -> str:
    ids = finding.pair_ids
    named = ", ".join(ids[:IDS_SHOWN]) + (f" and {len(ids) - IDS_SHOWN} more" if len(ids) > IDS_SHOWN else "")
    where = f" [{named}]" if ids else ""
    does = f" {{{finding.fix.value}}}" if finding.affected else ""
    return f"  {finding.key[:KEY_CHARS]}  {one_line(finding.message, _MESSAGE_CHARS)}{where}{does}"


def _coverage_lines(coverage: Mapping[str, Coverage]) -> list[str]:
    """Rules that left pairs out, and why: what could not be checked has not passed."""
    lines: list[str] = []
    for rule, cover in coverage.items():
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in cover.not_checked.most_common())
        if reasons:
            lines.append(f"not checked by {rule}: {reasons} ({cover.checked:,} checked)")
        lines += [f"{rule}: {one_line(note)}" for note in cover.notes]
    return lines


def _sum(run: LintRun, findings: Sequence[Finding]) -> str:
    severities = Counter(finding.severity.value for finding in findings)
    weighed = ", ".join(f"{count} {severity}" for severity, count in severities.items())
    hidden = len(run.open) - len(findings)
    return (
        f"{counted(run.report.pairs, 'pair')}, {counted(len(run.report.coverage), 'rule')}: "
        f"{counted(len(findings), 'open finding')}{f' ({weighed})' if weighed else ''}"
        f"{f'; {hidden} below the severity asked for' if hidden else ''}"
    )
