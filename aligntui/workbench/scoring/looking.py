"""Results as they are looked at: one suite, two columns, a reading, a filter; without anything of a screen.

Pinned in tests/workbench/test_scoring_looking.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aligntui.core.generation import GenerationRun
from aligntui.workbench.scoring.comparing import Comparison, Version
from aligntui.workbench.scoring.drill import DrillFilter, DrillRow, Failure, drill_rows, failures
from aligntui.workbench.scoring.result_rows import ResultRow, result_rows
from aligntui.workbench.scoring.scored import Scored

SCORES, PROMPTS, SUMMARY, PROGRESSION, MODELS = "scores", "prompts", "summary", "progression", "models"
"""Views, in order."""


@dataclass
class Look:
    """How results are looked at; changed in place."""

    view: str = ""
    """Name of the open view; empty for the first one."""
    group: int = 0
    """Place of the suite, where several are compared."""
    pair: int = 0
    """Place of the pair of columns, or of the column where there is none."""
    loose: bool = False
    wanted: DrillFilter = field(default_factory=DrillFilter)
    row: int = 0
    """Where the cursor stands in the table."""
    prompt: int = 0
    """Where it stands among the prompts."""


class Results:
    """Results of a run, or of several compared.

    Args:
        runs: that were judged.
        groups: their scores, one for each suite; none where the runs have no suite in common.
        comparison: of several runs; None for one.
        look: how they are looked at; a place that there is not counts as the last one.
    """

    def __init__(
        self,
        runs: Sequence[GenerationRun],
        groups: Sequence[Scored],
        comparison: Comparison | None = None,
        look: Look | None = None,
    ) -> None:
        self.runs = list(runs)
        self.groups = list(groups)
        self.comparison = comparison
        self.look = look or Look()

    @property
    def scored(self) -> Scored | None:
        """The scores of the suite that is shown."""
        return self.groups[min(self.look.group, len(self.groups) - 1)] if self.groups else None

    @property
    def versions(self) -> tuple[Version, ...]:
        """The progression of the suite that is shown; empty for one run, and where there is nothing to pass."""
        groups = self.comparison.groups if self.comparison else ()
        return next((one.versions for one in groups if one.scored is self.scored), ())

    @property
    def views(self) -> list[str]:
        """Names of the views that there are."""
        names = [SCORES, PROMPTS, SUMMARY] if self.groups else []
        names += [PROGRESSION] if self.versions else []
        return names + ([MODELS] if self.comparison and self.comparison.models else [])

    @property
    def choices(self) -> int:
        """Pairs of columns to choose from; columns, where none is compared."""
        table = self.scored.table if self.scored else None
        return 0 if table is None else len(table.pairs) or len(table.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are shown: two, or one alone; empty without a suite."""
        found = self.scored
        if found is None:
            return ()
        table, pair = found.table, min(self.look.pair, self.choices - 1)
        return tuple(table.columns[place] for place in (table.pairs[pair] if table.pairs else (pair,)))

    @property
    def seeds(self) -> bool:
        """Whether a prompt was answered under several seeds."""
        return self.scored is not None and len(self.scored.columns[0].seeds) > 1

    @property
    def wanted_rows(self) -> int:
        """Prompts that there are without a filter, one for each seed."""
        found = self.scored
        return 0 if found is None else len(found.suite.items) * len(found.columns[0].seeds)

    @property
    def judged(self) -> int:
        """Answers that the scores shown are made of."""
        return sum(len(column.marks) for column in self.scored.columns) if self.scored else 0

    def table(self) -> list[ResultRow]:
        """Every rate of the columns that are shown."""
        found = self.scored
        if found is None:
            return []
        pair = min(self.look.pair, self.choices - 1)
        return result_rows(found, pair, loose=self.look.loose and found.suite.has_loose)

    def prompts(self) -> list[DrillRow]:
        """The prompts under the filter, flips first."""
        found = self.scored
        return [] if found is None else drill_rows(found, *self._two, self.look.wanted)

    def reasons(self, row: DrillRow) -> tuple[tuple[Failure, ...], ...]:
        """What each answer to a prompt did not meet, and why; worked out on each call, which may take a while."""
        found = self.scored
        return () if found is None else failures(found, row, *self._two)

    @property
    def _two(self) -> tuple[str, str]:
        names = self.names
        return names[0], names[1] if len(names) > 1 else ""

    def other_pair(self, step: int) -> None:
        """The next columns, or those before."""
        if self.choices:
            self.look.pair = (self.look.pair + step) % self.choices

    def next_suite(self) -> None:
        """The next suite; pair and filter are those of the first look at it."""
        if self.groups:
            self.look.group = (self.look.group + 1) % len(self.groups)
            self.look.pair, self.look.wanted = 0, DrillFilter()
