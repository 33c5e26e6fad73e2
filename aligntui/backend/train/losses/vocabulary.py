"""One pass over the vocabulary: log-probabilities of the data tokens under policy and reference, and their KL.

Positions are taken a few at a time. While their logits exist, everything that a loss can want of them is formed, the
gradients with respect to the policy's hidden states included, so that nothing as wide as the vocabulary is kept:

    d log pi(y) / dz = onehot(y) - p
    d KL(pi || pi0) / dz = p * (log p - log p0 - KL)

with z the policy's logits and p its probabilities. Both go through the head's weight at once and leave two rows of D
numbers for each position. Policy and reference share their products too, so that the weight is read once each way.
Pinned in tests/backend/test_losses_vocabulary.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from aligntui.backend.train.losses.head import Head
from aligntui.backend.train.losses.products import product_of_rows

CHUNK_BYTES = {"cpu": 30 * 2**20}
"""Room for one buffer of logits on a device; `OTHER_CHUNK_BYTES` where it is not named.

On the CPU it stays below the 32 MB from which glibc maps every allocation anew: at 64 MB the pass took twice as long.
"""
OTHER_CHUNK_BYTES = 512 * 2**20


@dataclass(frozen=True)
class TokenScores:
    """What one pass says of N data tokens. Only `logp` and `kl` carry gradients."""

    logp: Tensor
    """log pi(token), (N,), nats."""
    best: Tensor
    """Whether no other token was likelier, (N,), bool."""
    reference_logp: Tensor | None = None
    """log pi0(token), (N,), nats; None without a reference."""
    kl: Tensor | None = None
    """KL(pi || pi0) over the whole vocabulary at the token's position, (N,), nats, >= 0; None without a reference."""


def score_tokens(
    hidden: Tensor,
    targets: Tensor,
    head: Head,
    reference: Tensor | None = None,
    *,
    kl_gradient: bool = True,
    chunk: int | None = None,
) -> TokenScores:
    """Score data tokens from the hidden states that predict them.

    Shapes: N tokens, D hidden, V vocabulary.

    Args:
        hidden: (N, D), the policy's; gradients flow to it.
        targets: (N,), int64.
        head: its weight is (V, D); the products are taken in its dtype, the rest in float32 (float64 for float64).
        reference: (N, D), the reference's hidden states at the same positions.
        kl_gradient: False where the KL is only reported: saves its product.
        chunk: positions at a time; None fits the buffers into `CHUNK_BYTES`.

    Returns:
        Scores in float32 (float64 for float64), on the device of the head.

    Raises:
        ValueError: the shapes disagree.
    """
    if hidden.shape != (len(targets), head.weight.shape[1]):
        raise ValueError(f"hidden states {tuple(hidden.shape)} do not fit {len(targets)} tokens")
    if reference is not None and reference.shape != hidden.shape:
        raise ValueError(f"the reference's hidden states are {tuple(reference.shape)}, not {tuple(hidden.shape)}")
    device, dtype = head.weight.device, head.weight.dtype
    hidden = hidden.to(device, dtype)
    reference = None if reference is None else reference.detach().to(device, dtype)
    gradient = torch.is_grad_enabled() and hidden.requires_grad
    size = chunk or chunk_rows(head, with_reference=reference is not None)
    kinds = (gradient, gradient and kl_gradient and reference is not None)
    logp, reference_logp, kl, best = _Scores.apply(hidden, targets.to(device), head, reference, kinds, size)
    if reference is None:
        return TokenScores(logp, best)
    return TokenScores(logp, best, reference_logp, kl)


