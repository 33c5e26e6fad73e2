"""The records that a run is trained on, in the one shape that its folder keeps.

    {"id": "...", "instruction": "..." | null, "prompt": "..." | [{"role", "content"}, ...],
     "chosen": "...", "rejected": "..." | null, "pair": "..." | null}

How the instruction reaches the model is said by the configuration and not by the records. A prompt of one message is a
text. Pinned in tests/workbench/test_training_freezing.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aligntui.config.training import TrainingConfig
from aligntui.data.dataset_versions import SplitRule, prompt_group, validation_groups
from aligntui.data.lint import LintRecord
from aligntui.data.pair_layouts import PreferencePair

SEVERAL_ANSWERS = "with more than one answer on a side"
NO_REJECTED = "without a rejected answer, which the method needs"
SAME_ANSWERS = "whose two answers are the same"


@dataclass(frozen=True)
class Item:
    """One pair or example, on its way into a run."""

    pair: PreferencePair
    id: str
    """Unique in its source, made unique in the run."""
    pair_id: str | None = None
    """Of the pair in the database of the workspace, where it is known."""
    label: str = ""
    """Name of its instruction in the library, such as `concise/2`."""

    def record(self, id: str) -> dict[str, Any]:
        """As it stands in the run's data."""
        pair = self.pair
        alone = len(pair.prompt) == 1
        return {
            "id": id,
            "instruction": pair.instruction_in_force or None,
            "prompt": pair.prompt[0].content if alone else [message.as_dict() for message in pair.prompt],
            "chosen": pair.chosen[0].content,
            "rejected": None if pair.rejected is None else pair.rejected[0].content,
            "pair": self.pair_id,
        }

    def lint_record(self, id: str) -> LintRecord:
        """As lint takes it."""
        pair = self.pair
        return LintRecord(
            id=id,
            prompt=tuple((message.role, message.content) for message in pair.prompt),
            chosen=tuple((message.role, message.content) for message in pair.chosen),
            rejected=None if pair.rejected is None else tuple((one.role, one.content) for one in pair.rejected),
            instruction=pair.instruction,
            instruction_label=self.label,
            mode=pair.mode,
        )


@dataclass
class Source:
    """Everything that a source holds."""

    train: list[Item]
    validation: list[Item] = field(default_factory=list)
    """The source's own split; empty where it has none."""
    origin: dict[str, Any] = field(default_factory=dict)
    """Where it came from, for manifest and lineage; JSON values."""
    skipped: Counter[str] = field(default_factory=Counter)
    """What the source holds and could not give, by reason."""
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Split:
    """What is trained on and what is measured on."""

    train: tuple[Item, ...]
    held_out: tuple[Item, ...]
    skipped: Counter[str]
    """Records left out, by reason."""
    own_split: bool
    """Whether the source brought it."""

    @property
    def records(self) -> int:
        """On both sides."""
        return len(self.train) + len(self.held_out)


def split(source: Source, config: TrainingConfig) -> Split:
    """Leave out what the method cannot use, and hold some out for measuring unless the source has done so.

    Records are held out by prompt, so that the same question never stands on both sides, and by the seed of the
    configuration.
    """
    skipped = Counter(source.skipped)
    train = _usable(source.train, config, skipped)
    held_out = _usable(source.validation, config, skipped)
    own = bool(source.validation)
    if not own and config.evaluation.share > 0:
        groups = [prompt_group(item.pair.prompt) for item in train]
        chosen = validation_groups(groups, SplitRule(config.evaluation.share, config.seed))
        sides: tuple[list[Item], list[Item]] = ([], [])
        for item, group in zip(train, groups, strict=True):
            sides[group in chosen].append(item)
        train, held_out = sides
    return Split(tuple(train), tuple(held_out), skipped, own)


def numbered(items: Iterable[Item], taken: set[str]) -> list[tuple[str, Item]]:
    """Items with ids that are unique in the run: a repeated one gets `-2`, `-3`, ... behind it.

    Args:
        items: in their order.
        taken: ids that are in use; the new ones are added.
    """
    found: list[tuple[str, Item]] = []
    for item in items:
        wanted, number = item.id or "record", 1
        id = wanted
        while id in taken:
            number += 1
            id = f"{wanted}-{number}"
        taken.add(id)
        found.append((id, item))
    return found


def _usable(items: Iterable[Item], config: TrainingConfig, skipped: Counter[str]) -> list[Item]:
    kept: list[Item] = []
    for item in items:
        reason = _unfit(item.pair, config.needs_rejected)
        if reason:
            skipped[reason] += 1
        else:
            kept.append(item)
    return kept


def _unfit(pair: PreferencePair, needs_rejected: bool) -> str:
    if len(pair.chosen) > 1 or (pair.rejected is not None and len(pair.rejected) > 1):
        return SEVERAL_ANSWERS
    if not needs_rejected:
        return ""
    if pair.rejected is None:
        return NO_REJECTED
    return SAME_ANSWERS if pair.rejected[0].content == pair.chosen[0].content else ""
