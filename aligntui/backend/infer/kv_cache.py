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
    """Keys and values of one full-attention layer.

    All rows end at the same position and are padded on the left. What is held is a window of the buffers: appending moves
    its end on, forgetting padding moves its start on, and a row that joins is written into the window's last positions.
    Buffers are filled with zeros when they are made, because what was never written is attended with weight 0, and 0
    times a stray infinity is not 0.
    """

    is_sliding = False
    is_croppable = False

    def __init__(self) -> None:
        super().__init__()
        self.rows = 0
        self.start = 0
        self.end = 0
        self.room = 0
        self._keys = self._values = torch.empty(0)  # (rows there is room for, H, room, D)
        self._open_keys = self._open_values = torch.empty(0)  # (rows, H, room, D), views of those

    @property
    def length(self) -> int:
        """Positions held, padding included."""
        return self.end - self.start

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Make room for the first positions. Shapes: (B, H, T, D)."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self.rows = key_states.shape[0]
        self._lay(self.rows, key_states.shape[-2], key_states, value_states)
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append positions and return all of them.

        Shapes: in (B, H, T, D); out (B, H, all positions, D), views of the buffers.
        """
        count = key_states.shape[-2]
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        elif self.end + count > self.room:
            self._lay(self.rows, count, key_states, value_states)
        keys, values, end = self._open_keys, self._open_values, self.end + count
        keys[:, :, self.end : end].copy_(key_states)
        values[:, :, self.end : end].copy_(value_states)
        self.end = end
        return keys[:, :, self.start : end], values[:, :, self.start : end]

    def advance(self) -> None:
        """Make room for one position that follows others; `put` writes it."""
        if self.end >= self.room:
            self._lay(self.rows, 1, self._keys, self._values)
        self.end += 1

    def put(self, rows: slice | None, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Write the last position of some rows, of all where `rows` is None; threads may write different rows at once.

        Shapes: in (b, H, D); out (b, H, all positions, D), views of the buffers.
        """
        at, keys, values = self.end - 1, self._open_keys, self._open_values
        if rows is not None:
            keys, values = keys[rows], values[rows]
        keys.select(2, at).copy_(key)
        values.select(2, at).copy_(value)
        return keys.narrow(2, self.start, self.length), values.narrow(2, self.start, self.length)

    def _lay(self, rows: int, more: int, key_like: Tensor, value_like: Tensor, length: int = 0) -> None:
        """Lay what is held at the front of buffers with room for `rows` rows and for `more` positions behind it.

        `length` is the window's new length where it grows to the left; what is new there is zero.
        """
        length = max(length, self.length)
        # a window that has moved on will do so again: leave it enough room that moving it back stays rare
        needed = length + more + (length // 2 if self.start else 0)
        room = max(self.room, FIRST_ROOM)
        while room < needed:
            room *= 2
        if room == self.room:
            rows = max(rows, self._keys.shape[0])
        self._keys = self._laid(self._keys, key_like, rows, room, length)
        self._values = self._laid(self._values, value_like, rows, room, length)
        self.start, self.end, self.room = 0, length, room
        self._open()

    def _laid(self, held: Tensor, like: Tensor, rows: int, room: int, length: int) -> Tensor:
        """Shapes: like (B, H, T, D); returns (rows, H, room, D)."""
        shape = (rows, like.shape[1], room, like.shape[3])
        window = held[: self.rows, :, self.start : self.end] if self.length else None
        if held.shape == shape and window is not None:
            fresh, window = held, window.clone()  # the two places may overlap
        else:
            fresh = torch.zeros(shape, dtype=like.dtype, device=like.device)
        if window is not None:
            fresh[: self.rows, :, length - self.length : length] = window
        return fresh

    def _open(self) -> None:
        self._open_keys, self._open_values = self._keys[: self.rows], self._values[: self.rows]

    def keep(self, rows: list[int], length: int, joined: GrowingLayer | None = None) -> None:
        """Go on with some rows and with those that join, in the order named; only what changes its place is copied.

        Args:
            rows: for each row from now on the row that it was; numbers from `self.rows` on are the rows of `joined`.
            length: positions from now on, the last ones; more than there were are padding in every row that was here.
            joined: another layer of the same model.
        """
        if not self.is_initialized:
            return
        if len(rows) > self._keys.shape[0] or length > self.end:
            self._lay(len(rows), 0, self._keys, self._values, length)
        moved = [(to, row) for to, row in enumerate(rows) if row < self.rows and row != to]
        new = [(to, row - self.rows) for to, row in enumerate(rows) if row >= self.rows]
        for held, other in ((self._keys, joined and joined._keys), (self._values, joined and joined._values)):
            window = held[:, :, self.end - length : self.end]  # (R, H, length, D)
            if moved:
                to, row = (list(numbers) for numbers in zip(*moved, strict=True))
                window[to] = window[row]  # the right side is a copy, so rows may change places
            if new and joined is not None and other is not None:
                to, row = (list(numbers) for numbers in zip(*new, strict=True))
                count = min(length, joined.length)
                window[to, :, length - count :] = other[row, :, joined.end - count : joined.end]
        self.rows, self.start = len(rows), self.end - length
        self._open()

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Pick rows, transformers' way. Shapes: (b,), int64."""
        self.keep(beam_idx.tolist(), self.length)

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
    def joins(self) -> bool:
        """Whether rows can join those that are held."""
        return not self.foreign

    def advance(self) -> None:
        """Make room for one position in every layer; only where `joins`."""
        for layer in cast("list[GrowingLayer]", self.layers):
            layer.advance()

    @property
    def recurrent(self) -> bool:
        """Whether a layer keeps a state instead of positions."""
        return any("Linear" in kind for kind in self.foreign)

    def keep(self, rows: list[int], length: int, joined: RowCache | None = None) -> None:
        """Go on with some rows and with those that join, in the order named.

        Args:
            rows: for each row from now on the row that it was; numbers beyond those held are the rows of `joined`.
            length: positions needed from now on; layers of other kinds than ours keep all they have.
            joined: rows of the same model; only where `joins`.
        """
        for place, layer in enumerate(self.layers):
            if isinstance(layer, GrowingLayer):
                layer.keep(rows, length if self.joins else layer.length, cast(Any, joined and joined.layers[place]))
            else:
                # picks rows for every kind of layer; fewer than it holds is fine
                layer.reorder_cache(cast(Any, torch.tensor(rows)))
