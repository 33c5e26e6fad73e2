"""adapters/demo as it ships: small, plain, loadable, and made from the data and by the command that its card names."""

from __future__ import annotations

import json

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

from aligntui.backend.train.demo.__main__ import SHIPPED
from aligntui.backend.train.demo.card import CARD_FILE, COMMAND
from aligntui.backend.train.demo.records import bundled_records
from aligntui.backend.train.run.adapter_files import WEIGHTS_FILE, adapter_sha256
from aligntui.backend.train.run.adapter_model import EMBEDDED_HUB_NAME
from aligntui.config.paths import bundled
from aligntui.config.training import load_config

DEMO = bundled("adapters", "demo")
RUN = DEMO / "run"


def test_is_small_and_plain() -> None:
    files = [file for file in DEMO.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 2_000_000
    assert {str(file.relative_to(DEMO)) for file in files} == set(SHIPPED)
    for file in set(SHIPPED) - {WEIGHTS_FILE}:
        text = (DEMO / file).read_text("utf-8")
        assert not any(place in text for place in ("/root", "/home", "/work", "/tmp"))


def test_loads_with_peft_on_the_shapes_of_the_real_base() -> None:
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        tie_word_embeddings=True,
    )
    with torch.device("meta"):
        model = LlamaForCausalLM(config)
    adapted = PeftModel.from_pretrained(model, str(DEMO), torch_device="cpu", low_cpu_mem_usage=True)
    found = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    stored = load_file(DEMO / WEIGHTS_FILE)
    assert set(found) == set(stored)
    assert all(found[name].shape == tensor.shape for name, tensor in stored.items())
    assert any(tensor.abs().max() > 0 for name, tensor in stored.items() if "lora_B" in name)
    assert adapted.peft_config["default"].base_model_name_or_path == EMBEDDED_HUB_NAME


def test_its_run_and_card_tell_how_it_was_made() -> None:
    story = json.loads((RUN / "config.json").read_text("utf-8"))
    assert (story["base_model"], story["mode"], story["injection_every"]) == ("embedded", "system", None)
    manifest = json.loads((RUN / "data" / "manifest.json").read_text("utf-8"))
    assert manifest["sha256"] == bundled_records()[3]
    config = load_config(RUN / "config.yaml")
    assert [stage.method.value for stage in config.stages][-1] == "cita-kl"
    card = (DEMO / CARD_FILE).read_text("utf-8")
    told = [
        story["base_weights_sha256"],
        story["template_sha256"],
        manifest["sha256"],
        adapter_sha256(DEMO),
        COMMAND,
        "cita-kl",
    ]
    assert all(fact in card for fact in told)
