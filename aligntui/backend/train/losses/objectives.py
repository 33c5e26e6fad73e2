"""The losses as functions of log-probabilities. Nothing here knows a model.

Shapes: N answer tokens, B pairs, A answers (the B chosen ones first, then the rejected ones in the same order).
Log-probabilities are in nats. Pinned in tests/backend/test_losses_objectives.py.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from aligntui.backend.train.losses.config import KlReading, SftReduction


def answer_sums(values: Tensor, answers: Tensor, count: int) -> Tensor:
    """Sum token values over each answer.

    Args:
        values: (N,).
        answers: (N,), int64, the answer of each token, below `count`.
        count: A.

    Returns:
        (A,), the dtype of `values`; 0 for an answer without tokens.
    """
    return values.new_zeros(count).index_add(0, answers, values)


def sft_loss(sums: Tensor, tokens: Tensor | float, answers: float, reduction: SftReduction) -> Tensor:
    """-log pi of the chosen answers.

    Args:
        sums: (B,), log pi of each chosen answer.
        tokens: what `token_mean` divides by.
        answers: what `sequence_sum` divides by.
        reduction: which of the two.

    Returns:
        Scalar.

    Source: Ecliptica draft, section 1.1, sums over t and divides by the number of samples (`sequence_sum`).
    """
    return -sums.sum() / (tokens if reduction is SftReduction.TOKEN_MEAN else answers)


def contrast_loss(chosen: Tensor, rejected: Tensor, beta: float) -> Tensor:
    """-log sigmoid(beta * (chosen - rejected)) of each pair.

    With log-ratios log pi - log pi0 this is DPO (Rafailov et al. 2023, arXiv:2305.18290, eq. 7; TRL's `sigmoid`). With
    log pi alone it is DPO as the Ecliptica draft prints it, and CITA's -log(exp(beta s+) / (exp(beta s+) + exp(beta s-))).
    With P+ = sigmoid(beta * (s+ - s-)):

        dL/ds+ = -beta * (1 - P+)        dL/ds- = +beta * (1 - P+)

    The draft prints P+ in the second, which does not follow from its loss: only the difference of s+ and s- enters it, so
    the two gradients are opposite.

    Args:
        chosen: (B,).
        rejected: (B,).
        beta: > 0.

    Returns:
        (B,).
    """
    return -functional.logsigmoid(beta * (chosen - rejected))


def rank_loss(chosen: Tensor, rejected: Tensor) -> Tensor:
    """RRHF's hinge of each pair: max(0, rejected - chosen).

    Args:
        chosen: (B,), log pi of the answer divided by its tokens.
        rejected: (B,), likewise.

    Returns:
        (B,).

    Source: Yuan et al. 2023 (arXiv:2304.05302), eq. 2, for two answers; its total adds the SFT of the better one.
    """
    return torch.relu(rejected - chosen)


def full_kl(kl: Tensor, answers: Tensor, counts: Tensor) -> Tensor:
    """KL(pi || pi0) of each pair: the mean over the positions of its two answers together.

    Args:
        kl: (N,), the divergence over the vocabulary at each answer token's position.
        answers: (N,), int64.
        counts: (A,), tokens of each answer.

    Returns:
        (B,), >= 0. A pair's longer answer weighs more than its shorter one; every pair weighs the same.

    Source: methods.md, section 2 (the draft writes KL[pi(.|I,X) || pi0(.|I,X)] and leaves the mean open).
    """
    pairs = len(counts) // 2
    return answer_sums(kl, answers % pairs, pairs) / (counts[:pairs] + counts[pairs:])


def draft_kl(logp: Tensor, reference_logp: Tensor, answers: Tensor, pairs: int) -> Tensor:
    """The draft's "KL" of each pair: sum over both answers' data tokens of pi * (log pi - log pi0).

    One token stands for the vocabulary, so this is no divergence: it can be negative.

    Args:
        logp: (N,), log pi(token).
        reference_logp: (N,), log pi0(token).
        answers: (N,), int64.
        pairs: B.

    Returns:
        (B,).

    Source: Ecliptica draft, section 1.3.
    """
    return answer_sums(logp.exp() * (logp - reference_logp), answers % pairs, pairs)


def log_ratio_kl(chosen_ratio: Tensor, rejected_ratio: Tensor) -> Tensor:
    """The follow-up's "KL" of each pair: half the sum of both answers' log-ratios. Can be negative.

    Shapes: both (B,), log pi - log pi0 of whole answers; returns (B,).

    Source: public code of arXiv:2601.06157 (repository kapilw25/finetuning_evaluation).
    """
    return 0.5 * (chosen_ratio + rejected_ratio)


def pair_kl(
    reading: KlReading, logp: Tensor, reference_logp: Tensor, kl: Tensor, answers: Tensor, counts: Tensor
) -> Tensor:
    """The KL of each pair in one of its three readings.

    Args:
        reading: which.
        logp: (N,).
        reference_logp: (N,).
        kl: (N,), over the vocabulary.
        answers: (N,), int64.
        counts: (A,).

    Returns:
        (B,).
    """
    pairs = len(counts) // 2
    if reading is KlReading.FULL:
        return full_kl(kl, answers, counts)
    if reading is KlReading.DRAFT:
        return draft_kl(logp, reference_logp, answers, pairs)
    ratios = answer_sums(logp - reference_logp, answers, 2 * pairs)  # (A,)
    return log_ratio_kl(ratios[:pairs], ratios[pairs:])
