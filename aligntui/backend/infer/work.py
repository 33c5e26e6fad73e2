"""How much went through the model, and how much of it was padding."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Work:
    """What went through the model, counted where it happens."""

    computed: int = 0
    """Positions, padding included."""
    padding: int = 0
    """Those of them that were padding."""
    attended: int = 0
    """Cached positions that steps looked at, padding included, over all steps and rows."""
    attended_padding: int = 0
    """Those of them that were padding."""

    def add(self, computed: int, padding: int) -> None:
        """Count what a pass read."""
        self.computed += computed
        self.padding += padding

    def add_step(self, sizes: list[int], attended: int) -> None:
        """Count a step of rows that hold `sizes` positions each."""
        self.computed += len(sizes)
        self.attended += attended
        self.attended_padding += attended - sum(sizes)
