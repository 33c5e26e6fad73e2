"""Train or validation, by prompt: never the same prompt on both sides, and the same side again when data grow.

Records are grouped by the first message of the user, without case, width of characters and number of blanks, and
without the instruction: one prompt under two instructions, and all turns of conversations that begin alike, lie
together. A group's side follows from a hash of it and the seed, so it depends on no other record. Pinned in
tests/data/test_dataset_versions_split.py.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aligntui.core.errors import UserError
from aligntui.core.ids import sha256_text
from aligntui.core.prompt_format import Message


@dataclass(frozen=True)
class SplitRule:
    """How groups of prompts are dealt out."""

    validation_share: float = 0.1
    """Share of the groups for validation, 0 (no validation) to below 1; met up to chance."""
    seed: int = 0
    by: str = "prompt"

    def __post_init__(self) -> None:
        if not 0 <= self.validation_share < 1:
            raise UserError(f"The share of validation is 0 to below 1, not {self.validation_share}.")


def prompt_group(prompt: Sequence[Message]) -> str:
    """Lower-case hex SHA-256 by which prompts are grouped."""
    first = next(message.content for message in prompt if message.role == "user")
    return sha256_text(" ".join(unicodedata.normalize("NFKC", first).casefold().split()))


def position(group: str, seed: int) -> float:
    """Where a group stands between 0 and 1; evenly spread over groups, for each seed anew."""
    digest = hashlib.sha256(f"{seed}\n{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def validation_groups(groups: Iterable[str], rule: SplitRule, known: Mapping[str, bool] | None = None) -> set[str]:
    """The groups that go to validation: those whose position lies below the share.

    With two groups or more, and a share above 0, neither side is empty: where chance leaves one so, the group nearest
    to the border goes over. That group would come back once the data have grown, which is why the sides of the parent
    version come first.

    Args:
        groups: all groups; repeats do not matter.
        rule: share and seed.
        known: group to whether it was in validation in the parent version, which it then stays.
    """
    known = known or {}
    distinct = sorted(set(groups), key=lambda group: (position(group, rule.seed), group))
    if not rule.validation_share or len(distinct) < 2:
        return set()
    chosen = {group for group in distinct if known.get(group, position(group, rule.seed) < rule.validation_share)}
    free = [group for group in distinct if group not in known] or distinct
    if not chosen:
        return {free[0]}
    if len(chosen) == len(distinct):
        chosen.discard(free[-1])
    return chosen
