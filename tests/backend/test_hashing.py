"""Content hashes: the same tensors, the same hash; anything else, another one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from aligntui.backend.infer import hashing
from aligntui.backend.infer.hashing import tensors_sha256, weight_files, weights_sha256
from aligntui.core.errors import UserError

TENSORS = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.ones(4, dtype=torch.bfloat16), "c": torch.zeros(0)}


def write(folder: Path, **files: dict[str, torch.Tensor]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, tensors in files.items():
        save_file(tensors, folder / f"{name}.safetensors", metadata={"format": "pt", "note": name})
    return [folder / f"{name}.safetensors" for name in files]


def test_order_metadata_and_split_play_no_part(tmp_path: Path) -> None:
    whole = write(tmp_path / "1", model=TENSORS)
    turned = write(tmp_path / "2", other=dict(reversed(TENSORS.items())))
    split = write(tmp_path / "3", x={"b": TENSORS["b"]}, y={"a": TENSORS["a"], "c": TENSORS["c"]})
    assert len({tensors_sha256(files) for files in (whole, turned, split)}) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {**TENSORS, "b": TENSORS["b"] + 1e-6},
        {**TENSORS, "b": TENSORS["b"].reshape(3, 2)},
        {**TENSORS, "b": TENSORS["b"].to(torch.int32)},
        {"b2": TENSORS["b"], "a": TENSORS["a"], "c": TENSORS["c"]},
        {"b": TENSORS["b"], "a": TENSORS["a"]},
    ],
    ids=["bytes", "shape", "dtype", "name", "fewer"],
)
def test_name_dtype_shape_and_bytes_all_count(tmp_path: Path, changed: dict[str, torch.Tensor]) -> None:
    assert tensors_sha256(write(tmp_path / "1", m=TENSORS)) != tensors_sha256(write(tmp_path / "2", m=changed))


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Both .* hold the tensor"):
        tensors_sha256(write(tmp_path, x=TENSORS, y=TENSORS))


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "long-header"])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, damage: str) -> None:
    (file,) = write(tmp_path, m=TENSORS)
    data = file.read_bytes()
    file.write_bytes(
        {"cut": data[:-4], "empty": b"", "text": b"not tensors at all", "long-header": b"\xff" * 64}[damage]
    )
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        tensors_sha256([file])


def test_a_models_hash_is_remembered_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file,) = write(tmp_path, model=TENSORS)
    first = weights_sha256(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(hashing, "tensors_sha256", lambda *_: pytest.fail("hashed again"))
        assert weights_sha256(tmp_path) == first
    write(tmp_path, model={**TENSORS, "b": TENSORS["b"] * 2})
    os.utime(file, ns=(1, 1))
    assert weights_sha256(tmp_path) != first


def test_progress_counts_bytes(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int, str]] = []
    tensors_sha256(write(tmp_path, m=TENSORS), lambda *event: seen.append(event))
    assert seen[-1] == ("hash", 32, 32, "bytes")


def test_shards_are_those_of_the_index(tmp_path: Path) -> None:
    write(tmp_path, one={"a": TENSORS["a"]}, two={"b": TENSORS["b"]}, stray={"c": TENSORS["c"]})
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}))
    assert [f.name for f in weight_files(tmp_path)] == ["one.safetensors", "two.safetensors"]
    (tmp_path / "two.safetensors").unlink()
    with pytest.raises(UserError, match="lacks two"):
        weight_files(tmp_path)
    index.write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        weight_files(tmp_path)


def test_pickled_weights_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(UserError, match=r"only pickled weights \(pytorch_model.bin\)"):
        weight_files(tmp_path)
