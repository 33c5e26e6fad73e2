"""All rules by name."""

from __future__ import annotations

from aligntui.core.errors import UserError, nearest
from aligntui.data.lint.options import LintOptions
from aligntui.data.lint.rule import Rule
from aligntui.data.lint.rules.answers import EmptyAnswers, TruncatedAnswers
from aligntui.data.lint.rules.contamination import Contamination
from aligntui.data.lint.rules.doctrine import DoctrineTerms
from aligntui.data.lint.rules.duplicates import DuplicatePairs, DuplicatePrompts
from aligntui.data.lint.rules.evaluation import EvaluationOverlap
from aligntui.data.lint.rules.instructions import OneSidedInstructions
from aligntui.data.lint.rules.languages import Languages
from aligntui.data.lint.rules.lengths import LengthSkew
from aligntui.data.lint.rules.near_duplicates import NearDuplicatePrompts
from aligntui.data.lint.rules.roles import RoleOrder
from aligntui.data.lint.rules.sameness import IdenticalAnswers, NearIdenticalAnswers
from aligntui.data.lint.rules.truncation import IdenticalAfterTruncation
from aligntui.data.lint.rules.verdicts import ContradictoryVerdicts

RULES: dict[str, type[Rule]] = {
    rule.name: rule
    for rule in (
        RoleOrder,
        EmptyAnswers,
        TruncatedAnswers,
        IdenticalAnswers,
        NearIdenticalAnswers,
        IdenticalAfterTruncation,
        DuplicatePairs,
        DuplicatePrompts,
        NearDuplicatePrompts,
        ContradictoryVerdicts,
        LengthSkew,
        OneSidedInstructions,
        DoctrineTerms,
        Contamination,
        Languages,
        EvaluationOverlap,
    )
}
"""Every rule, in the order in which reports list them."""


def chosen_rules(options: LintOptions) -> list[type[Rule]]:
    """The rules to run.

    Raises:
        UserError: the options name a rule that does not exist.
    """
    names = list(RULES) if options.rules is None else options.rules
    for name in (*names, *options.severities):
        if name not in RULES:
            raise UserError(f"There is no lint rule {name!r}.", nearest(name, list(RULES)))
    return [rule for name, rule in RULES.items() if name in names]
