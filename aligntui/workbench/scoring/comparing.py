"""Any two or more score runs or files of answers: columns of one suite side by side, and models across suites.

Pinned in tests/workbench/test_scoring_comparing.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from aligntui.core.errors import UserError
from aligntui.score.results import Estimate, Rate, Result
from aligntui.score.suites.columns import Column
from aligntui.score.suites.general_suite import WORDS
from aligntui.score.suites.suite import Suite
from aligntui.score.suites.table import SIDE_EFFECT, Pair
from aligntui.score.suites.versus import Versus
from aligntui.workbench.scoring.drill import GAINED, LOST, DrillFilter, drill_rows
from aligntui.workbench.scoring.plan import TRAINED_DELIVERIES
from aligntui.workbench.scoring.scored import Scored, scored

ADJUSTED = "prompt level, strict (adj)"


@dataclass(frozen=True)
class Source:
    """One thing to compare."""

    label: str
    """Short, unique: what the user typed, or the file's name."""
    scored: Scored


@dataclass(frozen=True)
class Version(Result):
    """One column as a step of a progression, over the items that every column has a verdict on."""

    name: str
    failures: int
    n: int
    reduction: float | None
    """Failures fewer than the first column has, in per cent of its failures; None where that has none."""
    step: float | None
    """The same against the column before."""
    versus_first: Versus | None
    """None for the first."""


@dataclass(frozen=True)
class Flips(Result):
    """The items on which two columns differ, in the order of the suite."""

    first: str
    second: str
    lost: tuple[str, ...]
    """With at least one demand that only the first meets."""
    gained: tuple[str, ...]
    """With at least one that only the second meets, and none lost."""


@dataclass(frozen=True)
class SuiteComparison:
    """The columns of one suite."""

    scored: Scored
    versions: tuple[Version, ...]
    flips: tuple[Flips, ...]
    """Of every pair that is compared."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            **self.scored.as_dict(),
            "versions": [one.as_dict() for one in self.versions],
            "flips": [one.as_dict() for one in self.flips],
        }


@dataclass(frozen=True)
class ModelSummary(Result):
    """One adapter on one base, from whatever suites it was scored on."""

    model: str
    parameters: int
    adapter: str
    battery: Rate | None
    """Under the delivery that fits its training, or the only one."""
    battery_delivery: str
    base: Rate | None
    """IFEval of the base, strict at prompt level, adjusted."""
    tuned: Rate | None
    """The same of the adapter."""
    ifeval: Versus | None
    """Adapter against base."""
    tracka: Versus | None
    words: Estimate | None
    """Change of the mean length, in per cent of the base's."""
    words_from: str
    """Suite whose answers were counted."""


