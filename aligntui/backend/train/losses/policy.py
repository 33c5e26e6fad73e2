"""One set of weights as policy (adapter on) and reference (adapter off).

Pinned in tests/backend/test_losses_policy.py.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn

from aligntui.backend.train.losses import shared_prompt
from aligntui.backend.train.losses.head import TOLERANCE, Head, check_head, find_head
from aligntui.backend.train.losses.pairs import Pair, PairBatch, collate
from aligntui.backend.train.losses.products import CPU_ROWS, freeze_linears, keep_quantised_trainable
from aligntui.core.errors import UserError


@dataclass(frozen=True)
class Policy:
    """A PEFT model ready for training steps. Made by `prepare`."""

    model: nn.Module
    """What is called: the PEFT model, or a wrapper around it (see `called_through`)."""
    peft: PeftModel
    reference: tuple[str, ...]
    """Adapters that make the reference; none is the base with all adapters off."""
    packs: bool
    """Whether batches may be packed; else they must be padded."""

    @property
    def row_multiple(self) -> int:
        """What the length of a batch's rows should be a multiple of: see `products.CPU_ROWS`."""
        if _device(self.peft.get_base_model()).type != "cpu":
            return 1
        return CPU_ROWS if self.packs else CPU_ROWS // 4

    def called_through(self, wrapper: nn.Module) -> Policy:
        """The policy whose forward goes through a wrapper, such as DistributedDataParallel, that must see it."""
        return replace(self, model=wrapper)

    def head(self) -> Head:
        """The output head as it is now.

        Raises:
            UserError: the step cannot serve it (a wrapper may have sharded it since `prepare`).
        """
        return find_head(self.peft.get_base_model())

    def hidden(self, batch: PairBatch) -> Tensor:
        """Hidden states that predict the answer tokens, under the policy.

        Shapes: returns (N, D).
        """
        return _hidden(self.model, batch)

    def reference_hidden(self, batch: PairBatch) -> Tensor:
        """Hidden states that predict the answer tokens, under the reference, without gradients.

        Shapes: returns (N, D).
        """
        with torch.no_grad(), reference_on(self.peft, self.reference):
            return _hidden(self.peft, batch)


def prepare(model: Any, *, reference: tuple[str, ...] = (), pack: bool = True, quick: bool = True) -> Policy:
    """Check a PEFT model and make it ready, once, before it is wrapped for several processes.

    The causal language model inside learns to return hidden states (`hidden_only=True`); called without, it does what it did.

    Args:
        model: a PEFT model with its adapter on.
        reference: adapters that make the reference, for a stage that is trained on top of a kept one.
        pack: False never packs.
        quick: False leaves products with frozen weights to torch (see `products`).

    Raises:
        UserError: no PEFT model, or one whose reference or head the step cannot serve.
    """
    if not isinstance(model, PeftModel):
        raise UserError(
            f"A model with a PEFT adapter is needed to train, not a {type(model).__name__}.",
            "The reference is the same weights with the adapter off.",
        )
    _refuse_odd_adapters(model, reference)
    inner: Any = model.get_base_model()
    head = find_head(inner)
    keep_quantised_trainable(model)
    if quick:
        freeze_linears(model)
    _teach_hidden(inner)
    ids = torch.arange(1, 13, device=_device(inner)).view(2, 6) % head.weight.shape[0]  # (2, 6)
    with torch.no_grad(), _evaluating(model):
        hidden = inner(input_ids=ids, hidden_only=True)  # (2, 6, D)
        check_head(head, hidden.flatten(0, 1).to(head.weight.device), inner(input_ids=ids).logits.flatten(0, 1))
    return Policy(model, model, reference, pack and _packs(model, inner))


