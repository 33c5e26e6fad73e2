"""Which heads are served, and what models do to their logits."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPTJConfig,
    GPTJForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
)

from aligntui.backend.train.losses.head import Head, check_head, find_head
from aligntui.core.errors import UserError

SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "initializer_range": 0.3,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
MODELS = {
    "soft cap": lambda: Gemma2ForCausalLM(Gemma2Config(**SIZES, head_dim=16, final_logit_softcapping=4.0)),
    "multiplied": lambda: CohereForCausalLM(CohereConfig(**SIZES, logit_scale=0.25)),
    "divided": lambda: GraniteForCausalLM(GraniteConfig(**SIZES, logits_scaling=8.0)),
    "bias": lambda: GPTJForCausalLM(
        GPTJConfig(vocab_size=64, n_embd=32, n_layer=1, n_head=2, rotary_dim=8, initializer_range=0.3)
    ),
}


@pytest.fixture
def llama(tiny_llama):
    return AutoModelForCausalLM.from_pretrained(tiny_llama).requires_grad_(False)


@pytest.mark.parametrize("name", MODELS)
def test_head_gives_the_models_own_logits(name):
    torch.manual_seed(0)
    model = MODELS[name]().requires_grad_(False).eval()
    if name == "bias":
        nn.init.normal_(model.lm_head.bias)
    head = find_head(model)
    ids = torch.arange(3, 13)[None]
    with torch.no_grad():
        hidden = model.base_model(input_ids=ids).last_hidden_state[0]
        logits = model(input_ids=ids).logits[0]
    assert (head.cap is not None) == (name == "soft cap")
    assert (head.scale != 1.0) == (name in ("multiplied", "divided"))
    assert (head.bias is not None) == (name == "bias")
    torch.testing.assert_close(head.logits(hidden), logits)
    check_head(head, hidden, logits)
    with pytest.raises(UserError, match="does not know"):
        check_head(Head(head.weight), hidden, logits)


def refused(model, match):
    with pytest.raises(UserError, match=match) as caught:
        find_head(model)
    assert caught.value.hint


@pytest.mark.parametrize(
    "options",
    [
        {"target_modules": ["q_proj", "lm_head"]},
        {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
    ],
)
def test_adapted_head_is_refused(llama, options):
    refused(get_peft_model(llama, LoraConfig(**options)).get_base_model(), "adapter of its own")


def test_adapted_embeddings_beside_a_plain_head_are_served(llama):
    """The head keeps the base's weight, tied or not, and so does the model's own forward."""
    model = get_peft_model(llama, LoraConfig(target_modules=["embed_tokens", "q_proj"]))
    assert find_head(model.get_base_model()).weight.shape == (llama.config.vocab_size, 64)


def test_trained_head_is_refused(llama):
    refused(llama.requires_grad_(True), "trained itself")


def test_quantised_head_is_refused(llama):
    bnb = pytest.importorskip("bitsandbytes")
    llama.lm_head = bnb.nn.Linear4bit(64, llama.config.vocab_size, bias=False)
    refused(llama, "Linear4bit.*neither quantised")


def test_sharded_head_is_refused(llama):
    half = llama.config.vocab_size // 2
    llama.lm_head.weight = nn.Parameter(llama.lm_head.weight[:half].clone(), requires_grad=False)
    refused(llama, "sharded")
    llama.lm_head.weight = nn.Parameter(torch.empty(0), requires_grad=False)
    refused(llama, "sharded")


def test_offloaded_head_is_refused(llama):
    llama.lm_head.to("meta")
    refused(llama, "offloaded")


def test_model_without_a_head_is_refused(llama):
    refused(llama.model, "has none")
