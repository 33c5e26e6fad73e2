"""How far a run has come, and what happens in it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from aligntui.core.turn import Answer

_ETA_AFTER = 3
"""Answers after which a guess of the time left is worth showing."""


@dataclass
class RunProgress:
    """Counts of a run under way; changed in place."""

    cells: int
    """How many answers are wanted."""
    done: int = 0
    """How many there are, those of earlier sittings and of the cache among them."""
    cached: int = 0
    """How many came from the cache in this sitting: another run made them, or another cell that asks the same."""
    made: int = 0
    """How many were made in this sitting."""
    failed: int = 0
    """How many broke off; they are asked again when the run is gone on with."""
    refused: int = 0
    """How many the engine refuses, such as prompts longer than the model's context."""
    refusal: str = ""
    """Why it refused the first of them."""
    tokens: int = 0
    """New tokens of this sitting."""
    computed_tokens: int = 0
    """Positions that went through the model."""
    padding_tokens: int = 0
    """How many of those were padding."""
    paths: tuple[str, ...] = ()
    """How the engine decoded."""
    problems: tuple[str, ...] = ()
    """What went wrong with servers, and why answers of theirs broke off; each once."""
    missing: tuple[str, ...] = ()
    """Keys of the cells that have no answer when the sitting ends, in order; empty before."""
    began: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> int:
        """Cells without an answer."""
        return self.cells - self.done

    @property
    def elapsed_s(self) -> float:
        """Seconds since this sitting began."""
        return time.monotonic() - self.began

    @property
    def tokens_per_s(self) -> float:
        """Speed of this sitting, everything included."""
        return self.tokens / self.elapsed_s if self.tokens else 0.0

    @property
    def eta_s(self) -> float | None:
        """Guess of the seconds left; None while nothing can be said."""
        return self.left * self.elapsed_s / self.made if self.made >= _ETA_AFTER and self.left else None

    @property
    def padding_share(self) -> float | None:
        """Share of the computed positions that were padding; None before anything was computed."""
        return self.padding_tokens / self.computed_tokens if self.computed_tokens else None


@dataclass(frozen=True)
class CellStarted:
    """The engine reads the prompt of a cell."""

    key: str


@dataclass(frozen=True)
class CellText:
    """More text of a cell."""

    key: str
    text: str
    """What is new."""
    tokens: int
    """Tokens so far."""


@dataclass(frozen=True)
class CellFilled:
    """A cell has its answer, and it is stored."""

    key: str
    answer: Answer
    cached: bool = False


@dataclass(frozen=True)
class CellBroken:
    """An answer broke off, or was refused; nothing of it is stored."""

    key: str


@dataclass(frozen=True)
class RunMoved:
    """The counts are other ones."""

    progress: RunProgress


CellEvent = CellStarted | CellText | CellFilled | CellBroken | RunMoved
