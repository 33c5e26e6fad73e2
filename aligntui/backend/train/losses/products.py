"""Products with frozen weights on the CPU, by the kernels that suit the processor.

torch takes float32 products to MKL, which has no AVX-512 kernels for processors other than Intel's. oneDNN, built into
torch as well, has. Measured on 2 cores of an AMD EPYC (Zen 5), float32, 480 rows through the layers of the embedded model:
190 GFLOP/s against 430, the weight lying as it is. The choice follows from dtype and device alone and is never timed, so
that a resumed run rounds as the run before it did. The operator is not public (torch's compiler uses it): where it is
missing or gives another product, everything stays with torch's own.
Pinned in tests/backend/test_losses_products.py.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from aligntui.core.errors import UserError

CPU_ROWS = 64
"""The rows of products are filled up to a multiple of it on a CPU.

oneDNN compiles a kernel for each number of rows that it meets and keeps it: with batches of ever new lengths that took 10 MB of
each step (embedded model, bfloat16, batches of about 500 tokens: 5.7 GB after 400 steps, docs/LOG.md).
"""


def product_of_rows(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, most: int) -> Tensor:
    """`product` where the number of rows varies, so that oneDNN meets few numbers of them.

    Shapes: x (M, I), weight (O, I), bias (O,); returns (M, O). `most` is the largest M: no product is filled up beyond it.
    """
    rows = len(x)
    wanted = max(rows, min(most, rows + -rows % CPU_ROWS)) if x.device.type == "cpu" else rows
    if wanted == rows:
        return product(x, weight, bias)
    return product(functional.pad(x, (0, 0, 0, wanted - rows)), weight, bias)[:rows]


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`x @ weight.T + bias`, outside of autograd.

    Shapes: x (..., I), weight (O, I) in any layout, bias (O,); returns (..., O).
    """
    if x.device.type == "cpu" and x.dtype == weight.dtype == torch.float32 and _operator_works():
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return functional.linear(x, weight, bias)


class FrozenLinear(nn.Linear):
    """An `nn.Linear` whose weight and bias get no gradient; the same module otherwise, weight included."""

    def forward(self, input: Tensor) -> Tensor:
        """Shapes: input (..., I); returns (..., O)."""
        if self.weight.requires_grad or torch.is_autocast_enabled(input.device.type):
            return super().forward(input)
        if torch.is_grad_enabled() and input.requires_grad:
            return _FrozenProduct.apply(input, self.weight, self.bias)
        return product(input, self.weight, self.bias)


def freeze_linears(model: nn.Module) -> int:
    """Give the model's frozen float32 linear layers on the CPU the quicker product, in place.

    A layer keeps its weight and stays an `nn.Linear`; only its class changes. Subclasses (quantised layers) are left alone.

    Returns:
        How many layers changed; 0 where the operator does not serve.
    """
    if not _operator_works():
        return 0
    found = [m for m in model.modules() if type(m) is nn.Linear and _suits(m)]
    for linear in found:
        linear.__class__ = FrozenLinear
    return len(found)


def thaw_linears(model: nn.Module) -> None:
    """Undo `freeze_linears`."""
    for module in model.modules():
        if type(module) is FrozenLinear:
            module.__class__ = nn.Linear  # type: ignore[assignment]


def keep_quantised_trainable(model: nn.Module) -> int:
    """Stop 4-bit layers from changing into a form that passes no gradients on, in place.

    On processors with AVX-512 for bfloat16, a `Linear4bit` of bitsandbytes 0.50 that once runs in evaluation mode repacks
    its weight for inference and stays so: training goes on without an error, and nothing below the layer learns. The
    reference is such a run, and so is an evaluation between two steps.

    Returns:
        How many layers were told to stay.

    Raises:
        UserError: a layer has changed already.
    """
    found = [m for m in model.modules() if hasattr(m, "support_avx512bf16_for_cpu")]
    for layer in found:
        if getattr(getattr(layer.weight, "quant_state", None), "packing_format_for_cpu", False):
            raise UserError(
                "The quantised base has answered on the CPU before training; its 4-bit layers then pass no gradients on.",
                "Load the base again and train before it answers.",
            )
        layer.support_avx512bf16_for_cpu = False  # type: ignore[assignment]
    return len(found)


class _FrozenProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(weight)
        return product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        (weight,) = ctx.saved_tensors
        return product(gradients[0], weight.t()), None, None


def _suits(linear: nn.Linear) -> bool:
    weight = linear.weight
    frozen = not weight.requires_grad and (linear.bias is None or not linear.bias.requires_grad)
    return frozen and weight.device.type == "cpu" and weight.dtype == torch.float32 and min(weight.shape) > 1


@functools.cache
def _operator_works() -> bool:
    """Whether the operator exists and gives the product that it should, transposed weights included."""
    try:
        x, weight = torch.linspace(-1, 1, 96).view(2, 48), torch.linspace(-2, 1, 1536).view(32, 48)
        there = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")  # (2, 32)
        back = torch.ops.mkldnn._linear_pointwise(there, weight.t(), None, "none", [], "")  # (2, 48)
        return torch.allclose(there, x @ weight.t(), atol=1e-4) and torch.allclose(
            back, there @ weight, atol=1e-3, rtol=1e-4
        )
    except (AttributeError, RuntimeError, NotImplementedError):
        return False
