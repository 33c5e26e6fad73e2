"""Adapter folders: read, check against the base, register by content.

Only `adapter_config.json` and `adapter_model.safetensors` are read, never a pickle and never code. Adapters are
known by the hash of their content: the same name with new content is a new adapter, and one that was loaded before is
at hand at once. The base is never loaded again for an adapter.
Pinned in tests/backend/test_adapters.py and, for the arithmetic, against PEFT in tests/backend/test_mixed_lora.py.
"""

from __future__ import annotations

import json
import math
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from aligntui.backend.infer.fast_step import FastStep
from aligntui.backend.infer.hashing import tensors_sha256
from aligntui.backend.infer.mixed_lora import Delta, MixedEmbedding, MixedLinear, Routing
from aligntui.backend.infer.packed import PackedLinear
from aligntui.backend.infer.threads import Threads
from aligntui.backend.infer.weights import Base
from aligntui.core.errors import UserError
from aligntui.core.ids import canonical_json, sha256_text

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
MAX_LOADED = 32
"""Adapters kept at hand; the one used longest ago makes room."""

_KEY = re.compile(
    r"^base_model\.model\.(?P<module>.+?)\."
    r"(?P<part>lora_A|lora_B|lora_embedding_A|lora_embedding_B|lora_magnitude_vector)(?:\.weight)?$"
)
_TABLE = re.compile(r"^base_model\.model\.(?P<module>.+?)\.(?:base_layer\.)?weight$")
_PARTS = {"lora_A": "a", "lora_B": "b", "lora_embedding_A": "a", "lora_embedding_B": "b", "lora_magnitude_vector": "m"}
_KEEPS_BASE = (True, False, "gaussian", "eva", "orthogonal", None)
"""Values of `init_lora_weights` that leave the base weights as they are."""
_REFUSED_OPTIONS = {
    "modules_to_save": "replaces whole modules of the base (modules_to_save)",
    "trainable_token_indices": "replaces token embeddings of the base (trainable_token_indices)",
    "target_parameters": "changes bare parameters instead of layers (target_parameters)",
    "layer_replication": "repeats layers of the base (layer_replication)",
    "alora_invocation_tokens": "acts only after certain tokens (alora_invocation_tokens)",
    "lora_bias": "adds bias terms (lora_bias)",
    "use_qalora": "groups its inputs (use_qalora)",
    "use_bdlora": "is block-diagonal (use_bdlora)",
    "arrow_config": "routes between adapters (arrow_config)",
    "kasa_config": "changes the base weights (kasa_config)",
    "monteclora_config": "is sampled anew for every forward (monteclora_config)",
    "velora_config": "compresses its inputs (velora_config)",
    "megatron_config": "is split by Megatron (megatron_config)",
}


@dataclass(frozen=True)
class Adapter:
    """An adapter that fits the base and is at hand."""

    sha256: str
    """Over its tensors (names, dtypes, shapes, bytes) and its canonical configuration."""
    rank: int
    alpha: float
    modules: tuple[str, ...]
    """Full names of the layers it changes."""
    parameters: int
    base_model: str
    """Base that its configuration names; may be empty."""
    config: dict[str, Any] = field(repr=False)

    @property
    def target_modules(self) -> tuple[str, ...]:
        """Last parts of the changed layers' names, each once."""
        return tuple(sorted({name.rsplit(".", 1)[-1] for name in self.modules}))


