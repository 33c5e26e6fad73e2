"""One decode step for decoders built like Llama, without the detours of a general forward.

With few rows the cost of a step beyond its matrix products is overhead: building masks, checking arguments, casting back and
forth, calling modules. This step does what the model's own forward does for one position a row, on the same layers and
the same cache, and nothing else. It serves a few families of transformers that share this arithmetic, and
`agree` holds the step against the model's own forward before it is ever used.
Pinned in tests/backend/test_fast_step.py.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
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
    """Counted from the first row of the part."""
    first: int
    """First position of the longest of these rows."""
    mask: Tensor | None
    """(b, 1, 1, T - first), bool, False on padding; None where there is none."""


class Part(NamedTuple):
    """Neighbouring rows that one thread takes through the model."""

    rows: slice
    spans: list[Span]
    """All rows of the part, in their order."""


class FastStep:
    """The step of one model. Made once; the adapters in use are looked up when they change."""

    def __init__(self, model: Any, routing: Routing) -> None:
        self._model = model
        self._routing = routing
        self._version = -1
        self._ways: dict[tuple[int, int], _Way] = {}
        """Of the batch as it is routed now, by the first and the last row of a part."""
        self._helpers: ThreadPoolExecutor | None = None
        self._helper_count = 0
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

    def __call__(self, tokens: Tensor, cache: RowCache, positions: Tensor, parts: list[Part]) -> Tensor:
        """Run one position of every row and append it to the cache.

        Shapes: B rows, T positions with the new one, V vocabulary, H key-value heads, G queries of each, D head width.

        Args:
            tokens: (B,), int64.
            cache: holds T - 1 positions; T afterwards.
            positions: (B, 1), int64, place of the token in its row, padding not counted.
            parts: all rows, in their order; the first part is computed here, each other one by a thread of its own.

        Returns:
            Logits (B, V).
        """
        if self._version != self._routing.version:
            self._ways, self._version = {}, self._routing.version
        cache.advance()
        if len(parts) == 1:
            return self._run(self._way(0, len(tokens)), None, tokens, cache, positions, parts[0].spans)
        ways = [self._way(part.rows.start, part.rows.stop) for part in parts]
        work = [
            (way, part.rows, tokens[part.rows], cache, positions[part.rows], part.spans)
            for way, part in zip(ways, parts, strict=True)
        ]
        helpers = self._threads(len(parts) - 1)
        others = [helpers.submit(self._help, torch.get_num_threads(), *one) for one in work[1:]]
        try:
            first = self._run(*work[0])
        finally:
            wait(others)  # whatever happened here, nobody may still write into the cache
        return torch.cat([first, *(other.result() for other in others)])

    def _way(self, start: int, end: int) -> _Way:
        found = self._ways.get((start, end))
        if found is None:
            found = self._ways[start, end] = _Way(self._model, self._routing, start, end)
        return found

    def _threads(self, count: int) -> ThreadPoolExecutor:
        """Threads that wait between steps, and end with this step's model."""
        if self._helpers is None or self._helper_count < count:
            self._helpers, self._helper_count = ThreadPoolExecutor(count, "step"), count
        return self._helpers

    def _help(self, threads: int, *work: Any) -> Tensor:
        """`_run` in a helper's thread, with as many threads of torch as its caller has."""
        if torch.get_num_threads() != threads:  # of this thread
            torch.set_num_threads(threads)
        with torch.inference_mode():
            return self._run(*work)

    def _run(
        self, way: _Way, at: slice | None, tokens: Tensor, cache: RowCache, positions: Tensor, spans: list[Span]
    ) -> Tensor:
        """Take some rows through the model.

        Shapes: as `__call__`, with the b rows `at` for B (all where it is None); returns (b, V).
        """
        hidden = self._embed(tokens[:, None])  # (b, 1, I)
        cos, sin = self._rotary(hidden, positions)  # (b, 1, D)
        hidden = hidden[:, 0]  # (b, I)
        sin = sin * self._sign.to(sin.dtype)
        rows, kv_heads, groups, width = hidden.shape[0], self._kv_heads, self._groups, self._width
        cos_q, sin_q = cos[:, None], sin[:, None]  # (b, 1, 1, D)
        half = width // 2
        for block, layer in zip(way.blocks, cache.layers, strict=True):
            x = functional.rms_norm(hidden, block.shape, block.norm_1, block.eps)  # (b, I)
            q = block.q(x).view(rows, kv_heads, groups, width)  # (b, H, G, D)
            k = block.k(x).view(rows, kv_heads, width)  # (b, H, D)
            # rotating half by half is rolling by half, with the sign moved into the sine
            q = torch.addcmul(q * cos_q, torch.roll(q, half, -1), sin_q)  # (b, H, G, D)
            k = torch.addcmul(k * cos, torch.roll(k, half, -1), sin)  # (b, H, D)
            keys, values = layer.put(at, k, block.v(x).view(rows, kv_heads, width))  # type: ignore[union-attr]
            mixed = self._attend(q, keys, values, spans)  # (b, H, G, D)
            hidden = block.o(mixed.reshape(rows, -1)).add_(hidden)  # (b, I)
            x = functional.rms_norm(hidden, block.shape, block.norm_2, block.eps)
            hidden = block.down(functional.silu(block.gate(x)).mul_(block.up(x))).add_(hidden)
        return way.head(self._norm(hidden))  # (b, V)

    def _attend(self, q: Tensor, keys: Tensor, values: Tensor, spans: list[Span]) -> Tensor:
        """Shapes: q (b, H, G, D), keys and values (b, H, T, D); returns (b, H, G, D)."""
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


class _Way:
    """The way of some rows through the model, with their adapters already looked up."""

    def __init__(self, model: Any, routing: Routing, start: int, end: int) -> None:
        groups = [
            RowGroup(
                max(group.start, start) - start,
                min(group.end, end) - start,
                group.adapter,
                group.strength[max(start - group.start, 0) : end - group.start]
                if isinstance(group.strength, Tensor)
                else group.strength,
            )
            for group in routing.groups
            if group.start < end and start < group.end
        ]
        self.blocks = [_Block(layer, groups) for layer in model.model.layers]
        self.head = _callable(model.lm_head, groups)


class _Block:
    """What a step needs of one layer."""

    __slots__ = ("down", "eps", "gate", "k", "norm_1", "norm_2", "o", "q", "shape", "up", "v")

    def __init__(self, layer: Any, groups: list[RowGroup]) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.q, self.k, self.v, self.o = (_callable(getattr(attention, name), groups) for name in _LINEARS)
        self.gate, self.up, self.down = (_callable(getattr(mlp, name), groups) for name in _MLP)
        self.norm_1, self.norm_2 = layer.input_layernorm.weight, layer.post_attention_layernorm.weight
        self.shape = tuple(self.norm_1.shape)
        self.eps = layer.input_layernorm.variance_epsilon


def _is_llama_layer(layer: Any) -> bool:
    if type(layer).__name__ not in _KINDS:
        return False
    parts = {name for name, _ in layer.self_attn.named_children()} | {name for name, _ in layer.mlp.named_children()}
    return parts - {"act_fn"} == {*_LINEARS, *_MLP} and hasattr(layer.input_layernorm, "variance_epsilon")


def _callable(module: Any, groups: list[RowGroup]) -> Layer:
    """The shortest way through a linear layer for rows of these groups."""
    if isinstance(module, MixedLinear):
        plain = _callable(module.base, groups)
        parts = [(g, module.deltas[g.adapter]) for g in groups if g.adapter in module.deltas]
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
