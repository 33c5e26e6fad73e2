"""What is minimised: methods, readings of the KL, weights. Validated when made.

Pinned in tests/backend/test_losses_objectives.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from aligntui.core.errors import UserError


class Method(StrEnum):
    """Training methods by the names of the presets. ITA and contrastive ITA are SFT on prompts of another format."""

    SFT = "sft"
    DPO = "dpo"
    RRHF = "rrhf"
    UNIFIED = "unified"
    CITA = "cita-kl"


class Contrast(StrEnum):
    """What the sigmoid of a preference loss compares."""

    REFERENCE = "reference"
    """Log-ratios log pi - log pi0 of both answers: DPO as published and as TRL computes it."""
    PLAIN = "plain"
    """log pi of both answers: DPO as the Ecliptica draft prints it, and CITA."""


class KlReading(StrEnum):
    """What is called KL."""

    FULL = "full"
    """KL(pi || pi0) over the vocabulary at each answer position: a divergence, >= 0."""
    DRAFT = "draft"
    """The draft's formula: the data token's log-ratio weighted by pi, summed over the answer. No divergence."""
    LOG_RATIO = "log_ratio"
    """The follow-up's public code: the mean log-ratio of the two data answers. Can be negative."""


class SftReduction(StrEnum):
    """How the token losses of SFT become one number."""

    TOKEN_MEAN = "token_mean"
    SEQUENCE_SUM = "sequence_sum"
    """Sum over an answer's tokens, mean over answers (the draft)."""


@dataclass(frozen=True)
class Annealing:
    """A weight that goes in a straight line from `start` at the first step to `end` at the last one."""

    start: float
    end: float

    def at(self, step: int, steps: int) -> float:
        """The weight at a step.

        Args:
            step: counts optimiser steps from 0; past the last one the weight stays at `end`.
            steps: of the whole run; a run of one step has `start`.
        """
        share = min(1.0, step / (steps - 1)) if steps > 1 else 0.0
        return self.start + share * (self.end - self.start)


@dataclass(frozen=True)
class LossConfig:
    """One loss. Fields that a method does not use are ignored by it.

    Raises:
        UserError: a weight is out of range; `cita-kl` without a KL.
    """

    method: Method
    beta: float = 0.1
    """Factor inside the sigmoid, > 0: DPO, unified, CITA."""
    contrast: Contrast | None = None
    """None is the method's own: `reference` for DPO and unified, `plain` for CITA."""
    sft_reduction: SftReduction = SftReduction.TOKEN_MEAN
    """SFT, RRHF, unified."""
    dpo_weight: float = 1.0
    """lambda1 of unified, >= 0."""
    rank_weight: float = 1.0
    """Weight of RRHF's ranking hinge beside its SFT, >= 0."""
    kl_weight: Annealing = field(default_factory=lambda: Annealing(0.01, 0.1))
    """lambda of CITA-KL (> 0 all along), lambda2 of unified (>= 0)."""
    kl: KlReading = KlReading.FULL

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        _require("beta", self.beta, self.beta > 0, "above 0; 0.1 is usual")
        _require("dpo_weight", self.dpo_weight, self.dpo_weight >= 0, "0 or above")
        _require("rank_weight", self.rank_weight, self.rank_weight >= 0, "0 or above")
        for name, value in (("start", self.kl_weight.start), ("end", self.kl_weight.end)):
            if self.method is Method.CITA and value == 0:
                raise UserError(
                    f"The KL is mandatory in CITA-KL, but its weight lambda is 0 at the {name} of the run.",
                    "Set it above 0; 0.01 rising to 0.1 is the draft's choice. A contrast alone is DPO with contrast "
                    "'plain'.",
                )
            above = value > 0 if self.method is Method.CITA else value >= 0
            _require(f"kl_weight at the {name}", value, above, "0 or above")

    @property
    def contrasted(self) -> Contrast | None:
        """What the sigmoid compares; None for methods without one."""
        if self.method in (Method.SFT, Method.RRHF):
            return None
        return self.contrast or (Contrast.PLAIN if self.method is Method.CITA else Contrast.REFERENCE)

    @property
    def minimises_kl(self) -> bool:
        """Whether a KL is part of the loss."""
        return self.method in (Method.UNIFIED, Method.CITA)

    @property
    def needs_rejected(self) -> bool:
        """Whether rejected answers are read."""
        return self.method is not Method.SFT

    @property
    def needs_reference(self) -> bool:
        """Whether the reference is run."""
        return self.minimises_kl or self.contrasted is Contrast.REFERENCE


def _require(name: str, value: float, holds: bool, wanted: str) -> None:
    if not (math.isfinite(value) and holds):
        raise UserError(f"{name} must be {wanted}, not {value:g}.")
