"""The real engine on a tiny random model: what each delivery renders, and that scoring adds nothing to it."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from aligntui.config.paths import Workspace
from aligntui.store import open_store
from tests.backend.tiny import END_ID, VOCABULARY, save
from tests.cli.conftest import Cli
from tests.cli.score_runs import battery


def tiny_model(folder: Path) -> str:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=2048, eos_token_id=END_ID, pad_token_id=0,
    )  # fmt: skip
    return str(save(LlamaForCausalLM(config), folder))


def test_deliveries_are_rendered_by_the_models_own_template(cli: Cli, tmp_path: Path) -> None:
    cli.engine = None
    words = ("score", "battery", "--battery", battery(cli.home, 2), "--model", tiny_model(tmp_path / "tiny"), "--adapter", "",
             "--base", "--dtype", "float32", "--max-new-tokens", "6", "--turn", "2")  # fmt: skip
    told = cli.json(*words, timeout_s=300)
    assert [one["name"] for one in told["columns"]] == [
        "base (none)",
        "base (system)",
        "base (injection)",
        "base (both)",
    ]
    assert all(one["coverage"]["used"] == 2 for one in told["columns"])
    with open_store(Workspace(cli.workspace).database) as store:
        answers = dict(store.run_answers(store.get_run(told["run"]["id"])))
    rules, question = "Always keep calm here.", "<|user|>What of 0?<|end|><|assistant|>"
    shown = {key.split("|")[2]: one.conditions.rendered_prompt for key, one in answers.items() if key.startswith("q0")}
    assert all(text.endswith(question) and text.count("<|user|>") == 2 for text in shown.values())
    assert shown["none"].startswith("<|user|>Hello") and rules not in shown["none"]
    assert shown["system"] == f"<|system|>{rules}<|end|>{shown['none']}"
    assert shown["injection"].startswith(f"<|user|>{rules}\n\nHello") and shown["injection"].count(rules) == 1
    assert shown["both"] == f"<|system|>{rules}<|end|>{shown['injection']}"
    again = cli.json(*words, timeout_s=300)
    assert again["run"]["cached"] == 8 and again["table"] == told["table"]
