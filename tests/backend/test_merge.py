"""A merged model says what base and adapter said, and nothing is written where something is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from aligntui.backend.infer.hashing import weights_sha256
from aligntui.backend.merge import main, stored_dtype
from tests.backend import tiny

IDS = torch.tensor([[1, 40, 41, 42, 43, 44]])


def merged(base: Path, adapter: Path, out: Path, *more: str) -> int:
    return main(["--model", str(base), "--adapter", str(adapter), "--name", "nice", "--out", str(out), *more])


def logits(model) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(IDS).logits


def test_the_merged_model_says_what_base_and_adapter_say(
    tiny_llama: Path, adapter_b: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert merged(tiny_llama, adapter_b, tmp_path / "out") == 0
    said = json.loads(capsys.readouterr().out)
    both = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_llama), str(adapter_b))
    alone = AutoModelForCausalLM.from_pretrained(tmp_path / "out", use_safetensors=True)
    assert torch.allclose(logits(alone), logits(both), atol=1e-5)
    with both.disable_adapter():
        assert not torch.allclose(logits(alone), logits(both), atol=1e-2)
    assert said["base_weights_sha256"] == weights_sha256(tiny_llama)
    assert said["weights_sha256"] == weights_sha256(tmp_path / "out") and said["dtype"] == "float32"
    chat = [{"role": "user", "content": "hello"}]
    templates = [AutoTokenizer.from_pretrained(folder) for folder in (tiny_llama, tmp_path / "out")]
    assert len({one.apply_chat_template(chat, tokenize=False) for one in templates}) == 1
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert said["base_weights_sha256"] in card and "| strength | 1 |" in card


def test_strength_is_a_factor_on_the_change(tiny_llama: Path, adapter_a: Path, tmp_path: Path) -> None:
    assert merged(tiny_llama, adapter_a, tmp_path / "one") == 0
    assert merged(tiny_llama, adapter_a, tmp_path / "half", "--strength", "0.5") == 0
    weights = [load_file(folder / "model.safetensors") for folder in (tiny_llama, tmp_path / "half", tmp_path / "one")]
    name = "model.layers.0.self_attn.q_proj.weight"
    base, half, one = (tensors[name] for tensors in weights)
    assert torch.allclose(half - base, (one - base) / 2, atol=1e-6) and (one - base).abs().max() > 0.01
    same = "model.layers.0.mlp.up_proj.weight"
    assert all(torch.equal(tensors[same], weights[0][same]) for tensors in weights)


def test_the_file_has_the_dtype_of_the_base_or_the_one_asked_for(
    tiny_llama: Path, adapter_a: Path, tmp_path: Path
) -> None:
    AutoModelForCausalLM.from_pretrained(tiny_llama, dtype=torch.bfloat16).save_pretrained(tmp_path / "low")
    AutoTokenizer.from_pretrained(tiny_llama).save_pretrained(tmp_path / "low")
    assert (stored_dtype(tiny_llama), stored_dtype(tmp_path / "low")) == ("float32", "bfloat16")
    assert merged(tmp_path / "low", adapter_a, tmp_path / "auto") == 0
    assert merged(tmp_path / "low", adapter_a, tmp_path / "full", "--dtype", "float32") == 0
    assert (stored_dtype(tmp_path / "auto"), stored_dtype(tmp_path / "full")) == ("bfloat16", "float32")


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("taken", "is there already"),
        ("other weights", "trained on other base weights"),
        ("other shapes", "does not fit this base"),
        ("no numbers", "are no numbers"),
        ("dtype", "no dtype 'int8'"),
    ],
)
def test_what_is_refused_leaves_nothing(
    case: str, words: str, tiny_llama: Path, adapter_a: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, base, adapter, more = tmp_path / "place" / "out", tiny_llama, adapter_a, list[str]()
    out.parent.mkdir()
    match case:
        case "taken":
            out.mkdir()
        case "other weights":
            more = ["--base-sha256", "0" * 64]
        case "other shapes":
            base = tiny.save_llama(tmp_path / "wide", hidden_size=32)
        case "no numbers":
            adapter = tmp_path / "nan"
            adapter.mkdir()
            (adapter / "adapter_config.json").write_bytes((adapter_a / "adapter_config.json").read_bytes())
            tensors = load_file(adapter_a / "adapter_model.safetensors")
            save_file({name: t * float("nan") for name, t in tensors.items()}, adapter / "adapter_model.safetensors")
        case "dtype":
            more = ["--dtype", "int8"]
    assert merged(base, adapter, out, *more) == 2
    assert words in capsys.readouterr().err
    assert list(out.parent.iterdir()) == ([out] if case == "taken" else [])


def test_other_base_weights_are_merged_when_asked_for(tiny_llama: Path, adapter_a: Path, tmp_path: Path) -> None:
    assert merged(tiny_llama, adapter_a, tmp_path / "out", "--base-sha256", "0" * 64, "--anyway") == 0
    assert (tmp_path / "out" / "model.safetensors").is_file()
