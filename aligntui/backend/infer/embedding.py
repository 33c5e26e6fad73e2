"""Sentence embeddings: mean of the last hidden states over a text's tokens, at length 1.

Runs beside the chat model and shares nothing with it but the owner thread. Always float32, so that a cosine does
not depend on how the chat model was loaded.
Source: Reimers and Gurevych 2019 (arXiv:1908.10084), section 3, mean pooling; normalised as the model card of
sentence-transformers/all-MiniLM-L6-v2 says. Pinned in tests/backend/test_embedding.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

from aligntui.backend.infer.hashing import weights_sha256
from aligntui.backend.infer.minilm import MINILM, minilm_folder
from aligntui.backend.infer.progress import Progress, silent
from aligntui.backend.infer.weights import find_folder
from aligntui.core.errors import UserError

BATCH_POSITIONS = 8192
"""Positions of one batch, padding included: bounds the memory of attention."""
_NO_LIMIT = 1 << 20
"""Tokenizers without a limit name one beyond this."""


@dataclass(frozen=True)
class Embeddings:
    """Vectors of some texts."""

    vectors: Tensor
    """(n, D), float32, on the CPU, each of length 1."""
    truncated: int
    """Texts of which only the beginning was read."""


class Embedder:
    """A loaded embedding model."""

    def __init__(self, asked: str, device: str, progress: Progress = silent) -> None:
        """Find and load it.

        Args:
            asked: `minilm`, a local path or a hub id.
            device: where it runs.
            progress: told of the stages.

        Raises:
            UserError: no such model, or one whose vectors are made in another way than by the mean.
            EnvironmentProblem: it could not be fetched.
        """
        folder = minilm_folder(progress) if asked == MINILM else find_folder(asked, trust_remote_code=False)
        _expect_mean_pooling(folder)
        self.asked = asked
        self.weights_sha256 = weights_sha256(folder, progress)
        progress("load", 0, 0, "")
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
        except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
            if "memory" in str(error).lower():
                raise
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
            raise UserError(
                f"The embedding model in {folder} cannot be loaded: {reason}",
                "Name a folder or hub id of a sentence-transformers model, or use `minilm`.",
            ) from error
        self._model: Any = model.to(device).eval().requires_grad_(False)
        self.max_tokens = _max_tokens(folder, self._tokenizer, model.config)
        """Tokens of a text that are read, special ones included."""
        self.dim = int(model.config.hidden_size)

    def embed(self, texts: list[str]) -> Embeddings:
        """One vector for each text, in the order of the texts. What else is embedded with a text does not change it.

        Half characters (lone surrogates) are read as replacement characters; an empty text has a vector too.
        """
        ids, truncated = self._tokenise(texts)
        vectors = torch.empty((len(texts), self.dim))  # (n, D)
        for places in _batches([len(row) for row in ids]):
            vectors[places] = self._run([ids[place] for place in places])
        return Embeddings(vectors, truncated)

    def _tokenise(self, texts: list[str]) -> tuple[list[list[int]], int]:
        """Token ids of each text, and how many texts were longer than the model reads."""
        clean = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts]
        if not clean:
            return [], 0
        # the tokenizer's file may name a limit and a padding of its own; neither counts here
        ids: list[list[int]] = self._tokenizer(clean, truncation=False, padding=False)["input_ids"]
        long = [place for place, row in enumerate(ids) if len(row) > self.max_tokens]
        if long:
            cut = self._tokenizer([clean[place] for place in long], truncation=True, max_length=self.max_tokens)
            for place, row in zip(long, cut["input_ids"], strict=True):
                ids[place] = row
        return ids, len(long)

    @torch.inference_mode()
    def _run(self, ids: list[list[int]]) -> Tensor:
        """Shapes: B texts, T tokens of the longest; returns (B, D), float32, on the CPU."""
        longest = max(len(row) for row in ids)
        pad = self._tokenizer.pad_token_id or 0
        padded = torch.tensor([row + [pad] * (longest - len(row)) for row in ids], device=self._model.device)  # (B, T)
        sizes = torch.tensor([[len(row)] for row in ids], device=self._model.device)  # (B, 1)
        mask = torch.arange(longest, device=self._model.device)[None] < sizes  # (B, T)
        hidden = self._model(input_ids=padded, attention_mask=mask.long()).last_hidden_state  # (B, T, D)
        mean = hidden.masked_fill(~mask[..., None], 0).sum(1) / sizes  # (B, D)
        return functional.normalize(mean, dim=-1).cpu()


def _batches(sizes: list[int]) -> Iterator[list[int]]:
    """Places of texts that are run together: like lengths, and at most `BATCH_POSITIONS` with their padding."""
    batch: list[int] = []
    for place in sorted(range(len(sizes)), key=sizes.__getitem__):
        if batch and (len(batch) + 1) * sizes[place] > BATCH_POSITIONS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _expect_mean_pooling(folder: Path) -> None:
    """Refuse a model that says that its vectors are made in another way.

    Raises:
        UserError: it does.
    """
    pooling = _read_json(folder / "1_Pooling" / "config.json", dict)
    ways = [name for name, on in pooling.items() if name.startswith("pooling_mode_") and on is True]
    parts = _read_json(folder / "modules.json", list)
    kinds = [str(part.get("type", "")).rsplit(".", 1)[-1] for part in parts if isinstance(part, dict)]
    other = [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]
    if other or (ways and ways != ["pooling_mode_mean_tokens"]):
        raise UserError(
            f"The embedding model in {folder} makes its vectors by {', '.join(other or ways)}; "
            "aligntui takes the mean over the tokens.",
            "Use `minilm`, or another model with mean pooling.",
        )


def _max_tokens(folder: Path, tokenizer: Any, config: Any) -> int:
    named = _read_json(folder / "sentence_bert_config.json", dict).get("max_seq_length")
    if isinstance(named, int) and named > 2:
        return named
    limits = [getattr(config, "max_position_embeddings", None), getattr(tokenizer, "model_max_length", None)]
    return min((limit for limit in limits if isinstance(limit, int) and 2 < limit < _NO_LIMIT), default=512)


def _read_json(file: Path, kind: type) -> Any:
    """What a file of settings says; nothing where it is missing or damaged, since every setting has a default."""
    try:
        values = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return kind()
    return values if isinstance(values, kind) else kind()
