"""How long a run will take, from its arithmetic and the speed of this machine's products of matrices.

Operations of one packed token: each frozen product costs 2 P there and 2 P back to its input (its weight gets no
gradient), and 2 P once more for the reference; the head counts for answer tokens alone, once there for policy and
reference and once back for each gradient. A processor reaches `EFFICIENCY` of what a plain product reaches, so that
the result is good to a factor of two at best, and shown as a span. Pinned in tests/workbench/test_training_fit.py.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from aligntui.config.training import Method, TrainingConfig
from aligntui.workbench.training.batch_lengths import Lengths, takes_rejected
from aligntui.workbench.training.model_shape import ModelShape

EFFICIENCY = 0.5
SIDE = 768
TIMED_S = 0.4
FEWEST = 7


@dataclass(frozen=True)
class Pace:
    """What a run takes."""

    tokens: float
    """Of all steps, a pair's prompt once."""
    operations: float
    """Of all steps, floating-point."""
    seconds: float
    """About; to a factor of two."""

    @property
    def sentence(self) -> str:
        """For people."""
        low, high = self.seconds / 1.5, self.seconds * 2
        return f"about {_span(low)} to {_span(high)} for {self.tokens:,.0f} tokens, if nothing else runs here"


def pace_of(config: TrainingConfig, shape: ModelShape, lengths: Lengths) -> Pace:
    """How long a run takes on the CPU if nothing else runs there."""
    tokens = operations = 0.0
    for stage in config.staged():
        pairs = lengths.cut(stage.steps.length, with_rejected=takes_rejected(stage))
        records = stage.steps.max_steps * stage.pairs_per_step or stage.steps.epochs * lengths.records
        packed, answers = float(np.mean(pairs.packed)), float(np.mean(pairs.answers))
        tokens += packed * records
        operations += records * operations_of(stage, shape, packed, answers)
    return Pace(tokens, operations, operations / (EFFICIENCY * product_rate()))


def operations_of(config: TrainingConfig, shape: ModelShape, packed: float, answers: float) -> float:
    """Floating-point operations of one pair in one step.

    Args:
        config: of the stage.
        shape: of the base.
        packed: tokens of prompt and answers.
        answers: tokens of the answers.
    """
    has_reference = config.method in (Method.DPO, Method.UNIFIED, Method.CITA)
    minimises_kl = config.method in (Method.UNIFIED, Method.CITA)
    again = 2 if config.steps.gradient_checkpointing else 0
    body = shape.linear_parameters * packed * (4 + again + (2 if has_reference else 0))
    head = 2 * shape.vocabulary * shape.hidden * answers * (2 + has_reference + minimises_kl)
    return body + head


def product_rate() -> float:
    """Operations a second of a plain float32 product, the best of some: what else runs now is not counted."""
    left = np.ones((SIDE, SIDE), dtype=np.float32)
    took: list[float] = []
    end = time.perf_counter() + TIMED_S
    while len(took) < FEWEST or time.perf_counter() < end:
        began = time.perf_counter()
        np.matmul(left, left)
        took.append(time.perf_counter() - began)
    return 2 * SIDE**3 / min(took)


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
