"""LoRA rows in a mixed batch: the base product once for all rows, the low-rank product only where it belongs.

PEFT switches an adapter on or off for a whole forward, or adds masked products for every row. Here the rows of a
batch are sorted so that those of one adapter stand together, and each wrapped layer adds an adapter's change to just
that range. There is one copy of the weights and nothing is switched between passes.

Source: LoRA, Hu et al. 2021 (arXiv:2106.09685), eq. 3; DoRA, Liu et al. 2024 (arXiv:2402.09353), eq. 5, in the form of
peft 0.21 `tuners/lora/dora.py`. Pinned against PEFT in tests/backend/test_mixed_lora.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from aligntui.core.errors import UserError


@dataclass(frozen=True)
class Delta:
    """What one adapter adds to one layer.

    Shapes: I inputs, O outputs, R rank.
    """

    a: Tensor
    """(R, I), float32; for an embedding (R, V)."""
    b: Tensor
    """(O, R), float32, with alpha / R and DoRA's magnitude already multiplied in."""
    gain: Tensor | None = None
    """(O,), float32, DoRA only: magnitude over norm, minus 1; factor on the base product without its bias."""


@dataclass(frozen=True)
class RowGroup:
    """Neighbouring rows of a batch that share an adapter."""

    start: int
    end: int
    """One past the last row."""
    adapter: str
    """Content hash of the adapter."""
    strength: Tensor | float
    """(end - start, 1), float32, where the rows differ, else one number for all of them."""


@dataclass
class Routing:
    """Which rows of the forward at hand belong to which adapter; shared by all wrapped layers of a model."""

    rows: int = 0
    """B, the rows of the batch."""
    groups: tuple[RowGroup, ...] = ()
    """Base rows are in no group."""
    pairs: tuple[tuple[str | None, float], ...] = ()
    """For each row its adapter's hash (None for the base) and its strength."""
    version: int = 0
    """Grows with every change, so that a prepared step knows when it is stale."""

    def set(self, strengths: Iterable[tuple[str | None, float]], device: Any) -> None:
        """Describe a batch.

        Args:
            strengths: for each row its adapter's hash (None for the base) and its strength; rows of one adapter
                stand together. Strength 0 is the base exactly, so such a row is in no group.
            device: of the forward.
        """
        pairs = [(name if factor != 0 else None, factor) for name, factor in strengths]
        groups = []
        start = 0
        while start < len(pairs):
            end = start
            while end < len(pairs) and pairs[end][0] == pairs[start][0]:
                end += 1
            name = pairs[start][0]
            if name is not None:
                factors = [factor for _, factor in pairs[start:end]]
                same = len(set(factors)) == 1
                strength = factors[0] if same else torch.tensor(factors, device=device)[:, None]
                groups.append(RowGroup(start, end, name, strength))
            start = end
        self.rows, self.groups, self.pairs, self.version = len(pairs), tuple(groups), tuple(pairs), self.version + 1

    def clear(self) -> None:
        """Back to the base for all rows."""
        self.rows, self.groups, self.pairs, self.version = 0, (), (), self.version + 1


class MixedLinear(nn.Module):
    """A linear layer (also a 4-bit one, or GPT-2's Conv1D) whose rows may each have another adapter."""

    def __init__(self, base: nn.Module, name: str, routing: Routing) -> None:
        super().__init__()
        self.base = base
        self.name = name
        self.routing = routing
        self.deltas: dict[str, Delta] = {}

    @property
    def weight(self) -> Tensor:
        """The base weight; some models look at it (for its dtype or device)."""
        return self.base.weight  # type: ignore[return-value]

    @property
    def bias(self) -> Tensor | None:
        """The base bias."""
        return self.base.bias  # type: ignore[return-value]

    def forward(self, x: Tensor) -> Tensor:
        """Base product of all rows, plus each group's change on its rows.

        Shapes: B rows, T positions, I inputs, O outputs. x (B, T, I) or (B * T, I); returns (B, T, O) or (B * T, O).
        """
        y = self.base(x)
        for group in self.routing.groups:
            delta = self.deltas.get(group.adapter)
            if delta is not None:
                rows = row_slice(x, self.routing, group, self.name)
                add_delta(y[rows], x[rows], delta, group.strength, self.bias)
        return y


class MixedEmbedding(nn.Module):
    """An embedding whose rows may each have another adapter."""

    def __init__(self, base: nn.Module, name: str, routing: Routing) -> None:
        super().__init__()
        self.base = base
        self.name = name
        self.routing = routing
        self.deltas: dict[str, Delta] = {}

    @property
    def weight(self) -> Tensor:
        """The base table."""
        return self.base.weight  # type: ignore[return-value]

    def forward(self, ids: Tensor) -> Tensor:
        """Look up all rows and add each group's change on its rows.

        Shapes: ids (B, T); returns (B, T, D).
        """
        y = self.base(ids)
        groups = [g for g in self.routing.groups if g.adapter in self.deltas]
        # some embeddings multiply what they look up (Gemma's); PEFT multiplies the change by the same factor
        scale = getattr(self.base, "embed_scale", None)
        for group in groups:
            delta = self.deltas[group.adapter]
            rows = slice(group.start, group.end)
            change = functional.linear(functional.embedding(ids[rows], delta.a.T), delta.b)  # (n, T, D)
            factor = group.strength
            change *= _strength_for(change, factor) if isinstance(factor, Tensor) else factor
            y[rows] += change if scale is None else change * scale.float()
        return y


def add_delta(y: Tensor, x: Tensor, delta: Delta, strength: Tensor | float, bias: Tensor | None) -> None:
    """Add an adapter's change to the rows `y`, in place.

    The low-rank product is made in float32 whatever the compute dtype, as PEFT does it; on the CPU that is also four
    times faster than in bfloat16 at these sizes.

    Shapes: n rows of the group. y (n, T, O) or (n, O): base product; x (n, T, I) or (n, I).
    """
    change = functional.linear(functional.linear(x.float(), delta.a), delta.b)  # (n, T, O)
    if delta.gain is not None:
        plain = y.float() if bias is None else y.float() - bias.float()
        change = torch.addcmul(change, plain, delta.gain)
    if isinstance(strength, Tensor):
        y.add_(change.mul_(_strength_for(change, strength)))
    else:
        y.add_(change, alpha=strength)


def row_slice(x: Tensor, routing: Routing, group: RowGroup, name: str) -> slice:
    """The part of `x`'s first dimension that belongs to a group.

    Shapes: x (B, T, I), or (B * T, I) where a model lays all positions of all rows end to end.

    Raises:
        UserError: the rows cannot be told apart at this layer.
    """
    if x.dim() > 2 and x.shape[0] == routing.rows:
        return slice(group.start, group.end)
    if x.dim() == 2 and x.shape[0] % routing.rows == 0:
        positions = x.shape[0] // routing.rows
        return slice(group.start * positions, group.end * positions)
    raise UserError(
        f"The adapter changes {name}, where this model mixes the rows of a batch, "
        "so rows with and without the adapter cannot be decoded together.",
        "Use an adapter that leaves this layer alone.",
    )


def _strength_for(change: Tensor, strength: Tensor) -> Tensor:
    """Shapes: change (n, T, O) or (n * T, O), strength (n, 1); returns what multiplies `change` row by row."""
    if change.dim() > 2:
        return strength[..., None]  # (n, 1, 1)
    return strength.repeat_interleave(change.shape[0] // strength.shape[0], 0)  # (n * T, 1)
