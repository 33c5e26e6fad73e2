"""Attention for packed pairs: both answers of a pair see their prompt and themselves, never each other.

transformers hands keyword arguments of a forward call through to its attention function. The one registered here reads the
lengths of the pairs from them and runs each pair by itself, so that padding costs nothing and no mask is wider than a pair;
called without them it is transformers' own `sdpa`. What lies between attention layers treats every position alone, so
the packed row gives what separate rows give; `policy` holds one against the other before the packed form is used.
Pinned in tests/backend/test_losses_pairs.py.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "aligntui_pairs"
ATTENTION_ROWS = 32
"""Positions of a pair are filled up to a multiple of it in attention in 16 bits on a CPU, where oneDNN compiles a kernel for
each length (see `products.CPU_ROWS`)."""
UNSERVED = ("softcap", "s_aux", "position_bias")
"""Arguments of attention functions that change the scores and are not followed here."""
LAYER_TYPES = {"full_attention", "sliding_attention"}


class PairLayout:
    """Lengths of the pairs of one packed row, and the masks that follow from them."""

    def __init__(self, segments: tuple[tuple[int, int, int], ...], device: torch.device) -> None:
        self.segments = segments
        self.lengths = [sum(lengths) for lengths in segments]
        self._device = device
        self._masks: dict[tuple[int | None, int], list[Tensor | None]] = {}

    def masks(self, window: int | None, multiple: int = 1) -> list[Tensor | None]:
        """A mask for each pair, (t, t), bool, True where a position may look; None is plainly causal.

        Args:
            window: positions that a sliding layer looks back, itself included; None looks back to the beginning.
            multiple: t is the pair's length filled up to a multiple of it.
        """
        longest = max(prompt + max(chosen, rejected) for prompt, chosen, rejected in self.segments)
        window = None if window is None or window >= longest else window
        key = (window, multiple)
        if key not in self._masks:
            self._masks[key] = [
                widened(pair_mask(*lengths, window, self._device), length + -length % multiple)
                for lengths, length in zip(self.segments, self.lengths, strict=True)
            ]
        return self._masks[key]


def widened(mask: Tensor | None, width: int) -> Tensor | None:
    """A mask with positions behind the pair that see themselves alone, so that none sees nothing.

    Shapes: mask (t, t), returns (width, width), both bool.
    """
    if mask is None or len(mask) == width:
        return mask
    wide = torch.eye(width, dtype=torch.bool, device=mask.device)
    wide[: len(mask), : len(mask)] = mask
    return wide


def pair_mask(prompt: int, chosen: int, rejected: int, window: int | None, device: torch.device) -> Tensor | None:
    """Who may look at whom in prompt, chosen, rejected.

    Args:
        prompt: tokens; `chosen` and `rejected` likewise, 0 rejected ones for a pair without.
        chosen: see `prompt`.
        rejected: see `prompt`.
        window: as for `PairLayout.masks`.
        device: of the mask.

    Returns:
        (t, t), bool, rows look at columns; None where that is plainly causal.
    """
    if not rejected and window is None:
        return None
    index = torch.arange(prompt + chosen + rejected, device=device)  # (t,)
    second = index >= prompt + chosen
    place = torch.where(second, index - chosen, index)  # in its own sequence
    allowed = index[:, None] >= index  # (t, t)
    allowed &= ~(second[:, None] & (index >= prompt) & ~second)
    if window is not None:
        allowed &= place[:, None] - place < window
    return allowed


def pair_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    pair_layout: PairLayout | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """An attention function of transformers.

    Shapes: H query heads, G key-value heads, T positions of all pairs, W head width.

    Args:
        module: the attention layer.
        query: (1, H, T, W).
        key: (1, G, T, W).
        value: (1, G, T, W).
        attention_mask: ignored with a layout.
        dropout: of the attention weights.
        scaling: of the scores.
        pair_layout: the pairs; None hands everything to `sdpa`.
        options: what else the layer passes; `sliding_window` is followed.

    Returns:
        (1, T, H, W), and None for the weights.

    Raises:
        NotImplementedError: the layer asks for something that is not followed.
    """
    if pair_layout is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, dropout, scaling, **options)
    if any(options.get(name) is not None for name in UNSERVED):
        raise NotImplementedError("attention with an argument that packed pairs do not follow")
    groups = query.shape[1] // key.shape[1]
    key, value = repeat_kv(key, groups), repeat_kv(value, groups)  # (1, H, T, W)
    lengths = pair_layout.lengths
    compiled = query.device.type == "cpu" and query.dtype in (torch.bfloat16, torch.float16)
    multiple = ATTENTION_ROWS if compiled else 1
    masks = pair_layout.masks(options.get("sliding_window"), multiple)
    parts = zip(lengths, *(part.split(lengths, 2) for part in (query, key, value)), strict=True)
    done = []
    for (length, *parts_of_pair), mask in zip(parts, masks, strict=True):
        filling = -length % multiple
        q, k, v = (functional.pad(part, (0, 0, 0, filling)) if filling else part for part in parts_of_pair)
        seen = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=mask is None, scale=scaling
        )  # (1, H, t, W)
        done.append(seen[:, :, :length].transpose(1, 2))  # (1, t, H, W)
    return torch.cat(done, 1), None


def install(model: Any) -> bool:
    """Let a model's attention layers serve packed pairs too; other calls give what they gave.

    Returns:
        False where the model is not of the kind: another attention than `sdpa`, or layers that are not attention alone.
    """
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or LAYER_TYPES)
    if getattr(config, "attention_chunk_size", None) is not None or not kinds <= LAYER_TYPES:
        return False
    if config._attn_implementation == NAME:
        return True
    if config._attn_implementation != "sdpa" or not model._can_set_attn_implementation():
        return False
    AttentionInterface.register(NAME, pair_attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)
    return True


def uninstall(model: Any) -> None:
    """Undo `install`."""
    if model.config.get_text_config()._attn_implementation == NAME:
        model.set_attn_implementation("sdpa")


def packed_inputs(segments: tuple[tuple[int, int, int], ...], device: torch.device) -> dict[str, Any]:
    """Arguments of a forward call beside ids and positions.

    A mask of four dimensions goes through transformers as it is: one number keeps it from building its own.
    """
    return {
        "attention_mask": torch.ones((1, 1, 1, 1), dtype=torch.bool, device=device),
        "pair_layout": PairLayout(segments, device),
    }
