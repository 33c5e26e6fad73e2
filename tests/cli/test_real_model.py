"""From a prompt to a training file on the embedded model, as a newcomer's script would go."""

from __future__ import annotations

import json
import math
import re
import shlex
import struct
from pathlib import Path
from typing import Any

import pytest

from aligntui.config.paths import cache_dir
from tests.cli.conftest import ROOT, Cli

pytestmark = pytest.mark.real_model
WIDTH = 576
"""Hidden size of SmolLM2-135M."""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A workspace for the real engine, with the developer's own copy of the embedded model."""
    home = tmp_path_factory.mktemp("home")
    cache = str(cache_dir())

    class RealCli(Cli):
        def env(self, **more: str) -> dict[str, str]:
            return super().env(**{"ALIGNTUI_CACHE": cache, "ALIGNTUI_THREADS": "2", **more})

    cli = RealCli(home, home / "workspace", engine=None)
    small_adapter(cli.workspace / "adapters" / "wave")
    return cli


def small_adapter(folder: Path) -> None:
    """A rank-1 LoRA on one projection, strong enough to change what is said."""
    folder.mkdir(parents=True)
    config = {
        "peft_type": "LORA",
        "r": 1,
        "lora_alpha": 8,
        "target_modules": ["v_proj"],
        "bias": "none",
        "task_type": "CAUSAL_LM",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    tensors, header, data = {}, {}, b""
    for layer in range(4, 8):
        name = f"base_model.model.model.layers.{layer}.self_attn.v_proj"
        tensors[f"{name}.lora_A.weight"] = ([1, WIDTH], [math.sin(i + layer) for i in range(WIDTH)])
        tensors[f"{name}.lora_B.weight"] = ([192, 1], [0.05 * math.cos(i) for i in range(192)])
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + 4 * len(values)]}
        data += struct.pack(f"<{len(values)}f", *values)
    head = json.dumps(header).encode()
    (folder / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + data)


@pytest.fixture(scope="module")
def reply(real: Cli) -> dict[str, Any]:
    flags = ["--adapter", "wave", "--temperature", "0", "--max-new-tokens", "24", "--instruction-type", "concise/1"]
    return real.json("chat", "--prompt", "What makes bread rise?", *flags, timeout_s=300)


def test_both_answers_come_from_one_base(reply: dict[str, Any], real: Cli) -> None:
    base, wave = reply["answers"]
    assert (base["adapter"], wave["adapter"]) == (None, "wave")
    assert base["text"].strip() and wave["text"].strip() and base["text"] != wave["text"]
    assert base["conditions"]["weights_sha256"] == wave["conditions"]["weights_sha256"]
    assert base["conditions"]["rendered_prompt"] == wave["conditions"]["rendered_prompt"]
    assert "twenty-five words" in base["conditions"]["rendered_prompt"]
    assert wave["conditions"]["adapter_sha256"] == real.json("adapters", "show", "wave")["sha256"]
    for answer in (base, wave):
        assert len(answer["token_ids"]) == len(answer["logprobs"]) > 1
        assert all(value <= 0 for value in answer["logprobs"])
        assert answer["decode_s"] == reply["decode_s"] > 0
        assert answer["prompt_tokens"] > 10
        assert "torch" in answer["conditions"]["versions"]


def test_from_a_verdict_to_a_training_file(reply: dict[str, Any], real: Cli) -> None:
    assert (
        real.json("pairs", "add", "--turn", reply["take"], "--verdict", "left")["chosen_id"]
        == reply["answers"][0]["turn"]
    )
    out = real.home / "pairs.jsonl"
    real.ok("pairs", "export", "--format", "trl", "--out", str(out))
    [record] = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [message["role"] for message in record["prompt"]] == ["system", "user"]
    assert [record[side][0]["content"] for side in ("chosen", "rejected")] == [
        answer["text"] for answer in reply["answers"]
    ]
    assert [hit["role"] for hit in real.json("sessions", "search", "bread rise")][-1] == "prompt"


def test_the_first_example_of_the_readme_shows_what_the_adapter_does(real: Cli) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    command = re.findall(r"^aligntui (chat .*)$", readme, re.MULTILINE)[0]
    base, demo = real.json(*shlex.split(command), timeout_s=300)["answers"]
    assert demo["finish_reason"] == "stop" and len(demo["text"].split()) <= 25
    assert len(base["text"].split()) > 2 * len(demo["text"].split())
    assert "blue" in base["text"] and "scatter" in demo["text"]  # the exact words depend on the processor's bfloat16


def test_the_switch_measure_of_the_readme(real: Cli) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    run, report = re.findall(r"^aligntui (switch (?:run|report) .*)$", readme, re.MULTILINE)
    done = real.json(*shlex.split(run), timeout_s=400)
    assert done["done"] == done["cells"] > 0 and done["padding_share"] < 0.15
    measured = real.json(*shlex.split(report), timeout_s=300)
    assert [side["side"] for side in measured["sides"]] == ["base", "demo"]
    for side in measured["sides"]:
        assert side["n"] == 15 and 0 <= side["low"] <= side["rate"] <= side["high"] <= 1
        assert abs(side["chance"] - 1 / 3) < 1e-9


def test_models(reply: dict[str, Any], real: Cli) -> None:
    [embedded] = [model for model in real.json("models", "list") if model["model"] == "embedded"]
    assert embedded["path"] == reply["answers"][0]["conditions"]["model_path"]
    assert embedded["size_bytes"] > 100_000_000


def test_a_model_that_is_not_there(real: Cli) -> None:
    assert "no model folder" in real.refused(
        "chat", "--prompt", "x", "--no-adapter", "--model", "./nowhere", timeout_s=300
    )
