"""Adapters as PEFT folders: writing them whole, and joining those of several stages into one.

Two adapters on one base add up: W + s1 B1 A1 + s2 B2 A2. Stacked, that is one adapter of rank r1 + r2 with A = [A1; A2],
B = [s1 B1, s2 B2] and scale 1, which any tool loads on the pretrained base.
Pinned in tests/backend/test_run_adapter_files.py.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import Tensor

from aligntui.backend.infer.hashing import tensors_sha256
from aligntui.backend.train.run.adapter_model import TRAINED
from aligntui.core.errors import UserError
from aligntui.core.files import sync_folder
from aligntui.core.ids import canonical_json, sha256_text

WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"

Tensors = dict[str, Tensor]


def trained_tensors(model: PeftModel) -> Tensors:
    """The weights of the adapter in training, by the names of PEFT's files."""
    found = get_peft_model_state_dict(model, adapter_name=TRAINED, save_embedding_layers=False)
    return {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(found.items())}


def trained_config(model: PeftModel) -> dict[str, Any]:
    """The configuration of the adapter in training, in an order that does not depend on the process."""
    config: Any = model.peft_config[TRAINED]
    values = {key: sorted(value) if isinstance(value, set) else value for key, value in config.to_dict().items()}
    return json.loads(json.dumps({**values, "inference_mode": True}, default=str))


def load_into(model: PeftModel, folder: Path) -> None:
    """Give the adapter in training the weights of a folder."""
    set_peft_model_state_dict(model, load_file(folder / WEIGHTS_FILE), adapter_name=TRAINED)


def write_adapter(folder: Path, tensors: Tensors, config: Mapping[str, Any]) -> None:
    """Write the two files of a PEFT adapter; the configuration comes last, each by one rename.

    Raises:
        OSError, SafetensorError: the disk is full or failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{WEIGHTS_FILE}.part"
    try:
        save_file(tensors, draft, metadata={"format": "pt"})
        draft.chmod(0o644)  # safetensors makes it readable for its owner alone
        sync_file(draft)
        draft.replace(folder / WEIGHTS_FILE)
    finally:
        draft.unlink(missing_ok=True)
    draft = folder / f".{CONFIG_FILE}.part"
    draft.write_text(json.dumps(dict(config), indent=2, sort_keys=True) + "\n", "utf-8")
    sync_file(draft)
    draft.replace(folder / CONFIG_FILE)
    sync_folder(folder)


def read_adapter(folder: Path) -> tuple[Tensors, dict[str, Any]]:
    """The two files of a PEFT adapter.

    Raises:
        UserError: one is missing or damaged.
    """
    try:
        return load_file(folder / WEIGHTS_FILE), json.loads((folder / CONFIG_FILE).read_text("utf-8"))
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"The adapter in {folder} cannot be read: {error}.", "Name a PEFT adapter folder.") from error


def adapter_sha256(folder: Path) -> str:
    """The hash by which the engine knows the adapter."""
    config = json.loads((folder / CONFIG_FILE).read_text("utf-8"))
    return sha256_text(tensors_sha256([folder / WEIGHTS_FILE]) + "\n" + canonical_json(config))


def join(parts: Sequence[tuple[Tensors, Mapping[str, Any]]]) -> tuple[Tensors, dict[str, Any]]:
    """One adapter that does what several do together.

    Args:
        parts: weights and configuration of each, at least one; plain LoRA on linear layers.

    Returns:
        Weights and configuration; of a single part these themselves.

    Raises:
        UserError: a part is no plain LoRA.
    """
    if len(parts) == 1:
        return dict(parts[0][0]), dict(parts[0][1])
    modules: dict[str, list[tuple[Tensor, Tensor]]] = {}
    for tensors, config in parts:
        _refuse_odd(config)
        for key in sorted(tensors):
            if not key.endswith(".lora_A.weight"):
                continue
            name = key.removesuffix(".lora_A.weight")
            a, b = tensors[key], tensors[f"{name}.lora_B.weight"]  # (r, I), (O, r)
            scale = float(config["lora_alpha"]) / a.shape[0]
            modules.setdefault(name, []).append((a, scale * b))
    rank = max(sum(a.shape[0] for a, _ in pieces) for pieces in modules.values())
    joined: Tensors = {}
    for name, pieces in modules.items():
        a, b = torch.cat([a for a, _ in pieces]), torch.cat([b for _, b in pieces], dim=1)
        short = rank - a.shape[0]  # a module that a part leaves alone: zeros keep one rank for all
        joined[f"{name}.lora_A.weight"] = torch.nn.functional.pad(a, (0, 0, 0, short)).contiguous()
        joined[f"{name}.lora_B.weight"] = torch.nn.functional.pad(b, (0, short)).contiguous()
    names = sorted(name.removeprefix("base_model.model.") for name in modules)
    config = {
        **parts[-1][1],
        "r": rank,
        "lora_alpha": rank,
        "target_modules": names,
        "layers_to_transform": None,
        "lora_dropout": 0.0,
    }
    return joined, config


def publish(draft: Path, target: Path) -> None:
    """Make a folder that was written under a temporary name appear whole.

    Raises:
        OSError: the disk is full or failed.
    """
    for file in draft.rglob("*"):
        if file.is_file():
            sync_file(file)
    if target.exists():
        shutil.rmtree(target)
    draft.rename(target)
    sync_folder(target.parent)


def sync_file(path: Path) -> None:
    """Bring a file's contents to the disk, so that a rename does not outlive them."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _refuse_odd(config: Mapping[str, Any]) -> None:
    for option in ("use_dora", "use_rslora", "rank_pattern", "alpha_pattern", "modules_to_save"):
        if config.get(option):
            raise UserError(
                f"An adapter with {option} cannot be joined with another one.",
                "Build on a plain LoRA adapter, or merge it into its base first.",
            )
