"""After loading: lays out the weights, finds out which way of decoding is right for this model, and warms it up.

A wrong step gives fluent nonsense, not an error. So a model is held against itself before it is used: a padded batch with
a cache against each row alone without one, and the quick step against the model's own forward.
Pinned in tests/backend/test_fast_step.py and test_warm_up.py.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.decode import decode
from aligntui.backend.infer.fast_step import FastStep, agree
from aligntui.backend.infer.forward import BatchForward, Forward, RowByRowForward, make_forward
from aligntui.backend.infer.kv_cache import RowCache
from aligntui.backend.infer.packed import pack_linears
from aligntui.backend.infer.rows import RowPlan, Summary
from aligntui.backend.infer.threads import choose_threads
from aligntui.core.sampling import Sampling

LENGTHS = (16, 11)
"""Tokens of the two probe rows; unequal, so that padding is part of the comparison."""
STEPS = 2
TIMED_STEPS = 7
SAME_SHARE = 0.3
"""Root mean square of the difference of two rows' logits, as a share of their spread, up to which they count as the same.

Rounding (and an expert chosen differently because of it) stays well below; a cache used wrongly is above 1.
"""

_T = TypeVar("_T")


def warm_up(shelf: AdapterShelf, *, fixed_threads: bool = False) -> None:
    """Lay out the weights for decoding, choose how to step and with how many threads, and warm up.

    Args:
        shelf: the base, just loaded.
        fixed_threads: the user named their number, so it is not looked for.
    """
    model = shelf.base.model
    pack_linears(model)
    shelf.fast_step = FastStep(model, shelf.routing) if FastStep.serves(model) else None
    tokens, expected = _steps(RowByRowForward(shelf, _probe(shelf)))
    padded = _attempt(lambda: _steps(BatchForward(shelf, _probe(shelf), fast=False), tokens))
    found = padded[1] if padded else None
    shelf.one_at_a_time = found is None or not same(expected, found)
    if shelf.one_at_a_time:
        shelf.fast_step = None
        shelf.base.warnings.append(
            "A padded batch of this model gives other logits than each row alone, so rows are decoded one at a time "
            "and every token reads the whole text again: slow, but right."
        )
    elif shelf.fast_step is not None and found is not None:
        _, fast = _steps(BatchForward(shelf, _probe(shelf)), tokens)
        if not agree(found, fast):
            shelf.fast_step = None
    can_join = shelf.one_at_a_time or RowCache(model.config).joins
    shelf.joins = can_join and (shelf.one_at_a_time or bool(_attempt(lambda: _rows_join(shelf, tokens, expected))))
    if not fixed_threads and shelf.base.device == "cpu":
        spare_one = max(1, shelf.threads.reading - 1)
        shelf.threads.stepping = choose_threads(spare_one, lambda: _seconds_of_a_step(shelf))
    sampling = Sampling(temperature=0.7, max_new_tokens=STEPS)
    plans = [RowPlan(str(row), ids, sampling) for row, ids in enumerate(_probe(shelf))]
    for _ in decode(shelf, plans, Summary()):
        pass


def same(expected: Tensor, found: Tensor) -> bool:
    """Whether two rows of logits are the same but for rounding.

    Shapes: both (n, V).
    """
    expected, found = expected.float(), found.float()
    spread = (expected - expected.mean(-1, keepdim=True)).square().mean().sqrt()
    return bool(((expected - found).square().mean().sqrt() <= SAME_SHARE * spread).item())


def _attempt(probe: Callable[[], _T]) -> _T | None:
    """What `probe` gives; None where this model's forward does not take its rows like that at all."""
    try:
        return probe()
    except (TypeError, ValueError, NotImplementedError, IndexError, AttributeError, RuntimeError) as error:
        if "memory" in str(error).lower():
            raise
        return None


def _steps(forward: Forward, tokens: list[Tensor] | None = None) -> tuple[list[Tensor], Tensor]:
    """A prefill and some steps along given tokens, or greedily where there are none.

    Shapes: B rows, V vocabulary. Returns the tokens of each step (B,) and all logits (B * (STEPS + 1), V).
    """
    read = forward.prefill()
    assert read is not None  # only a stop function makes it give up
    logits, taken = [read[0]], []
    for step in range(STEPS):
        taken.append(logits[-1].argmax(-1) if tokens is None else tokens[step])  # (B,)
        logits.append(forward.step(taken[-1]))  # (B, V)
    return taken, torch.cat(logits)


def _rows_join(shelf: AdapterShelf, tokens: list[Tensor], expected: Tensor) -> bool:
    """Whether a row that joins another one in mid-answer gets the logits that it gets alone.

    Shapes: tokens of each step (B,); expected (B * (STEPS + 1), V), as `_steps` returns them.
    """
    first, second = _probe(shelf)
    forward, joining = BatchForward(shelf, [first]), BatchForward(shelf, [second])
    forward.prefill()
    forward.step(tokens[0][:1])
    joining.prefill()
    forward.keep([1, 0], joining)
    found = forward.step(torch.stack([tokens[0][1], tokens[1][0]]))  # (B, V)
    rows = len(LENGTHS)
    return same(expected[[rows + 1, 2 * rows]], found)


def _seconds_of_a_step(shelf: AdapterShelf) -> float:
    forward = make_forward(shelf, _probe(shelf))
    read = forward.prefill()
    assert read is not None  # only a stop function makes it give up
    tokens = read[0].argmax(-1)  # (B,)
    taken = []
    for _ in range(TIMED_STEPS):
        began = time.perf_counter()
        forward.step(tokens)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _probe(shelf: AdapterShelf) -> list[list[int]]:
    size = shelf.base.model.config.get_text_config().vocab_size
    numbers = torch.Generator().manual_seed(0)
    return [torch.randint(size, (length,), generator=numbers).tolist() for length in LENGTHS]
