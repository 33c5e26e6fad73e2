"""Alignment instructions: a library of types with phrasings, and texts typed by the user."""

from __future__ import annotations

from dataclasses import dataclass

CANONICAL_TYPES = (
    "neutral",
    "conservative",
    "liberal",
    "regulatory-aware",
    "empathetic",
    "safety-first",
    "educational",
    "concise",
    "professional",
    "creative",
)
"""The ten types of the Instruction Switch Dataset (arXiv 2601.06157)."""


@dataclass(frozen=True)
class InstructionType:
    """One behaviour with several wordings."""

    type: str
    """Identifier, kebab-case; unique in a library."""
    title: str
    """Name on screen."""
    summary: str
    """One line for a picker."""
    phrasings: tuple[str, ...]
    """Wordings of the same behaviour; at least one."""
    characteristics: tuple[str, ...] = ()
    """What an answer that follows it looks like; prototypes of the switch measures."""
    own: bool = False
    """Saved by the user, not bundled."""


@dataclass(frozen=True)
class Instruction:
    """The text in force for a turn, with its origin when it came from a library."""

    text: str = ""
    type: str = ""
    """Library type, or empty for a text typed or edited by hand."""
    phrasing: int = 0
    """1-based phrasing of that type; 0 for a text typed by hand."""

    @property
    def label(self) -> str:
        """Short name for a pane header: `concise/2`, `edited` or `none`."""
        if not self.text.strip():
            return "none"
        return f"{self.type}/{self.phrasing}" if self.type else "own text"
