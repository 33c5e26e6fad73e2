"""One training step's loss and figures for a batch of pairs.

Pinned in tests/backend/test_losses_step.py, and against TRL in tests/backend/test_losses_trl.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from aligntui.backend.train.losses.config import Contrast, KlReading, LossConfig, Method
from aligntui.backend.train.losses.objectives import (
    answer_sums,
    contrast_loss,
    full_kl,
    pair_kl,
    rank_loss,
    sft_loss,
)
from aligntui.backend.train.losses.pairs import PairBatch
from aligntui.backend.train.losses.policy import Policy
from aligntui.backend.train.losses.vocabulary import TokenScores, score_tokens
from aligntui.core.errors import UserError


@dataclass(frozen=True)
class Totals:
    """What the means of a loss divide by, where a step is split over processes or accumulated batches.

    Each part then divides by the whole step's counts, and the parts add up to the loss of one large batch.
    """

    pairs: int
    chosen_tokens: int


@dataclass(frozen=True)
class StepResult:
    """What a step gives."""

    loss: Tensor
    """Scalar with gradients."""
    metrics: dict[str, Tensor]
    """Scalars without gradients, means over the batch's own pairs; see `pair_step`."""

    def values(self) -> dict[str, float]:
        """The metrics as numbers, fetched from the device at once."""
        fetched = torch.stack([value.double() for value in self.metrics.values()]).tolist()
        return dict(zip(self.metrics, fetched, strict=True))


def pair_step(
    policy: Policy,
    batch: PairBatch,
    config: LossConfig,
    *,
    kl_weight: float | None = None,
    totals: Totals | None = None,
) -> StepResult:
    """Compute the loss of a batch.

    The reference runs first, without gradients, then the policy; both go through the vocabulary together.

    Args:
        policy: made by `prepare`.
        batch: made by `collate`, packed only where the policy packs, on the device of the model's input.
        config: what is minimised.
        kl_weight: lambda at this step; None is the first step's.
        totals: None is this batch alone.

    Returns:
        The loss and these metrics, each where it exists. `loss`, and its parts `sft`, `contrast` and `rank`. `kl`, the
        divergence over the vocabulary, wherever there is a reference, also where the loss has none (DPO) or another
        reading of it, which is then `kl_draft` or `kl_log_ratio`; `lambda`, the weight of the KL that is minimised.
        `margin`, the mean of what the sigmoid sees (RRHF: the difference of mean log-probabilities), and `accuracy`, the
        share of pairs where it is above 0. `chosen_logp` and `rejected_logp`, the mean log-probability of whole answers,
        nats; `chosen_reward` and `rejected_reward`, beta times the mean log-ratio. `token_accuracy`, the share of chosen
        tokens that were the likeliest. `pairs`, `chosen_tokens` and `rejected_tokens`, counts.

    Raises:
        UserError: the batch lacks rejected answers, lambda is 0 in CITA-KL, or the head cannot be served.
    """
    weight = config.kl_weight.start if kl_weight is None else kl_weight
    _check(policy, batch, config, weight)
    head = policy.head()
    reference = policy.reference_hidden(batch) if config.needs_reference else None  # (N, D)
    hidden = policy.hidden(batch)  # (N, D)
    kl_gradient = config.minimises_kl and config.kl is KlReading.FULL
    scores = score_tokens(hidden, batch.targets, head, reference, kl_gradient=kl_gradient)
    parts = _Parts(batch.to(scores.logp.device), scores, config, totals)
    loss = parts.loss(weight)
    return StepResult(loss, {"loss": loss.detach(), **parts.metrics(weight)})


def _check(policy: Policy, batch: PairBatch, config: LossConfig, weight: float) -> None:
    if config.needs_rejected and not batch.has_rejected:
        raise UserError(
            f"{config.method} compares a chosen answer with a rejected one, and this batch has no rejected answers.",
            "Use data with pairs, or train with sft.",
        )
    if config.method is Method.CITA and not weight > 0:
        raise UserError(f"The KL is mandatory in CITA-KL, but its weight lambda is {weight:g}.", "Set it above 0.")
    if batch.segments is not None and not policy.packs:
        raise UserError(
            "This model cannot read packed pairs; its batches must be padded.", "Collate with packed=False."
        )