@dataclass(frozen=True)
class Comparison:
    """Everything that can be said of some runs and files."""

    groups: tuple[SuiteComparison, ...]
    """Of each suite that two sources or more have."""
    models: tuple[ModelSummary, ...]
    """Empty where no source has base and adapter, or a battery."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "suites": [one.as_dict() for one in self.groups],
            "models": [one.as_dict() for one in self.models],
        }


def compare(sources: Sequence[Source]) -> Comparison:
    """Compare two or more sources.

    Args:
        sources: in the order of versions; the first is what others of its suite are compared with.

    Raises:
        UserError: there are fewer than two, those of one suite share no item, or there is nothing to compare.
    """
    if len(sources) < 2:
        raise UserError("A comparison needs at least two runs or files.", "aligntui compare A B")
    suites: dict[str, list[Source]] = {}
    for one in sources:
        suites.setdefault(one.scored.suite.name, []).append(one)
    groups = tuple(_group(some) for some in suites.values() if len(some) > 1)
    models = _models(sources)
    if not groups and not models:
        raise UserError(
            f"{', '.join(one.label for one in sources)} have no suite in common, and none scores an adapter.",
            "Compare runs of one suite, or runs of base and adapter.",
        )
    return Comparison(groups, models)


def _group(sources: Sequence[Source]) -> SuiteComparison:
    suite, notes = _shared(sources)
    columns = _columns(sources, suite)
    own = [
        note if note.startswith(f"{one.label}: ") else f"{one.label}: {note}"
        for one in sources
        for note in one.scored.notes
    ]
    found = scored(suite, columns, _pairs(columns), notes=(*notes, *own))
    names = found.table.columns
    return SuiteComparison(
        found, _versions(found), tuple(_flips(found, names[a], names[b]) for a, b in found.table.pairs)
    )


def _flips(found: Scored, first: str, second: str) -> Flips:
    rows = drill_rows(found, first, second, DrillFilter(flips=True))
    lost, gained = (tuple(row.item for row in rows if row.flip == kind) for kind in (LOST, GAINED))
    return Flips(first, second, lost, gained)


def _shared(sources: Sequence[Source]) -> tuple[Suite, list[str]]:
    """The suite with the items that all sources were asked, with the same demands."""
    first = sources[0].scored.suite
    records = [_by_item(one.scored.suite) for one in sources]
    for one, other in zip(sources[1:], records[1:], strict=True):
        for id_, record in records[0].items():
            if id_ in other and other[id_] != record:
                raise UserError(
                    f"{sources[0].label} and {one.label} cannot be compared: the item {id_} differs in its prompt or its "
                    "demands.",
                    "Score both with the same file of prompts.",
                )
    kept = [item for item in first.items if all(item.id in one for one in records)]
    if not kept:
        raise UserError(
            f"{', '.join(one.label for one in sources)} share no item of {first.title}.",
            "Compare runs over the same prompts.",
        )
    largest = max(len(one) for one in records)
    if len(kept) == largest:
        return first, []
    return first.only(kept), [
        f"Compared on the {len(kept):,} items that all were asked; the largest was asked {largest:,}."
    ]


def _by_item(suite: Suite) -> dict[str, Any]:
    return dict(zip((item.id for item in suite.items), suite.records(), strict=True))


def _columns(sources: Sequence[Source], suite: Suite) -> tuple[Column, ...]:
    """Columns with unique names, over the shared items and with seeds by their place; a base that said the same once."""
    found: list[tuple[Source, Column]] = []
    for one in sources:
        for column in one.scored.columns:
            cut = _cut(column, suite)
            if not any(_same_base(cut, other) for _, other in found):
                found.append((one, cut))
    names = [column.name for _, column in found]
    named = [
        replace(column, name=column.name if names.count(column.name) == 1 else f"{source.label}: {column.name}")
        for source, column in found
    ]
    taken = [column.name for column in named]
    return tuple(
        column if taken.count(column.name) == 1 else replace(column, name=f"{column.name} ({number})")
        for number, column in enumerate(named, 1)
    )


def _cut(column: Column, suite: Suite) -> Column:
    places = {seed: place for place, seed in enumerate(column.seeds)}
    return replace(
        column,
        answers={(id_, places[seed]): text for (id_, seed), text in column.answers.items() if id_ in suite.by_id},
        marks={(id_, places[seed]): marks for (id_, seed), marks in column.marks.items() if id_ in suite.by_id},
        seeds=tuple(places.values()),
    )


def _same_base(one: Column, other: Column) -> bool:
    """Whether both are the same base asked alike, with the same answers."""
    weights = [column.about.get("weights_sha256") for column in (one, other)]
    bases = [column.about.get("adapter", "") is None for column in (one, other)]
    alike = weights[0] == weights[1] and one.delivery == other.delivery
    return all(bases) and alike and one.answers == other.answers


def _pairs(columns: Sequence[Column]) -> tuple[Pair, ...]:
    """Every column against the first, then against the one before it; within one delivery where each has two columns."""
    deliveries: dict[str, list[int]] = {}
    for place, column in enumerate(columns):
        deliveries.setdefault(column.delivery, []).append(place)
    groups = list(deliveries.values())
    if any(len(group) < 2 for group in groups):
        groups = [list(range(len(columns)))]
    pairs: list[Pair] = []
    for group in groups:
        pairs += [(group[0], place) for place in group[1:]]
        pairs += pairwise(group[1:])
    return tuple(pairs)


def _versions(found: Scored) -> tuple[Version, ...]:
    """The progression of the headline; empty where there is nothing to pass."""
    if not found.suite.categories:
        return ()
    columns = found.columns
    shared = set(columns[0].marks)
    for column in columns[1:]:
        shared &= set(column.marks)
    verdicts = [{at: column.marks[at].follows_all() for at in shared} for column in columns]
    kept = [at for at in shared if all(one[at] is not None for one in verdicts)]
    failures = [sum(one[at] is False for at in kept) for one in verdicts]
    first = {
        found.table.pairs[number][1]: versus
        for number, versus in reversed(list(enumerate(found.table.headline.versus)))
    }
    return tuple(
        Version(
            column.name,
            failures[place],
            len(kept),
            _reduction(failures[0], failures[place]) if place else None,
            _reduction(failures[place - 1], failures[place]) if place else None,
            first.get(place),
        )
        for place, column in enumerate(columns)
    )


def _reduction(before: int, after: int) -> float | None:
    return 100 * (before - after) / before if before else None


def _models(sources: Sequence[Source]) -> tuple[ModelSummary, ...]:
    """A row for each adapter on each base, in the order in which they come."""
    rows: dict[tuple[Any, ...], ModelSummary] = {}
    for source in sources:
        for column in source.scored.columns:
            about = column.about
            if about.get("adapter") is None:
                continue
            key = (about.get("weights_sha256"), about.get("adapter_sha256"), about.get("strength"))
            row = rows.get(key) or ModelSummary(
                str(about.get("model", "")), int(about.get("parameters", 0)), column.side,
                None, "", None, None, None, None, None, "",
            )  # fmt: skip
            rows[key] = _filled(row, source.scored, column)
    return tuple(rows.values())


def _filled(row: ModelSummary, found: Scored, column: Column) -> ModelSummary:
    """The row with what this column adds; of several deliveries the one that fits the adapter's training counts."""
    table, place = found.table, found.table.columns.index(column.name)
    if found.suite.name == "battery":
        value, fitting = table.headline.values[place], _fitting(column.about)
        better = row.battery_delivery not in fitting and column.delivery in fitting
        if isinstance(value, Rate) and (row.battery is None or better):
            return replace(row, battery=value, battery_delivery=column.delivery)
        return row
    number = next((n for n, (_, second) in enumerate(table.pairs) if second == place), None)
    if number is None:
        return row
    first = table.pairs[number][0]
    if found.columns[first].about.get("adapter", "") is not None:
        return row
    words = table.row(WORDS, SIDE_EFFECT)
    change = words.versus[number].percent if words is not None else None
    if change is not None and (row.words is None or found.suite.name == "ifeval"):
        row = replace(row, words=change, words_from=found.suite.name)
    if found.suite.name == "tracka" and row.tracka is None:
        return replace(row, tracka=table.headline.versus[number])
    if found.suite.name == "ifeval" and row.ifeval is None:
        adjusted = table.row(ADJUSTED) or table.headline
        base, tuned = adjusted.values[first], adjusted.values[place]
        assert isinstance(base, Rate) and isinstance(tuned, Rate), "IFEval has rates"
        return replace(row, base=base, tuned=tuned, ifeval=adjusted.versus[number])
    return row


def _fitting(about: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, TRAINED_DELIVERIES.get(str(about.get("trained_mode", "")), ())))
