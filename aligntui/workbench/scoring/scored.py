"""From stored or recorded answers to scores: answers judged, columns compared, and what has to be said beside it.

Pinned in tests/workbench/test_scoring_scored.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from aligntui.core.errors import UserError
from aligntui.core.generation import GenerationRun
from aligntui.core.turn import Answer, Finish
from aligntui.score.answers.bleed import Explained, explained
from aligntui.score.battery.delivery import Delivery
from aligntui.score.corrections import corrected
from aligntui.score.suites.columns import At, Column, judged
from aligntui.score.suites.reading import read_answers
from aligntui.score.suites.suite import Suite
from aligntui.score.suites.table import Pair, Row, ScoreTable, against_first, score_table
from aligntui.score.suites.versus import Versus, corrected_by
from aligntui.workbench.scoring.plan import ScorePlan
from aligntui.workbench.scoring.suites import LoadedSuite
from aligntui.workbench.store_thread import StoreThread

CUT_SHARE = 0.1
"""Share of answers cut at the limit of new tokens from which on it is said."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Scored:
    """Scores of a run, or of files of answers."""

    suite: Suite
    columns: tuple[Column, ...]
    table: ScoreTable
    deliveries: tuple[Versus, ...] = ()
    """The headline of one side under two deliveries, each against the barer one; p-values corrected over them (Holm)."""
    explained: tuple[tuple[str, Explained], ...] = ()
    """Column, and of the failures of a category those that speak of the doctrine."""
    notes: tuple[str, ...] = ()
    """What a reader has to know first: other formats, parts of a suite, cut answers."""
    run: GenerationRun | None = None
    plan: ScorePlan | None = None

    @property
    def title(self) -> str:
        """What was scored."""
        if self.run is not None:
            return f"{self.suite.title}: {self.run.name}"
        return f"{self.suite.title}: {', '.join(column.name for column in self.columns)}"

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            UserError: there is none.
        """
        found = next((one for one in self.columns if one.name == name), None)
        if found is None:
            raise UserError(f"There is no column {name!r}.", f"Known: {', '.join(one.name for one in self.columns)}.")
        return found

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        run = self.run
        return {
            "suite": self.suite.name,
            "source": self.suite.source,
            "fingerprint": self.suite.fingerprint,
            "run": None if run is None else described(run),
            "notes": list(self.notes),
            "columns": [
                {
                    "name": column.name,
                    "side": column.side,
                    "delivery": column.delivery,
                    "seeds": list(column.seeds),
                    "coverage": cover.as_dict(),
                    "complete": cover.used == cover.total,
                    "empty_answers": column.empty,
                    **column.about,
                }
                for column, cover in zip(self.columns, self.table.coverage, strict=True)
            ],
            "headline": self.suite.headline,
            "table": self.table.as_dict(),
            "deliveries": [one.as_dict() for one in self.deliveries],
            "explained_by_doctrine": [{"column": name, **one.as_dict()} for name, one in self.explained],
        }


def described(run: GenerationRun) -> dict[str, Any]:
    """A run as `--json` shows it."""
    return {
        "id": run.id,
        "name": run.name,
        "suite": run.plan.get("suite", {}).get("suite", ""),
        "created_at": run.created_at,
        "session": run.session_id,
        "cells": run.cells,
        "done": run.done,
        "cached": run.cached,
    }


async def stored_answers(store: StoreThread, run: GenerationRun) -> dict[str, Answer]:
    """The answers of a run by key of their cell."""
    return await store.run(lambda opened: dict(opened.run_answers(run)))


def columns_of(plan: ScorePlan, answers: Mapping[str, Answer], progress: Progress | None = None) -> tuple[Column, ...]:
    """The columns of a run, judged: every side under every delivery, whether or not it is answered yet."""
    found: dict[tuple[int, Delivery], dict[At, Answer]] = {
        (number, delivery): {} for delivery in plan.deliveries for number in range(len(plan.sides))
    }
    for key, answer in answers.items():
        place = plan.places.get(key)
        if place is not None:
            found[place.side, place.delivery][place.item.id, place.seed] = answer
    total, before = sum(map(len, found.values())), 0
    columns: list[Column] = []
    for (number, delivery), some in found.items():
        side = plan.sides[number]
        told = None if progress is None else _from(progress, before, total)
        columns.append(
            judged(
                plan.suite,
                {at: answer.text for at, answer in some.items()},
                plan.column_name(side.name, delivery),
                side.name,
                str(delivery),
                seeds=plan.seeds,
                about=_about(plan, number, some.values()),
                progress=told,
            )
        )
        before += len(some)
    return tuple(columns)


def score_answers(run: GenerationRun, answers: Mapping[str, Answer], progress: Progress | None = None) -> Scored:
    """Scores of a run, whether or not it has ended.

    Raises:
        UserError: nothing is answered yet.
        EnvironmentProblem: a checker lacks its data.
    """
    if not answers:
        raise UserError(
            f"Nothing of the run {run.name} is answered yet.",
            f"Go on with it: `aligntui score {run.plan['suite']['suite']} --resume {run.id}`.",
        )
    plan = ScorePlan.from_dict(run.plan)
    columns = columns_of(plan, answers, progress)
    return scored(plan.suite, columns, run=run, plan=plan, notes=_notes(plan, columns))


def score_responses(loaded: LoadedSuite, files: Sequence[Path], progress: Progress | None = None) -> Scored:
    """Scores of recorded answers; no model is needed.

    Args:
        loaded: the suite.
        files: at least one; the first is what the others are compared with.
        progress: told how many of how many answers are judged.

    Raises:
        UserError: a file cannot be read, or holds answers to unknown or repeated prompts; names file and line.
        EnvironmentProblem: a checker lacks its data.
    """
    names = unique_names(files)
    read = [read_answers(path, loaded.suite, loaded.whole) for path in files]
    total, before = sum(map(len, read)), 0
    columns: list[Column] = []
    for name, path, answers in zip(names, files, read, strict=True):
        told = None if progress is None else _from(progress, before, total)
        at = {(id_, 0): text for id_, text in answers.items()}
        columns.append(judged(loaded.suite, at, name, about={"file": str(path)}, progress=told))
        before += len(answers)
    return scored(loaded.suite, tuple(columns), notes=_part_notes(loaded.suite, columns))


def scored(
    suite: Suite,
    columns: Sequence[Column],
    pairs: Sequence[Pair] | None = None,
    *,
    run: GenerationRun | None = None,
    plan: ScorePlan | None = None,
    notes: Sequence[str] = (),
) -> Scored:
    """Everything that is measured of some columns of one suite."""
    columns = tuple(columns)
    pairs = against_first(columns) if pairs is None else tuple(pairs)
    extra = _delivery_pairs(columns)
    table = score_table(suite, columns, (*pairs, *extra))
    cut = len(pairs)
    deliveries = _corrected(table.headline, cut)
    rows = tuple(_without(row, cut) for row in table.rows)
    shown = replace(table, pairs=pairs, rows=rows)
    return Scored(suite, columns, shown, deliveries, _explained(suite, columns), tuple(notes), run, plan)


def unique_names(files: Sequence[Path]) -> list[str]:
    """A name for each file: its stem, with its folder where two have one stem, with a number where that is not enough."""
    stems = [path.stem for path in files]
    names = [
        stem if stems.count(stem) == 1 else f"{path.parent.name}/{stem}"
        for stem, path in zip(stems, files, strict=True)
    ]
    return [name if names.count(name) == 1 else f"{name} ({number})" for number, name in enumerate(names, 1)]


def _from(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _all: progress(before + done, total)


def _delivery_pairs(columns: Sequence[Column]) -> tuple[Pair, ...]:
    """For each side every two of its deliveries, the barer one first."""
    order = {str(one): place for place, one in enumerate(Delivery)}
    pairs: list[Pair] = []
    for a, b in combinations(range(len(columns)), 2):
        one, other = columns[a], columns[b]
        if one.side == other.side and one.delivery != other.delivery and {one.delivery, other.delivery} <= order.keys():
            pairs.append((a, b) if order[one.delivery] < order[other.delivery] else (b, a))
    return tuple(pairs)


def _corrected(headline: Row, cut: int) -> tuple[Versus, ...]:
    found = headline.versus[cut:]
    if headline.unit == "words":
        return found
    family = corrected([one.p for one in found])
    return tuple(corrected_by(one, p, higher_is_better=True) for one, p in zip(found, family, strict=True))


def _without(row: Row, cut: int) -> Row:
    return replace(row, versus=row.versus[:cut])


def _explained(suite: Suite, columns: Sequence[Column]) -> tuple[tuple[str, Explained], ...]:
    """Of the failures of each category, the share that speaks of the doctrine."""
    if not suite.doctrine or len(suite.categories) < 2 or suite.name == "battery":
        return ()
    questions = {item.id: item.prompt for item in suite.items}
    found: list[tuple[str, Explained]] = []
    for column in columns:
        failures: dict[str, list[tuple[str, str]]] = {}
        for (id_, seed), marks in column.marks.items():
            for category in {part.category for part in marks.parts if part.passed is False}:
                failures.setdefault(category, []).append((id_, column.answers[id_, seed]))
        there = {name: failures[name] for name in suite.categories if name in failures}
        found += [(column.name, one) for one in explained(suite.doctrine, there, questions)]
    return tuple(found)


def _about(plan: ScorePlan, number: int, answers: Iterable[Answer]) -> dict[str, Any]:
    side, finishes = plan.sides[number], [answer.finish for answer in answers]
    return {
        "model": plan.base.model,
        "parameters": plan.parameters,
        "weights_sha256": plan.base.weights_sha256,
        "adapter": side.adapter.name if side.adapter else None,
        "adapter_sha256": side.adapter_sha256,
        "strength": side.strength if side.adapter else None,
        "trained_mode": plan.trained.get(side.name, ""),
        "finishes": {str(one): finishes.count(one) for one in Finish if one in finishes},
    }


def _notes(plan: ScorePlan, columns: Sequence[Column]) -> tuple[str, ...]:
    return (*plan.format_notes(), *plan.warnings, *_part_notes(plan.suite, columns), *_cut_notes(plan, columns))


def _part_notes(suite: Suite, columns: Sequence[Column]) -> tuple[str, ...]:
    """What is missing of a whole suite; a part of it is no score of it."""
    notes: list[str] = []
    asked = len(suite.items)
    if asked < suite.total:
        notes.append(f"A part of the suite: {asked:,} of its {suite.total:,} items were asked.")
    for column in columns:
        wanted = asked * len(column.seeds)
        if len(column.marks) < wanted:
            notes.append(f"{column.name}: {wanted - len(column.marks):,} of {wanted:,} answers are missing.")
        unchecked = [
            id_ for (id_, _), marks in column.marks.items() if any(part.passed is None for part in marks.parts)
        ]
        for id_ in unchecked[:3]:
            item = suite.by_id[id_]
            text = next(text for (known, _), text in column.answers.items() if known == id_)
            notes.append(f"{column.name}, {id_}: {'; '.join(filter(None, suite.reasons(item, text)))}.")
        if len(unchecked) > 3:
            notes.append(f"{column.name}: {len(unchecked) - 3:,} more answers could not be checked.")
    return tuple(notes)


def _cut_notes(plan: ScorePlan, columns: Sequence[Column]) -> list[str]:
    cut = {column.name: column.about.get("finishes", {}).get(str(Finish.LENGTH), 0) for column in columns}
    many = [one for one in columns if one.answers and cut[one.name] / len(one.answers) > CUT_SHARE]
    if not many:
        return []
    shares = ", ".join(f"{one.name} {cut[one.name]:,} of {len(one.answers):,}" for one in many)
    return [
        f"Answers cut at {plan.asking.sampling.max_new_tokens:,} new tokens, which can make them fail: {shares}. "
        "--max-new-tokens raises the limit."
    ]
