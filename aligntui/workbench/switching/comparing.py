"""Several switch runs side by side: each side's measures, paired differences where prompts are shared, relative efficiency.

Pinned in tests/workbench/test_switching_comparing.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aligntui.core.errors import UserError
from aligntui.core.ids import sha256_text
from aligntui.core.printable import one_line
from aligntui.workbench.switching.measuring import EmbedTexts, Measured, cells_of, measure
from aligntui.workbench.switching.plan import GRID, NOISE, SwitchPlan

if TYPE_CHECKING:
    from aligntui.core.generation import GenerationRun
    from aligntui.core.turn import Answer
    from aligntui.score.switching.cells import AnswerCell
    from aligntui.score.switching.comparison import SwitchComparison
    from aligntui.score.switching.efficiency import RelativeEfficiency
    from aligntui.score.switching.gains import FidelityGain
    from aligntui.score.switching.rates import SideRate
    from aligntui.score.switching.shift import ShiftComparison, SideShift
    from aligntui.workbench.switching.measuring import Vectors

RATE, FIDELITY = "switch rate", "fidelity"
NAME_CELLS = 40


@dataclass(frozen=True)
class Entry:
    """One side of one run."""

    name: str
    """Unique in the comparison: the side, or run and side."""
    run: str
    """Id of its run."""
    side: str
    rate: SideRate
    shift: SideShift
    gain: FidelityGain | None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready mapping; the switch rate's row as `switch report` has it, under this entry's name."""
        row = self.rate.as_dict()
        shift = self.shift.as_dict()
        del shift["side"]
        gain = None if self.gain is None else self.gain.paired.as_dict()
        return {**row, "entry": self.name, "run": self.run, "side": self.side, **shift, "fidelity_gain": gain}


@dataclass(frozen=True)
class RunsCompared:
    """What a comparison says."""

    runs: tuple[GenerationRun, ...]
    entries: tuple[Entry, ...]
    comparisons: tuple[SwitchComparison, ...]
    """Every other entry against the first, cell by cell where both were asked the same."""
    shifts: tuple[ShiftComparison, ...]
    unpaired: str
    """Why nothing is paired; empty where it is."""
    efficiency: RelativeEfficiency
    differs: tuple[str, ...]
    """In what the runs differ besides their sides, a phrase each."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready mapping."""
        return {
            "runs": [{"id": run.id, "name": run.name, "cells": run.cells, "done": run.done} for run in self.runs],
            "entries": [entry.as_dict() for entry in self.entries],
            "comparisons": [one.as_dict() for one in self.comparisons],
            "shift_comparisons": [one.as_dict() for one in self.shifts],
            "unpaired": self.unpaired,
            "efficiency": self.efficiency.as_dict(),
            "differs": list(self.differs),
        }


async def compare_runs(runs: Sequence[tuple[GenerationRun, Mapping[str, Answer]]], embed: EmbedTexts) -> RunsCompared:
    """Measure runs and hold their sides against each other.

    Args:
        runs: each with its answers by key of their cell.
        embed: sentence embeddings, which should remember what they embedded.

    Raises:
        UserError: a run twice, fewer than two sides in all, or as `measure`.
        EnvironmentProblem: the embeddings cannot be had.
    """
    ids = [run.id for run, _ in runs]
    if len(set(ids)) < len(ids):
        raise UserError("A run is named twice.", "Name each run once.")
    sides = sum(len(run.plan["sides"]) for run, _ in runs)
    if sides < 2:
        raise UserError(
            "Only one side was asked in these runs, so there is nothing to hold it against.", "Name another run."
        )
    found = [await measure(run, answers, embed) for run, answers in runs]
    names = _names(found)
    entries = [
        Entry(name, one.run.id, rate.side, rate, shift, gain)
        for one, of_run in zip(found, names, strict=True)
        for name, rate, shift, gain in zip(
            of_run, one.report.nearest.sides, one.report.shifts, one.report.gains or [None] * len(of_run), strict=True
        )
    ]  # fmt: skip
    unpaired = _unpaired([one.plan for one in found])
    comparisons, shifts = ((), ()) if unpaired else await _paired(found, names, embed)
    return RunsCompared(
        tuple(one.run for one in found),
        tuple(entries),
        comparisons,
        shifts,
        unpaired,
        _efficiency(entries, found),
        tuple(_differs([one.plan for one in found])),
    )


def _names(found: Sequence[Measured]) -> list[list[str]]:
    """A name for every side of every run, unique over all of them."""
    sides = [[side.name for side in one.plan.sides] for one in found]
    if len(found) == 1:
        return sides
    runs = [one_line(one.run.name, NAME_CELLS) for one in found]
    if len(set(runs)) < len(runs):
        runs = [one.run.id for one in found]
    return [[f"{run}: {side}" for side in of_run] for run, of_run in zip(runs, sides, strict=True)]


