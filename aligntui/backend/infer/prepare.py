"""From a row as it came over the pipe to a row that can be decoded; everything wrong with it is said here.

Pinned in tests/backend/test_prepare.py.
"""

from __future__ import annotations

import math

from aligntui.backend.infer.adapters import Adapter, AdapterShelf
from aligntui.backend.infer.rows import RowPlan
from aligntui.backend.template import encode_rendered, render_prompt
from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Message, Mode
from aligntui.core.sampling import Sampling
from aligntui.wire.engine import Row

MAX_STRENGTH = 10.0
"""Far beyond what is useful; larger factors only overflow."""


def prepare_row(row: Row, shelf: AdapterShelf) -> tuple[RowPlan, str]:
    """Render and tokenise a row's prompt and load its adapter.

    Returns:
        The plan and the exact text that was tokenised.

    Raises:
        UserError: an empty prompt, one longer than the context, an unknown mode, an adapter that does not fit, ...
    """
    base = shelf.base
    sampling = Sampling(row.temperature, row.top_p, row.max_new_tokens, row.seed)
    adapter = load_adapter(row, shelf)
    rendered = render_row(row, shelf)
    prompt_ids = encode_rendered(base.tokenizer, rendered)
    prefix_ids = find_prefix(row, shelf, rendered, prompt_ids)
    used = len(prompt_ids) + len(prefix_ids)
    if used >= base.context_length:
        raise UserError(
            f"The prompt has {used:,} tokens; the context of this model holds {base.context_length:,}, "
            "and an answer needs room too.",
            "Shorten the prompt or the instruction, or branch from an earlier turn.",
        )
    return RowPlan(row.row, prompt_ids, sampling, adapter, float(row.strength), prefix_ids), rendered


def render_row(row: Row, shelf: AdapterShelf) -> str:
    """The exact text of a row's prompt.

    Raises:
        UserError: roles out of turn, an empty prompt or an unknown mode.
    """
    history = [Message(role, content) for role, content in row.history]
    for message in history:
        if message.role not in ("user", "assistant"):
            raise UserError(
                f"A history holds messages of the user and the assistant, not of {message.role!r}.",
                "Instructions go into `instruction`.",
            )
    if history and history[-1].role == "user" and not history[-1].content.strip():
        raise UserError("The prompt is empty.", "Type a prompt first.")
    for text in (row.instruction, *(message.content for message in history)):
        if not is_unicode(text):
            raise UserError(
                "The prompt or the instruction holds half a character (a lone surrogate), which no tokenizer can read.",
                "Delete it and type it again.",
            )
    modes = [mode.value for mode in Mode]
    if row.mode not in modes:
        raise UserError(f"The mode {row.mode!r} is not known.", f"Use {', '.join(modes)}.")
    base = shelf.base
    return render_prompt(base.tokenizer, base.template, history, row.instruction, Mode(row.mode), row.injection_every)


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8; lone surrogates cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def load_adapter(row: Row, shelf: AdapterShelf) -> Adapter | None:
    """The row's adapter, None for the base.

    Raises:
        UserError: it cannot be used, or the strength is no sensible number.
    """
    if not math.isfinite(row.strength) or abs(row.strength) > MAX_STRENGTH:
        raise UserError(
            f"The strength of an adapter must be from -{MAX_STRENGTH:g} to {MAX_STRENGTH:g}, not {row.strength}.",
            "1 is the adapter as trained, 0 the base.",
        )
    return shelf.get(row.adapter.path) if row.adapter else None


def find_prefix(row: Row, shelf: AdapterShelf, rendered: str, prompt_ids: list[int]) -> list[int]:
    """Token ids of the answer to be continued, without tokens that ended it.

    Raises:
        UserError: the ids are not of this model's vocabulary.
    """
    base = shelf.base
    ids = list(row.prefix_token_ids)
    if not ids and row.prefix_text:
        if not is_unicode(row.prefix_text):
            raise UserError("The answer to be continued holds half a character (a lone surrogate).", "Edit it first.")
        whole = encode_rendered(base.tokenizer, rendered + row.prefix_text)
        # tokenised together where the seam allows it: some tokenizers put a space before a text of its own
        fits = whole[: len(prompt_ids)] == prompt_ids
        ids = whole[len(prompt_ids) :] if fits else encode_rendered(base.tokenizer, row.prefix_text)
    size = base.model.config.get_text_config().vocab_size
    if any(not 0 <= token < size for token in ids):
        raise UserError(
            "The answer to be continued holds tokens that this model does not have.", "Continue it by its text."
        )
    while ids and ids[-1] in base.end_ids:
        ids.pop()
    return ids
