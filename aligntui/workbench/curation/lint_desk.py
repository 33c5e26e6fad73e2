"""Lint as a person works through it: a run, what was fixed and waived since, and whether it still holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from aligntui.core.errors import UserError
from aligntui.data.lint import RULES, Finding, Fix, FixPlan, Severity, Waiver, apply_waivers, plan_fixes
from aligntui.workbench.aside import Aside, in_thread
from aligntui.workbench.curation.browser import counted
from aligntui.workbench.curation.linting import LintRun, LintWish, fix, lint_pairs, waive
from aligntui.workbench.curation.tokens import counter_for
from aligntui.workbench.store_thread import StoreThread

if TYPE_CHECKING:
    from aligntui.store import Store, StoredWaiver

BY_PATTERN = "contamination"
"""The rule whose subjects are always listed: patterns are counted one by one."""


class Standing(StrEnum):
    """What became of a finding."""

    OPEN = "open"
    FIXED = "fixed"
    """Its fix was applied after the run."""
    WAIVED = "waived"


@dataclass(frozen=True)
class Topic:
    """A rule, or one subject of it: a pattern, a suite, an instruction."""

    rule: str
    subject: str = ""
    """Empty for the whole rule."""

    @property
    def name(self) -> str:
        """As `linting.waive` takes it."""
        return f"{self.rule}:{self.subject}" if self.subject else self.rule

    def holds(self, finding: Finding) -> bool:
        """Whether a finding belongs here."""
        return finding.rule == self.rule and self.subject in ("", finding.subject)


@dataclass(frozen=True)
class Tally:
    """The findings of a topic in figures."""

    topic: Topic
    open: int
    fixed: int
    waived: int
    pairs: int
    """Pairs that its open findings name, each once."""
    severity: Severity | None
    """The worst among the open ones; None where there is none."""
    unchecked: str = ""
    """Why the rule could check no pair; empty where it could."""
    by_severity: Mapping[Severity, int] = field(default_factory=dict)
    """The open findings by what they weigh; one rule may have several weights."""

    @property
    def all(self) -> int:
        """Findings, whatever became of them."""
        return self.open + self.fixed + self.waived


class _Count:
    """A tally while it is counted."""

    def __init__(self) -> None:
        self.by_standing: Counter[Standing] = Counter()
        self.pairs: set[str] = set()
        self.severities: Counter[Severity] = Counter()

    def add(self, finding: Finding, standing: Standing) -> None:
        self.by_standing[standing] += 1
        if standing is Standing.OPEN:
            self.pairs.update(finding.pair_ids)
            self.severities[finding.severity] += 1

    def tally(self, topic: Topic, unchecked: str) -> Tally:
        open_, fixed, waived = (self.by_standing[one] for one in Standing)
        worst = next((severity for severity in Severity if severity in self.severities), None)
        return Tally(topic, open_, fixed, waived, len(self.pairs), worst, unchecked, self.severities)


@dataclass(frozen=True)
class Drift:
    """How far the pairs have moved on since the run."""

    new: int
    gone: int

    def __bool__(self) -> bool:
        return bool(self.new or self.gone)


@dataclass
class LintDesk:
    """The last run over the pairs of a workspace, and what was done about it.

    Work that takes long runs on a connection of its own, so that verdicts do not wait for it.
    """

    store: StoreThread
    run: LintRun | None = None
    """None before the first run has ended."""
    seen: frozenset[str] = frozenset()
    """Ids of the pairs that counted when the run began."""
    wish: LintWish = field(default_factory=LintWish)
    """How the next run looks."""
    model: str = "embedded"
    """Whose tokenizer counts, where a training length is given."""
    drift: Drift = Drift(0, 0)
    waivers: tuple[StoredWaiver, ...] = ()
    """In force."""
    _gone: set[str] = field(default_factory=set)
    """Of `seen`, pairs that count no more."""
    _order: list[str] = field(default_factory=list)
    """Rules as they are listed; empty where that is not settled yet."""
    _fixes: list[list[str]] = field(default_factory=list)
    """Ids that each fix deleted, the last one at the end."""

    # the run ----------------------------------------------------------------------------------------

    async def look(self, aside: Aside) -> LintRun:
        """Run every rule over all pairs that count.

        Args:
            aside: counts the pairs and stops the run.

        Raises:
            Stopped: it was stopped; the run before stays.
            UserError: a file of the wish cannot be read.
            StoreError: the database cannot be read.
        """

        def work(store: Store) -> tuple[LintRun, frozenset[str]]:
            ids = _counting(store)
            aside.total = len(ids)
            options = self.wish.options()
            counter = counter_for(self.model) if options.truncation.training_length else None
            run = lint_pairs(
                store, options=options, suites=self.wish.suite_prompts(), counter=counter, on_progress=aside.advance
            )
            return run, ids

        run, seen = await aside.run(work)
        self.run, self.seen = run, seen
        self._gone, self.drift, self._order = set(), Drift(0, 0), []
        self.waivers = tuple(await self.store.run(lambda store: store.list_waivers()))
        return run

    async def compare(self) -> Drift:
        """See which pairs came and went since the run; `drift` keeps it.

        Raises:
            StoreError: the database cannot be read.
        """
        if self.run is not None:
            now = await self.store.run(_counting)
            self._gone = set(self.seen - now)
            self.drift = Drift(len(now - self.seen), len(self._gone))
        return self.drift

    # what it found ----------------------------------------------------------------------------------

    def standing(self, finding: Finding) -> Standing:
        """What became of an unwaived finding: it is fixed once every pair is gone that its fix takes out."""
        affected = finding.affected
        if affected and all(one in self._gone for one in affected):
            return Standing.FIXED
        if not self._gone or not finding.pair_ids:
            return Standing.OPEN
        alive = sum(one not in self._gone for one in finding.pair_ids)
        needed = 2 if finding.fix is Fix.DROP_ALL_BUT_FIRST else 1
        return Standing.OPEN if alive >= needed else Standing.FIXED

    def of(self, topic: Topic) -> list[tuple[Finding, Standing, Waiver | None]]:
        """Findings of a topic: open ones first, then fixed ones, then waived ones with their waivers."""
        if self.run is None:
            return []
        unwaived = [(finding, self.standing(finding), None) for finding in self.run.open if topic.holds(finding)]
        return [
            *(one for one in unwaived if one[1] is Standing.OPEN),
            *(one for one in unwaived if one[1] is Standing.FIXED),
            *((finding, Standing.WAIVED, by) for finding, by in self.run.parted.waived if topic.holds(finding)),
        ]

    def tallies(self) -> list[Tally]:
        """Every rule that ran, the worst first; below a rule its subjects that have findings, the most frequent first.

        The order is that of the run: what is fixed or waived stays where it stood.
        """
        if self.run is None:
            return []
        report = self.run.report
        counts = self._count(self.run)
        made = {topic: count.tally(topic, report.unchecked.get(topic.rule, "")) for topic, count in counts.items()}
        tallies: list[Tally] = []
        self._order = self._order or sorted(report.coverage, key=lambda rule: _weight(made[Topic(rule)]))
        for rule in self._order:
            tallies.append(made[Topic(rule)])
            subjects = [tally for topic, tally in made.items() if topic.rule == rule and topic.subject]
            if len(subjects) > 1 or rule == BY_PATTERN:
                tallies += sorted(subjects, key=lambda tally: (-tally.all, tally.topic.subject))
        return tallies

    def _count(self, run: LintRun) -> dict[Topic, _Count]:
        """One pass over all findings: there may be a hundred thousand."""
        counts = {Topic(rule): _Count() for rule in run.report.coverage}
        for finding in run.open:
            standing = self.standing(finding)
            for topic in _topics(finding):
                counts.setdefault(topic, _Count()).add(finding, standing)
        for finding, _ in run.parted.waived:
            for topic in _topics(finding):
                counts.setdefault(topic, _Count()).add(finding, Standing.WAIVED)
        return counts

    # what is done about it --------------------------------------------------------------------------

    async def plan(self, findings: Iterable[Finding]) -> FixPlan:
        """What fixing these findings comes to, open ones only; nothing is changed.

        Raises:
            UserError: none of them can be fixed.
        """
        wanted = [finding for finding in findings if self.standing(finding) is Standing.OPEN]
        plan = await in_thread(lambda: plan_fixes(wanted))
        if not set(plan.leave_out) - self._gone:
            raise UserError(
                "No machine can fix this: it needs new or changed pairs.",
                "{key:lint.open} shows the pairs; {key:lint.waive} lets it stand with a reason.",
            )
        return plan

    def leaves_out(self, plan: FixPlan) -> int:
        """Pairs that a plan would delete now."""
        return len(set(plan.leave_out) - self._gone)

    async def fix(self, plan: FixPlan, annotator: str) -> int:
        """Delete the pairs of a plan; returns how many counted before.

        Raises:
            StoreError: it could not be written.
        """
        gone = await self.store.run(lambda store: fix(store, plan, annotator))
        if gone:
            self._fixes.append(gone)
        await self.compare()
        return len(gone)

    async def undo(self, annotator: str) -> str:
        """Bring back what the last fix deleted; returns what it was.

        Raises:
            UserError: nothing was fixed here.
            StoreError: it could not be written.
        """
        if not self._fixes:
            raise UserError("There is no fix to take back.", "{key:lint.waivers} withdraws waivers.")
        ids = self._fixes[-1]
        await self.store.run(lambda store: store.restore_pairs(ids, annotator))
        self._fixes.pop()
        await self.compare()
        return f"{counted(len(ids))} brought back"

    async def waive(self, what: str, reason: str, annotator: str) -> None:
        """Let a finding (by its key) or a topic (by its name) stand.

        Raises:
            UserError: the reason is blank, or it is waived already.
            StoreError: it could not be written.
        """
        run = self.run
        if run is None:
            raise UserError("Nothing was found yet.", "{key:lint.run} looks.")
        await self.store.run(lambda store: waive(store, run, what, reason, annotator))
        await self._part()

    async def withdraw(self, waiver_id: str) -> None:
        """Let findings count again that a waiver covers.

        Raises:
            UserError: it is withdrawn already.
            StoreError: it could not be written.
        """
        await self.store.run(lambda store: store.withdraw_waiver(waiver_id))
        await self._part()

    async def _part(self) -> None:
        """Part the findings by the waivers as they are now."""
        self.waivers = tuple(await self.store.run(lambda store: store.list_waivers()))
        waivers: Sequence[Waiver] = tuple(
            Waiver(one.rule, one.key, one.reason, one.annotator, one.created_at, one.subject) for one in self.waivers
        )
        run = self.run
        if run is not None:
            parted = await in_thread(lambda: apply_waivers(run.report.findings, waivers))
            self.run = LintRun(run.report, parted, tuple(waivers))


_DESKS: WeakKeyDictionary[StoreThread, LintDesk] = WeakKeyDictionary()


def desk_of(store: StoreThread) -> LintDesk:
    """The desk of a workspace, the same one as long as its database is open: a run of minutes outlives its screen."""
    return _DESKS.setdefault(store, LintDesk(store))


def _topics(finding: Finding) -> Iterator[Topic]:
    yield Topic(finding.rule)
    if finding.subject:
        yield Topic(finding.rule, finding.subject)


def _weight(tally: Tally) -> tuple[int, int]:
    """Rules with open findings by severity, then those with waived or fixed ones, those that could not check, clean ones."""
    severities = list(Severity)
    place = list(RULES).index(tally.topic.rule)
    if tally.severity is not None:
        return severities.index(tally.severity), place
    rest = 0 if tally.waived or tally.fixed else 1 if tally.unchecked else 2
    return len(severities) + rest, place


def _counting(store: Store) -> frozenset[str]:
    from aligntui.store import PairFilter

    return frozenset(store.pair_ids(PairFilter()))