class AdapterShelf:
    """The adapters at hand for one base."""

    def __init__(self, base: Base) -> None:
        self.base = base
        self.routing = Routing()
        self.fast_step: FastStep | None = None
        """The quick step, once `warm_up` has found that it agrees with the model's own forward."""
        self.one_at_a_time = False
        """Whether `warm_up` found that a padded batch with a cache gives other logits than each row alone."""
        self.joins = False
        """Whether `warm_up` found that a row which joins others in mid-answer says what it says alone."""
        self.threads = Threads(torch.get_num_threads(), torch.get_num_threads())
        """`warm_up` finds better ones."""
        self._adapters: OrderedDict[str, Adapter] = OrderedDict()
        self._seen: dict[str, tuple[Any, str]] = {}
        self._mixed: dict[str, MixedLinear | MixedEmbedding] = {}

    def get(self, path: str) -> Adapter:
        """The adapter in a folder, read again only when a file in it has changed.

        Raises:
            UserError: it is missing, damaged, made for another base, or of a kind that cannot share a batch.
        """
        folder = Path(path).expanduser()
        config_file, weights_file = _files(folder)
        marks = [_mark(config_file), _mark(weights_file)]
        seen = self._seen.get(str(folder))
        if seen is not None and seen[0] == marks and seen[1] in self._adapters:
            self._adapters.move_to_end(seen[1])
            return self._adapters[seen[1]]
        config = _read_config(config_file)
        digest = sha256_text(tensors_sha256([weights_file]) + "\n" + canonical_json(config))
        if digest not in self._adapters:
            self._register(digest, folder, config, load_file(weights_file))
        self._adapters.move_to_end(digest)
        self._seen[str(folder)] = (marks, digest)
        return self._adapters[digest]

    def _register(self, digest: str, folder: Path, config: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        changes = _group(self._without_base_tables(tensors), folder)
        deltas = {}
        for name, parts in changes.items():
            module = self._find(name, folder, config)
            deltas[name] = _make_delta(name, module, parts, config, folder, self.base)
        for name, delta in deltas.items():
            self._wrap(name).deltas[digest] = delta
        while len(self._adapters) >= MAX_LOADED:
            oldest, _ = self._adapters.popitem(last=False)
            for mixed in self._mixed.values():
                mixed.deltas.pop(oldest, None)
        self._adapters[digest] = Adapter(
            sha256=digest,
            rank=max(parts["a"].shape[0] for parts in changes.values()),
            alpha=float(config.get("lora_alpha") or 0),
            modules=tuple(sorted(deltas)),
            parameters=sum(t.numel() for parts in changes.values() for t in parts.values()),
            base_model=str(config.get("base_model_name_or_path") or ""),
            config=config,
        )

    def _without_base_tables(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Leave out copies of base tables that PEFT stores beside an adapter on embeddings, where they are just that."""
        kept = {}
        for key, tensor in tensors.items():
            match = _TABLE.match(key)
            module = _submodule(self.base.model, match["module"]) if match else None
            own = getattr(module, "weight", None)
            same = isinstance(own, Tensor) and own.shape == tensor.shape and torch.equal(own, tensor.to(own))
            if not same:
                kept[key] = tensor
        return kept

    def _find(self, name: str, folder: Path, config: dict[str, Any]) -> nn.Module:
        if name in self._mixed:
            return self._mixed[name].base
        module = _submodule(self.base.model, name)
        if module is None:
            raise _other_base(folder, config, self.base, f"it changes {name}, which this base does not have")
        if ".experts." in f".{name}.":
            raise UserError(
                f"The adapter in {folder} changes {name}: experts receive the tokens of all rows mixed, "
                "so rows with and without it cannot share a batch.",
                "Use an adapter that leaves the experts alone.",
            )
        return module

    def _wrap(self, name: str) -> MixedLinear | MixedEmbedding:
        if name not in self._mixed:
            base = self.base.model.get_submodule(name)
            kind = MixedEmbedding if isinstance(base, nn.Embedding) else MixedLinear
            mixed = kind(base, name, self.routing)
            parent, _, leaf = name.rpartition(".")
            setattr(self.base.model.get_submodule(parent), leaf, mixed)
            self._mixed[name] = mixed
        return self._mixed[name]


def _submodule(model: nn.Module, name: str) -> nn.Module | None:
    try:
        return model.get_submodule(name)
    except AttributeError:
        return None


def _files(folder: Path) -> tuple[Path, Path]:
    config, weights = folder / CONFIG_FILE, folder / WEIGHTS_FILE
    if not folder.is_dir():
        raise UserError(
            f"There is no adapter folder {folder}.", "`aligntui adapters list` shows those of this workspace."
        )
    if not config.is_file():
        raise UserError(
            f"The folder {folder} holds no {CONFIG_FILE}, so it is no adapter.", "Name a PEFT adapter folder."
        )
    if not weights.is_file():
        pickled = sorted(f.name for f in folder.glob("adapter_model.*"))
        if pickled:
            raise UserError(
                f"The adapter in {folder} has only {pickled[0]}, which can run code when it is read.",
                f"aligntui reads {WEIGHTS_FILE} only: save it again with PEFT's safe_serialization=True.",
            )
        raise UserError(f"The adapter folder {folder} holds no {WEIGHTS_FILE}.", "Its training may not have ended yet.")
    return config, weights


def _mark(file: Path) -> tuple[int, int, int, int]:
    # the time of change, not only of modification: a copy may keep the latter
    status = file.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _read_config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text("utf-8"))
        if not isinstance(config, dict):
            raise ValueError("not an object")
    except (OSError, ValueError) as error:
        raise UserError(
            f"The adapter's configuration {file} cannot be read: {error}.", "Make the adapter again."
        ) from error
    kind = config.get("peft_type")
    if kind != "LORA":
        raise UserError(
            f"The adapter in {file.parent} is of the kind {kind}; only LoRA (also rsLoRA and DoRA) can share a batch "
            "with the base.",
            "Train it as LoRA, or merge it into a copy of the base.",
        )
    for option, meaning in _REFUSED_OPTIONS.items():
        if config.get(option):
            raise UserError(
                f"The adapter in {file.parent} {meaning}, so it cannot share a batch with the base.",
                "Train it again without that option.",
            )
    if config.get("bias", "none") != "none":
        raise UserError(
            f"The adapter in {file.parent} also changes biases of the base (bias={config['bias']!r}), so it cannot "
            "share a batch with it.",
            'Train it with bias="none".',
        )
    start = config.get("init_lora_weights", True)
    if start not in _KEEPS_BASE:
        raise UserError(
            f"The adapter in {file.parent} was started with init_lora_weights={start!r}, which changes the base weights.",
            "Convert it with PEFT's `path_initial_model_for_weight_conversion`, then load the converted adapter.",
        )
    return config


def _group(tensors: dict[str, Tensor], folder: Path) -> dict[str, dict[str, Tensor]]:
    changes: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        match = _KEY.match(key)
        if match is None:
            raise UserError(
                f"The adapter in {folder} holds {key}, which is no part of a LoRA that can share a batch with the base.",
                "Adapters that carry base layers (a resized vocabulary, for example) must be merged first.",
            )
        changes.setdefault(match["module"], {})[_PARTS[match["part"]]] = tensor
    for name, parts in changes.items():
        if "a" not in parts or "b" not in parts:
            raise UserError(
                f"The adapter in {folder} is incomplete: {name} lacks one of its two matrices.", "Make it again."
            )
    if not changes:
        raise UserError(f"The adapter in {folder} holds no weights.", "Its training may not have ended yet.")
    return changes


def _make_delta(
    name: str, module: nn.Module, parts: dict[str, Tensor], config: dict[str, Any], folder: Path, base: Base
) -> Delta:
    """Fold scaling (and DoRA's magnitude) into B, in float32."""
    weight = dense_weight(module)  # (O, I), an embedding's (V, D)
    if weight is None:
        raise UserError(
            f"The adapter in {folder} changes {name}, a layer of the kind {type(module).__name__}, which cannot share a batch.",
            "Use an adapter that changes linear layers only.",
        )
    is_embedding = isinstance(module, nn.Embedding)
    inputs, outputs = (weight.shape[0], weight.shape[1]) if is_embedding else (weight.shape[1], weight.shape[0])
    a, b = parts["a"].float(), parts["b"].float()  # (R, I), (O, R)
    if a.dim() != 2 or b.dim() != 2 or a.shape[0] != b.shape[1]:
        raise UserError(f"The adapter in {folder} is damaged: the two matrices of {name} do not fit each other.")
    if (a.shape[1], b.shape[0]) != (inputs, outputs):
        reason = f"{name} has {inputs} inputs and {outputs} outputs here, {a.shape[1]} and {b.shape[0]} in the adapter"
        raise _other_base(folder, config, base, reason)
    b = b * scaling(config, name, a.shape[0])
    gain = None
    if config.get("use_dora"):
        if is_embedding or "m" not in parts:
            raise UserError(
                f"The DoRA adapter in {folder} cannot be used: {name} "
                + ("is an embedding." if is_embedding else "lacks its magnitudes."),
                "Use DoRA on linear layers only.",
            )
        device = weight.device
        norm = torch.linalg.norm(weight.float() + b.to(device) @ a.to(device), dim=1)  # (O,)
        ratio = parts["m"].float().to(device).flatten() / norm  # (O,)
        gain = ratio - 1
        b = ratio.cpu()[:, None] * b
    device = base.device
    return Delta(a.to(device).contiguous(), b.to(device).contiguous(), None if gain is None else gain.to(device))


def scaling(config: dict[str, Any], name: str, rank: int) -> float:
    """Factor on B A: alpha / R, or alpha / sqrt(R) for rsLoRA, with a layer's own alpha where one is set.

    Source: peft 0.21, `LoraLayer.update_layer` and `get_pattern_key`; pinned in tests/backend/test_mixed_lora.py.
    """
    alpha = config.get("lora_alpha", 8)
    for pattern, value in (config.get("alpha_pattern") or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", name):
            alpha = value
            break
    return alpha / math.sqrt(rank) if config.get("use_rslora") else alpha / rank


def dense_weight(module: nn.Module) -> Tensor | None:
    """A layer's weight as outputs by inputs, dequantised; None where the layer is of an unknown kind.

    Shapes: returns (O, I); for an embedding (V, D).
    """
    kind = type(module).__name__
    if kind == "Linear4bit":
        # imported only where a 4-bit layer shows that it is installed
        from bitsandbytes.functional import dequantize_4bit

        return dequantize_4bit(module.weight.data, module.weight.quant_state)  # type: ignore[union-attr, arg-type]
    if kind == "Conv1D":
        return module.weight.T  # type: ignore[union-attr, return-value]
    if isinstance(module, (nn.Linear, nn.Embedding, PackedLinear)):
        return module.weight
    return None


def _other_base(folder: Path, config: dict[str, Any], base: Base, reason: str) -> UserError:
    named = config.get("base_model_name_or_path") or "another base"
    return UserError(
        f"The adapter in {folder} was trained on {named} and does not fit the base {base.asked} "
        f"({base.architecture}): {reason}.",
        "Load its own base with --model, or choose another adapter.",
    )
