"""Running a batch through the model: prefill in pieces, then one token a step, rows leaving when they are done.

Every architecture is read through the model's own forward; steps of models built like Llama take `fast_step`.
Pinned in tests/backend/test_decode.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.batching import LANE_ROWS, split_evenly, split_rows
from aligntui.backend.infer.fast_step import Part, Span
from aligntui.backend.infer.kv_cache import RowCache
from aligntui.backend.infer.work import Work

PIECE_TOKENS = 2048
"""Tokens of all rows in one piece of a prefill: bounds the memory of attention, and a cancel is heard between pieces."""

MASK_ROOM = 256
"""Positions for which a mask is made ahead."""

SPAN_POSITIONS = 160
"""Cached positions that a step could look at in the time that attention to one more part of the rows costs.

Measured on 2 cores, embedded model, bfloat16: 4.6 us for a position of a row in all layers, 0.75 ms for a part.
"""


class Forward(Protocol):
    """What decoding and scoring need of a way to run rows through the model."""

    def prefill(self, scored: int = 0, stop: Callable[[], bool] = ...) -> tuple[Tensor, Tensor] | None:
        """Read all sequences; see `BatchForward.prefill`."""
        ...

    def step(self, tokens: Tensor) -> Tensor:
        """Add one token to every row. Shapes: tokens (B,), int64; returns logits (B, V)."""
        ...

    def keep(self, rows: list[int], joined: Any = None) -> None:
        """Go on with some of the rows and with those of another `Forward`, in this order; see `BatchForward.keep`."""
        ...


def make_forward(shelf: AdapterShelf, sequences: list[list[int]], work: Work | None = None) -> Forward:
    """All rows in one batch, or one at a time where `warm_up` found that this model cannot do better."""
    if shelf.one_at_a_time:
        return RowByRowForward(shelf, sequences, work)
    return BatchForward(shelf, sequences, work)


class _Alike(NamedTuple):
    """Neighbouring rows of like length."""

    rows: slice
    first: int
    """First position of the longest."""
    padded: bool
    """Whether some begin later."""


class BatchForward:
    """The state of one batch inside the model.

    Shapes: B rows, T positions, V vocabulary. Rows are padded on the left.
    """

    def __init__(
        self, shelf: AdapterShelf, sequences: list[list[int]], work: Work | None = None, *, fast: bool = True
    ) -> None:
        base = shelf.base
        self._work = work or Work()
        self._fast = shelf.fast_step if fast else None
        self._threads = shelf.threads
        self._model = base.model
        self._device = base.model.device
        self.cache = RowCache(base.model.config)
        self.sizes = [len(s) for s in sequences]
        """Positions of each row so far."""
        self.length = max(self.sizes)
        """Positions so far, padding included."""
        ids = torch.full((len(sequences), self.length), base.pad_id)  # (B, T)
        for row, sequence in enumerate(sequences):
            ids[row, self.length - len(sequence) :] = torch.tensor(sequence)
        self._ids = ids.to(self._device)
        takes = inspect.signature(self._model.forward).parameters
        self._takes_positions = "position_ids" in takes
        self._keeps_logits = "logits_to_keep" in takes
        self._cache_name = "cache_params" if "cache_params" in takes else "past_key_values"
        self._positions: Tensor | None = None
        self._mask = torch.empty(0)
        self._parts = self._split()

    @property
    def pads(self) -> list[int]:
        """Padding before each row."""
        return [self.length - size for size in self.sizes]

    @torch.inference_mode()
    def prefill(self, scored: int = 0, stop: Callable[[], bool] = lambda: False) -> tuple[Tensor, Tensor] | None:
        """Read all sequences.

        Args:
            scored: log-probabilities are wanted of this many tokens at the end of the longest tail.
            stop: asked between pieces; True gives up.

        Returns:
            Logits of the last position (B, V), and the log-probabilities of the last `scored` tokens of every row
            (B, scored), float32, nats, where a row's earlier ones belong to its prompt. None when `stop` said so.
        """
        rows, length = self._ids.shape
        size = length if self.cache.recurrent else max(16, PIECE_TOKENS // rows)
        first = length - 1 - scored  # the first position whose logits are wanted
        logprobs = [torch.empty((rows, 0), device=self._device)]
        logits = torch.empty((rows, 0, 0))
        for start in range(0, length, size):
            if stop():
                return None
            end = min(start + size, length)
            low = min(max(start, first), end - 1)
            logits = self._run(self._ids[:, start:end], start, end - low)  # (B, end - low, V)
            predicting = logits[:, : min(end, length - 1) - low].float() if end > first else logits[:, :0]  # (B, n, V)
            targets = self._ids[:, low + 1 : low + 1 + predicting.shape[1], None]  # (B, n, 1)
            logprobs.append(predicting.gather(-1, targets)[..., 0] - predicting.logsumexp(-1))
        self._work.add(rows * length, sum(self.pads))
        return logits[:, -1], torch.cat(logprobs, 1)

    @torch.inference_mode()
    def step(self, tokens: Tensor) -> Tensor:
        """Add one token to every row.

        Shapes: tokens (B,), int64; returns logits (B, V).
        """
        if self._fast is None:
            logits = self._run(tokens[:, None], self.length, 1)[:, -1]
            attended = len(self.sizes) * (self.length + 1)
        else:
            if self._positions is None or self.length >= self._mask.shape[-1]:
                self._positions, self._mask = self._masking()
            parts = [self._part(rows, alike) for rows, alike in self._parts]
            logits = self._fast(tokens, self.cache, self._positions, parts)
            self._positions += 1
            spans = [span for part in parts for span in part.spans]
            attended = sum((span.rows.stop - span.rows.start) * (self.length + 1 - span.first) for span in spans)
        self.length += 1
        self.sizes = [size + 1 for size in self.sizes]
        self._work.add_step(self.sizes, attended)
        return logits

    def _split(self) -> list[tuple[slice, list[_Alike]]]:
        """What each thread takes of a step: which rows, and those of them that are of like length."""
        if self._fast is None:
            return []
        parts, start = [], 0
        for count in split_evenly(self.sizes, min(self._threads.lanes, len(self.sizes) // LANE_ROWS)):
            sizes, alike, at = self.sizes[start : start + count], [], 0
            for rows in split_rows(sizes, SPAN_POSITIONS):
                some = sizes[at : at + rows]
                alike.append(_Alike(slice(at, at + rows), self.length - max(some), min(some) < max(some)))
                at += rows
            parts.append((slice(start, start + count), alike))
            start += count
        return parts

    def _part(self, rows: slice, alike: list[_Alike]) -> Part:
        """What the quick step needs to know of some rows."""
        mask = self._mask[rows]  # (b, 1, 1, room)
        now = self.length + 1
        return Part(
            rows, [Span(some, first, mask[some, ..., first:now] if padded else None) for some, first, padded in alike]
        )

    def _masking(self) -> tuple[Tensor, Tensor]:
        """Positions (B, 1) of the next token, and a mask (B, 1, 1, room) with room for some more tokens."""
        pads = torch.tensor(self.pads, device=self._device)[:, None]  # (B, 1)
        room = torch.arange(self.length + MASK_ROOM, device=self._device)[None]  # (1, room)
        return self.length - pads, (room >= pads)[:, None, None]

    @torch.inference_mode()
    def keep(self, rows: list[int], joined: BatchForward | None = None) -> None:
        """Go on with some of the rows and with those of another batch, in this order.

        Args:
            rows: for each row from now on the row that it was; numbers beyond those at hand are the rows of `joined`.
            joined: other rows of the same model, of which everything was read; only where the cache `joins`.
        """
        sizes = self.sizes + (joined.sizes if joined else [])
        self.sizes = [sizes[row] for row in rows]
        if self.cache.joins:
            self.length = max(self.sizes)
        self.cache.keep(rows, self.length, joined and joined.cache)
        self._positions = None
        self._parts = self._split()

    def _run(self, ids: Tensor, start: int, wanted: int) -> Tensor:
        """Shapes: ids (B, T); returns logits (B, wanted, V) of the last positions."""
        end = start + ids.shape[1]
        options: dict[str, Any] = {self._cache_name: self.cache}
        if min(self.sizes) < self.length:
            pads = torch.tensor(self.pads, device=self._device)[:, None]  # (B, 1)
            options["attention_mask"] = (torch.arange(end, device=self._device)[None] >= pads).long()  # (B, end)
            positions = torch.arange(start, end, device=self._device)[None] - pads  # (B, T)
            positions = positions.clamp_(min=0)
        else:
            positions = torch.arange(start, end, device=self._device)[None].expand(ids.shape[0], -1)  # (B, T)
        if self._takes_positions:
            options["position_ids"] = positions
        if self._keeps_logits:
            options["logits_to_keep"] = wanted
        logits = self._model(input_ids=ids, use_cache=True, **options).logits
        return logits[:, -wanted:]


class RowByRowForward:
    """Every row alone, read from its beginning at every step: slow, and right for any model that has a forward.

    Shapes: B rows, V vocabulary.
    """

    def __init__(self, shelf: AdapterShelf, sequences: list[list[int]], work: Work | None = None) -> None:
        self._work = work or Work()
        self._shelf = shelf
        self._model = shelf.base.model
        self._sequences = [list(sequence) for sequence in sequences]

    def prefill(self, scored: int = 0, stop: Callable[[], bool] = lambda: False) -> tuple[Tensor, Tensor] | None:
        """See `BatchForward.prefill`."""
        last, logprobs = [], []
        for row, sequence in enumerate(self._sequences):
            if stop():
                return None
            count = min(scored, len(sequence) - 1)
            logits = self._run(row)[-count - 1 :].float()  # (count + 1, V)
            targets = torch.tensor(sequence[len(sequence) - count :], dtype=torch.int64, device=logits.device)
            picked = logits[:-1].gather(-1, targets[:, None])[:, 0] - logits[:-1].logsumexp(-1)  # (count,)
            logprobs.append(functional.pad(picked, (scored - count, 0)))  # (scored,)
            last.append(logits[-1])
        return torch.stack(last), torch.stack(logprobs)

    def step(self, tokens: Tensor) -> Tensor:
        """Add one token to every row. Shapes: tokens (B,), int64; returns logits (B, V)."""
        for sequence, token in zip(self._sequences, tokens.tolist(), strict=True):
            sequence.append(token)
        return torch.stack([self._run(row)[-1] for row in range(len(self._sequences))])

    def keep(self, rows: list[int], joined: RowByRowForward | None = None) -> None:
        """Go on with some of the rows and with those of `joined`, in this order; see `BatchForward.keep`."""
        sequences = self._sequences + (joined._sequences if joined else [])
        self._sequences = [list(sequences[row]) for row in rows]

    @torch.inference_mode()
    def _run(self, row: int) -> Tensor:
        """Shapes: returns (T, V)."""
        routing, pairs = self._shelf.routing, self._shelf.routing.pairs
        ids = torch.tensor([self._sequences[row]], device=self._model.device)  # (1, T)
        self._work.add(ids.shape[1], 0)
        if pairs:
            routing.set([pairs[row]], self._model.device)
        try:
            return self._model(input_ids=ids, use_cache=False).logits[0]
        finally:
            if pairs:
                routing.set(pairs, self._model.device)
