"""Answers of the base and of the demo adapter to prompts that training never saw.

Pinned in tests/backend/test_demo_effect.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from aligntui.backend.infer.weights import Base
from aligntui.backend.template import encode_rendered, render_prompt
from aligntui.core.instruction import InstructionType
from aligntui.core.prompt_format import Message, Mode

EXAMPLE_TYPES = ("concise", "empathetic", "safety-first", "creative")
"""Shown on the card."""
LIMIT = 160
"""New tokens of an answer."""

UNSEEN_PROMPTS = (
    "Should I get a dog?",
    "I have to give a speech next week.",
    "How can I use less water at home?",
    "What is the best way to learn a new language?",
    "How do I get candle wax out of a tablecloth?",
    "my daughter wants to study abroad for a year",
    "Is it a good idea to work at night?",
    "Why do we yawn?",
    "Tell me how to clean the gutters on my roof.",
    "I lost my wallet on the train today.",
    "Should children have homework?",
    "Plan a small party for my neighbour's retirement.",
)
"""Everyday prompts that occur neither in the training records nor in the held-out ones."""


@dataclass(frozen=True)
class Answer:
    """One generated answer."""

    type: str
    prompt: str
    text: str
    ended: bool
    """Whether the model ended it itself instead of running into the limit."""


def grid(library: Sequence[InstructionType], prompts: Sequence[str] = UNSEEN_PROMPTS) -> list[tuple[str, str, str]]:
    """(type, instruction, prompt) for every type and prompt; the phrasings take turns."""
    return [
        (kind.type, kind.phrasings[index % len(kind.phrasings)], prompt)
        for index, prompt in enumerate(prompts)
        for kind in library
    ]


@torch.inference_mode()
def answer_all(
    base: Base,
    model: Any,
    cases: Sequence[tuple[str, str, str]],
    *,
    temperature: float = 0.0,
    seed: int = 0,
    max_new_tokens: int = LIMIT,
    batch: int = 40,
) -> list[Answer]:
    """Answer (type, instruction, prompt) cases in padded batches.

    Args:
        base: tokenizer and template.
        model: what generates: the PEFT model, with or without its adapter switched on.
        cases: type, instruction (empty for none) and prompt.
        temperature: 0 is greedy.
        seed: for sampling.
        max_new_tokens: limit of each answer.
        batch: rows in one batch.
    """
    torch.manual_seed(seed)
    sampling = (
        {"do_sample": True, "temperature": temperature, "top_p": 0.95} if temperature > 0 else {"do_sample": False}
    )
    encoded = []
    for _, instruction, prompt in cases:
        text = render_prompt(base.tokenizer, base.template, [Message("user", prompt)], instruction, Mode.SYSTEM)
        encoded.append(encode_rendered(base.tokenizer, text))
    order = sorted(range(len(cases)), key=lambda i: len(encoded[i]))
    answers: dict[int, Answer] = {}
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        longest = max(len(encoded[i]) for i in rows)
        ids = torch.full((len(rows), longest), base.pad_id)  # (rows, prompt tokens), padded on the left
        attention = torch.zeros_like(ids)
        for row, i in enumerate(rows):
            ids[row, longest - len(encoded[i]) :] = torch.tensor(encoded[i])
            attention[row, longest - len(encoded[i]) :] = 1
        out = model.generate(
            input_ids=ids,
            attention_mask=attention,
            max_new_tokens=max_new_tokens,
            pad_token_id=base.pad_id,
            eos_token_id=sorted(base.end_ids),
            **sampling,
        )
        for row, i in enumerate(rows):
            new = out[row, longest:].tolist()
            end = next((at for at, token in enumerate(new) if token in base.end_ids), None)
            text = base.tokenizer.decode(new[:end], skip_special_tokens=True).strip()
            answers[i] = Answer(cases[i][0], cases[i][2], text, end is not None)
    return [answers[i] for i in range(len(cases))]
