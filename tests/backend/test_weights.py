"""Finding and loading a base, and the sentences for everything that is no base."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.hashing import tensors_sha256
from aligntui.backend.infer.weights import choose_dtype, find_context_length, load_base
from aligntui.core.errors import EnvironmentProblem, UserError
from tests.backend import tiny


def test_what_is_known_of_a_base(tiny_llama: Path, shelf: AdapterShelf) -> None:
    base = shelf.base
    assert (base.asked, base.folder) == (str(tiny_llama), tiny_llama)
    assert base.weights_sha256 == tensors_sha256([tiny_llama / "model.safetensors"])
    assert (base.dtype, base.device, base.quantisation) == ("float32", "cpu", None)
    assert (base.context_length, base.architecture) == (512, "LlamaForCausalLM")
    assert base.end_ids == {tiny.END_ID}
    assert base.pad_id == 0
    assert {"python", "torch", "transformers", "aligntui"} == set(base.versions)
    assert base.warnings == []
    assert base.parameters == sum(p.numel() for p in tiny.peft_model(tiny_llama, None).parameters())


def test_the_hash_does_not_depend_on_the_compute_dtype(tiny_llama: Path, shelf_of: Callable[..., AdapterShelf]) -> None:
    half = shelf_of(tiny_llama, dtype="bfloat16").base
    assert half.weights_sha256 == shelf_of(tiny_llama).base.weights_sha256
    assert half.model.dtype == torch.bfloat16


def test_nf4_names_its_library(tmp_path: Path, shelf_of: Callable[..., AdapterShelf]) -> None:
    base = shelf_of(tiny.save_llama(tmp_path / "base", hidden_size=128, intermediate_size=256), quantisation="nf4").base
    assert base.quantisation == "nf4"
    assert "bitsandbytes" in base.versions
    assert type(base.model.get_submodule("model.layers.0.mlp.up_proj")).__name__ == "Linear4bit"


def test_end_tokens_of_the_generation_config_count_too(tmp_path: Path, shelf_of: Callable[..., AdapterShelf]) -> None:
    folder = tiny.save_llama(tmp_path / "base")
    file = folder / "generation_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "eos_token_id": [2, 5]}))
    assert shelf_of(folder).base.end_ids == {2, 5}


def test_no_chat_template_is_a_warning_and_alpaca(tmp_path: Path, shelf_of: Callable[..., AdapterShelf]) -> None:
    base = shelf_of(tiny.save_llama(tmp_path / "base", template=None)).base
    assert base.template.kind == "alpaca"
    assert "Alpaca" in base.warnings[0]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("./no/where", "There is no model folder './no/where'"),
        ("a/b/c", "There is no model folder"),
        ("", "There is no model folder"),
        ("C:\\models\\x", "There is no model folder"),
    ],
)
def test_a_path_that_is_not_there(asked: str, words: str) -> None:
    with pytest.raises(UserError, match=words.replace("\\", r"\\")):
        load_base(asked)


def test_a_hub_id_without_a_network_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_args: object, **_options: object) -> str:
        raise ConnectionError("name not known")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    with pytest.raises(EnvironmentProblem, match=r"owner/name is not on this machine, and the Hugging Face hub"):
        load_base("owner/name")


def test_an_invalid_hub_id_is_the_users_to_fix() -> None:
    with pytest.raises(UserError, match="valid hub id"):
        load_base("owner name/what?")


def test_folders_that_are_no_base(tmp_path: Path, tiny_llama: Path, adapter_a: Path) -> None:
    with pytest.raises(UserError, match="is an adapter, not a base"):
        load_base(str(adapter_a))
    with pytest.raises(UserError, match=r"no config.json"):
        load_base(str(tmp_path))
    with pytest.raises(UserError, match="is a file"):
        load_base(str(tiny_llama / "config.json"))
    folder = Path(shutil.copytree(tiny_llama, tmp_path / "pickled"))
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(UserError, match="pickled weights"):
        load_base(str(folder))


def test_a_damaged_base_is_a_sentence(tmp_path: Path, tiny_llama: Path) -> None:
    folder = Path(shutil.copytree(tiny_llama, tmp_path / "cut"))
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        load_base(str(folder))
    folder = Path(shutil.copytree(tiny_llama, tmp_path / "strange"))
    (folder / "config.json").write_text('{"model_type": "never-heard-of"}')
    with pytest.raises(UserError, match="cannot be loaded"):
        load_base(str(folder))


def test_a_models_own_code_runs_only_when_asked_for(tmp_path: Path, tiny_llama: Path) -> None:
    folder = Path(shutil.copytree(tiny_llama, tmp_path / "own-code"))
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    with pytest.raises(UserError, match="brings Python code of its own"):
        load_base(str(folder))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dtype": "int8"}, "dtype 'int8' is not known"),
        ({"quantisation": "gptq"}, "none or nf4"),
        ({"device": "warp"}, "not a device"),
    ],
)
def test_options_that_do_not_exist(tiny_llama: Path, options: dict[str, str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        load_base(str(tiny_llama), **options)  # type: ignore[arg-type]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there(tiny_llama: Path) -> None:
    with pytest.raises(UserError, match="torch sees no GPU"):
        load_base(str(tiny_llama), device="cuda")


def test_the_dtype_follows_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    for fast, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr("aligntui.backend.infer.weights._multiplies_bfloat16", lambda fast=fast: fast)
        assert choose_dtype("auto", "cpu") == expected
        assert choose_dtype("auto", "cuda") == "bfloat16"
        assert choose_dtype("float16", "cpu") == "float16"


def test_a_config_that_names_no_length_has_a_generous_one() -> None:
    assert find_context_length(object()) == 1 << 20
