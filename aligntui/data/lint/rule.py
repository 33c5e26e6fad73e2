"""What a rule is: a fold over records that ends in findings, a coverage and figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar

from aligntui.data.lint.finding import Finding, Fix, Severity, content_of
from aligntui.data.lint.options import LintOptions
from aligntui.data.lint.record import RecordView, Tokenize

LONGEST_EXCERPT = 80
"""Characters of a text that evidence shows."""

NOT_DECIDED = "the verdict does not decide"
NO_REJECTED = "there is no rejected answer"
NOT_JUDGED = "nothing was judged"


class Takes(Enum):
    """Which records a rule can look at."""

    JUDGED = "every verdict but skip, with two answers"
    DECIDED = "decided pairs, and examples without a rejected answer"
    TWO_SIDED = "decided pairs with both answers"


@dataclass(frozen=True, slots=True)
class Context:
    """What rules are given besides the records."""

    options: LintOptions
    suites: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Prompts of the evaluation suites, by suite."""
    tokenize: Tokenize | None = None
    contents: dict[str, bytes] = field(default_factory=dict)
    """`RecordView.content` of every record seen so far, by id."""


@dataclass(slots=True)
class Coverage:
    """How many records a rule could check, and how many it could not. One that could not be checked has not passed."""

    checked: int = 0
    not_checked: Counter[str] = field(default_factory=Counter)
    """Records by the reason why they could not be checked."""
    notes: list[str] = field(default_factory=list)
    """What else was left out, in sentences."""

    def as_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"checked": self.checked, "not_checked": dict(sorted(self.not_checked.items())), "notes": self.notes}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule has to say at the end."""

    findings: tuple[Finding, ...]
    coverage: Coverage
    statistics: Mapping[str, Any]
    """JSON values."""


class Rule(ABC):
    """One run of one rule. Records pass through `see` one by one; `finish` is called once, after the last."""

    name: ClassVar[str]
    """Kebab-case; what a waiver and the options name."""
    summary: ClassVar[str]
    """One sentence for a list of rules."""
    severity: ClassVar[Severity]
    """Where the options name no other."""
    takes: ClassVar[Takes] = Takes.TWO_SIDED

    def __init__(self, context: Context) -> None:
        self.context = context
        self.coverage = Coverage()
        self.findings: list[Finding] = []
        self.statistics: dict[str, Any] = {}

    def see(self, view: RecordView) -> None:
        """Look at one record, or count why it cannot be looked at."""
        reason = self._unfit(view) or self.add(view)
        if reason:
            self.coverage.not_checked[reason] += 1
        else:
            self.coverage.checked += 1

    @abstractmethod
    def add(self, view: RecordView) -> str | None:
        """Look at one record.

        Returns:
            Why it could not be checked; None where it was.
        """

    def conclude(self) -> None:
        """Draw the findings and figures that only the whole set shows."""
        return

    def finish(self) -> Outcome:
        """Findings, coverage and figures."""
        self.conclude()
        return Outcome(tuple(self.findings), self.coverage, self.statistics)

    def find(
        self,
        message: str,
        pair_ids: Iterable[str],
        *,
        fix: Fix = Fix.NONE,
        subject: str = "",
        evidence: Mapping[str, Any] | None = None,
        targets: Iterable[str] = (),
        whole_set: bool = False,
        rests_on: str = "",
        severity: Severity | None = None,
    ) -> None:
        """Note a finding.

        Args:
            message: what was found, one sentence.
            pair_ids: all pairs concerned.
            fix: what may be done.
            subject: what it is about within the rule.
            evidence: figures and excerpts.
            targets: pairs that the fix applies to.
            whole_set: whether it is about the set as a whole; it then rests on no pair's texts.
            rests_on: what else must stay the same for a waiver to hold: a suite's prompt, a rounded figure.
            severity: where it is not the rule's own.
        """
        given = self.context.options.severities.get(self.name)
        ids = tuple(pair_ids)
        content = content_of([] if whole_set else [self.context.contents[one] for one in ids], rests_on)
        self.findings.append(
            Finding(
                self.name,
                given or severity or self.severity,
                message,
                ids,
                fix,
                subject,
                evidence or {},
                tuple(targets),
                content,
                whole_set,
            )
        )

    def _unfit(self, view: RecordView) -> str | None:
        verdict = view.record.verdict
        if not verdict.decides and (self.takes is not Takes.JUDGED or verdict == "skip"):
            return NOT_JUDGED if verdict == "skip" else NOT_DECIDED
        if view.rejected is None and self.takes is not Takes.DECIDED:
            return NO_REJECTED
        return None


def excerpt(text: str) -> str:
    """The beginning of a text on one line, for evidence."""
    folded = " ".join(text[: 4 * LONGEST_EXCERPT].split())
    return folded if len(folded) <= LONGEST_EXCERPT else folded[: LONGEST_EXCERPT - 1] + "…"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 pair`, `2 pairs`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
