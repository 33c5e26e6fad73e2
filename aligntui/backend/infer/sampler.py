"""Drawing the next token of every row, each row from its own random numbers.

A row's random numbers depend on its seed and on the token's place in the answer, and on nothing else: not on what
else is in the batch, not on the device, not on where an answer was interrupted. Rows with one seed see the same numbers,
so a base and an adapter row differ only where their probabilities do.
Pinned in tests/backend/test_sampler.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from aligntui.core.sampling import Sampling

BLOCK = 256
"""Uniform numbers drawn at a time; always whole blocks, so that number i never depends on how many were asked for."""
HEAD = 256
"""Most probable tokens that are sorted first; the nucleus rarely needs more."""


class UniformStream:
    """The random numbers of one row: number i belongs to token i of the answer."""

    def __init__(self, seed: int) -> None:
        # on the CPU whatever the model's device, so that a seed means the same text everywhere
        self._generator = torch.Generator("cpu").manual_seed(seed)
        self._numbers: list[float] = []

    def __getitem__(self, index: int) -> float:
        while index >= len(self._numbers):
            self._numbers += torch.rand(BLOCK, generator=self._generator, dtype=torch.float64).tolist()
        return self._numbers[index]


class RowSampler:
    """Draws one token for each row of a batch."""

    def __init__(self, samplings: list[Sampling]) -> None:
        self._samplings = samplings
        self._streams = [UniformStream(s.seed) for s in samplings]

    def keep(self, rows: list[int], joined: RowSampler | None = None) -> None:
        """Go on with some rows, in this order; numbers beyond those at hand are the rows of `joined`."""
        samplings = self._samplings + (joined._samplings if joined else [])
        streams = self._streams + (joined._streams if joined else [])
        self._samplings = [samplings[i] for i in rows]
        self._streams = [streams[i] for i in rows]

    def draw(self, logits: Tensor, places: list[int]) -> tuple[Tensor, Tensor]:
        """Draw a token for each row.

        Shapes: B rows, V vocabulary.

        Args:
            logits: (B, V), any float dtype.
            places: for each row the place of the token in its answer, counted from 0.

        Returns:
            Token ids (B,), int64, and their untempered log-probabilities (B,), float32, nats.
        """
        warm = [i for i, s in enumerate(self._samplings) if s.temperature > 0]
        if len(warm) == len(logits):
            ids = self._draw_warm(logits, warm, places)
        else:
            ids = first_largest(logits)
            if warm:
                ids[warm] = self._draw_warm(logits, warm, places)
        return ids, logprobs_of(logits, ids)

    def _draw_warm(self, logits: Tensor, rows: list[int], places: list[int]) -> Tensor:
        """Shapes: logits (B, V); returns (b,), int64, for the b rows named."""
        drawn = []
        for row in rows:
            top_p = self._samplings[row].top_p
            number = self._streams[row][places[row]]
            # row by row: on the CPU a batched topk of many rows takes five times as long, a batched softmax eight times
            probabilities = (logits[row].float() / self._samplings[row].temperature).softmax(-1)  # (V,)
            size = len(probabilities)
            head, order = probabilities.topk(min(HEAD, size))  # (H,), (H,)
            place = choose(head.double().cumsum(-1), top_p, number, whole=len(head) == size)
            if place is None:
                # the nucleus reaches beyond the head: sort the whole vocabulary for this row alone
                every, order = probabilities.sort(descending=True)  # (V,), (V,)
                place = choose(every.double().cumsum(-1), top_p, number, whole=True)
            drawn.append(order[place])
        return torch.stack(drawn)  # (b,)


def first_largest(logits: Tensor) -> Tensor:
    """The place of each row's largest value, the first one where several are equal.

    Shapes: logits (B, V); returns (B,), int64. The same as `argmax`, on the CPU several times faster.
    """
    if logits.device.type != "cpu":
        return logits.argmax(-1)
    return torch.tensor([int(row.float().numpy().argmax()) for row in logits])


def logprobs_of(logits: Tensor, ids: Tensor) -> Tensor:
    """Log-probabilities of one token a row.

    Shapes: logits (B, V); ids (B,), int64; returns (B,), float32, nats.
    """
    if logits.device.type != "cpu":
        return logits.log_softmax(-1, dtype=torch.float32).gather(-1, ids[:, None])[:, 0]
    # row by row what is written stays in the processor's cache: 25 rows of 49,152 take 0.7 ms, at once 5 ms
    rows = zip(logits, ids.tolist(), strict=True)
    return torch.stack([row.log_softmax(-1, dtype=torch.float32)[token] for row, token in rows])


def choose(sums: Tensor, top_p: float, number: float, *, whole: bool) -> int | None:
    """Place of the drawn token among tokens sorted by probability, by inverting the nucleus' distribution.

    Shapes: sums (H,), float64, cumulative probabilities of the most probable tokens.

    Args:
        sums: see above.
        top_p: the nucleus is the smallest head whose sum reaches this.
        number: uniform in [0, 1).
        whole: whether `sums` covers the whole vocabulary.

    Returns:
        An index into `sums`, or None where the head is too short to tell.

    Source: Holtzman et al. 2020 (arXiv:1904.09751), section 3.1. Pinned in tests/backend/test_sampler.py.
    """
    reach = float(sums[-1])
    if top_p >= 1:
        # no nucleus: only the tokens up to the drawn one matter
        if not whole and number >= reach:
            return None
        size, mass = len(sums), reach if whole else 1.0
    else:
        if reach < top_p and not whole:
            return None
        size = min(int(torch.searchsorted(sums, top_p)) + 1, len(sums))
        mass = float(sums[size - 1])
    return min(int(torch.searchsorted(sums, number * mass, right=True)), size - 1)