def _unpaired(plans: Sequence[SwitchPlan]) -> str:
    first = dict(plans[0].characteristics)
    if any(dict(plan.characteristics) != first for plan in plans[1:]):
        return (
            "the runs have other instruction types or other characteristics, so their names are chosen from other lists"
        )
    prompts = [{place.prompt.text for place in plan.places.values() if place.group == GRID} for plan in plans]
    return "" if set.intersection(*prompts) else "the runs share no prompt"


async def _paired(
    found: Sequence[Measured], names: Sequence[Sequence[str]], embed: EmbedTexts
) -> tuple[tuple[SwitchComparison, ...], tuple[ShiftComparison, ...]]:
    """The runs as sides of one: prompts and wordings by their texts, seeds by their order."""
    cells, noise = (
        [cell for one, of_run in zip(found, names, strict=True) for cell in _merged(one, of_run, group)]
        for group in (GRID, NOISE)
    )
    types = found[0].plan.characteristics
    texts = [text for group in types.values() for text in group]
    texts += [cell.answer for cell in (*cells, *noise) if cell.answer is not None and cell.filled]
    texts = list(dict.fromkeys(texts))
    vectors = dict(zip(texts, await embed(texts), strict=True))
    return await asyncio.to_thread(_compare, cells, noise, types, vectors, names[0][0])


def _merged(one: Measured, names: Sequence[str], group: str) -> list[AnswerCell]:
    plan = one.plan
    places = [place for place in plan.places.values() if place.group == group]
    asked = plan.group(group)
    order = {seed: at for at, seed in enumerate(asked.seeds)} if asked else {}
    texts: dict[str, set[str]] = {}
    for place in places:
        texts.setdefault(place.prompt.text, set()).add(place.prompt.id)
    return [
        replace(
            cell,
            # two prompts of one text in one run are told apart, and stand in no pair with another run's
            prompt=place.prompt.text if len(texts[place.prompt.text]) == 1 else f"{one.run.id} {place.prompt.id}",
            phrasing=f"{cell.phrasing} {sha256_text(place.wording.text)[:12]}",
            side=names[place.side],
            seed=order[place.seed],
        )
        for cell, place in zip(cells_of(plan, one.answers, group), places, strict=True)
    ]


def _compare(
    cells: Sequence[AnswerCell],
    noise: Sequence[AnswerCell],
    types: Mapping[str, tuple[str, ...]],
    vectors: Mapping[str, Vectors],
    first: str,
) -> tuple[tuple[SwitchComparison, ...], tuple[ShiftComparison, ...]]:
    import numpy as np

    from aligntui.score.switching.cells import embedded, prototypes
    from aligntui.score.switching.report import switch_report

    def embed(texts: Sequence[str]) -> Vectors:
        return np.stack([vectors[text] for text in texts])

    report = switch_report(
        embedded(cells, embed),
        prototypes(types, embed),
        base=first,
        noise=embedded(noise, embed) if any(cell.filled for cell in noise) else None,
    )
    return report.nearest.comparisons, report.shift_comparisons


def _efficiency(entries: Sequence[Entry], found: Sequence[Measured]) -> RelativeEfficiency:
    """Measures with and without the instruction.

    Without one, all M answers to a prompt are one answer: the switch rate is then chance, two opposed instructions differ
    by nothing, and their lengths are in the ratio 1. Only fidelity has to be asked for without an instruction.
    """
    from aligntui.score.switching.efficiency import relative_efficiency
    from aligntui.score.switching.length import LengthSuite

    scores: dict[str, dict[str, tuple[float | None, float | None]]] = {}
    for entry in entries:
        gain = entry.gain.paired if entry.gain is not None else None
        scores[entry.name] = {
            RATE: (entry.rate.rate.rate, entry.rate.rate.chance),
            FIDELITY: (None, None) if gain is None else (gain.second, gain.first),
        }
    of_run = {one.run.id: one.report.suites for one in found}
    for entry in entries:
        for suite in of_run[entry.run]:
            if isinstance(suite, LengthSuite):
                scores[entry.name][suite.name] = next(
                    ((side.ratio.value, 1.0) for side in suite.sides if side.side == entry.side), (None, None)
                )
            else:
                scores[entry.name][suite.name] = next(
                    ((side.paired.difference.value, 0.0) for side in suite.sides if side.side == entry.side),
                    (None, None),
                )
    return relative_efficiency(scores)


def _differs(plans: Sequence[SwitchPlan]) -> list[str]:
    ways = {
        "data set": [plan.dataset for plan in plans],
        "base": [plan.base.weights_sha256[:12] for plan in plans],
        "number format": [(plan.base.dtype, plan.base.quantisation) for plan in plans],
        "mode": [plan.asking.mode.value for plan in plans],
        "temperature": [plan.asking.sampling.temperature for plan in plans],
        "top_p": [plan.asking.sampling.top_p for plan in plans],
        "limit of new tokens": [plan.asking.sampling.max_new_tokens for plan in plans],
    }
    return [
        f"{name}: {', '.join(map(str, dict.fromkeys(values)))}" for name, values in ways.items() if len(set(values)) > 1
    ]
