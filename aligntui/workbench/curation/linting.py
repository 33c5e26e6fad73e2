"""Lint over the pairs of a workspace: findings, waivers with reasons, and fixes that can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aligntui.core.turn import Finish
from aligntui.data.lint import (
    Finding,
    LintOptions,
    LintRecord,
    Report,
    Waived,
    Waiver,
    apply_waivers,
    lint,
    plan_fixes,
)
from aligntui.data.token_count import TokenCounter

if TYPE_CHECKING:
    from aligntui import store as db


@dataclass(frozen=True)
class LintRun:
    """What one run of lint found."""

    report: Report
    parted: Waived
    waivers: tuple[Waiver, ...]

    @property
    def open(self) -> tuple[Finding, ...]:
        """Findings that nobody waived."""
        return self.parted.open

    def as_dict(self) -> dict[str, object]:
        """Plain JSON-ready mapping."""
        return self.report.as_dict(self.waivers)


def lint_pairs(
    store: db.Store,
    filter: db.PairFilter | None = None,
    options: LintOptions | None = None,
    *,
    suites: Mapping[str, Iterable[str]] | None = None,
    counter: TokenCounter | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> LintRun:
    """Look for defects in the pairs under a filter.

    Args:
        store: of the workspace.
        filter: which pairs; None takes all that count.
        options: rules and thresholds.
        suites: prompts of evaluation suites by name.
        counter: the tokenizer to be trained with, for truncation; None leaves that rule to stored counts.
        on_progress: told now and then how many pairs were read. What it raises ends the run.

    Raises:
        UserError: the options name something that does not exist.
        StoreError: the database cannot be read.
    """
    from aligntui.store import PairFilter

    records = map(lint_record, store.curated_records(filter or PairFilter()))
    tokenize = counter.ids if counter else None
    report = lint(records, options, suites=suites, tokenize=tokenize, progress=on_progress)
    waivers = tuple(
        Waiver(one.rule, one.key, one.reason, one.annotator, one.created_at, one.subject)
        for one in store.list_waivers()
    )
    return LintRun(report, apply_waivers(report.findings, waivers), waivers)


def lint_record(record: db.CuratedRecord) -> LintRecord:
    """A pair of the database as lint takes it."""
    return LintRecord(
        id=record.id,
        prompt=record.prompt,
        chosen=record.chosen,
        rejected=record.rejected,
        instruction=record.instruction,
        instruction_label=record.instruction_label,
        mode=record.mode,
        verdict=record.verdict,
        annotator=record.annotator,
        chosen_finish=record.chosen_finish.value,
        rejected_finish=(record.rejected_finish or Finish.IMPORTED).value,
        prompt_tokens=record.prompt_tokens,
        chosen_tokens=record.chosen_tokens,
        rejected_tokens=record.rejected_tokens,
    )


def waive(store: db.Store, finding: Finding, reason: str, annotator: str) -> db.StoredWaiver:
    """Let a finding stand, with a reason.

    Raises:
        UserError: the reason is blank, or the finding is waived already.
        StoreError: it could not be written.
    """
    return store.add_waiver(finding.rule, finding.key, reason, annotator, subject=finding.subject)


def fix(store: db.Store, findings: Iterable[Finding], annotator: str) -> list[str]:
    """Apply the proposed fixes of some findings: pairs are deleted, never erased.

    Returns:
        Ids of the pairs that were deleted, for `Store.restore_pairs`.

    Raises:
        StoreError: it could not be written.
    """
    return store.undo_pairs(plan_fixes(findings).leave_out, annotator)


def by_rule(findings: Iterable[Finding]) -> Iterator[tuple[str, list[Finding]]]:
    """Findings of each rule, in the order of the first."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.rule, []).append(finding)
    return iter(groups.items())
