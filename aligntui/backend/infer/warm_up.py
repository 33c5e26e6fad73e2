"""One short generation after loading, so that the first answer's times are honest; chooses the step while at it.

Pinned in tests/backend/test_fast_step.py.
"""

from __future__ import annotations

import torch

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.decode import RowPlan, Summary, decode
from aligntui.backend.infer.fast_step import FastStep, agree
from aligntui.backend.infer.forward import BatchForward
from aligntui.backend.infer.packed import pack_linears
from aligntui.core.sampling import Sampling

LENGTHS = (16, 11)
"""Tokens of the two probe rows; unequal, so that padding is part of the comparison."""
STEPS = 3


def warm_up(shelf: AdapterShelf) -> None:
    """Lay out the weights for decoding, choose how to step, start thread pools and choose kernels."""
    model = shelf.base.model
    if shelf.base.quantisation is None:
        pack_linears(model)
    shelf.fast_step = FastStep(model, shelf.routing) if FastStep.serves(model) else None
    if shelf.fast_step is not None and not _fast_agrees(shelf):
        shelf.fast_step = None
    sampling = Sampling(temperature=0.7, max_new_tokens=STEPS)
    plans = [RowPlan(str(row), ids, sampling) for row, ids in enumerate(_probe(shelf))]
    for _ in decode(shelf, plans, Summary()):
        pass


def _fast_agrees(shelf: AdapterShelf) -> bool:
    """Whether the quick step gives the logits that the model's own forward gives, over a few padded steps."""
    rows = _probe(shelf)
    fast, slow = BatchForward(shelf, rows), BatchForward(shelf, rows, fast=False)
    read = slow.prefill(), fast.prefill()
    assert read[0] is not None and read[1] is not None  # only a stop function makes them give up
    logits = read[0][0]  # (B, V)
    for _ in range(STEPS):
        tokens = logits.argmax(-1)  # (B,)
        logits = slow.step(tokens)
        if not agree(logits, fast.step(tokens)):
            return False
    return True


def _probe(shelf: AdapterShelf) -> list[list[int]]:
    size = shelf.base.model.config.get_text_config().vocab_size
    numbers = torch.Generator().manual_seed(0)
    return [torch.randint(size, (length,), generator=numbers).tolist() for length in LENGTHS]
