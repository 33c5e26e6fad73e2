"""Makers of the tiny models, tokenizers and adapters that the backend's tests run on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.decode import decode
from aligntui.backend.infer.rows import NewText, RowBegun, RowDone, RowPlan, Summary
from aligntui.core.sampling import Sampling

SPECIALS = ["<|pad|>", "<|bos|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]
END_ID = 2
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
GEMMA_TEMPLATE = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + TEMPLATE
)
VOCABULARY = len(SPECIALS) + 256


def make_tokenizer(template: str | None = TEMPLATE) -> PreTrainedTokenizerFast:
    """One token for every byte, so that any text has tokens and most characters beyond ASCII have several."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*SPECIALS, *alphabet])}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<|pad|>", bos_token="<|bos|>", eos_token="<|end|>"
    )
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIALS[3:]})
    tokenizer.chat_template = template
    return tokenizer


def save(model: Any, folder: Path, template: str | None = TEMPLATE) -> Path:
    """Write a model and its tokenizer."""
    model.generation_config.eos_token_id = END_ID
    model.generation_config.pad_token_id = 0
    model.save_pretrained(folder)
    make_tokenizer(template).save_pretrained(folder)
    return folder


def save_llama(folder: Path, seed: int = 0, template: str | None = TEMPLATE, **options: Any) -> Path:
    """A random Llama: 2 layers, hidden 64, grouped queries, tied embeddings."""
    torch.manual_seed(seed)
    settings = {
        "vocab_size": VOCABULARY,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.2,
        "tie_word_embeddings": True,
        "eos_token_id": END_ID,
        "pad_token_id": 0,
        "bos_token_id": 1,
    }
    return save(LlamaForCausalLM(LlamaConfig(**{**settings, **options})), folder, template)


def save_gpt2(folder: Path) -> Path:
    """A random GPT-2, whose linear layers are Conv1D and whose positions are learned."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_embd=48,
        n_layer=2,
        n_head=4,
        n_positions=256,
        initializer_range=0.2,
        eos_token_id=END_ID,
    )
    return save(GPT2LMHeadModel(config), folder)


def save_gemma3(folder: Path) -> Path:
    """A random Gemma 3 with a sliding window of 8 positions in every layer but the third."""
    torch.manual_seed(0)
    config = Gemma3TextConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=256,
        sliding_window=8,
        layer_types=["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
        initializer_range=0.2,
        eos_token_id=END_ID,
        pad_token_id=0,
        bos_token_id=1,
    )
    return save(Gemma3ForCausalLM(config), folder, GEMMA_TEMPLATE)


def save_adapter(base: Path, folder: Path, *, seed: int = 1, std: float = 0.2, **options: Any) -> Path:
    """A PEFT LoRA whose second matrix is not zero (std 0 leaves it as PEFT starts it)."""
    torch.manual_seed(seed)
    settings: dict[str, Any] = {"r": 4, "lora_alpha": 8, "task_type": "CAUSAL_LM", **options}
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(**settings))
    for name, parameter in model.named_parameters():
        if std and ("lora_B" in name or "lora_embedding_A" in name or "lora_embedding_B" in name):
            torch.nn.init.normal_(parameter, std=std)
        if "lora_magnitude_vector" in name:
            parameter.data *= 1 + 0.3 * torch.rand_like(parameter)
    model.save_pretrained(folder)
    return folder


def peft_model(base: Path, adapter: Path | None, **options: Any) -> Any:
    """The reference: the base, or PEFT's model with one adapter on."""
    model = AutoModelForCausalLM.from_pretrained(base, **options)
    return (PeftModel.from_pretrained(model, adapter) if adapter else model).eval()


def reference_tokens(model: Any, ids: list[int], count: int) -> list[int]:
    """What `generate` writes, greedily, alone in its batch."""
    inputs = torch.tensor([ids])  # (1, T)
    with torch.inference_mode():
        out = model.generate(
            input_ids=inputs,
            attention_mask=torch.ones_like(inputs),
            max_new_tokens=count,
            do_sample=False,
            pad_token_id=0,
        )
    return out[0, len(ids) :].tolist()


def reference_logits(model: Any, ids: list[int]) -> Tensor:
    """(V,) at the last position, alone in its batch."""
    with torch.inference_mode():
        return model(input_ids=torch.tensor([ids])).logits[0, -1].float()


def run(shelf: AdapterShelf, plans: list[RowPlan], **options: Any) -> dict[str, RowDone]:
    """Decode and return the answers by row, checking what holds for every run."""
    shown: dict[str, str] = {}
    done: dict[str, RowDone] = {}
    begun: set[str] = set()
    for event in decode(shelf, plans, options.pop("summary", Summary()), **options):
        if isinstance(event, RowBegun):
            assert event.name not in begun, "a row begun twice"
            begun.add(event.name)
            continue
        assert event.name in begun and event.name not in done, "a row speaks before it begins or after its end"
        if isinstance(event, NewText):
            shown[event.name] = shown.get(event.name, "") + event.text
        else:
            done[event.name] = event
    assert set(done) == begun
    for name, event in done.items():
        assert shown.get(name, "") == (event.text if options.get("stream", True) else "")
        assert len(event.logprobs) == len(event.token_ids)
        assert all(value <= 1e-4 for value in event.logprobs)
    return done


def plan(
    name: str, ids: Iterable[int], count: int = 16, temperature: float = 0.0, seed: int = 0, **options: Any
) -> RowPlan:
    """A row with short defaults."""
    return RowPlan(name, list(ids), Sampling(temperature, 0.95, count, seed), **options)


def ids_of(text: str) -> list[int]:
    """Bytes of a text as tokens of the tiny tokenizer."""
    return make_tokenizer()(text, add_special_tokens=False)["input_ids"]
