"""Batches of preference pairs, laid out for one forward pass.

Two layouts compute the same. `packed` writes a pair as prompt, chosen, rejected in one row without padding: the prompt is
computed once, and `shared_prompt` keeps the rejected answer from seeing the chosen one. `padded` has a row for each answer
and serves any model. Pinned in tests/backend/test_losses_pairs.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from aligntui.core.errors import UserError


@dataclass(frozen=True)
class Pair:
    """Token ids of one preference; the answers hold the tokens that are trained, the end of the turn among them."""

    prompt: Sequence[int]
    chosen: Sequence[int]
    rejected: Sequence[int] | None = None
    """None where there is none or none is wanted (SFT)."""


@dataclass(frozen=True)
class PairBatch:
    """Tokens of B pairs and where their N answer tokens are predicted.

    Answer tokens are ordered by answer: the chosen ones of all pairs, then the rejected ones.
    """

    ids: Tensor
    """Token ids, (R, T), int64; R = 1 when packed."""
    positions: Tensor
    """Place of each token in its sequence, (R, T), int64; a rejected answer goes on where its prompt ended."""
    mask: Tensor | None
    """(R, T), int64, 0 on padding; None when packed."""
    predicting: Tensor
    """Index into the flattened R * T positions of the one that predicts each answer token, (N,), int64."""
    targets: Tensor
    """The answer tokens, (N,), int64."""
    answers: Tensor
    """The answer of each token, (N,), int64: pair i has the answers i (chosen) and B + i (rejected)."""
    counts: Tensor
    """Tokens of each answer, (A,), int64; A is 2B, or B without rejected answers."""
    pairs: int
    """B."""
    segments: tuple[tuple[int, int, int], ...] | None
    """Lengths of prompt, chosen and rejected of each pair in their order in the row, and of what fills it up as a prompt alone;
    None when padded."""

    @property
    def has_rejected(self) -> bool:
        """Whether every pair has a rejected answer (else none has)."""
        return len(self.counts) == 2 * self.pairs

    def to(self, device: torch.device | str) -> PairBatch:
        """The batch on another device."""
        moved = {k: v.to(device, non_blocking=True) for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **moved)


def collate(
    pairs: Sequence[Pair], *, rejected: bool = True, packed: bool = True, pad_id: int = 0, multiple: int = 1
) -> PairBatch:
    """Lay pairs out.

    With prompt [5, 6], chosen [7, 2] and rejected [8, 9, 2]:
        packed  ids [[5, 6, 7, 2, 8, 9, 2]], positions [[0, 1, 2, 3, 2, 3, 4]], predicting [1, 2, 1, 4, 5]
        padded  ids [[5, 6, 7, 2, 0], [5, 6, 8, 9, 2]], predicting [1, 2, 6, 7, 8]
        either  targets [7, 2, 8, 9, 2], answers [0, 0, 1, 1, 1], counts [2, 3]

    Args:
        pairs: at least one.
        rejected: False leaves the rejected answers out.
        packed: the layout.
        pad_id: fills up the rows of `padded`, and a packed row at its end.
        multiple: T is filled up to a multiple of it. What fills a packed row is a segment of its own, which no pair sees.

    Raises:
        UserError: a prompt or an answer has no tokens, or a rejected answer is missing.
    """
    if not pairs:
        raise UserError("A batch needs at least one pair; none was given.")
    parts = [_checked(number, pair, rejected) for number, pair in enumerate(pairs, 1)]
    build = _packed if packed else _padded
    return build(parts, rejected, pad_id, multiple)


Parts = tuple[list[int], list[int], list[int]]


def _checked(number: int, pair: Pair, rejected: bool) -> Parts:
    named = {"prompt": pair.prompt, "chosen answer": pair.chosen}
    if rejected:
        named["rejected answer"] = pair.rejected if pair.rejected is not None else ()
    for name, ids in named.items():
        if len(ids) == 0:
            raise UserError(
                f"Pair {number} of the batch has a {name} without tokens.",
                "Every prompt and every answer needs at least one; `aligntui pairs lint` finds such pairs.",
            )
    return list(pair.prompt), list(pair.chosen), list(pair.rejected or ()) if rejected else []


def _packed(parts: list[Parts], rejected: bool, pad_id: int, multiple: int) -> PairBatch:
    ids: list[int] = []
    positions: list[int] = []
    starts: list[int] = []
    for prompt, chosen, refused in parts:
        starts.append(len(ids))
        ids += prompt + chosen + refused
        first = len(prompt)
        positions += [*range(first + len(chosen)), *range(first, first + len(refused))]
    predicting: list[int] = []
    for which in (1, 2) if rejected else (1,):
        for start, part in zip(starts, parts, strict=True):
            # the first token of either answer is predicted by the last one of the prompt
            last = start + len(part[0]) - 1
            first = last + (len(part[1]) if which == 2 else 0)
            predicting += [last, *range(first + 1, first + len(part[which]))]
    segments = [(len(p), len(c), len(r)) for p, c, r in parts]
    filling = -len(ids) % multiple
    if filling:
        segments.append((filling, 0, 0))
        ids += [pad_id] * filling
        positions += range(filling)
    return _batch(
        parts,
        rejected,
        ids=torch.tensor([ids]),
        positions=torch.tensor([positions]),
        mask=None,
        predicting=torch.tensor(predicting),
        segments=tuple(segments),
    )


def _padded(parts: list[Parts], rejected: bool, pad_id: int, multiple: int) -> PairBatch:
    rows = [(p, c) for p, c, _ in parts] + ([(p, r) for p, _, r in parts] if rejected else [])
    width = max(len(prompt) + len(answer) for prompt, answer in rows)
    width += -width % multiple
    ids = torch.full((len(rows), width), pad_id)  # (R, T)
    mask = torch.zeros_like(ids)
    predicting: list[int] = []
    for row, (prompt, answer) in enumerate(rows):
        end = len(prompt) + len(answer)
        ids[row, :end] = torch.tensor(prompt + answer)
        mask[row, :end] = 1
        predicting += range(row * width + len(prompt) - 1, row * width + end - 1)
    positions = torch.arange(width).expand(len(rows), -1).clone()  # (R, T)
    return _batch(
        parts, rejected, ids=ids, positions=positions, mask=mask, predicting=torch.tensor(predicting), segments=None
    )


def _batch(
    parts: list[Parts],
    rejected: bool,
    *,
    ids: Tensor,
    positions: Tensor,
    mask: Tensor | None,
    predicting: Tensor,
    segments: tuple[tuple[int, int, int], ...] | None,
) -> PairBatch:
    tokens = [c for _, c, _ in parts] + ([r for _, _, r in parts] if rejected else [])
    counts = torch.tensor([len(t) for t in tokens])  # (A,)
    return PairBatch(
        ids=ids,
        positions=positions,
        mask=mask,
        predicting=predicting,
        targets=torch.tensor([token for answer in tokens for token in answer]),
        answers=torch.repeat_interleave(torch.arange(len(tokens)), counts),
        counts=counts,
        pairs=len(parts),
        segments=segments,
    )
