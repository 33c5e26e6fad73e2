"""How much more likely an adapter makes each token of an answer than the base does.

Pinned in tests/backend/test_gap.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from aligntui.backend.infer.adapters import Adapter, AdapterShelf
from aligntui.backend.infer.forward import make_forward
from aligntui.backend.infer.text_stream import pieces
from aligntui.backend.template import encode_rendered
from aligntui.core.errors import UserError


@dataclass(frozen=True)
class Gap:
    """Per-token log-probabilities of one answer under both sides, nats."""

    pieces: tuple[str, ...]
    base_logprobs: tuple[float, ...]
    adapter_logprobs: tuple[float, ...]


def measure_gap(
    shelf: AdapterShelf, rendered: str, adapter: Adapter | None, strength: float, token_ids: list[int]
) -> Gap:
    """Score an answer's tokens under the base and under the adapter, in one batch of two rows.

    Args:
        shelf: the base and its adapters.
        rendered: the exact prompt text.
        adapter: the other side; None measures the base against itself.
        strength: factor on the adapter's change.
        token_ids: the answer.

    Raises:
        UserError: no tokens, tokens of another vocabulary, or more than the context holds.
    """
    base = shelf.base
    if not token_ids:
        raise UserError("There are no tokens to measure.", "Generate an answer first.")
    if not all(0 <= token < base.model.config.get_text_config().vocab_size for token in token_ids):
        raise UserError(
            "The answer holds tokens that this model does not have.", "Measure it under the model that made it."
        )
    sequence = encode_rendered(base.tokenizer, rendered) + token_ids
    if len(sequence) > base.context_length:
        raise UserError(
            f"Prompt and answer have {len(sequence):,} tokens; the context of this model holds {base.context_length:,}.",
            "Measure a shorter answer.",
        )
    shelf.routing.set([(None, 0.0), (adapter.sha256 if adapter else None, strength)], base.model.device)
    shelf.threads.read()
    try:
        read = make_forward(shelf, [sequence, sequence]).prefill(len(token_ids))
    finally:
        shelf.routing.clear()
    assert read is not None  # only a stop function makes it give up, and there is none
    base_logprobs, adapter_logprobs = read[1].tolist()
    return Gap(tuple(pieces(base.tokenizer, token_ids)), tuple(base_logprobs), tuple(adapter_logprobs))
