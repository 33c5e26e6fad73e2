"""Keys and values of a batch: written in place, grown by doubling, and cut down when a row is done.

transformers' DynamicCache copies everything it holds at every token. Here each layer of full attention owns a buffer with
room to spare. Layers of other kinds (sliding windows, recurrent states) keep transformers' own cache layers,
which are right by construction. Pinned in tests/backend/test_kv_cache.py.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from transformers.cache_utils import CacheLayerMixin, DynamicCache, DynamicLayer

FIRST_ROOM = 256
"""Positions that a new buffer holds at least."""


class GrowingLayer(CacheLayerMixin):
    """Keys and values of one full-attention layer."""

    is_sliding = False
    is_croppable = False

    def __init__(self) -> None:
        super().__init__()
        self.length = 0
        self.room = 0
        self._keys = self._values = torch.empty(0)

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Make room for the first positions. Shapes: (B, H, T, D)."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self._grow(max(FIRST_ROOM, key_states.shape[-2]), key_states, value_states)
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append positions and return all of them.

        Shapes: in (B, H, T, D); out (B, H, all positions, D), views of the buffers.
        """
        end = self.length + key_states.shape[-2]
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        elif end > self.room:
            self._grow(end, key_states, value_states)
        keys, values = self._keys, self._values
        keys[:, :, self.length : end].copy_(key_states)
        values[:, :, self.length : end].copy_(value_states)
        self.length = end
        return keys[:, :, :end], values[:, :, :end]

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Append one position that follows others.

        Shapes: in (B, H, D); out (B, H, all positions, D), views of the buffers.
        """
        at = self.length
        if at >= self.room:
            self._grow(at + 1, key[:, :, None], value[:, :, None])
        self.length = end = at + 1
        keys, values = self._keys, self._values
        keys.select(2, at).copy_(key)
        values.select(2, at).copy_(value)
        return keys.narrow(2, 0, end), values.narrow(2, 0, end)

    def _grow(self, needed: int, key_states: Tensor, value_states: Tensor) -> None:
        room = max(self.room, FIRST_ROOM)
        while room < needed:
            room *= 2
        self._keys = self._with_room(self._keys, key_states, room)
        self._values = self._with_room(self._values, value_states, room)
        self.room = room

    def _with_room(self, held: Tensor, like: Tensor, room: int) -> Tensor:
        rows, heads, _, width = like.shape
        fresh = torch.empty((rows, heads, room, width), dtype=like.dtype, device=like.device)
        if self.length:
            fresh[:, :, : self.length] = held[:, :, : self.length]
        return fresh

    def keep(self, rows: Tensor, trim: int) -> None:
        """Keep some rows and forget the first `trim` positions, which are padding in all of them.

        Shapes: rows (b,), int64.
        """
        if not self.is_initialized:
            return
        self._keys = self._kept(self._keys, rows, trim)
        self._values = self._kept(self._values, rows, trim)
        self.length -= trim

    def _kept(self, held: Tensor, rows: Tensor, trim: int) -> Tensor:
        """Shapes: held (B, H, room, D), rows (b,); returns (b, H, room, D)."""
        fresh = torch.empty((len(rows), *held.shape[1:]), dtype=held.dtype, device=held.device)
        fresh[:, :, : self.length - trim] = held[rows, :, trim : self.length]
        return fresh

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Pick rows, transformers' way. Shapes: (b,), int64."""
        self.keep(beam_idx, 0)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset of what a query of `query_length` positions sees."""
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        """Positions held."""
        return self.length

    def get_max_length(self) -> int:
        """No limit."""
        return -1


class RowCache(DynamicCache):
    """A cache whose full-attention layers are `GrowingLayer`s."""

    def __init__(self, config: Any) -> None:
        super().__init__(config=config)
        if self.layer_class_to_replicate is not None:
            self.layer_class_to_replicate = GrowingLayer
        self.layers = [GrowingLayer() if type(layer) is DynamicLayer else layer for layer in self.layers]

    @property
    def foreign(self) -> list[str]:
        """Kinds of the layers that transformers' own classes hold, each once."""
        return sorted({type(layer).__name__ for layer in self.layers if not isinstance(layer, GrowingLayer)})

    @property
    def recurrent(self) -> bool:
        """Whether a layer keeps a state instead of positions."""
        return any("Linear" in kind for kind in self.foreign)

    def keep(self, rows: Tensor, trim: int) -> int:
        """Keep some rows; forget leading padding where every layer can. Returns the positions forgotten.

        Shapes: rows (b,), int64.
        """
        trim = 0 if self.foreign else trim
        for layer in self.layers:
            if isinstance(layer, GrowingLayer):
                layer.keep(rows, trim)
            else:
                # picks rows for every kind of layer; fewer than it holds is fine
                layer.reorder_cache(cast(Any, rows))
        return trim
