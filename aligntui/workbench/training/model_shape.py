"""The shape of a model out of its `config.json`: how wide, how deep, how many numbers, without loading it.

Pinned in tests/workbench/test_training_fit.py against the tensors of the embedded model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aligntui.config.paths import embedded_model

INPUTS_OF = {
    "q_proj": "attention",
    "k_proj": "attention",
    "v_proj": "attention",
    "o_proj": "mixed",
    "gate_proj": "mlp",
    "up_proj": "mlp",
    "down_proj": "product",
}
"""Linear layers of a decoder layer, and which tensor they read."""


@dataclass(frozen=True)
class ModelShape:
    """A decoder-only transformer with a gated MLP, as nearly all present ones are."""

    hidden: int
    """Width of the residual stream."""
    inner: int
    """Width of the MLP."""
    layers: int
    query: int
    """Heads times their width."""
    key: int
    """Key-value heads times their width."""
    vocabulary: int
    tied: bool
    """Whether the output head is the embedding."""
    stored_bytes: int
    """Bytes of a number in the file; what is computed in this width is mapped from the file."""

    @property
    def linear_shapes(self) -> dict[str, tuple[int, int]]:
        """Each linear layer's inputs and outputs."""
        d, i, q, k = self.hidden, self.inner, self.query, self.key
        return {
            "q_proj": (d, q),
            "k_proj": (d, k),
            "v_proj": (d, k),
            "o_proj": (q, d),
            "gate_proj": (d, i),
            "up_proj": (d, i),
            "down_proj": (i, d),
        }

    @property
    def linear_parameters(self) -> int:
        """Numbers in the linear layers of all decoder layers."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.linear_shapes.values())

    @property
    def other_parameters(self) -> int:
        """Numbers in embedding, head and norms."""
        norms = (2 * self.layers + 1) * self.hidden
        return self.vocabulary * self.hidden * (1 if self.tied else 2) + norms

    @property
    def parameters(self) -> int:
        """All of them."""
        return self.linear_parameters + self.other_parameters


def find_shape(model: str) -> ModelShape | None:
    """The shape of `embedded`, a folder, or a hub model that was fetched before; None where it cannot be told here."""
    folder = model_folder(model)
    return None if folder is None else read_shape(folder)


def model_folder(model: str) -> Path | None:
    """Where a model lies on this machine; None where it does not. Nothing is fetched."""
    if model == "embedded":
        return embedded_model()
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(model, "config.json")
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def read_shape(folder: Path) -> ModelShape | None:
    """The shape in a model folder; None for an architecture whose `config.json` names its widths otherwise."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        config = config.get("text_config") or config
        hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
        width = int(config.get("head_dim") or hidden // heads)
        return ModelShape(
            hidden=hidden,
            inner=int(config["intermediate_size"]),
            layers=int(config["num_hidden_layers"]),
            query=heads * width,
            key=int(config.get("num_key_value_heads") or heads) * width,
            vocabulary=int(config["vocab_size"]),
            tied=bool(config.get("tie_word_embeddings", True)),
            stored_bytes=_stored_bytes(config),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _stored_bytes(config: dict[str, Any]) -> int:
    return 4 if "32" in str(config.get("dtype") or config.get("torch_dtype") or "float32") else 2
