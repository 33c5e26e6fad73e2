"""Lint of preference pairs: what would go wrong in training, said before any GPU time is spent.

    report = lint(records, options, suites={"IFEval": prompts}, tokenize=ids_of)
    parted = apply_waivers(report.findings, waivers)
    plan = plan_fixes(parted.open)
    fixed = list(plan.apply(records))

Rules are listed in `RULES`, their thresholds in `LintOptions`. Importing this package loads no torch; `scipy` and
`langdetect` are loaded by the rules that need them.
"""

from __future__ import annotations

from aligntui.data.lint.finding import ANY, Finding, Fix, Severity, Waived, Waiver, apply_waivers
from aligntui.data.lint.fixes import FixPlan, plan_fixes
from aligntui.data.lint.linting import lint
from aligntui.data.lint.options import LintOptions
from aligntui.data.lint.patterns import BUILT_IN, Pattern, patterns_from, read_patterns
from aligntui.data.lint.record import LintRecord, Messages, Tokenize
from aligntui.data.lint.registry import RULES
from aligntui.data.lint.report import Report
from aligntui.data.lint.rule import Coverage

__all__ = [
    "ANY",
    "BUILT_IN",
    "RULES",
    "Coverage",
    "Finding",
    "Fix",
    "FixPlan",
    "LintOptions",
    "LintRecord",
    "Messages",
    "Pattern",
    "Report",
    "Severity",
    "Tokenize",
    "Waived",
    "Waiver",
    "apply_waivers",
    "lint",
    "patterns_from",
    "plan_fixes",
    "read_patterns",
]
