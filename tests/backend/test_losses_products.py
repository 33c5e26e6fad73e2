"""Products with frozen weights: the same numbers and gradients as torch's own."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import AutoModelForCausalLM

from aligntui.backend.train.losses import products
from aligntui.backend.train.losses.products import FrozenLinear, freeze_linears, product, thaw_linears


@pytest.fixture
def linear():
    torch.manual_seed(0)
    return nn.Linear(48, 20).requires_grad_(False)


@pytest.mark.parametrize("shape", [(48,), (1, 48), (3, 48), (2, 5, 48)])
def test_product_is_torchs(linear, shape):
    x = torch.randn(shape)
    torch.testing.assert_close(product(x, linear.weight, linear.bias), linear(x))
    torch.testing.assert_close(product(x, linear.weight), linear(x) - linear.bias)
    back = torch.randn(*shape[:-1], 20)
    torch.testing.assert_close(product(back, linear.weight.t()), back @ linear.weight)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes_stay_with_torch(dtype):
    x, weight = torch.randn(3, 8, dtype=dtype), torch.randn(5, 8, dtype=dtype)
    assert torch.equal(product(x, weight), nn.functional.linear(x, weight))


@pytest.mark.parametrize("contiguous", [True, False])
def test_gradients_are_torchs(linear, contiguous):
    x = torch.randn(4, 6, 48, requires_grad=True)
    source = x if contiguous else x.transpose(0, 1)
    weights = torch.randn((*source.shape[:-1], 20))
    (expected,) = torch.autograd.grad((linear(source) * weights).sum(), x, retain_graph=True)
    assert freeze_linears(nn.Sequential(linear)) == 1
    (gradient,) = torch.autograd.grad((linear(source) * weights).sum(), x)
    torch.testing.assert_close(gradient, expected)


def test_only_frozen_plain_layers_change():
    class Own(nn.Linear):
        pass

    frozen, trained, own, low = nn.Linear(4, 4), nn.Linear(4, 4), Own(4, 4), nn.Linear(4, 4).bfloat16()
    for layer in (frozen, own, low):
        layer.requires_grad_(False)
    model = nn.Sequential(frozen, trained, own, low)
    assert freeze_linears(model) == 1
    assert [type(m) for m in model] == [FrozenLinear, nn.Linear, Own, nn.Linear]
    thaw_linears(model)
    assert [type(m) for m in model] == [nn.Linear, nn.Linear, Own, nn.Linear]


def test_a_layer_that_thaws_later_is_trained(linear):
    freeze_linears(nn.Sequential(linear))
    linear.requires_grad_(True)
    linear(torch.randn(2, 48)).sum().backward()
    assert linear.weight.grad is not None


def test_autocast_is_obeyed(linear):
    freeze_linears(nn.Sequential(linear))
    with torch.autocast("cpu", torch.bfloat16):
        assert linear(torch.randn(2, 48)).dtype == torch.bfloat16


def test_nothing_changes_where_the_operator_does_not_serve(linear, monkeypatch):
    monkeypatch.setattr(products, "_operator_works", lambda: False)
    assert freeze_linears(nn.Sequential(linear)) == 0
    assert type(linear) is nn.Linear
    x = torch.randn(3, 48)
    assert torch.equal(product(x, linear.weight, linear.bias), linear(x))


def test_an_adapted_model_learns_the_same(tiny_llama):
    """PEFT's layers sit on frozen ones; class, weights and gradients of the adapter stay what they were."""
    torch.manual_seed(0)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_llama), LoraConfig(target_modules="all-linear"))
    ids = torch.arange(10, 40)[None]

    def gradients():
        model.zero_grad()
        model(input_ids=ids).logits.square().mean().backward()
        return [p.grad.clone() for p in model.parameters() if p.requires_grad]

    before = gradients()
    assert freeze_linears(model) > 0
    torch.testing.assert_close(gradients(), before)
    merged = model.merge_and_unload()
    assert all(isinstance(m, nn.Linear) for n, m in merged.named_modules() if n.endswith("proj"))


@pytest.mark.parametrize(
    ("rows", "most", "seen"), [(1, 80, 64), (64, 80, 64), (65, 80, 80), (80, 80, 80), (3, 3, 3), (130, 160, 160)]
)
def test_few_numbers_of_rows_are_met(linear, monkeypatch, rows, most, seen):
    met = []

    def counted(x, weight, bias=None):
        met.append(len(x))
        return product(x, weight, bias)

    monkeypatch.setattr(products, "product", counted)
    x = torch.randn(rows, 48)
    found = products.product_of_rows(x, linear.weight, linear.bias, most=most)
    assert met == [seen] and found.shape == (rows, 20)
    torch.testing.assert_close(found, nn.functional.linear(x, linear.weight, linear.bias))
