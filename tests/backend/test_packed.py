"""Packed linear layers give the plain ones' products, whatever else is in the batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from aligntui.backend.infer import packed
from aligntui.backend.infer.packed import PackedLinear, pack_linears

pytestmark = pytest.mark.skipif(not packed._works(torch.float32), reason="this torch has no packed linear layers")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bias", [True, False])
@torch.inference_mode()
def test_products_are_those_of_the_plain_layer(dtype: torch.dtype, bias: bool) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(96, 160, bias=bias, dtype=dtype)
    layer = PackedLinear(linear)
    for shape in ((1, 96), (2, 96), (20, 96), (3, 7, 96), (1, 300, 96)):
        x = torch.randn(shape).to(dtype)
        torch.testing.assert_close(layer(x), linear(x))
        assert torch.equal(layer.product()(x), layer(x))
    assert torch.equal(layer.weight, linear.weight)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_a_rows_product_does_not_depend_on_the_other_rows(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = PackedLinear(nn.Linear(96, 160, dtype=dtype))
    x = torch.randn(20, 96).to(dtype)
    together = layer(x)
    assert all(torch.equal(layer(x[:rows]), together[:rows]) for rows in (1, 2, 3, 5, 8, 16))


def test_only_plain_linear_layers_are_replaced_and_all_of_them() -> None:
    model = nn.Sequential(nn.Embedding(9, 8), nn.Sequential(nn.Linear(8, 6), nn.LayerNorm(6)), nn.Linear(6, 4).half())
    assert pack_linears(model) == 1
    assert isinstance(model.get_submodule("1.0"), PackedLinear)
    assert type(model[2]) is nn.Linear


def test_a_torch_without_the_operators_leaves_the_model_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "_pack", lambda _: (_ for _ in ()).throw(AttributeError("no such operator")))
    model = nn.Sequential(nn.Linear(8, 6))
    assert pack_linears(model) == 0
    assert type(model[0]) is nn.Linear


def test_operators_that_give_another_product_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "_product", lambda x, *_: torch.zeros(*x.shape[:-1], 32, dtype=x.dtype))
    assert pack_linears(nn.Sequential(nn.Linear(8, 6))) == 0
