"""Instruction-alignment efficiency: several runs held against each other, which is all that this number says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aligntui.core.errors import UserError
from aligntui.score.results import Result

INNER = 0.1
"""Radius of the worst run in a measure; the best has 1."""
EQUAL = 1e-12
"""Share of the largest gain below which a spread is rounding."""


@dataclass(frozen=True)
class Radius(Result):
    """One run in one measure."""

    measure: str
    instruct: float
    """The measure with the instruction in the prompt."""
    no_instruct: float
    """The same without."""
    gain: float
    """instruct - no-instruct."""
    radius: float
    """0.1 + 0.9 * minmax(gain) over the runs compared."""
    equal: bool
    """Whether all runs gain the same, so that the measure tells none from another; the radius is then 0.55."""


@dataclass(frozen=True)
class RunEfficiency(Result):
    """One run."""

    run: str
    efficiency: float
    """100 * mean radius, 10 to 100."""
    radii: tuple[Radius, ...]


@dataclass(frozen=True)
class RelativeEfficiency(Result):
    """Runs side by side, best first. The number is relative: another run in the comparison changes all of them."""

    runs: tuple[RunEfficiency, ...]
    measures: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    """Measure and why it does not count."""
    note: str

    def as_dict(self) -> dict[str, Any]:
        """The fields by name; `left_out` as a mapping of measure to reason."""
        return {**super().as_dict(), "left_out": dict(self.left_out)}


def relative_efficiency(scores: Mapping[str, Mapping[str, tuple[float | None, float | None]]]) -> RelativeEfficiency:
    """Relative instruction-alignment efficiency of several runs.

    For each measure, the gain of a run is its score with the instruction less its score without; the gains of all runs are
    scaled to 0..1 by their smallest and largest; radius = 0.1 + 0.9 * scaled gain; efficiency = 100 * mean radius. Larger
    scores have to be the better ones in every measure.

    Where all runs gain the same, smallest and largest are one and the scaling is 0 / 0. Each run is then as much the best
    as the worst, so the scaled gain is one half and the radius 0.55 for all: the order of the runs is what it would be
    without the measure. A measure that a run lacks is left out for all runs, since scaling it over fewer runs would be
    another scale.

    Args:
        scores: by run and measure, the score with and without the instruction; None where there is none.

    Raises:
        UserError: fewer than two runs, or no measure that all of them have.

    Source: section 4 of the project's method; the radius of the public code of arXiv 2601.06157. Pinned against the paper's
        printed gains in tests/score/test_switching_efficiency.py.
    """
    if len(scores) < 2:
        raise UserError(
            f"Relative efficiency holds runs against each other, and {len(scores)} is given.",
            "Name at least two runs that were scored with and without the instruction.",
        )
    measures: list[str] = []
    left_out: list[tuple[str, str]] = []
    gains: dict[str, dict[str, tuple[float, float]]] = {run: {} for run in scores}
    for measure in dict.fromkeys(name for of in scores.values() for name in of):
        lacking = next((run for run, of in scores.items() if None in of.get(measure, (None, None))), None)
        if lacking is not None:
            left_out.append((measure, f"{lacking} lacks it"))
            continue
        measures.append(measure)
        for run, of in scores.items():
            instruct, no_instruct = of[measure]
            if instruct is not None and no_instruct is not None:
                gains[run][measure] = (instruct, no_instruct)
    if not measures:
        raise UserError(
            "The runs have no measure in common that was taken with and without the instruction.",
            "Score all of them with the same measures, once with the instruction and once without.",
        )
    scales: dict[str, tuple[float, float, bool]] = {}
    for measure in measures:
        of_runs = [instruct - no_instruct for instruct, no_instruct in (gains[run][measure] for run in scores)]
        low, high = min(of_runs), max(of_runs)
        size = max(abs(value) for run in scores for value in gains[run][measure])
        scales[measure] = (low, high, high - low <= EQUAL * size)
    found = [_run(run, gains[run], scales) for run in scores]
    return RelativeEfficiency(
        tuple(sorted(found, key=lambda run: -run.efficiency)),
        tuple(measures),
        tuple(left_out),
        f"Relative to the {len(scores)} runs compared here: no share of anything, and another set of runs gives other numbers.",
    )


def _run(
    run: str, scores: Mapping[str, tuple[float, float]], scales: Mapping[str, tuple[float, float, bool]]
) -> RunEfficiency:
    radii: list[Radius] = []
    for measure, (instruct, no_instruct) in scores.items():
        low, high, equal = scales[measure]
        gain = instruct - no_instruct
        scaled = 0.5 if equal else (gain - low) / (high - low)
        radii.append(Radius(measure, instruct, no_instruct, gain, INNER + (1 - INNER) * scaled, equal))
    return RunEfficiency(run, 100 * sum(radius.radius for radius in radii) / len(radii), tuple(radii))
