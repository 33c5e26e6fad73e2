"""The gap is the difference of two separately computed log-probabilities."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.gap import measure_gap
from aligntui.core.errors import UserError
from tests.backend import tiny

PROMPT = "<|user|>Why?<|end|><|assistant|>"
ANSWER = "Because 日本 is far."


def reference(base: Path, adapter: Path | None, tokens: list[int]) -> list[float]:
    """Teacher-forced log-probabilities, alone in a batch."""
    prompt = tiny.ids_of(PROMPT)
    with torch.inference_mode():
        logits = tiny.peft_model(base, adapter)(input_ids=torch.tensor([prompt + tokens])).logits[0]
    picked = logits.log_softmax(-1)[len(prompt) - 1 : -1].gather(-1, torch.tensor(tokens)[:, None])
    return picked[:, 0].tolist()


def test_both_sides_are_what_peft_computes_for_each(tiny_llama: Path, shelf: AdapterShelf, adapter_a: Path) -> None:
    tokens = [*tiny.ids_of(ANSWER), tiny.END_ID]
    gap = measure_gap(shelf, PROMPT, shelf.get(str(adapter_a)), 1.0, tokens)
    assert gap.base_logprobs == pytest.approx(reference(tiny_llama, None, tokens), abs=1e-3)
    assert gap.adapter_logprobs == pytest.approx(reference(tiny_llama, adapter_a, tokens), abs=1e-3)
    assert max(abs(a - b) for a, b in zip(gap.base_logprobs, gap.adapter_logprobs, strict=True)) > 0.05
    assert "".join(gap.pieces) == ANSWER
    assert len(gap.pieces) == len(tokens)
    assert gap.pieces[tokens.index(tiny.ids_of("日")[0]) + 2] == "日"


def test_the_base_against_itself_is_zero(shelf: AdapterShelf) -> None:
    gap = measure_gap(shelf, PROMPT, None, 1.0, tiny.ids_of(ANSWER))
    assert gap.base_logprobs == gap.adapter_logprobs


def test_what_was_decoded_measures_the_same(shelf: AdapterShelf, adapter_a: Path) -> None:
    adapter = shelf.get(str(adapter_a))
    done = tiny.run(shelf, [tiny.plan("r", tiny.ids_of(PROMPT), 20, adapter=adapter), tiny.plan("s", [5, 6], 20)])["r"]
    gap = measure_gap(shelf, PROMPT, adapter, 1.0, list(done.token_ids))
    assert gap.adapter_logprobs == pytest.approx(done.logprobs, abs=1e-3)


def test_what_cannot_be_measured(shelf: AdapterShelf) -> None:
    for tokens, words in (([], "no tokens"), ([99999], "does not have"), ([5] * 600, "holds 512")):
        with pytest.raises(UserError, match=words):
            measure_gap(shelf, PROMPT, None, 1.0, tokens)