class _Parts:
    """Losses and metrics from the scores of a batch. Shapes: B pairs, N answer tokens."""

    def __init__(self, batch: PairBatch, scores: TokenScores, config: LossConfig, totals: Totals | None) -> None:
        self._batch, self._scores, self._config = batch, scores, config
        pairs = self._pairs = batch.pairs
        self._counts = batch.counts.to(scores.logp.dtype)  # (A,)
        self._chosen_tokens = self._counts[:pairs].sum()
        self._divide_pairs = totals.pairs if totals else pairs
        self._divide_tokens = totals.chosen_tokens if totals else self._chosen_tokens
        sums = answer_sums(scores.logp, batch.answers, len(batch.counts))  # (A,)
        self._chosen, self._rejected = sums[:pairs], sums[pairs:]
        self._chosen_ratio = self._rejected_ratio = None
        if scores.reference_logp is not None:
            held = answer_sums(scores.reference_logp, batch.answers, len(batch.counts))  # (A,)
            ratios = sums - held
            self._chosen_ratio, self._rejected_ratio = ratios[:pairs], ratios[pairs:]
        self._found: dict[str, Tensor] = {}

    def loss(self, kl_weight: float) -> Tensor:
        """The scalar that is minimised."""
        config = self._config
        if config.method is Method.SFT:
            return self._sft()
        if config.method is Method.RRHF:
            return self._sft() + config.rank_weight * self._rank()
        contrast = self._contrast()
        if config.method is Method.DPO:
            return contrast
        kl = self._kl()
        if config.method is Method.CITA:
            return contrast + kl_weight * kl
        return self._sft() + config.dpo_weight * contrast + kl_weight * kl

    def metrics(self, kl_weight: float) -> dict[str, Tensor]:
        """What was found on the way to the loss."""
        with torch.no_grad():
            return {k: v.detach() for k, v in {**self._found, **self._figures(kl_weight)}.items()}

    def _figures(self, kl_weight: float) -> dict[str, Tensor]:
        batch, scores, pairs = self._batch, self._scores, self._pairs
        found = {"chosen_logp": self._chosen.mean()}
        if batch.has_rejected:
            found["rejected_logp"] = self._rejected.mean()
        if self._chosen_ratio is not None and self._rejected_ratio is not None:
            found["chosen_reward"] = self._config.beta * self._chosen_ratio.mean()
            found["rejected_reward"] = self._config.beta * self._rejected_ratio.mean()
        if scores.kl is not None:
            found["kl"] = full_kl(scores.kl, batch.answers, self._counts).mean()
        if self._config.minimises_kl:
            found["lambda"] = torch.full_like(found["chosen_logp"], kl_weight)
        found["token_accuracy"] = scores.best[batch.answers < pairs].to(self._chosen.dtype).mean()
        found["pairs"] = torch.full_like(found["chosen_logp"], pairs)
        found["chosen_tokens"] = self._chosen_tokens
        if batch.has_rejected:
            found["rejected_tokens"] = self._counts[pairs:].sum()
        return found

    def _mean(self, name: str, values: Tensor) -> Tensor:
        """Mean over the whole step's pairs for the loss, over this batch's for the metric."""
        self._found[name] = values.mean()
        return values.sum() / self._divide_pairs

    def _sft(self) -> Tensor:
        reduction = self._config.sft_reduction
        self._found["sft"] = sft_loss(self._chosen, self._chosen_tokens, self._pairs, reduction)
        return sft_loss(self._chosen, self._divide_tokens, self._divide_pairs, reduction)

    def _contrast(self) -> Tensor:
        chosen, rejected = self._chosen, self._rejected
        if self._config.contrasted is Contrast.REFERENCE:
            assert self._chosen_ratio is not None and self._rejected_ratio is not None
            chosen, rejected = self._chosen_ratio, self._rejected_ratio
        self._margin(self._config.beta * (chosen - rejected))
        return self._mean("contrast", contrast_loss(chosen, rejected, self._config.beta))

    def _rank(self) -> Tensor:
        chosen, rejected = self._chosen / self._counts[: self._pairs], self._rejected / self._counts[self._pairs :]
        self._margin(chosen - rejected)
        return self._mean("rank", rank_loss(chosen, rejected))

    def _margin(self, margins: Tensor) -> None:
        self._found["margin"] = margins.mean()
        self._found["accuracy"] = (margins > 0).to(margins.dtype).mean()

    def _kl(self) -> Tensor:
        scores, batch = self._scores, self._batch
        assert scores.kl is not None and scores.reference_logp is not None
        values = pair_kl(
            self._config.kl, scores.logp, scores.reference_logp, scores.kl, batch.answers, self._counts
        )  # (B,)
        return self._mean("kl" if self._config.kl is KlReading.FULL else f"kl_{self._config.kl}", values)