def chunk_rows(head: Head, *, with_reference: bool) -> int:
    """Positions whose logits fit one buffer."""
    room = CHUNK_BYTES.get(head.weight.device.type, OTHER_CHUNK_BYTES)
    return max(1, room // (head.weight.shape[0] * 4 * (2 if with_reference else 1)))


class _Scores(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        targets: Tensor,
        head: Head,
        reference: Tensor | None,
        kinds: tuple[bool, bool],
        chunk: int,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        found = _Pass(hidden, targets, head, reference, kinds, chunk)
        # inside autocast a product would leave the head's dtype
        with torch.autocast(hidden.device.type, enabled=False):
            for start in range(0, len(targets), chunk):
                found.run(slice(start, min(start + chunk, len(targets))))
        ctx.save_for_backward(*found.gradients)
        ctx.mark_non_differentiable(found.reference_logp, found.best)
        ctx.set_materialize_grads(False)
        return found.logp, found.reference_logp, found.kl, found.best

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:  # type: ignore[override]
        d_logp, _, d_kl, _ = gradients
        total = None
        for gradient, weight in zip(ctx.saved_tensors, (d_logp, d_kl), strict=False):
            if weight is not None:
                part = gradient * weight[:, None].to(gradient.dtype)  # (N, D)
                total = part if total is None else total + part
        return total, None, None, None, None, None


class _Pass:
    """The state of one pass. Shapes: n positions of a chunk, k = 2n with a reference and n without."""

    def __init__(
        self,
        hidden: Tensor,
        targets: Tensor,
        head: Head,
        reference: Tensor | None,
        kinds: tuple[bool, bool],
        chunk: int,
    ) -> None:
        self._chunk, self._sides = chunk, 1 if reference is None else 2
        self._hidden, self._targets, self._head, self._reference = hidden, targets, head, reference
        exact = torch.promote_types(hidden.dtype, torch.float32)
        self.logp = torch.empty(len(targets), dtype=exact, device=hidden.device)
        self.reference_logp, self.kl = torch.empty_like(self.logp), torch.empty_like(self.logp)
        self.best = torch.empty(len(targets), dtype=torch.bool, device=hidden.device)
        self.gradients = [torch.empty_like(hidden) for wanted in kinds if wanted]
        self._room = torch.empty(0, dtype=exact, device=hidden.device)

    def run(self, at: slice) -> None:
        """Score the positions of one chunk."""
        n = at.stop - at.start
        targets = self._targets[at, None]  # (n, 1)
        logits = self._logits(at)  # (k, V)
        logs = self._buffer(logits)  # (k, V)
        torch.log_softmax(logits, -1, dtype=logs.dtype, out=logs)
        policy, reference = logs[:n], logs[n:]
        self.logp[at] = policy.gather(-1, targets)[:, 0]
        self.best[at] = self.logp[at] >= policy.amax(-1)
        if self._reference is not None:
            self.reference_logp[at] = reference.gather(-1, targets)[:, 0]
            ratio = torch.sub(policy, reference, out=reference)  # (n, V)
            probability = policy.exp_()  # (n, V)
            self.kl[at] = torch.bmm(probability[:, None], ratio[:, :, None])[:, 0, 0]
            if len(self.gradients) > 1:
                ratio.sub_(self.kl[at, None]).mul_(probability)
        elif self.gradients:
            policy.exp_()
        if self.gradients:
            policy.neg_().scatter_add_(-1, targets, torch.ones_like(targets, dtype=policy.dtype))
            self._send_back(at, logs[: n * len(self.gradients)], logits)

    def _logits(self, at: slice) -> Tensor:
        """Shapes: returns (k, V)."""
        head, rows = self._head, self._hidden[at]
        if self._reference is not None:
            rows = torch.cat([rows, self._reference[at]])  # (k, D)
        logits = product_of_rows(rows, head.weight, head.bias, most=self._sides * self._chunk)  # (k, V)
        if head.scale != 1.0:
            logits.mul_(head.scale)
        if head.cap is not None:
            logits.div_(head.cap).tanh_().mul_(head.cap)
        return logits

    def _send_back(self, at: slice, slopes: Tensor, logits: Tensor) -> None:
        """Gradients with respect to the hidden states.

        Shapes: slopes (g * n, V) for g gradients, with respect to the logits; logits (k, V), whose memory is used up.
        """
        head, n = self._head, at.stop - at.start
        if head.cap is not None:
            bend = logits[:n].to(slopes.dtype).div_(head.cap).square_().neg_().add_(1.0)  # (n, V), slope of the cap
            for part in slopes.split(n):
                part.mul_(bend)
        if slopes.dtype != logits.dtype:
            slopes = logits[: len(slopes)].copy_(slopes)
        sent = product_of_rows(slopes, head.weight.t(), most=len(self.gradients) * self._chunk)  # (g * n, D)
        if head.scale != 1.0:
            sent.mul_(head.scale)
        for gradient, part in zip(self.gradients, sent.split(n), strict=True):
            gradient[at] = part

    def _buffer(self, logits: Tensor) -> Tensor:
        """One buffer for all chunks."""
        if self._room.shape[0] < len(logits):
            self._room = torch.empty(logits.shape, dtype=self._room.dtype, device=logits.device)
        return self._room[: len(logits)]
