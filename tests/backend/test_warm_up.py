"""A model is held against itself before it is used: what a batch with a cache gets wrong is decoded row by row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import FalconH1Config, FalconH1ForCausalLM, Mamba2Config, Mamba2ForCausalLM

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.gap import measure_gap
from aligntui.backend.infer.kv_cache import RowCache
from aligntui.backend.infer.rows import Summary
from aligntui.backend.infer.warm_up import same, warm_up
from tests.backend import tiny

LONG = tiny.ids_of("Tell me about the sea.")
SHORT = tiny.ids_of("Why?")
ENDS: dict[str, Any] = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": tiny.END_ID, "initializer_range": 0.2}


def save_mamba2(folder: Path) -> Path:
    torch.manual_seed(0)
    config = Mamba2Config(
        vocab_size=tiny.VOCABULARY, hidden_size=64, num_hidden_layers=2, num_heads=8, head_dim=16, state_size=16,
        n_groups=1, chunk_size=16, **ENDS,
    )  # fmt: skip
    return tiny.save(Mamba2ForCausalLM(config), folder)


def save_falcon_h1(folder: Path) -> Path:
    torch.manual_seed(0)
    config = FalconH1Config(
        vocab_size=tiny.VOCABULARY, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, mamba_d_ssm=64, mamba_n_heads=4, mamba_d_head=16, mamba_n_groups=1, mamba_d_state=16,
        mamba_chunk_size=16, **ENDS,
    )  # fmt: skip
    return tiny.save(FalconH1ForCausalLM(config), folder)


@pytest.mark.parametrize("make", [save_mamba2, save_falcon_h1], ids=["mamba2", "falcon-h1"])
def test_recurrent_states_share_a_batch_too(
    tmp_path: Path, shelf_of: Callable[..., AdapterShelf], make: Callable[[Path], Path]
) -> None:
    base = make(tmp_path / "base")
    shelf = shelf_of(base)
    summary = Summary()
    done = tiny.run(shelf, [tiny.plan("l", LONG, 20), tiny.plan("s", SHORT, 12)], summary=summary)
    plain = tiny.peft_model(base, None)
    assert list(done["l"].token_ids) == tiny.reference_tokens(plain, LONG, 20)
    assert list(done["s"].token_ids) == tiny.reference_tokens(plain, SHORT, 12)
    assert summary.path.startswith("mixed-batch, transformers cache (LinearAttention")


@pytest.fixture
def forgetful(tiny_llama: Path, shelf_of: Callable[..., AdapterShelf], monkeypatch: pytest.MonkeyPatch) -> AdapterShelf:
    """A model whose cache does not work: it forgets everything after the prefill."""
    shelf = shelf_of(tiny_llama)
    monkeypatch.setattr(RowCache, "update", lambda _self, keys, values, *_a, **_k: (keys, values))
    monkeypatch.setattr("aligntui.backend.infer.fast_step.FastStep.serves", lambda _: False)
    warm_up(shelf)
    return shelf


def test_a_cache_that_does_not_work_is_found_and_rows_are_decoded_one_at_a_time(
    forgetful: AdapterShelf, tiny_llama: Path, adapter_a: Path
) -> None:
    assert forgetful.one_at_a_time
    assert "one at a time" in forgetful.base.warnings[-1]
    adapter = forgetful.get(str(adapter_a))
    summary = Summary()
    rows = [
        tiny.plan("base", LONG, 15),
        tiny.plan("tuned", SHORT, 15, adapter=adapter),
        tiny.plan("short", SHORT, 3, adapter=adapter, prefix_ids=[60, 61]),
    ]
    done = tiny.run(forgetful, rows, summary=summary)
    assert summary.path.startswith("one row at a time")
    assert list(done["base"].token_ids) == tiny.reference_tokens(tiny.peft_model(tiny_llama, None), LONG, 15)
    assert list(done["tuned"].token_ids) == tiny.reference_tokens(tiny.peft_model(tiny_llama, adapter_a), SHORT, 15)
    assert len(done["short"].logprobs) == 5


def test_scores_of_both_paths_are_the_same(forgetful: AdapterShelf, shelf: AdapterShelf, adapter_a: Path) -> None:
    ids = tiny.ids_of("Because it is.")
    slow = measure_gap(forgetful, "Why?", forgetful.get(str(adapter_a)), 1.0, ids)
    forgetful.one_at_a_time = False
    fast = measure_gap(forgetful, "Why?", forgetful.get(str(adapter_a)), 1.0, ids)  # a prefill needs no cache
    assert slow.base_logprobs == pytest.approx(fast.base_logprobs, abs=1e-3)
    assert slow.adapter_logprobs == pytest.approx(fast.adapter_logprobs, abs=1e-3)


def test_rounding_is_the_same_and_nonsense_is_not() -> None:
    logits = torch.randn(4, 200, generator=torch.Generator().manual_seed(0)) * 5
    other = torch.randn(4, 200, generator=torch.Generator().manual_seed(1)) * 5
    assert same(logits, logits.bfloat16())
    assert same(logits, logits + 0.3 * torch.randn_like(logits))
    assert not same(logits, other)
    assert not same(logits, torch.full_like(logits, float("nan")))