@contextlib.contextmanager
def reference_on(model: PeftModel, adapters: tuple[str, ...] = ()) -> Iterator[None]:
    """Run the model as the reference, in evaluation mode: dropout of the base belongs to the policy alone.

    PEFT makes every active adapter trainable when adapters come back on, a frozen earlier stage among them, so what was
    trainable before is restored. Its own `disable_adapter` takes stock of the whole model first, which costs 20 ms here.
    """
    tuner: Any = model.base_model
    trainable = [(p, p.requires_grad) for p in model.parameters()]
    active = list(model.active_adapters)
    try:
        with _evaluating(model):
            if adapters:
                tuner.set_adapter(list(adapters), inference_mode=True)
            else:
                tuner.disable_adapter_layers()
            yield
    finally:
        if adapters:
            tuner.set_adapter(active)
        else:
            tuner.enable_adapter_layers()
        for parameter, wanted in trainable:
            if parameter.requires_grad != wanted:
                parameter.requires_grad_(wanted)


@contextlib.contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    training = [m for m in model.modules() if m.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


def _hidden(model: Any, batch: PairBatch) -> Tensor:
    """Shapes: returns (N, D)."""
    inputs: dict[str, Any] = {"input_ids": batch.ids}
    if batch.segments is not None:
        inputs |= {"position_ids": batch.positions, **shared_prompt.packed_inputs(batch.segments, batch.ids.device)}
    else:
        inputs["attention_mask"] = batch.mask
    hidden = model(**inputs, hidden_only=True)  # (R, T, D)
    return hidden.flatten(0, 1).index_select(0, batch.predicting.to(hidden.device))


def _teach_hidden(inner: Any) -> None:
    if getattr(inner.forward, "returns_hidden", False):
        return
    original = inner.forward

    # the signature stays: PEFT and generate read it
    @functools.wraps(original)
    def forward(self: Any, *args: Any, hidden_only: bool = False, **options: Any) -> Any:
        if not hidden_only:
            return original(*args, **options)
        given = {name: value for name, value in options.items() if value is not None}
        return self.base_model(*args, use_cache=False, **given).last_hidden_state

    forward.returns_hidden = True  # type: ignore[attr-defined]
    inner.forward = types.MethodType(forward, inner)


def _packs(model: PeftModel, inner: Any) -> bool:
    """Whether packed pairs give the hidden states that padded rows give; tried on made-up pairs."""
    if "position_ids" not in inspect.signature(inner.base_model.forward).parameters:
        return False
    if not shared_prompt.install(inner):
        return False
    pairs = [Pair([1, 2, 3, 4, 5], [6, 7, 8, 9], [10, 11, 12]), Pair([3, 1, 4, 1, 5, 9, 2], [6, 5], [3, 5, 8, 9, 7, 1])]
    device = _device(inner)
    try:
        with torch.no_grad(), _evaluating(model):
            packed, padded = (_hidden(model, collate(pairs, packed=p).to(device)) for p in (True, False))
    except (NotImplementedError, TypeError, ValueError, RuntimeError):
        shared_prompt.uninstall(inner)
        return False
    room = TOLERANCE.get(padded.dtype, 1e-3) * (padded.amax() - padded.amin()).float()
    same = bool((packed.float() - padded.float()).abs().amax() <= room)
    if not same:
        shared_prompt.uninstall(inner)
    return same


def _refuse_odd_adapters(model: PeftModel, reference: tuple[str, ...]) -> None:
    unknown = [name for name in reference if name not in model.peft_config]
    if unknown:
        raise UserError(
            f"The reference is to run with the adapter {unknown[0]!r}, which the model does not have.",
            "It has: " + ", ".join(model.peft_config) + ".",
        )
    for name in model.active_adapters:
        config: Any = model.peft_config[name]
        if config.is_prompt_learning or config.is_adaption_prompt:
            raise UserError(
                f"The adapter {name!r} is a {config.peft_type}: it adds tokens, and the training step counts positions.",
                "Train a LoRA adapter.",
            )
        if getattr(config, "bias", "none") != "none":
            raise UserError(
                f"The adapter {name!r} trains biases of the base (bias={config.bias!r}), so switching it off does not "
                "give the base back and there is no reference.",
                "Set bias to 'none'.",
            )


def _device(inner: Any) -> torch.device:
    return inner.get_input_embeddings().weight.device
