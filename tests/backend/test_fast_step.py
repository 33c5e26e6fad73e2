"""The quick step gives what the model's own forward gives, and steps aside where it would not."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.fast_step import FastStep, agree
from aligntui.backend.infer.forward import BatchForward
from aligntui.backend.infer.warm_up import warm_up
from tests.backend import tiny

ROWS = [tiny.ids_of("Tell me about the sea."), tiny.ids_of("Why?"), tiny.ids_of("How are you?")]


def assert_same_steps(shelf: AdapterShelf, adapter: Path | None, atol: float) -> None:
    """Ten steps both ways, rows leaving in between."""
    assert shelf.fast_step is not None
    sha = shelf.get(str(adapter)).sha256 if adapter else None
    shelf.routing.set([(None, 1.0), (sha, 0.5), (sha, 1.0)], "cpu")
    fast, slow = BatchForward(shelf, ROWS), BatchForward(shelf, ROWS, fast=False)
    read = slow.prefill(), fast.prefill()
    assert read[0] is not None and read[1] is not None
    logits = read[0][0]
    for step in range(10):
        tokens = logits.argmax(-1)
        logits = slow.step(tokens)
        torch.testing.assert_close(fast.step(tokens), logits, atol=atol, rtol=1e-3)
        if step == 4:
            for forward in (fast, slow):
                forward.keep([1, 2])
            shelf.routing.set([(sha, 0.5), (sha, 1.0)], "cpu")
            logits = logits[1:]
    shelf.routing.clear()


@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
def test_steps_of_the_tiny_llama(
    tiny_llama: Path, tmp_path: Path, shelf_of: Callable[..., AdapterShelf], dora: bool
) -> None:
    adapter = tiny.save_adapter(tiny_llama, tmp_path / "x", target_modules="all-linear", use_dora=dora)
    assert_same_steps(shelf_of(tiny_llama), adapter, 1e-4)


def test_steps_with_more_positions_than_the_first_room(shelf: AdapterShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aligntui.backend.infer.kv_cache.FIRST_ROOM", 4)
    monkeypatch.setattr("aligntui.backend.infer.forward.MASK_ROOM", 3)
    assert_same_steps(shelf, None, 1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": False},
        {"num_key_value_heads": 4},
        {"num_key_value_heads": 1},
        {"head_dim": 32},
        {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}},
    ],
    ids=["bias", "no-groups", "one-head", "wide-heads", "scaled-positions"],
)
def test_variants_of_llama(tmp_path: Path, shelf_of: Callable[..., AdapterShelf], options: dict[str, Any]) -> None:
    assert_same_steps(shelf_of(tiny.save_llama(tmp_path / "base", **options)), None, 1e-4)


@pytest.mark.parametrize("lanes", [2, 3])
def test_threads_that_share_a_step_give_what_one_way_gives(
    tiny_llama: Path, tmp_path: Path, shelf_of: Callable[..., AdapterShelf], lanes: int
) -> None:
    shelf = shelf_of(tiny_llama)
    a, b = (shelf.get(str(tiny.save_adapter(tiny_llama, tmp_path / str(n), seed=n))).sha256 for n in (1, 2))
    shelf.threads.reading, shelf.threads.stepping = lanes, 1
    draw = random.Random(lanes)
    sequences = [[draw.randrange(tiny.VOCABULARY) for _ in range(draw.choice([3, 5, 40, 90]))] for _ in range(26)]
    sides = [(None, 1.0)] * 5 + [(a, 1.0)] * 9 + [(b, 0.1 * at) for at in range(1, 13)]
    shelf.routing.set(sides, "cpu")
    shared, slow = BatchForward(shelf, sequences), BatchForward(shelf, sequences, fast=False)
    read = slow.prefill()
    assert shared.prefill() is not None and read is not None
    tokens, threads = read[0].argmax(-1), set()
    for step in range(12):
        threads.add(len(shared._parts))
        expected = slow.step(tokens)
        torch.testing.assert_close(shared.step(tokens), expected, atol=1e-4, rtol=1e-3)
        tokens = expected.argmax(-1)
        if step in (3, 7):  # rows leave: with fewer than two full lanes one thread does it all
            stay = list(range(2, len(tokens), 1 if step == 3 else 2))
            for forward in (shared, slow):
                forward.keep(stay)
            sides, tokens = [sides[row] for row in stay], tokens[stay]
            shelf.routing.set(sides, "cpu")
    assert threads == {lanes, 1}
    shelf.routing.clear()


@pytest.mark.parametrize("row", [0, 15], ids=["own-thread", "other-thread"])
def test_a_step_that_fails_in_one_thread_fails_and_the_next_batch_is_right(shelf: AdapterShelf, row: int) -> None:
    shelf.threads.reading, shelf.threads.stepping = 2, 1
    shelf.routing.set([(None, 1.0)] * 16, "cpu")
    sequences = [tiny.ids_of("Why?")] * 16
    forward = BatchForward(shelf, sequences)
    assert forward.prefill() is not None
    tokens = torch.zeros(16, dtype=torch.int64)
    tokens[row] = tiny.VOCABULARY  # no such token
    with pytest.raises(IndexError):
        forward.step(tokens)
    again, slow = BatchForward(shelf, sequences), BatchForward(shelf, sequences, fast=False)
    assert again.prefill() is not None and slow.prefill() is not None
    tokens[row] = 0
    torch.testing.assert_close(again.step(tokens), slow.step(tokens), atol=1e-4, rtol=1e-3)
    shelf.routing.clear()


SHAPE = {
    "vocab_size": tiny.VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.2,
}


def test_relatives_of_llama(tmp_path: Path, shelf_of: Callable[..., AdapterShelf]) -> None:
    torch.manual_seed(0)
    qwen = tiny.save(Qwen2ForCausalLM(Qwen2Config(**SHAPE)), tmp_path / "qwen2")
    mistral = tiny.save(MistralForCausalLM(MistralConfig(**SHAPE, sliding_window=None)), tmp_path / "mistral")
    for base in (qwen, mistral):
        assert_same_steps(shelf_of(base), None, 1e-4)


def test_it_steps_aside_for_other_arithmetic(tmp_path: Path, shelf_of: Callable[..., AdapterShelf]) -> None:
    torch.manual_seed(0)
    window = tiny.save(MistralForCausalLM(MistralConfig(**SHAPE, sliding_window=8)), tmp_path / "window")
    norms = tiny.save(Qwen3ForCausalLM(Qwen3Config(**SHAPE, head_dim=16)), tmp_path / "qwen3")
    gelu = tiny.save_llama(tmp_path / "gelu", hidden_act="gelu")
    for base in (window, norms, gelu, tiny.save_gemma3(tmp_path / "gemma3"), tiny.save_gpt2(tmp_path / "gpt2")):
        assert shelf_of(base).fast_step is None


def test_it_is_not_used_when_its_logits_are_others(
    tiny_llama: Path, shelf_of: Callable[..., AdapterShelf], monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = shelf_of(tiny_llama)
    assert shelf.fast_step is not None
    call = FastStep.__call__
    monkeypatch.setattr(FastStep, "__call__", lambda self, *a: call(self, *a) * 1.05)
    warm_up(shelf)
    assert shelf.fast_step is None


def test_agreement_is_measured_against_the_range_of_the_logits() -> None:
    logits = torch.linspace(-10, 10, 50)[None]
    assert agree(logits, logits + 0.01)
    assert not agree(logits, logits + 0.1)
    assert agree(logits.bfloat16(), (logits + 0.1).bfloat16())
    assert not agree(logits, torch.full_like(logits, float("nan")))
