"""The settings of a chat that can change while it goes on."""

from __future__ import annotations

from dataclasses import dataclass, field

from aligntui.core.instruction import Instruction
from aligntui.core.prompt_format import Mode
from aligntui.core.sampling import Sampling


@dataclass(frozen=True)
class ChatSettings:
    """What the next answers are made with, besides their columns."""

    sampling: Sampling = field(default_factory=Sampling)
    mode: Mode = Mode.SYSTEM
    injection_every: int = 3
    instruction: Instruction = field(default_factory=Instruction)
    """Instruction at the start; the board's own one changes later."""
    history: str = "own"
    """own: every column continues its own answers; shared: all continue the chosen one (or the first)."""
    blind: bool = False
    annotator: str = ""

    @property
    def seed(self) -> int:
        """Seed of the next first take."""
        return self.sampling.seed
