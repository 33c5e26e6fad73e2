"""`aligntui pairs lint`: what would go wrong in training, said before; fixes and waivers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.choices import choice_of
from aligntui.cli.counting_line import counting
from aligntui.cli.lint_text import report_lines, waiver_rows
from aligntui.cli.option_flags import value_of, with_options
from aligntui.cli.output import counted
from aligntui.cli.pair_flags import pair_filter, with_filters
from aligntui.cli.shared import Json, opened_store, settings_of, workspace_of
from aligntui.config.options import Option
from aligntui.core.errors import UserError

if TYPE_CHECKING:
    from aligntui.data.lint import FixPlan
    from aligntui.store import Store
    from aligntui.workbench.curation.linting import LintRun, LintWish

SEVERITIES = ("error", "warning", "notice")
"""Those of `data.lint`, the worst first."""
USER_CAN_FIX_IT = 2
_SHOW = Option("show", 5, "Findings of a rule that are shown; all with --json.", "lint", metavar="N", low=0)
_LENGTH = Option("training-length", 1, "Tokens of prompt and answer that training keeps.", "lint", metavar="N", low=1)


@with_options(["model"])
@with_filters
def lint(
    ctx: typer.Context,
    flags: dict[str, Any],
    filters: dict[str, Any],
    rule: Annotated[list[str] | None, typer.Option(metavar="RULE", help="Only this rule; again for more.")] = None,
    training_length: Annotated[
        int | None,
        typer.Option(metavar="N", parser=value_of(_LENGTH), help=f"{_LENGTH.help} Needed to see truncation."),
    ] = None,
    suite: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FILE", help="Prompts of an evaluation suite that must not be in here."),
    ] = None,
    patterns: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML with contamination patterns of your own: name = 'regex'.")
    ] = None,
    options: Annotated[Path | None, typer.Option(metavar="FILE", help="TOML with thresholds and severities.")] = None,
    all_languages: Annotated[
        bool, typer.Option("--all-languages", help="Tell the language of every answer, not of a sample.")
    ] = False,
    min_severity: Annotated[
        str, choice_of("min-severity", SEVERITIES[::-1], "Leave out, and do not fix, what weighs less.")
    ] = "notice",
    fail_on: Annotated[
        str, choice_of("fail-on", (*SEVERITIES, "never"), "Exit with 2 when such a finding, or a worse one, is open.")
    ] = "error",
    show: Annotated[int, typer.Option(metavar="N", parser=value_of(_SHOW), help=_SHOW.help)] = 5,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix",
            help="Say how many pairs the fixes would delete; --yes does it. What concerns the set as a whole, such as "
            "length-skew, only with its --rule.",
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="With --fix: delete them. `pairs restore` brings them back.")
    ] = False,
    waive: Annotated[
        str, typer.Option(metavar="KEY", help="Let a finding stand; also RULE or RULE:SUBJECT for all such.")
    ] = "",
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why it may stand; with --waive.")] = "",
    waivers: Annotated[bool, typer.Option("--waivers", help="List the waivers.")] = False,
    withdraw: Annotated[str, typer.Option(metavar="ID", help="Let a waived finding count again.")] = "",
    rules: Annotated[bool, typer.Option("--rules", help="List the rules.")] = False,
    as_json: Json = False,
) -> int:
    """Look for defects before training.

    Duplicates, contradictions, skew, contamination and more (--rules). Findings stand under their rule, each with the key that --waive takes; what could not be checked is said and never
    counts as passed. Exit code 2 when an error is open (--fail-on), else 0.
    """
    actions = {"--fix": fix, "--waive": waive, "--waivers": waivers, "--withdraw": withdraw, "--rules": rules}
    asked = [name for name, given in actions.items() if given]
    if len(asked) > 1:
        raise UserError(f"{asked[0]} and {asked[1]} exclude each other.", "Give one of them.")
    if waive and not reason.strip():  # before the pairs are read
        raise UserError(f"A waiver of {waive} needs a reason.", "Say with --reason why it may stand.")
    if rules:
        return _list_rules(as_json)
    from aligntui.data.lint import Severity
    from aligntui.workbench.curation.linting import LintWish, fix_plan

    wish = LintWish(options, tuple(rule or ()), training_length, patterns, all_languages, tuple(suite or ()))
    workspace = workspace_of(ctx)
    settings = settings_of(workspace, flags)
    annotator = settings.annotator
    with opened_store(ctx) as store:
        if waivers or withdraw:
            return _waivers(store, withdraw, as_json)
        run = _run(store, filters, wish, settings.model)
        if waive:
            return _waive(store, run, waive, reason, annotator, as_json)
        if fix:
            return _fix(
                store, run, fix_plan(run, Severity(min_severity), wish.rules), annotator if yes else None, as_json
            )
    if as_json:
        output.json_data(run.as_dict())
    else:
        output.data("\n".join(report_lines(run, min_severity, show)))
    return USER_CAN_FIX_IT if fail_on != "never" and run.at_least(Severity(fail_on)) else 0


def _run(store: Store, filters: dict[str, Any], wish: LintWish, model: str) -> LintRun:
    from aligntui.workbench.curation.linting import lint_pairs
    from aligntui.workbench.curation.tokens import counter_for

    options, prompts = wish.options(), wish.suite_prompts()
    counter = counter_for(model) if options.truncation.training_length else None
    wanted = pair_filter(store, filters)
    with counting("pairs read") as line:
        return lint_pairs(store, wanted, options, suites=prompts, counter=counter, on_progress=line.show)


def _waive(store: Store, run: LintRun, what: str, reason: str, annotator: str, as_json: bool) -> int:
    from aligntui.workbench.curation.linting import waive

    made = waive(store, run, what, reason, annotator)
    if as_json:
        output.json_data(made)
    else:
        output.data(made.id)
        output.say(f"waived: {made.rule}{f' ({made.subject})' if made.subject else ''}, {made.reason}")
    return 0


def _fix(store: Store, run: LintRun, plan: FixPlan, annotator: str | None, as_json: bool) -> int:
    """Delete what the fixes leave out; only say what that would be without an annotator."""
    from aligntui.workbench.curation.linting import fix, fixed_by_rule

    by_rule = fixed_by_rule(run, plan)
    deleted = fix(store, plan, annotator) if annotator is not None else []
    if as_json:
        would = {"would_delete": list(plan.leave_out)} if annotator is None else {"deleted": deleted}
        output.json_data({**would, "by_rule": by_rule, "not_fixable": len(plan.unfixed)})
        return 0
    if by_rule:
        output.table(("rule", "pairs"), list(by_rule.items()))
    if plan.unfixed:
        output.say(f"{counted(len(plan.unfixed), 'finding')} that no fix heals: new or changed pairs are needed")
    if annotator is None:
        output.say(f"{counted(len(plan.leave_out), 'pair')} would be deleted; nothing was changed, --fix --yes does it")
    else:
        output.say(f"{counted(len(deleted), 'pair')} deleted; `aligntui pairs restore` brings them back")
    return 0


def _waivers(store: Store, withdraw: str, as_json: bool) -> int:
    found = [store.withdraw_waiver(withdraw)] if withdraw else store.list_waivers()
    if as_json:
        output.json_data(found)
    elif withdraw:
        output.data(found[0].id)
        output.say(f"withdrawn: the findings of {found[0].rule} that it covered count again")
    elif found:
        output.table(("id", "rule", "subject", "key", "by", "given (UTC)", "reason"), waiver_rows(found))
    else:
        output.say("There is no waiver.")
    return 0


def _list_rules(as_json: bool) -> int:
    from aligntui.data.lint import RULES

    found = [(name, rule.severity.value, rule.summary) for name, rule in RULES.items()]
    if as_json:
        output.json_data([dict(zip(("rule", "severity", "summary"), one, strict=True)) for one in found])
    else:
        output.table(("rule", "severity", "finds"), found)
    return 0
