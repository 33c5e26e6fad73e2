"""Answers made by the hundred: what is wanted of a run of generation, and what is known of it.

A run is a list of cells. A cell is one answer of one side to one prompt under one instruction and one seed; the switch
measure and every scoring suite are runs over different cells. The answers themselves are turns like any other
(`aligntui.core.turn`), so they can be searched, read, judged and exported.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

AT_ONCE = 32
"""Rows decoded at the same time unless somebody says otherwise.

Measured in docs/LOG.md: on 2 cores 64 rows make few tokens more, and keys and values take twice the memory.
"""
MOST_AT_ONCE = 512


class RunKind(StrEnum):
    """What the answers of a run are for."""

    SWITCH = "switch"
    """The same prompts under several instructions."""
    SCORE = "score"
    """The prompts of a scoring suite."""


@dataclass(frozen=True)
class GenerationRun:
    """A run as the database knows it."""

    id: str
    kind: RunKind
    name: str
    session_id: str
    """Session that holds the answers made in this run; those found in the cache lie in other ones."""
    plan: dict[str, Any]
    """What was asked for, JSON-ready: enough to go on with the run."""
    created_at: str
    cells: int
    """How many answers are wanted."""
    done: int = 0
    """How many there are."""
    cached: int = 0
    """How many of them were made before, by another run."""


@dataclass(frozen=True)
class RunCell:
    """An answer of a run."""

    key: str
    """Which cell of the run it fills, unique in it."""
    answer_id: str
    cached: bool
    """Whether another run made it."""
