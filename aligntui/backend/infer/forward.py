"""Running a batch through the model: prefill in pieces, then one token a step, rows leaving when they are done.

Every architecture is read through the model's own forward; steps of models built like Llama take `fast_step`.
Pinned in tests/backend/test_decode.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.kv_cache import RowCache

PIECE_TOKENS = 2048
"""Tokens of all rows in one piece of a prefill: bounds the memory of attention, and a cancel is heard between pieces."""

MASK_ROOM = 256
"""Positions for which a mask is made ahead."""


class Forward(Protocol):
    """What decoding and scoring need of a way to run rows through the model."""

    def prefill(self, scored: int = 0, stop: Callable[[], bool] = ...) -> tuple[Tensor, Tensor] | None:
        """Read all sequences; see `BatchForward.prefill`."""
        ...

    def step(self, tokens: Tensor) -> Tensor:
        """Add one token to every row. Shapes: tokens (B,), int64; returns logits (B, V)."""
        ...

    def keep(self, rows: list[int]) -> None:
        """Go on with some of the rows, in this order."""
        ...


def make_forward(shelf: AdapterShelf, sequences: list[list[int]]) -> Forward:
    """All rows in one batch, or one at a time where `warm_up` found that this model cannot do better."""
    if shelf.one_at_a_time:
        return RowByRowForward(shelf, sequences)
    return BatchForward(shelf, sequences)


class BatchForward:
    """The state of one batch inside the model.

    Shapes: B rows, T positions, V vocabulary. Rows are padded on the left.
    """

    def __init__(self, shelf: AdapterShelf, sequences: list[list[int]], *, fast: bool = True) -> None:
        base = shelf.base
        self._fast = shelf.fast_step if fast else None
        self._model = base.model
        self._device = base.model.device
        self.cache = RowCache(base.model.config)
        self.length = max(len(s) for s in sequences)
        """Positions so far, padding included."""
        self.pads = [self.length - len(s) for s in sequences]
        ids = torch.full((len(sequences), self.length), base.pad_id)  # (B, T)
        for row, sequence in enumerate(sequences):
            ids[row, self.pads[row] :] = torch.tensor(sequence)
        self._ids = ids.to(self._device)
        takes = inspect.signature(self._model.forward).parameters
        self._takes_positions = "position_ids" in takes
        self._keeps_logits = "logits_to_keep" in takes
        self._cache_name = "cache_params" if "cache_params" in takes else "past_key_values"
        self._positions: Tensor | None = None
        self._mask: Tensor | None = None

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
        return logits[:, -1], torch.cat(logprobs, 1)

    @torch.inference_mode()
    def step(self, tokens: Tensor) -> Tensor:
        """Add one token to every row.

        Shapes: tokens (B,), int64; returns logits (B, V).
        """
        if self._fast is None:
            logits = self._run(tokens[:, None], self.length, 1)[:, -1]
        else:
            if self._positions is None or (self._mask is not None and self.length >= self._mask.shape[-1]):
                self._positions, self._mask = self._masking()
            mask = None if self._mask is None else self._mask[..., : self.length + 1]
            logits = self._fast(tokens, self.cache, self._positions, mask)
            self._positions += 1
        self.length += 1
        return logits

    def _masking(self) -> tuple[Tensor, Tensor | None]:
        """Positions (B, 1) of the next token, and a mask (B, 1, 1, room) with room for some more tokens."""
        pads = torch.tensor(self.pads, device=self._device)[:, None]  # (B, 1)
        positions = self.length - pads  # (B, 1)
        if not any(self.pads):
            return positions, None
        room = torch.arange(self.length + MASK_ROOM, device=self._device)[None]  # (1, room)
        return positions, (room >= pads)[:, None, None]

    @torch.inference_mode()
    def keep(self, rows: list[int]) -> None:
        """Go on with some of the rows, in this order."""
        pads = [self.pads[i] for i in rows]
        trim = self.cache.keep(torch.tensor(rows, device=self._device), min(pads))
        self.pads = [pad - trim for pad in pads]
        self.length -= trim
        self._positions = self._mask = None

    def _run(self, ids: Tensor, start: int, wanted: int) -> Tensor:
        """Shapes: ids (B, T); returns logits (B, wanted, V) of the last positions."""
        end = start + ids.shape[1]
        options: dict[str, Any] = {self._cache_name: self.cache}
        if any(self.pads):
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

    def __init__(self, shelf: AdapterShelf, sequences: list[list[int]]) -> None:
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

    def keep(self, rows: list[int]) -> None:
        """Go on with some of the rows, in this order."""
        self._sequences = [self._sequences[i] for i in rows]

    @torch.inference_mode()
    def _run(self, row: int) -> Tensor:
        """Shapes: returns (T, V)."""
        routing, pairs = self._shelf.routing, self._shelf.routing.pairs
        ids = torch.tensor([self._sequences[row]], device=self._model.device)  # (1, T)
        if pairs:
            routing.set([pairs[row]], self._model.device)
        try:
            return self._model(input_ids=ids, use_cache=False).logits[0]
        finally:
            if pairs:
                routing.set(pairs, self._model.device)
