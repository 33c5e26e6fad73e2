"""The output head: which heads the step can serve, and what the model does to its logits.

The losses read the head's weight instead of calling the module, so that no full logit tensor is ever made. That is right
only for a plain frozen linear layer; everything else is refused here in words, never computed wrongly.
Pinned in tests/backend/test_losses_head.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils.other import AuxiliaryTrainingWrapper
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from aligntui.backend.train.losses.products import FrozenLinear, product
from aligntui.core.errors import UserError

TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.03, torch.float16: 0.01}
"""Largest difference of logits, as a share of their range, at which two ways to compute them count as the same."""

_MULTIPLIERS = ("logit_scale", "output_multiplier", "lm_head_multiplier")
"""Names under which configs keep a factor of the logits: Cohere; Muse; Falcon-H1."""


@dataclass(frozen=True)
class Head:
    """A frozen linear head: logits = cap * tanh(x / cap) with x = scale * (hidden @ weight.T + bias)."""

    weight: Tensor
    """(V, D)."""
    bias: Tensor | None = None
    """(V,)."""
    scale: float = 1.0
    cap: float | None = None
    """Bound of the soft cap (Gemma 2); None is no cap."""

    def logits(self, hidden: Tensor) -> Tensor:
        """All logits at once: for checks and tests, which compare the chunked way with it.

        Shapes: hidden (N, D); returns (N, V), in the dtype of the head.
        """
        found = product(hidden.to(self.weight.dtype), self.weight, self.bias) * self.scale
        return found if self.cap is None else self.cap * torch.tanh(found / self.cap)


def find_head(model: Any) -> Head:
    """The head of a causal language model of transformers (without PEFT's wrapper around it).

    Raises:
        UserError: the head is adapted, trained, quantised, sharded or offloaded, or there is none.
    """
    module = model.get_output_embeddings()
    if module is None:
        raise UserError(
            f"A causal language model with an output head is needed; {type(model).__name__} has none.",
            "Choose a model for text generation.",
        )
    _refuse_odd_module(module)
    weight = module.weight
    _refuse_odd_weight(weight, model.config.get_text_config())
    scale, cap = logit_rule(model.config.get_text_config())
    return Head(weight.detach(), None if module.bias is None else module.bias.detach(), scale, cap)


def logit_rule(config: Any) -> tuple[float, float | None]:
    """Factor and soft cap that a model's config names for its logits.

    A model that does something else to its logits is found by `check_head`.

    Source: the forward methods of transformers 5 (Cohere, Granite, HyperCLOVA X, Falcon-H1, Gemma 2 and 3).
    """
    scale = 1.0
    for name in _MULTIPLIERS:
        factor = getattr(config, name, None)
        if factor is not None:
            scale *= float(factor)
    scaling = getattr(config, "logits_scaling", None)
    if scaling is not None:
        scale *= float(scaling) if config.model_type == "hyperclovax" else 1 / float(scaling)
    cap = getattr(config, "final_logit_softcapping", None)
    return scale, None if cap is None else float(cap)


def check_head(head: Head, hidden: Tensor, logits: Tensor) -> None:
    """Hold a head against the logits that the model itself gave for the same hidden states.

    Shapes: hidden (N, D), logits (N, V).

    Raises:
        UserError: they differ by more than rounding.
    """
    found = head.logits(hidden)
    expected = logits.to(found.device)
    room = TOLERANCE.get(head.weight.dtype, 1e-3) * (expected.amax() - expected.amin()).float()
    if found.shape != expected.shape or not bool((found.float() - expected.float()).abs().amax() <= room):
        raise UserError(
            "This model changes its logits in a way that the training step does not know, so log-probabilities computed "
            "from its output head would be wrong.",
            "Train with TRL's trainer, or choose another base.",
        )


def _refuse_odd_module(module: nn.Module) -> None:
    if isinstance(module, (BaseTunerLayer, AuxiliaryTrainingWrapper)):
        raise UserError(
            "The output head (lm_head) carries an adapter of its own; the training step reads the head's plain weight "
            "and would neither use nor train that adapter.",
            "Take lm_head out of the target modules and out of modules_to_save (with tied embeddings: embed_tokens too).",
        )
    if type(module) not in (nn.Linear, FrozenLinear):
        raise UserError(
            f"The output head is a {type(module).__name__}; the training step needs a plain linear layer, neither "
            "quantised nor split.",
            "Load the base with its head left unquantised (bitsandbytes does so by default).",
        )


def _refuse_odd_weight(weight: Tensor, config: Any) -> None:
    sharded = isinstance(weight, DTensor) or hasattr(weight, "ds_id") or weight.dim() != 2
    if not sharded:
        sharded = weight.shape[0] < int(config.vocab_size)
    if sharded:
        raise UserError(
            "The output head is sharded over several devices; the training step needs all of it on each.",
            "Use data parallelism (DDP), or leave the head out of the sharding.",
        )
    if weight.device.type == "meta":
        raise UserError(
            "The output head is offloaded: its weight is not in memory between calls.",
            "Give the device that holds the head more memory, or choose a smaller base.",
        )
    if weight.requires_grad:
        raise UserError(
            "The output head is trained itself; the training step gives gradients to adapters only.",
            "Freeze the base (a LoRA adapter without lm_head does) before training.",
        )
