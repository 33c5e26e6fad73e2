"""Adapter folders: what is refused and how it is said, and that content decides, never a name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from aligntui.backend.infer.adapters import AdapterShelf, scaling
from aligntui.core.errors import UserError
from tests.backend import tiny

PROMPT = tiny.ids_of("Why?")


@pytest.fixture
def copy(adapter_a: Path, tmp_path: Path) -> Path:
    """A copy of adapter A that a test may damage."""
    return Path(shutil.copytree(adapter_a, tmp_path / "copy"))


def change_config(folder: Path, **values: Any) -> None:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_what_is_known_of_an_adapter(shelf: AdapterShelf, adapter_b: Path, tiny_llama: Path) -> None:
    adapter = shelf.get(str(adapter_b))
    assert (adapter.rank, adapter.alpha) == (3, 8.0)
    assert adapter.target_modules == ("down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj")
    assert adapter.parameters == sum(t.numel() for t in load_file(adapter_b / "adapter_model.safetensors").values())
    assert adapter.base_model == str(tiny_llama)
    assert len(adapter.modules) == 14


def test_the_hash_is_over_tensors_and_configuration(shelf: AdapterShelf, adapter_a: Path, copy: Path) -> None:
    same = shelf.get(str(copy)).sha256
    assert same == shelf.get(str(adapter_a)).sha256
    text = (copy / "adapter_config.json").read_text()
    (copy / "adapter_config.json").write_text(json.dumps(dict(reversed(json.loads(text).items())), indent=None))
    assert shelf.get(str(copy)).sha256 == same
    change_config(copy, lora_alpha=9)
    assert shelf.get(str(copy)).sha256 != same


def test_the_same_name_with_new_content_is_a_new_adapter(
    shelf: AdapterShelf, adapter_a: Path, adapter_b: Path, tmp_path: Path
) -> None:
    place = tmp_path / "mine"
    answers = []
    for source in (adapter_a, adapter_b, adapter_a):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(source, place)
        answers.append(tiny.run(shelf, [tiny.plan("r", PROMPT, 20, adapter=shelf.get(str(place)))])["r"].token_ids)
    assert answers[0] == answers[2] != answers[1]


def test_an_adapter_used_again_is_not_read_again(
    shelf: AdapterShelf, adapter_a: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shelf.get(str(adapter_a))
    monkeypatch.setattr("aligntui.backend.infer.adapters.load_file", lambda *_: pytest.fail("read again"))
    assert shelf.get(str(adapter_a)) is first


def test_the_oldest_adapter_makes_room(
    tiny_llama: Path, tmp_path: Path, shelf_of: Callable[..., AdapterShelf], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aligntui.backend.infer.adapters.MAX_LOADED", 2)
    shelf = shelf_of(tiny_llama)
    folders = [tiny.save_adapter(tiny_llama, tmp_path / str(n), seed=n, target_modules=["q_proj"]) for n in range(3)]
    before = [tiny.run(shelf, [tiny.plan("r", PROMPT, adapter=shelf.get(str(f)))])["r"].token_ids for f in folders]
    layer = shelf.base.model.get_submodule("model.layers.0.self_attn.q_proj")
    assert len(layer.deltas) == 2
    after = [tiny.run(shelf, [tiny.plan("r", PROMPT, adapter=shelf.get(str(f)))])["r"].token_ids for f in folders]
    assert before == after


def test_a_missing_folder_or_file(shelf: AdapterShelf, copy: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no adapter folder"):
        shelf.get(str(tmp_path / "none"))
    (copy / "adapter_model.safetensors").rename(copy / "adapter_model.bin")
    with pytest.raises(UserError, match=r"only adapter_model.bin, which can run code"):
        shelf.get(str(copy))
    (copy / "adapter_model.bin").unlink()
    with pytest.raises(UserError, match=r"holds no adapter_model.safetensors"):
        shelf.get(str(copy))
    (copy / "adapter_config.json").unlink()
    with pytest.raises(UserError, match="so it is no adapter"):
        shelf.get(str(copy))


def test_damaged_files(shelf: AdapterShelf, copy: Path) -> None:
    weights = copy / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        shelf.get(str(copy))
    weights.write_bytes(whole)
    (copy / "adapter_config.json").write_text("{")
    with pytest.raises(UserError, match=r"configuration .* cannot be read"):
        shelf.get(str(copy))


def test_an_adapter_for_another_base_names_both(shelf: AdapterShelf, tmp_path: Path, tiny_llama: Path) -> None:
    wide = tiny.save_llama(tmp_path / "wide-base", hidden_size=96, num_attention_heads=6)
    deep = tiny.save_llama(tmp_path / "deep-base", num_hidden_layers=3)
    for base, reason in ((wide, "96 "), (deep, "does not have")):
        adapter = tiny.save_adapter(base, tmp_path / f"on-{base.name}", target_modules=["q_proj"])
        with pytest.raises(UserError) as caught:
            shelf.get(str(adapter))
        assert base.name in caught.value.message
        assert tiny_llama.name in caught.value.message
        assert reason in caught.value.message
    assert tiny.run(shelf, [tiny.plan("r", PROMPT)])["r"].token_ids, "a refused adapter leaves the base at work"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"peft_type": "IA3"}, "of the kind IA3"),
        ({"bias": "all"}, "changes biases"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"init_lora_weights": "pissa"}, "changes the base weights"),
        ({"trainable_token_indices": [1]}, "token embeddings"),
        ({"alora_invocation_tokens": [1, 2]}, "only after certain tokens"),
        ({"layer_replication": [[0, 1]]}, "repeats layers"),
    ],
)
def test_what_cannot_share_a_batch_is_refused_with_its_reason(
    shelf: AdapterShelf, copy: Path, values: dict[str, Any], words: str
) -> None:
    change_config(copy, **values)
    with pytest.raises(UserError, match=words) as caught:
        shelf.get(str(copy))
    assert caught.value.hint


def test_tensors_that_are_no_lora_are_refused(shelf: AdapterShelf, copy: Path) -> None:
    file = copy / "adapter_model.safetensors"
    tensors = load_file(file)
    name = next(iter(tensors))
    save_file({**tensors, "base_model.model.lm_head.weight": torch.ones(3, 3)}, file)
    with pytest.raises(UserError, match="no part of a LoRA"):
        shelf.get(str(copy))
    save_file({k: v for k, v in tensors.items() if k != name}, file)
    with pytest.raises(UserError, match="lacks one of its two matrices"):
        shelf.get(str(copy))
    save_file({**tensors, name: torch.ones(5, 64)}, file)
    with pytest.raises(UserError, match="do not fit each other"):
        shelf.get(str(copy))
    save_file({}, file)
    with pytest.raises(UserError, match="holds no weights"):
        shelf.get(str(copy))


def test_dora_without_magnitudes_is_refused(shelf: AdapterShelf, copy: Path) -> None:
    change_config(copy, use_dora=True)
    with pytest.raises(UserError, match="lacks its magnitudes"):
        shelf.get(str(copy))


def test_experts_are_refused(shelf: AdapterShelf, copy: Path) -> None:
    shelf.base.model.experts = torch.nn.ModuleList([torch.nn.Linear(64, 64)])
    file = copy / "adapter_model.safetensors"
    part = "base_model.model.experts.0"
    save_file({f"{part}.lora_A.weight": torch.ones(4, 64), f"{part}.lora_B.weight": torch.ones(64, 4)}, file)
    try:
        with pytest.raises(UserError, match="experts"):
            shelf.get(str(copy))
    finally:
        del shelf.base.model.experts


def test_scaling() -> None:
    assert scaling({"lora_alpha": 16}, "model.layers.0.q_proj", 8) == 2
    assert scaling({"lora_alpha": 16, "use_rslora": True}, "x.q_proj", 4) == 8
    assert scaling({"lora_alpha": 16, "alpha_pattern": {"q_proj": 4}}, "x.q_proj", 8) == 0.5
    assert scaling({"lora_alpha": 16, "alpha_pattern": {"k_proj": 4}}, "x.q_proj", 8) == 2
