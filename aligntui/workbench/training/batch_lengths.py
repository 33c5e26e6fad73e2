"""How many tokens records have, and how many the largest batch of a run will have.

Pinned in tests/workbench/test_training_fit.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aligntui.config.training import Method, PromptFormat, TrainingConfig
from aligntui.core.errors import AligntuiError
from aligntui.core.prompt_format import Mode
from aligntui.data.token_count import TokenCounter
from aligntui.workbench.curation.tokens import counter_for
from aligntui.workbench.training.records import Item

COUNTED = 2000
"""Records whose tokens are counted; of more, as many, evenly spread."""
CHARACTERS = 4.0
"""Of a token, where there is no tokenizer: English under the usual vocabularies."""
TEMPLATE_TOKENS = 20
"""Of a chat template around one prompt, where there is no tokenizer."""
BATCHES = 4000
"""Batches that are drawn to find a large one."""
_MODES = {PromptFormat.ITA: Mode.ITA, PromptFormat.CONTRASTIVE_ITA: Mode.ITA, PromptFormat.INJECTION: Mode.INJECTION}


@dataclass(frozen=True)
class Cut:
    """Tokens of each record as it is fed. Shapes: (R,) for R records that were counted."""

    packed: NDArray[np.float64]
    """Prompt once, and each answer."""
    answers: NDArray[np.float64]
    """Answers alone."""


@dataclass(frozen=True)
class Lengths:
    """Tokens of records before anything is cut. Shapes: (R,) for R records that were counted."""

    prompt: NDArray[np.float64]
    chosen: NDArray[np.float64]
    rejected: NDArray[np.float64]
    """0 without one."""
    records: int
    """Of the run, counted or not."""
    guessed: bool
    """Whether there was no tokenizer."""

    def cut(self, length: int, *, with_rejected: bool) -> Cut:
        """What remains of them under a training length: answers lose their ends, and a prompt that fills it goes."""
        room = length - self.prompt
        kept = room >= 1
        if not kept.any():  # the training process refuses such data; here it must only not fall over
            kept, room = np.ones_like(kept), np.ones_like(room)
        chosen = np.minimum(self.chosen, room)[kept]
        rejected = np.minimum(self.rejected, room)[kept] if with_rejected else np.zeros_like(chosen)
        answers = chosen + rejected
        return Cut(np.minimum(self.prompt, length)[kept] + answers, answers)

    def lost(self, length: int, *, with_rejected: bool) -> tuple[float, float]:
        """Shares of records that go because their prompts fill the training length, and whose answers lose their ends."""
        gone = self.prompt > length - 1
        longest = np.maximum(self.chosen, self.rejected) if with_rejected else self.chosen
        return float(gone.mean()), float((~gone & (self.prompt + longest > length)).mean())


def takes_rejected(config: TrainingConfig) -> bool:
    """Whether the rejected answer is a sequence of its own; contrastive ITA has it in the prompt."""
    return config.method.needs_rejected and config.method is not Method.CONTRASTIVE_ITA


def lengths_of(config: TrainingConfig, items: Sequence[Item]) -> Lengths:
    """Tokens of a run's records, by the tokenizer of its model where that is on this machine."""
    every = max(1, len(items) // COUNTED)
    shown = items[::every]
    try:
        counter = counter_for(config.base.model)
    except AligntuiError:  # whoever loads the model says what is wrong with it
        counter = None
    columns = _counted(config, shown, counter) if counter else None
    guessed = columns is None
    columns = columns or _guessed(shown)
    prompt, chosen, rejected = (np.asarray(column, dtype=np.float64) for column in columns)
    return Lengths(prompt, chosen, rejected, len(items), guessed)


def largest_batch(costs: NDArray[np.float64], config: TrainingConfig) -> tuple[float, NDArray[np.intp]]:
    """The largest sum of costs among as many random batches as the run has, and the places of its records.

    Args:
        costs: (R,), one for each record.
        config: batch, accumulation, and how many steps there are.
    """
    steps = config.steps
    size = min(steps.batch, len(costs))
    if steps.max_steps:
        number = steps.max_steps * steps.accumulation
    else:
        number = int(np.ceil(steps.epochs * len(costs) / max(1, size)))
    dice = np.random.default_rng(config.seed)
    worst, at = -1.0, np.arange(size)
    drawn = 0
    while drawn < min(number, BATCHES):
        order = dice.permutation(len(costs))
        for start in range(0, len(costs) - size + 1, size):
            places = order[start : start + size]
            cost = float(costs[places].sum())
            if cost > worst:
                worst, at = cost, places
            drawn += 1
            if drawn >= min(number, BATCHES):
                break
    return worst, at


def _counted(config: TrainingConfig, items: Sequence[Item], counter: TokenCounter) -> tuple[list[int], ...] | None:
    mode = _MODES.get(config.format, Mode.SYSTEM)
    prompts: list[str] = []
    for item in items:
        pair = item.pair
        try:
            prompts.append(counter.rendered(pair.prompt, pair.instruction_in_force, mode, config.injection_every))
        except AligntuiError:
            return None
    chosen = [item.pair.chosen[0].content for item in items]
    rejected = [item.pair.rejected[0].content if item.pair.rejected else "" for item in items]
    counts = [counter.counts(texts) for texts in (prompts, chosen, rejected)]
    if config.format is PromptFormat.CONTRASTIVE_ITA:
        counts[0] = [asked + shown for asked, shown in zip(counts[0], counts[2], strict=True)]
    # the token that ends an answer
    return counts[0], [count + 1 for count in counts[1]], [count + 1 if count else 0 for count in counts[2]]


def _guessed(items: Sequence[Item]) -> tuple[list[float], ...]:
    prompts, chosen, rejected = [], [], []
    for item in items:
        asked = sum(len(message.content) for message in item.pair.prompt) + len(item.pair.instruction_in_force)
        prompts.append(asked / CHARACTERS + TEMPLATE_TOKENS)
        chosen.append(len(item.pair.chosen[0].content) / CHARACTERS + 1)
        rejected.append(len(item.pair.rejected[0].content) / CHARACTERS + 1 if item.pair.rejected else 0.0)
    return prompts, chosen, rejected
