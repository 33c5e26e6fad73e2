"""Linear layers whose weights lie in the order that the processor's matrix kernels read.

With few rows a decode step is bound by reading weights. oneDNN reads a weight about twice as fast when it was laid out
for it beforehand (measured on 2 cores, bfloat16, 1 to 4 rows: 7.4 ms against 13.3 ms for all layers of the embedded
model; float32, 2 rows: 13.5 ms against 27 to 50 ms). torch's compiler does the same when it freezes a model; the
operators that it uses are reached directly here, because compiling the step was slower. They are not public, so each
use is guarded: where they are missing or give another product, layers stay as they are.
The packed weight replaces the plain one; only a weight that an embedding shares is held twice.
Pinned in tests/backend/test_packed.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

ROWS_HINT = 16
"""Rows that the layout is chosen for; measured best or equal for 1 to 512 rows."""
PACKABLE = (torch.bfloat16, torch.float32)


class PackedLinear(nn.Module):
    """An `nn.Linear` with a packed weight, for inference on the CPU."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features = linear.in_features
        self.out_features = linear.out_features
        self.packed = _pack(linear.weight.detach())
        self.bias = linear.bias

    @property
    def weight(self) -> Tensor:
        """The plain weight (O, I), unpacked anew at every call."""
        return self.packed.to_dense()

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: x (..., I); returns (..., O)."""
        return _product(x, self.packed, self.bias)

    def product(self) -> Callable[[Tensor], Tensor]:
        """`forward` without the way through the module call."""
        operator, packed, bias, none = torch.ops.mkldnn._linear_pointwise.default, self.packed, self.bias, []

        def run(x: Tensor) -> Tensor:
            return operator(x, packed, bias, "none", none, "")

        return run


def pack_linears(model: nn.Module) -> int:
    """Replace the model's plain linear layers by packed ones, where this torch and processor can.

    Returns:
        How many were replaced; 0 leaves the model as it was.
    """
    found = [(name, m) for name, m in model.named_modules() if type(m) is nn.Linear and _can_pack(m)]
    if not found or not _works(found[0][1].weight.dtype):
        return 0
    for name, linear in found:
        parent, _, leaf = name.rpartition(".")
        setattr(model.get_submodule(parent), leaf, PackedLinear(linear))
    for parameter in model.parameters():
        if type(parameter) is nn.Parameter:
            # what is left (embeddings, norms) may be a view into the mapped file, which would keep all of it in memory
            parameter.data = parameter.data.clone()
    return len(found)


def _can_pack(linear: nn.Linear) -> bool:
    weight = linear.weight
    return weight.device.type == "cpu" and weight.dtype in PACKABLE and min(weight.shape) > 1


def _works(dtype: torch.dtype) -> bool:
    """Whether the operators exist and give the product that they should."""
    try:
        linear = nn.Linear(48, 32, dtype=dtype)
        packed = PackedLinear(linear)
        with torch.inference_mode():
            for shape in ((1, 48), (3, 48), (2, 5, 48)):
                x = torch.randn(shape).to(dtype)
                if not torch.allclose(packed(x).float(), linear(x).float(), atol=2e-2, rtol=2e-2):
                    return False
            return torch.equal(packed.weight, linear.weight)
    except (AttributeError, RuntimeError, NotImplementedError):
        return False


def _pack(weight: Tensor) -> Any:
    return torch.ops.mkldnn._reorder_linear_weight(weight, ROWS_HINT)


def _product(x: Tensor, packed: Any, bias: Tensor | None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], "")
