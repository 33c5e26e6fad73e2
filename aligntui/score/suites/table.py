"""The table of a suite: every rate of every column with its interval, and every pair of columns compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from aligntui.score.answers.bleed import bleed
from aligntui.score.answers.repetition import repetition
from aligntui.score.answers.words import count_words
from aligntui.score.corrections import corrected
from aligntui.score.ifeval.averages import tier_averages
from aligntui.score.intervals import clustered_rate
from aligntui.score.paired import compare_means
from aligntui.score.results import LEVEL, Coverage, Estimate, Rate, Result
from aligntui.score.suites.columns import Column, Pick, adjusted, covered, parts, rate, verdicts, whole
from aligntui.score.suites.general_suite import WORDS
from aligntui.score.suites.suite import Suite
from aligntui.score.suites.versus import (
    Versus,
    corrected_by,
    versus_answers,
    versus_estimate,
    versus_rates,
    versus_words,
)

OVERALL, TIER, CATEGORY, SIDE_EFFECT = "overall", "tier", "category", "side effect"
"""Groups of rows."""
Pair = tuple[int, int]
"""Places of two columns, of which the second is judged against the first."""


@dataclass(frozen=True)
class Row(Result):
    """One line."""

    group: str
    name: str
    reading: str
    """`strict`, `loose`, or empty where there is one reading."""
    tier: str
    unit: str
    """`rate` or `words`."""
    higher_is_better: bool | None
    """None where neither is better."""
    values: tuple[Rate | Estimate, ...]
    """One for each column."""
    versus: tuple[Versus, ...]
    """One for each pair."""


@dataclass(frozen=True)
class SeedRow(Result):
    """The headline of one column under each seed."""

    column: str
    rates: tuple[float | None, ...]
    """By seed, in order; words per answer where that is the headline."""
    mean: float | None
    sd: float | None
    """Between seeds; None for fewer than two."""
    lowest: float | None
    highest: float | None


@dataclass(frozen=True)
class ScoreTable(Result):
    """A whole table."""

    suite: str
    columns: tuple[str, ...]
    coverage: tuple[Coverage, ...]
    """Of each column, of all items of the whole suite."""
    empty: tuple[int, ...]
    """Answers of each column with nothing to read."""
    pairs: tuple[Pair, ...]
    rows: tuple[Row, ...]
    seeds: tuple[SeedRow, ...]
    """Empty where there is one seed."""
    family: int
    """Categories that p-values are corrected over (Holm)."""

    def row(self, name: str, group: str = "", reading: str = "") -> Row | None:
        """The row of that name."""
        found = (one for one in self.rows if one.name == name and group in ("", one.group))
        return next((one for one in found if reading in ("", one.reading)), None)

    @property
    def headline(self) -> Row:
        """The row that a run is known by."""
        return self.rows[0]

    def group(self, group: str, reading: str = "") -> tuple[Row, ...]:
        """The rows of a group; of a reading, those that have none or that one."""
        return tuple(one for one in self.rows if one.group == group and (not reading or one.reading in ("", reading)))


def against_first(columns: Sequence[Column]) -> tuple[Pair, ...]:
    """Every column against the first one of its delivery; where a delivery has one column alone, against nothing."""
    firsts: dict[str, int] = {}
    pairs: list[Pair] = []
    for place, column in enumerate(columns):
        first = firsts.setdefault(column.delivery, place)
        if first != place:
            pairs.append((first, place))
    return tuple(pairs)


def step_by_step(columns: Sequence[Column]) -> tuple[Pair, ...]:
    """Every column against the first, then every one against the one before it."""
    steps = [pair for pair in pairwise(range(len(columns))) if pair[0]]
    return (*((0, place) for place in range(1, len(columns))), *steps)


def score_table(
    suite: Suite, columns: Sequence[Column], pairs: Sequence[Pair] | None = None, level: float = LEVEL
) -> ScoreTable:
    """Everything that is measured of some columns.

    Args:
        suite: that all were asked and judged by.
        columns: at least one.
        pairs: those that are compared; None is `against_first`.
        level: confidence level.

    Returns:
        The headline row first. Rates without a value where nothing was answered; nothing is raised for that.

    Source: levels and readings of IFEval, tiers and adjusted rates of AISF (methods.md, section 3). Pinned against
        `ifeval.summarise`, `ifeval.compare` and `track_a.compare_runs` in tests/score/test_suites_table.py.
    """
    pairs = against_first(columns) if pairs is None else tuple(pairs)
    made = _Rows(suite, columns, pairs, level)
    rows = [*made.overall(), *made.tiers(), *made.categories(), *made.side_effects()]
    rows.sort(key=lambda row: row.name != suite.headline)
    return ScoreTable(
        suite.name,
        tuple(column.name for column in columns),
        tuple(covered(suite, column) for column in columns),
        tuple(column.empty for column in columns),
        pairs,
        tuple(rows),
        tuple(_seed_row(suite, column) for column in columns if len(column.seeds) > 1),
        len(suite.categories) if len(suite.categories) > 1 else 1,
    )


class _Rows:
    """Makes the rows of one table."""

    def __init__(self, suite: Suite, columns: Sequence[Column], pairs: Sequence[Pair], level: float) -> None:
        self.suite, self.columns, self.pairs, self.level = suite, columns, pairs, level
        self.readings = ("strict", "loose") if suite.has_loose else ("strict",)

    def overall(self) -> Iterator[Row]:
        if not self.suite.categories:
            return
        yield from self._levels("")
        if not all(self.suite.is_adjusted(item) for item in self.suite.items):
            yield from self._levels(" (adj)")

    def _levels(self, mark: str) -> Iterator[Row]:
        """Every reading at prompt level and, where items have several demands, at theirs."""
        for reading in self.readings:
            levels = {"prompt": whole(reading == "loose")}
            if self.suite.part_noun:
                levels[self.suite.part_noun] = parts(reading == "loose")
            for level, pick in levels.items():
                name = f"{level} level{f', {reading}' if self.suite.has_loose else ''}{mark}"
                yield self._rates(name, OVERALL, reading, adjusted(self.suite, pick) if mark else pick)

    def categories(self) -> Iterator[Row]:
        if len(self.suite.categories) < 2:
            return
        for reading in self.readings:
            rows = [
                self._rates(name, CATEGORY, reading, parts(reading == "loose", name), self.suite.tier_of(name))
                for name in self.suite.categories
            ]
            families = [corrected([row.versus[place].p for row in rows]) for place in range(len(self.pairs))]
            for number, row in enumerate(rows):
                versus = tuple(
                    corrected_by(one, family[number], higher_is_better=True)
                    for one, family in zip(row.versus, families, strict=True)
                )
                yield replace(row, versus=versus)

    def tiers(self) -> Iterator[Row]:
        if not any(self.suite.tier_of(category) for category in self.suite.categories):
            return
        for reading in self.readings:
            loose = reading == "loose"
            own = [tier_averages(self._instructions(column, loose), 1, self.level) for column in self.columns]
            paired = [self._paired_tiers(self.columns[a], self.columns[b], loose) for a, b in self.pairs]
            for name in own[0] if own else ():
                values = tuple(averages[name][0] for averages in own)
                versus = tuple(
                    versus_estimate(averages[name][2], self.columns[a].name, self.columns[b].name, cover)
                    for (averages, cover), (a, b) in zip(paired, self.pairs, strict=True)
                )
                yield Row(TIER, name, reading, name.partition(" ")[0], "rate", True, values, versus)

    def side_effects(self) -> Iterator[Row]:
        words = tuple(_mean_words(self.suite, column, self.level) for column in self.columns)
        compared = tuple(versus_words(self.suite, self.columns[a], self.columns[b], self.level) for a, b in self.pairs)
        yield Row(SIDE_EFFECT, WORDS, "", "", "words", None, words, compared)
        if self.suite.name != "repetition":
            yield self._signs("degenerate repetition", lambda _id, text: repetition(text).is_degenerate)
        if self.suite.doctrine and self.suite.name not in ("bleed", "battery"):
            yield self._signs("doctrine in the answer", self._bleeds)

    def _rates(self, name: str, group: str, reading: str, pick: Pick, tier: str = "") -> Row:
        return Row(
            group,
            name,
            reading if self.suite.has_loose else "",
            tier,
            "rate",
            True,
            tuple(rate(self.suite, column, pick, self.level) for column in self.columns),
            tuple(
                versus_rates(self.suite, self.columns[a], self.columns[b], pick, level=self.level)
                for a, b in self.pairs
            ),
        )

    def _signs(self, name: str, bad: Callable[[str, str], bool | None]) -> Row:
        known: dict[tuple[str, str], bool | None] = {}

        def once(id_: str, text: str) -> bool | None:
            if (id_, text) not in known:
                known[id_, text] = bad(id_, text)
            return known[id_, text]

        values = tuple(
            clustered_rate(
                (
                    (at[0], float(found))
                    for at, text in column.answers.items()
                    if (found := once(at[0], text)) is not None
                ),
                level=self.level,
            )
            for column in self.columns
        )
        versus = tuple(
            versus_answers(self.suite, self.columns[a], self.columns[b], once, self.level) for a, b in self.pairs
        )
        return Row(SIDE_EFFECT, name, "", "", "rate", False, values, versus)

    def _bleeds(self, id_: str, text: str) -> bool | None:
        return bleed(self.suite.doctrine, {id_: text}, {id_: self.suite.by_id[id_].prompt}).answers[0].bleeds

    def _instructions(self, column: Column, loose: bool) -> list[list[tuple[str, tuple[float, ...]]]]:
        """For each item its instructions with their verdicts, over all seeds."""
        rows: dict[str, list[tuple[str, tuple[float, ...]]]] = {}
        for at, picked in verdicts(self.suite, column, parts(loose)):
            categories = self.suite.by_id[at[0]].categories
            rows.setdefault(at[0], []).extend(
                (name, (float(value),)) for name, value in zip(categories, picked, strict=True) if value is not None
            )
        return list(rows.values())

    def _paired_tiers(
        self, first: Column, second: Column, loose: bool
    ) -> tuple[dict[str, tuple[Estimate, ...]], Coverage]:
        rows: dict[str, list[tuple[str, tuple[float, ...]]]] = {}
        others = dict(verdicts(self.suite, second, parts(loose)))
        used = 0
        for at, picked in verdicts(self.suite, first, parts(loose)):
            if at not in others:
                continue
            used += 1
            triples = zip(self.suite.by_id[at[0]].categories, picked, others[at], strict=True)
            rows.setdefault(at[0], []).extend(
                (name, (float(a), float(b), float(b) - float(a)))
                for name, a, b in triples
                if a is not None and b is not None
            )
        left = len(self.suite.items) * len(first.seeds) - used
        cover = Coverage(used, used + left, (("no answer of one of the two", left),) if left else ())
        return tier_averages(list(rows.values()), 3, self.level), cover


def _mean_words(suite: Suite, column: Column, level: float) -> Estimate:
    """Mean length of the answers, with an interval that resamples whole items."""
    lengths = [(at[0], float(count_words(text))) for at, text in column.answers.items()]
    values = [length for _, length in lengths]
    if not values:
        return Estimate(None, None, None, 0, 0.0, "none", level, note="nothing was answered")
    return compare_means([0.0] * len(values), values, [id_ for id_, _ in lengths], level).difference


def _seed_row(suite: Suite, column: Column) -> SeedRow:
    from statistics import fmean, stdev

    found: list[float | None] = []
    for seed in column.seeds:
        one = replace(
            column,
            answers={at: text for at, text in column.answers.items() if at[1] == seed},
            marks={at: marks for at, marks in column.marks.items() if at[1] == seed},
        )
        if suite.headline == WORDS:
            lengths = [count_words(text) for text in one.answers.values()]
            found.append(fmean(lengths) if lengths else None)
        else:
            found.append(rate(suite, one, whole(False)).rate)
    values = [value for value in found if value is not None]
    return SeedRow(
        column.name,
        tuple(found),
        fmean(values) if values else None,
        stdev(values) if len(values) > 1 else None,
        min(values, default=None),
        max(values, default=None),
    )
