"""Greedy answers to fixed prompts, written at every checkpoint. Pinned in tests/backend/test_run_training.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from aligntui.backend.infer.weights import Base
from aligntui.backend.template import encode_rendered
from aligntui.backend.train.run.encoding import Encoder
from aligntui.backend.train.run.records import Record
from aligntui.config.training.parts import SamplePart
from aligntui.core.prompt_format import Message


def sample_records(part: SamplePart, held_out: Sequence[Record], train: Sequence[Record]) -> list[Record]:
    """The prompts to answer: those of the configuration, else the first different ones of the data."""
    if part.prompts:
        return [
            Record(f"sample-{number}", part.instruction, (Message("user", prompt),), "", None)
            for number, prompt in enumerate(part.prompts, 1)
        ]
    found: dict[str, Record] = {}
    for record in held_out or train:
        if len(found) >= part.count:
            break
        found.setdefault(record.prompt, record)
    return list(found.values())


def write_samples(
    model: Any, base: Base, encoder: Encoder, records: Sequence[Record], max_new_tokens: int
) -> list[tuple[str, str, str]]:
    """Answer each prompt alone, greedily, which draws no random numbers and so leaves training as it was.

    Returns:
        (prompt, instruction, answer) of each prompt that leaves room for an answer.
    """
    training = model.training
    model.eval()
    found = []
    try:
        for record in records:
            ids = encode_rendered(encoder.tokenizer, encoder.render(record))
            room = min(max_new_tokens, base.context_length - len(ids))
            if room < 1 or not ids:
                continue
            inputs = torch.tensor([ids], device=model.device)  # (1, T)
            with torch.no_grad():
                out = model.generate(
                    input_ids=inputs,
                    attention_mask=torch.ones_like(inputs),
                    max_new_tokens=room,
                    do_sample=False,
                    use_cache=True,
                    eos_token_id=sorted({*base.end_ids, *encoder.end}) or None,
                    pad_token_id=base.pad_id,
                )
            answer = encoder.tokenizer.decode(out[0, len(ids) :].tolist(), skip_special_tokens=True)
            found.append((record.prompt, record.instruction, answer))
    finally:
        model.train(training)
    return found
