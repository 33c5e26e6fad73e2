"""Rows with and without adapters in one batch give what PEFT gives for each of them alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.forward import BatchForward
from tests.backend import tiny

PROMPT = tiny.ids_of("Tell me about the sea.")
SHORT = tiny.ids_of("Why?")


def mixed_logits(shelf: AdapterShelf, rows: list[tuple[list[int], Path | None, float]]) -> list[torch.Tensor]:
    """Last logits of every row, all in one batch; rows of one adapter stand together already."""
    pairs = [(shelf.get(str(a)).sha256 if a else None, strength) for _, a, strength in rows]
    shelf.routing.set(pairs, "cpu")
    try:
        read = BatchForward(shelf, [ids for ids, _, _ in rows]).prefill()
    finally:
        shelf.routing.clear()
    assert read is not None
    return list(read[0].float())


def assert_as_peft(base: Path, adapter: Path, shelf: AdapterShelf, atol: float = 2e-4) -> None:
    """A base row and an adapter row of other lengths, together, against PEFT alone."""
    first, second = mixed_logits(shelf, [(SHORT, None, 1.0), (PROMPT, adapter, 1.0)])
    plain = tiny.reference_logits(tiny.peft_model(base, None), SHORT)
    tuned = tiny.reference_logits(tiny.peft_model(base, adapter), PROMPT)
    untuned = tiny.reference_logits(tiny.peft_model(base, None), PROMPT)
    assert (tuned - untuned).abs().max() > 0.05, "the adapter must change something, or nothing is proved"
    torch.testing.assert_close(first, plain, atol=atol, rtol=1e-4)
    torch.testing.assert_close(second, tuned, atol=atol, rtol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"target_modules": ["q_proj", "v_proj"]},
        {"target_modules": "all-linear"},
        {"target_modules": ["q_proj", "down_proj"], "use_rslora": True, "r": 6},
        {
            "target_modules": ["q_proj", "v_proj"],
            "rank_pattern": {"q_proj": 2},
            "alpha_pattern": {"layers.1.*.v_proj": 32},
        },
        {"target_modules": ["o_proj", "up_proj"], "layers_to_transform": [1]},
        {"target_modules": ["q_proj", "down_proj"], "use_dora": True},
        {"target_modules": ["q_proj", "v_proj", "lm_head"]},
    ],
    ids=["lora", "all-linear", "rslora", "patterns", "one-layer", "dora", "lm-head"],
)
def test_an_adapter_row_is_what_peft_makes_of_it(
    tiny_llama: Path, tmp_path: Path, shelf_of: Callable[..., AdapterShelf], options: dict[str, Any]
) -> None:
    adapter = tiny.save_adapter(tiny_llama, tmp_path / "adapter", **options)
    assert_as_peft(tiny_llama, adapter, shelf_of(tiny_llama))


def test_an_adapter_on_the_embedding_is_what_peft_makes_of_it(
    tiny_llama: Path, tmp_path: Path, shelf_of: Callable[..., AdapterShelf]
) -> None:
    adapter = tiny.save_adapter(tiny_llama, tmp_path / "adapter", target_modules=["embed_tokens", "q_proj"])
    assert_as_peft(tiny_llama, adapter, shelf_of(tiny_llama))


def test_dora_with_biases_is_what_peft_makes_of_it(tmp_path: Path, shelf_of: Callable[..., AdapterShelf]) -> None:
    base = tiny.save_llama(tmp_path / "base", attention_bias=True, mlp_bias=True)
    adapter = tiny.save_adapter(base, tmp_path / "adapter", target_modules="all-linear", use_dora=True)
    assert_as_peft(base, adapter, shelf_of(base))


def test_conv1d_layers_of_gpt2_are_what_peft_makes_of_them(
    tmp_path: Path, shelf_of: Callable[..., AdapterShelf]
) -> None:
    base = tiny.save_gpt2(tmp_path / "gpt2")
    for number, options in enumerate(({}, {"use_dora": True})):
        adapter = tiny.save_adapter(
            base, tmp_path / str(number), target_modules=["c_attn", "c_fc"], fan_in_fan_out=True, **options
        )
        assert_as_peft(base, adapter, shelf_of(base))


def test_gemma3_with_its_sliding_windows_is_what_peft_makes_of_it(
    tmp_path: Path, shelf_of: Callable[..., AdapterShelf]
) -> None:
    base = tiny.save_gemma3(tmp_path / "gemma3")
    adapter = tiny.save_adapter(base, tmp_path / "adapter", target_modules=["q_proj", "v_proj", "up_proj"])
    assert_as_peft(base, adapter, shelf_of(base))


def test_a_fresh_adapter_is_the_base(tiny_llama: Path, tmp_path: Path, shelf: AdapterShelf) -> None:
    adapter = tiny.save_adapter(tiny_llama, tmp_path / "fresh", std=0.0, target_modules="all-linear")
    base, fresh = mixed_logits(shelf, [(PROMPT, None, 1.0), (PROMPT, adapter, 1.0)])
    assert torch.equal(base, fresh)


def test_strength_zero_is_the_base_and_the_base_is_untouched(shelf: AdapterShelf, adapter_a: Path) -> None:
    alone = mixed_logits(shelf, [(PROMPT, None, 1.0)])[0]
    base, zero, _one = mixed_logits(shelf, [(PROMPT, None, 1.0), (PROMPT, adapter_a, 0.0), (PROMPT, adapter_a, 1.0)])
    assert torch.equal(base, zero)
    torch.testing.assert_close(base, alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("strength", [0.5, 1.7, -1.0])
def test_strength_scales_the_change_as_peft_scales_it(
    tiny_llama: Path, shelf: AdapterShelf, adapter_b: Path, strength: float
) -> None:
    model = tiny.peft_model(tiny_llama, adapter_b)
    for module in model.modules():
        if hasattr(module, "scaling") and isinstance(module.scaling, dict):
            module.scaling["default"] *= strength
    base, row = mixed_logits(shelf, [(SHORT, None, 1.0), (PROMPT, adapter_b, strength)])
    torch.testing.assert_close(row, tiny.reference_logits(model, PROMPT), atol=2e-4, rtol=1e-4)
    torch.testing.assert_close(
        base, tiny.reference_logits(tiny.peft_model(tiny_llama, None), SHORT), atol=2e-4, rtol=1e-4
    )


def test_strength_of_dora_is_a_factor_on_what_it_adds_to_each_layer(
    tiny_llama: Path, tmp_path: Path, shelf_of: Callable[..., AdapterShelf]
) -> None:
    """With the last layer alone changed, half the strength lies half way, for a layer that nothing follows but a sum."""
    adapter = tiny.save_adapter(tiny_llama, tmp_path / "dora", target_modules=["lm_head"], use_dora=True)
    none, half, whole = mixed_logits(
        shelf_of(tiny_llama), [(PROMPT, None, 1.0), (PROMPT, adapter, 0.5), (PROMPT, adapter, 1.0)]
    )
    assert (whole - none).abs().max() > 0.05
    torch.testing.assert_close(half, (none + whole) / 2, atol=1e-4, rtol=1e-4)


def test_rows_of_one_batch_may_have_different_adapters_and_strengths(
    tiny_llama: Path, shelf: AdapterShelf, adapter_a: Path, adapter_b: Path
) -> None:
    rows = [(PROMPT, None, 1.0), (SHORT, adapter_a, 0.5), (PROMPT, adapter_a, 1.0), (SHORT, adapter_b, 1.0)]
    found = mixed_logits(shelf, rows)
    for row, logits in zip(rows, found, strict=True):
        torch.testing.assert_close(logits, mixed_logits(shelf, [row])[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(
        found[3], tiny.reference_logits(tiny.peft_model(tiny_llama, adapter_b), SHORT), atol=2e-4, rtol=1e-4
    )


def test_a_then_b_then_a_is_a(shelf: AdapterShelf, adapter_a: Path, adapter_b: Path) -> None:
    first = mixed_logits(shelf, [(PROMPT, adapter_a, 1.0)])[0]
    other = mixed_logits(shelf, [(PROMPT, adapter_b, 1.0)])[0]
    again = mixed_logits(shelf, [(PROMPT, adapter_a, 1.0)])[0]
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=0.05)


def test_bfloat16_stays_near_peft(tiny_llama: Path, adapter_b: Path, shelf_of: Callable[..., AdapterShelf]) -> None:
    row = mixed_logits(shelf_of(tiny_llama, dtype="bfloat16"), [(PROMPT, None, 1.0), (PROMPT, adapter_b, 1.0)])[1]
    peft = tiny.reference_logits(tiny.peft_model(tiny_llama, adapter_b, dtype=torch.bfloat16), PROMPT)
    exact = tiny.reference_logits(tiny.peft_model(tiny_llama, adapter_b), PROMPT)
    assert (row - exact).abs().mean() <= 1.5 * (peft - exact).abs().mean() + 1e-3


@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
def test_four_bit_base_with_an_adapter_is_what_peft_makes_of_it(
    tmp_path: Path, shelf_of: Callable[..., AdapterShelf], dora: bool
) -> None:
    from transformers import BitsAndBytesConfig

    base = tiny.save_llama(tmp_path / "base", hidden_size=128, intermediate_size=256)
    adapter = tiny.save_adapter(base, tmp_path / "adapter", target_modules=["q_proj", "up_proj"], use_dora=dora)
    shelf = shelf_of(base, quantisation="nf4")
    config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32)
    options = {"quantization_config": config, "dtype": torch.float32}
    first, second = mixed_logits(shelf, [(SHORT, None, 1.0), (PROMPT, adapter, 1.0)])
    torch.testing.assert_close(
        first, tiny.reference_logits(tiny.peft_model(base, None, **options), SHORT), atol=1e-3, rtol=1e-3
    )
    torch.testing.assert_close(
        second, tiny.reference_logits(tiny.peft_model(base, adapter, **options), PROMPT), atol=1e-3, rtol=1e-3
    )
