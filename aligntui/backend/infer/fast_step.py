"""One decode step for decoders built like Llama, without the detours of a general forward.

With few rows the cost of a step beyond its matrix products is overhead: building masks, checking arguments, casting back and
forth, calling modules. This step does what the model's own forward does for one position a row, on the same layers and
the same cache, and nothing else. It serves a few families of transformers that share this arithmetic, and
`agree` holds the step against the model's own forward before it is ever used.
Pinned in tests/backend/test_fast_step.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from aligntui.backend.infer.kv_cache import RowCache
from aligntui.backend.infer.mixed_lora import Delta, MixedLinear, Routing, RowGroup, add_delta
from aligntui.backend.infer.packed import PackedLinear

Layer = Callable[[Tensor], Tensor]

TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.03, torch.float16: 0.01}
"""Largest difference of the logits, as a share of their range, at which two ways to compute a step count as the same."""

_KINDS = {"LlamaDecoderLayer", "MistralDecoderLayer", "Qwen2DecoderLayer"}
"""Layers that compute what `FastStep` computes; others with the same parts scale or mask in ways of their own."""
_LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj")
_MLP = ("gate_proj", "up_proj", "down_proj")


class Span(NamedTuple):
    """Neighbouring rows that attend to the cache from one position on: those of like length, so that little is padding."""

    rows: slice
    first: int
    """First position of the longest of these rows."""
    mask: Tensor | None
    """(b, 1, 1, T - first), bool, False on padding; None where there is none."""


class FastStep:
    """The step of one model. Made once; the adapters in use are looked up when they change."""

    def __init__(self, model: Any, routing: Routing) -> None:
        self._model = model
        self._routing = routing
        self._version = -1
        self._layers: list[_Block] = []
        decoder = model.model
        config = model.config.get_text_config()
        self._embed = decoder.embed_tokens
        self._rotary = decoder.rotary_emb
        self._norm = decoder.norm
        self._kv_heads = config.num_key_value_heads
        self._groups = config.num_attention_heads // config.num_key_value_heads
        attention = decoder.layers[0].self_attn
        self._width = attention.head_dim
        self._scale = attention.scaling
        half = self._width // 2
        self._sign = torch.cat([-torch.ones(half), torch.ones(self._width - half)]).to(model.device)  # (D,)

    @staticmethod
    def serves(model: Any) -> bool:
        """Whether the model has the parts of a Llama and nothing beside them."""
        layers = getattr(getattr(model, "model", None), "layers", None)
        config = model.config.get_text_config()
        if not isinstance(layers, nn.ModuleList) or not all(_is_llama_layer(layer) for layer in layers):
            return False
        return (
            config.hidden_act == "silu"
            and config._attn_implementation == "sdpa"
            and not RowCache(model.config).foreign
            and not getattr(config, "pretraining_tp", 1) > 1
        )

    def __call__(self, tokens: Tensor, cache: RowCache, positions: Tensor, spans: list[Span]) -> Tensor:
        """Run one position of every row and append it to the cache.

        Shapes: B rows, T positions with the new one, V vocabulary, H key-value heads, G queries of each, D head width.

        Args:
            tokens: (B,), int64.
            cache: holds T - 1 positions; T afterwards.
            positions: (B, 1), int64, place of the token in its row, padding not counted.
            spans: all rows, in their order.

        Returns:
            Logits (B, V).
        """
        if self._version != self._routing.version:
            self._layers = [_Block(layer, self._routing) for layer in self._model.model.layers]
            self._head = _callable(self._model.lm_head, self._routing)
            self._version = self._routing.version
        hidden = self._embed(tokens[:, None])  # (B, 1, I)
        cos, sin = self._rotary(hidden, positions)  # (B, 1, D)
        hidden = hidden[:, 0]  # (B, I)
        sin = sin * self._sign.to(sin.dtype)
        rows, kv_heads, groups, width = hidden.shape[0], self._kv_heads, self._groups, self._width
        cos_q, sin_q = cos[:, None], sin[:, None]  # (B, 1, 1, D)
        half = width // 2
        for block, layer in zip(self._layers, cache.layers, strict=True):
            x = functional.rms_norm(hidden, block.shape, block.norm_1, block.eps)  # (B, I)
            q = block.q(x).view(rows, kv_heads, groups, width)  # (B, H, G, D)
            k = block.k(x).view(rows, kv_heads, width)  # (B, H, D)
            # rotating half by half is rolling by half, with the sign moved into the sine
            q = torch.addcmul(q * cos_q, torch.roll(q, half, -1), sin_q)  # (B, H, G, D)
            k = torch.addcmul(k * cos, torch.roll(k, half, -1), sin)  # (B, H, D)
            keys, values = layer.append(k, block.v(x).view(rows, kv_heads, width))  # type: ignore[union-attr]
            mixed = self._attend(q, keys, values, spans)  # (B, H, G, D)
            hidden = block.o(mixed.reshape(rows, -1)).add_(hidden)  # (B, I)
            x = functional.rms_norm(hidden, block.shape, block.norm_2, block.eps)
            hidden = block.down(functional.silu(block.gate(x)).mul_(block.up(x))).add_(hidden)
        return self._head(self._norm(hidden))  # (B, V)

    def _attend(self, q: Tensor, keys: Tensor, values: Tensor, spans: list[Span]) -> Tensor:
        """Shapes: q (B, H, G, D), keys and values (B, H, T, D); returns (B, H, G, D)."""
        attend, scale = functional.scaled_dot_product_attention, self._scale
        mixed = [
            attend(q[rows], keys[rows, :, first:], values[rows, :, first:], attn_mask=mask, scale=scale)
            for rows, first, mask in spans
        ]
        return torch.cat(mixed) if len(mixed) > 1 else mixed[0]


def agree(expected: Tensor, found: Tensor) -> bool:
    """Whether two ways to compute the same step gave the same logits, but for rounding.

    Shapes: both (B, V).
    """
    close = TOLERANCE[expected.dtype] * (expected.amax() - expected.amin()).float()
    return bool(torch.isfinite(found).all()) and bool((expected.float() - found.float()).abs().amax() <= close)


class _Block:
    """What a step needs of one layer, with the adapters of the rows at hand already looked up."""

    __slots__ = ("down", "eps", "gate", "k", "norm_1", "norm_2", "o", "q", "shape", "up", "v")

    def __init__(self, layer: Any, routing: Routing) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.q, self.k, self.v, self.o = (_callable(getattr(attention, name), routing) for name in _LINEARS)
        self.gate, self.up, self.down = (_callable(getattr(mlp, name), routing) for name in _MLP)
        self.norm_1, self.norm_2 = layer.input_layernorm.weight, layer.post_attention_layernorm.weight
        self.shape = tuple(self.norm_1.shape)
        self.eps = layer.input_layernorm.variance_epsilon


def _is_llama_layer(layer: Any) -> bool:
    if type(layer).__name__ not in _KINDS:
        return False
    parts = {name for name, _ in layer.self_attn.named_children()} | {name for name, _ in layer.mlp.named_children()}
    return parts - {"act_fn"} == {*_LINEARS, *_MLP} and hasattr(layer.input_layernorm, "variance_epsilon")


def _callable(module: Any, routing: Routing) -> Layer:
    """The shortest way through a linear layer for the rows at hand."""
    if isinstance(module, MixedLinear):
        plain = _callable(module.base, routing)
        parts = [(g, module.deltas[g.adapter]) for g in routing.groups if g.adapter in module.deltas]
        return _with_deltas(plain, parts, module.bias) if parts else plain
    if isinstance(module, PackedLinear):
        return module.product()
    return module


def _with_deltas(plain: Layer, parts: list[tuple[RowGroup, Delta]], bias: Tensor | None) -> Layer:
    def run(x: Tensor) -> Tensor:
        y = plain(x)
        for group, delta in parts:
            rows = slice(group.start, group.end)
            add_delta(y[rows], x[rows], delta, group.strength, bias)
        return y

    return run
