"""What an instruction adds: answers under it held against the same model's answers to the same prompts without any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aligntui.score.bootstrap import RESAMPLES, SEED
from aligntui.score.paired import PairedMeans, compare_means
from aligntui.score.results import LEVEL, Result
from aligntui.score.switching.cells import AnswerTable, Prototypes
from aligntui.score.switching.estimates import word_level
from aligntui.score.switching.shift import PromptShift
from aligntui.score.wording import Wording


@dataclass(frozen=True)
class FidelityGain(Result):
    """One side's fidelity with and without an instruction, on the same prompts."""

    side: str
    paired: PairedMeans
    """`first` without an instruction, `second` with it; the difference is the gain."""
    wording: Wording


def fidelity_gain(
    bare: AnswerTable,
    prototypes: Prototypes,
    shifts: Mapping[str, PromptShift],
    side: str,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> FidelityGain:
    """How much nearer answers come to an instruction's prototype by being given that instruction.

    Without an instruction an answer stands for every instruction alike: its fidelity is the mean over the M prototypes of
    (1 + cosine) / 2, as it is the mean over the instructions with them.

    Args:
        bare: answers without an instruction, of any side.
        prototypes: of the M instructions.
        shifts: of the side by prompt, from `prompt_shifts`.
        side: whose gain.
        level: confidence level.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Source: instruct less no-instruct, section 4 of the project's method. Pinned by hand in
        tests/score/test_switching_gains.py.
    """
    mean = prototypes.vectors.mean(0)  # (d,): the mean of cosines is the cosine sum with the mean of unit prototypes
    without: dict[str, list[float]] = {}
    for i, cell in enumerate(bare.cells):
        if cell.side == side and cell.filled:
            without.setdefault(cell.prompt, []).append(float(1 + bare.vectors[i] @ mean) / 2)
    prompts = list(dict.fromkeys([*shifts, *without]))
    nothing = PromptShift(None, None, None)
    paired = compare_means(
        [sum(found) / len(found) if (found := without.get(prompt)) else None for prompt in prompts],
        [shifts.get(prompt, nothing).fidelity for prompt in prompts],
        prompts,
        level,
        resamples,
        seed,
    )
    said = word_level(
        paired.difference,
        f"the fidelity of {side} without an instruction",
        f"the fidelity of {side} with its instruction",
        unit="",
        detectable=paired.detectable,
    )
    return FidelityGain(side, paired, said)
