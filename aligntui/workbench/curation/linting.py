"""Lint over the pairs of a workspace: findings, waivers with reasons, and fixes that can be taken back."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aligntui.core.errors import UserError
from aligntui.core.pair import Verdict
from aligntui.core.turn import Finish
from aligntui.data.lint import (
    ANY,
    RULES,
    Finding,
    FixPlan,
    LintOptions,
    LintRecord,
    Report,
    Severity,
    Waived,
    Waiver,
    apply_waivers,
    lint,
    plan_fixes,
    read_patterns,
)
from aligntui.data.token_count import TokenCounter
from aligntui.workbench.curation.settled import JUDGE
from aligntui.workbench.curation.suites import parse_suites

if TYPE_CHECKING:
    from aligntui import store as db

SHORTEST_KEY = 6
"""Characters of a finding's key, after `b2:`, below which its beginning is not taken for it."""


@dataclass(frozen=True)
class LintWish:
    """How closely to look."""

    options_file: Path | None = None
    """TOML with the tables of `LintOptions`."""
    rules: tuple[str, ...] = ()
    """Run these rules only; none given runs those of the options."""
    training_length: int | None = None
    """Tokens of prompt and answer together that training keeps."""
    patterns_file: Path | None = None
    """Patterns of the user's own, besides those of the options; see `data.lint.read_patterns`."""
    all_languages: bool = False
    """Look at the language of every pair, not of a sample."""
    suites: tuple[str, ...] = ()
    """Evaluation suites whose prompts must not be trained on, each as `NAME=FILE`."""

    def suite_prompts(self) -> dict[str, tuple[str, ...]]:
        """The prompts of the suites by name.

        Raises:
            UserError: one is no NAME=FILE, or its file cannot be read.
        """
        return parse_suites(self.suites)

    def options(self) -> LintOptions:
        """The options that follow.

        Raises:
            UserError: a file cannot be read, or names something that does not exist.
        """
        options = LintOptions.from_mapping(_toml(self.options_file) if self.options_file else {})
        if self.rules:
            options = replace(options, rules=self.rules)
        if self.training_length is not None:
            options = replace(options, truncation=replace(options.truncation, training_length=self.training_length))
        if self.patterns_file:
            own = (*options.contamination.own, *read_patterns(self.patterns_file))
            options = replace(options, contamination=replace(options.contamination, own=own))
        if self.all_languages:
            options = replace(options, languages=replace(options.languages, sample=0))
        return options


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

    def at_least(self, severity: Severity) -> tuple[Finding, ...]:
        """Open findings that weigh as much as `severity` or more."""
        weights = list(Severity)[: list(Severity).index(severity) + 1]
        return tuple(finding for finding in self.open if finding.severity in weights)

    def as_dict(self) -> dict[str, Any]:
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

    wanted = filter or PairFilter()
    # what a model judged is not trained on, and would look like pairs that were judged twice
    by_model = (wanted.annotator or "").startswith(JUDGE)
    curated = (one for one in store.curated_records(wanted) if by_model or not one.annotator.startswith(JUDGE))
    records = map(lint_record, curated)
    tokenize = counter.ids if counter else None
    report = lint(records, options, suites=suites, tokenize=tokenize, progress=on_progress)
    waivers = tuple(
        Waiver(one.rule, one.key, one.reason, one.annotator, one.created_at, one.subject)
        for one in store.list_waivers()
    )
    return LintRun(report, apply_waivers(report.findings, waivers), waivers)


def lint_record(record: db.CuratedRecord) -> LintRecord:
    """A pair of the database as lint takes it; an example is a decided one without a rejected side."""
    return LintRecord(
        id=record.id,
        prompt=record.prompt,
        chosen=record.chosen,
        rejected=record.rejected,
        instruction=record.instruction,
        instruction_label=record.instruction_label,
        mode=record.mode,
        verdict=Verdict.LEFT if record.verdict is Verdict.EXAMPLE else record.verdict,
        annotator=record.annotator,
        chosen_finish=record.chosen_finish.value,
        rejected_finish=(record.rejected_finish or Finish.IMPORTED).value,
        prompt_tokens=record.prompt_tokens,
        chosen_tokens=record.chosen_tokens,
        rejected_tokens=record.rejected_tokens,
    )


def waive(store: db.Store, run: LintRun, what: str, reason: str, annotator: str) -> db.StoredWaiver:
    """Let a finding stand, or all of a rule, with a reason.

    Args:
        store: of the workspace.
        run: where a key is looked up.
        what: key of an open finding or its beginning, or a rule, or `RULE:SUBJECT` for one pattern, suite or
            instruction.
        reason: why it may stand.
        annotator: who says so.

    Raises:
        UserError: there is no such finding or rule, the reason is blank, or it is waived already.
        StoreError: it could not be written.
    """
    rule, _, subject = what.partition(":")
    if rule in RULES:
        return store.add_waiver(rule, ANY, reason, annotator, subject=subject)
    finding = _found(run, what)
    return store.add_waiver(finding.rule, finding.key, reason, annotator, subject=finding.subject)


def fix_plan(run: LintRun, severity: Severity = Severity.NOTICE, named: Collection[str] = ()) -> FixPlan:
    """What the proposed fixes of open findings come to; nothing is changed.

    A finding about the set as a whole, such as a skew of lengths, is fixed by leaving out sound pairs until the figures
    are right: that happens only where its rule was named.

    Args:
        run: what was found.
        severity: of the findings, and worse.
        named: rules that were asked for by name.
    """
    return plan_fixes(one for one in run.at_least(severity) if not one.whole_set or one.rule in named)


def fix(store: db.Store, plan: FixPlan, annotator: str) -> list[str]:
    """Delete the pairs that a plan leaves out; they stay in the database, marked.

    Returns:
        Ids of the pairs that were deleted, for `Store.restore_pairs`.

    Raises:
        StoreError: it could not be written.
    """
    return store.undo_pairs(plan.leave_out, annotator)


def fixed_by_rule(run: LintRun, plan: FixPlan) -> dict[str, int]:
    """Pairs that a plan leaves out, by rule, in the order of the rules; a pair may be found by several."""
    rule_of = {finding.key: finding.rule for finding in run.open}
    pairs = [{rule_of[key] for key in keys} for keys in plan.leave_out.values()]
    counts = {rule: sum(rule in rules for rules in pairs) for rule in RULES}
    return {rule: count for rule, count in counts.items() if count}


def by_rule(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Findings of each rule, in the order of the first."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.rule, []).append(finding)
    return groups


def _found(run: LintRun, key: str) -> Finding:
    wanted = key.removeprefix("b2:")
    fitting = [one for one in run.open if one.key.removeprefix("b2:").startswith(wanted)]
    if len(wanted) < SHORTEST_KEY or not fitting:
        waived: Sequence[Finding] = [one for one, _ in run.parted.waived]
        if any(one.key.removeprefix("b2:").startswith(wanted) for one in waived) and len(wanted) >= SHORTEST_KEY:
            raise UserError(f"The finding {key} is waived already.", "`--waivers` lists what is.")
        raise UserError(
            f"There is no open finding or rule {key!r}.",
            "Give the key that stands before a finding, a rule, or RULE:SUBJECT.",
        )
    if len(fitting) > 1:
        raise UserError(f"{len(fitting)} findings have keys that begin with {key}.", "Give more characters of it.")
    return fitting[0]


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.expanduser().read_text("utf-8"))
    except (OSError, UnicodeDecodeError, RuntimeError) as error:
        reason = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
        raise UserError(f"The lint options in {path} cannot be read: {reason}.") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is no TOML: {error}.") from error
