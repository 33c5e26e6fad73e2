"""How the next token is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from aligntui.core.errors import UserError

MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class Sampling:
    """Settings of one answer. Checked when made, so that no later layer has to."""

    temperature: float = 0.3
    """0 is greedy. Range 0 to 5."""
    top_p: float = 0.95
    """Nucleus: smallest set of tokens whose probabilities sum to this. Range (0, 1]."""
    max_new_tokens: int = 256
    """Length limit of the answer, tokens, at least 1."""
    seed: int = 0
    """Seed of this row's own random stream; what else is in the batch never changes it."""

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 5:
            raise UserError(
                f"temperature must be from 0 to 5, not {self.temperature}.",
                "0 is greedy; 0.3 keeps a small model to the point, 0.7 varies more.",
            )
        if not 0 < self.top_p <= 1:
            raise UserError(f"top_p must be above 0 and at most 1, not {self.top_p}.", "1 switches the nucleus off.")
        if not (isinstance(self.max_new_tokens, int) and self.max_new_tokens >= 1):
            raise UserError(f"max_new_tokens must be a whole number of at least 1, not {self.max_new_tokens}.")
        if not (isinstance(self.seed, int) and 0 <= self.seed <= MAX_SEED):
            raise UserError(f"seed must be a whole number from 0 to 2^63 - 1, not {self.seed}.")
