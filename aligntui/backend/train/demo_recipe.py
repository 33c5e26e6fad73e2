"""The recipe of the bundled demo adapter: `python -m aligntui.backend.train.demo_recipe`.

One LoRA adapter on the embedded model, trained on the opposed pairs of `datasets/opposed-demo`, with one plain
optimiser loop. The loss of a batch of preferences (I, X, Y+, Y-) is

    L = L_SFT + weight * L_contrast
    L_SFT = mean over the tokens of all Y+ of -log pi(token)                    (end of turn included, prompt masked)
    L_contrast = mean over the preferences of -log sigmoid(beta * (s+ - s-))
    s = mean over the tokens of the answer of log pi(token)

L_contrast is the reference-free contrast of CITA (Ecliptica draft, section 6: exp(beta s+) over the sum of both),
but with the mean in place of the sum. The sum says "shorter" before it says anything else: here a concise answer has a
quarter of the tokens of an educational one, so the sum is won or lost by length alone, and the sigmoid saturates before training begins.
CITA holds the policy by a KL to the base; here L_SFT does, and no second forward pass is needed.

Everything is seeded: the same machine, thread count and library versions give the same adapter.
Pinned in tests/backend/test_demo_recipe.py.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import logging
import math
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from torch.nn import functional

from aligntui.backend.infer.weights import Base, load_base
from aligntui.backend.train.demo_card import EXAMPLE_TYPES, Report, Side, write_adapter, write_report
from aligntui.backend.train.demo_data import (
    Batch,
    Encoded,
    Example,
    Record,
    collate,
    data_sha256,
    encode,
    expand,
    read_library,
    read_records,
    split,
)
from aligntui.backend.train.demo_effect import (
    UNSEEN_PROMPTS,
    Answer,
    Recogniser,
    answer_all,
    check_rates,
    grid,
    looping,
    mean_words,
    obeyed,
    recognised,
    words,
)
from aligntui.config.paths import bundled
from aligntui.core.errors import AligntuiError, UserError
from aligntui.core.instruction import InstructionType

LIBRARY_FILE = bundled("datasets", "instructions", "canonical.jsonl")
PAIRS_FOLDER = bundled("datasets", "opposed-demo")
BASE_NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""The hub name of the embedded model; written into the adapter so that other tools find its base."""

log = logging.getLogger("demo_recipe")


@dataclass(frozen=True)
class Settings:
    """Everything that decides the adapter besides the data and the base."""

    rank: int = 3
    alpha: int = 6
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """All linear layers at rank 3 take the 2 MB that the attention layers alone take at rank 8, and learn more from them."""
    epochs: int = 3
    records_per_step: int = 2
    """Each record brings two preferences, so four rows of tokens."""
    learning_rate: float = 3e-3
    warmup: float = 0.05
    """Share of the steps over which the learning rate rises; afterwards it falls as a half cosine."""
    contrast_weight: float = 0.5
    beta: float = 2.0
    clip: float = 1.0
    """Largest norm of the gradient."""
    seed: int = 20
    threads: int = 1
    """One: two are a fifth faster on two idle cores and several times slower when anything else runs there."""
    dtype: str = "bfloat16"
    """Of the frozen base while training; the adapter itself is trained in float32 and stored in bfloat16."""


@dataclass(frozen=True)
class Losses:
    """The parts of the loss of one batch."""

    total: torch.Tensor
    sft: torch.Tensor
    contrast: torch.Tensor
    won: torch.Tensor
    """Share of preferences whose chosen answer has the higher mean log-probability."""


def answer_log_probs(model: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probability of every answer token.

    Only positions that predict an answer token go through the output layer, which is a fifth of this model.

    Args:
        model: a causal language model of transformers with `model` (the trunk) and `lm_head`.
        batch: padded rows.

    Returns:
        Log-probabilities (answer tokens,) and the row of each (answer tokens,).
    """
    hidden = model.model(input_ids=batch.ids, use_cache=False).last_hidden_state  # (rows, tokens, width)
    predicts = batch.answer[:, 1:]  # position t predicts token t + 1
    logits = model.lm_head(hidden[:, :-1][predicts]).float()  # (answer tokens, vocabulary)
    log_probs = -functional.cross_entropy(logits, batch.ids[:, 1:][predicts], reduction="none")
    rows = predicts.nonzero()[:, 0]
    return log_probs, rows


def losses(log_probs: torch.Tensor, rows: torch.Tensor, examples: int, settings: Settings) -> Losses:
    """The loss of the module's docstring.

    Args:
        log_probs: of all answer tokens, (answer tokens,).
        rows: the row of each token; rows below `examples` are chosen, the others rejected.
        examples: number of preferences.
        settings: weight and beta.
    """
    sums = torch.zeros(2 * examples).index_add(0, rows, log_probs)
    counts = torch.bincount(rows, minlength=2 * examples)
    scores = sums / counts  # mean log-probability of each answer, (2 * examples,)
    margin = scores[:examples] - scores[examples:]
    sft = -log_probs[rows < examples].mean()
    contrast = -functional.logsigmoid(settings.beta * margin).mean()
    return Losses(sft + settings.contrast_weight * contrast, sft, contrast, (margin > 0).float().mean())


def learning_rate(step: int, steps: int, settings: Settings) -> float:
    """Linear rise, then a half cosine down to zero. `step` counts from 0."""
    rise = max(1, round(settings.warmup * steps))
    if step < rise:
        return settings.learning_rate * (step + 1) / rise
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def batches(
    records: Sequence[Record], library: dict[str, InstructionType], base: Base, settings: Settings
) -> Iterator[Batch]:
    """Shuffled batches, epoch after epoch without end; both directions of a record are in the same batch."""
    shuffler = random.Random(settings.seed)
    for epoch in itertools.count():
        examples = expand(records, library, rotation=epoch)
        order = list(range(len(records)))
        shuffler.shuffle(order)
        for start in range(0, len(order), settings.records_per_step):
            chosen = order[start : start + settings.records_per_step]
            picked = [examples[2 * i + side] for i in chosen for side in (0, 1)]
            yield collate([encode(e, base.tokenizer, base.template) for e in picked], base.pad_id)


def add_adapter(model: Any, settings: Settings) -> Any:
    """Put a fresh LoRA adapter on the model; its seed is the settings' one."""
    torch.manual_seed(settings.seed)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        target_modules=list(settings.targets),
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


def train(model: Any, stream: Iterator[Batch], steps: int, settings: Settings) -> list[dict[str, float]]:
    """Run the optimiser loop.

    Args:
        model: the PEFT model; only its adapter is trained.
        stream: at least `steps` batches.
        steps: number of optimiser steps.
        settings: learning rate, clip and loss.

    Returns:
        One row of figures for each step.
    """
    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=settings.learning_rate, weight_decay=0.0)
    inner = model.get_base_model()  # the same modules, with the adapter's layers inside
    model.train()
    history: list[dict[str, float]] = []
    started = time.monotonic()
    for step in range(steps):
        batch = next(stream)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, steps, settings)
        found = losses(*answer_log_probs(inner, batch), batch.examples, settings)
        optimiser.zero_grad()
        found.total.backward()
        norm = torch.nn.utils.clip_grad_norm_(weights, settings.clip)
        optimiser.step()
        history.append(
            {
                "loss": found.total.item(),
                "sft": found.sft.item(),
                "contrast": found.contrast.item(),
                "won": found.won.item(),
                "gradient_norm": norm.item(),
            }
        )
        if step % 10 == 9 or step == steps - 1:
            recent = history[-10:]
            means = {key: sum(row[key] for row in recent) / len(recent) for key in recent[0]}
            log.info(
                "step %d/%d  loss %.3f  sft %.3f  contrast %.3f  won %.2f  norm %.2f  %.0f s",
                step + 1,
                steps,
                means["loss"],
                means["sft"],
                means["contrast"],
                means["won"],
                means["gradient_norm"],
                time.monotonic() - started,
            )
    model.eval()
    return history


def round_to_stored(model: Any) -> None:
    """Round the adapter to bfloat16 in place, so that what is measured is what is stored."""
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.copy_(weight.to(torch.bfloat16))


def held_out_figures(model: Any, examples: Sequence[Example], base: Base, settings: Settings) -> dict[str, float]:
    """Mean losses over held-out preferences: the SFT part per token, the others per preference."""
    encoded = [encode(e, base.tokenizer, base.template) for e in examples]
    sft = contrast = won = tokens = 0.0
    with torch.inference_mode():
        for start in range(0, len(encoded), 4):
            part: list[Encoded] = encoded[start : start + 4]
            found = losses(*answer_log_probs(model, collate(part, base.pad_id)), len(part), settings)
            count = sum(len(e.chosen) for e in part)
            sft += found.sft.item() * count
            tokens += count
            contrast += found.contrast.item() * len(part)
            won += found.won.item() * len(part)
    return {"sft": sft / tokens, "contrast": contrast / len(encoded), "won": won / len(encoded)}


def make(out: Path, settings: Settings, steps: int | None = None) -> Report:
    """Train, measure and write the adapter folder.

    Args:
        out: the adapter folder; its files are replaced.
        settings: of the run.
        steps: optimiser steps; None for whole epochs.

    Returns:
        What the card says.

    Raises:
        AligntuiError: the data or the base cannot be read.
    """
    torch.set_num_threads(settings.threads)
    library = read_library(LIBRARY_FILE)
    files = sorted(PAIRS_FOLDER.glob("part-*.jsonl"))
    if not files:
        raise UserError(f"There are no pairs in {PAIRS_FOLDER}.", "They travel with aligntui: install it again.")
    train_records, held_out = split(read_records(files, library))
    base = load_base(dtype=settings.dtype, device="cpu")
    model = add_adapter(base.model, settings)
    whole = settings.epochs * math.ceil(len(train_records) / settings.records_per_step)
    steps = steps or whole
    started = time.monotonic()
    history = train(model, batches(train_records, library, base, settings), steps, settings)
    train_s = time.monotonic() - started
    round_to_stored(model)
    config = {**model.peft_config["default"].to_dict(), "base_model_name_or_path": BASE_NAME, "inference_mode": True}
    write_adapter(out, get_peft_model_state_dict(model, save_embedding_layers=False), config)
    log.info("adapter written to %s; measuring", out)

    examples = expand(held_out, library)
    inner = model.get_base_model()
    figures = {"adapter": held_out_figures(inner, examples, base, settings)}
    with model.disable_adapter():
        figures["base"] = held_out_figures(inner, examples, base, settings)
    recogniser = Recogniser([pair for record in train_records for pair in record.answers])
    written = [pair for record in held_out for pair in record.answers]
    kinds = list(library.values())
    first = [(k.type, k.phrasings[0], UNSEEN_PROMPTS[0]) for k in kinds if k.type in EXAMPLE_TYPES]
    bare = [("", "", prompt) for prompt in UNSEEN_PROMPTS]
    adapter_answers = answer_all(base, model, [*grid(kinds), *first, *bare])
    warm_answers = answer_all(base, model, grid(kinds), temperature=0.7, seed=settings.seed)
    with model.disable_adapter():
        base_answers = answer_all(base, model, [*grid(kinds), *first, *bare])
    cut, cases = len(warm_answers), len(warm_answers) + len(first)
    report = Report(
        settings=asdict(settings),
        command=command_line(settings, None if steps == whole else steps),
        base_weights_sha256=base.weights_sha256,
        template_sha256=base.template.sha256,
        data_sha256=data_sha256([LIBRARY_FILE, *files]),
        versions={**base.versions, "peft": importlib.metadata.version("peft")},
        train_records=len(train_records),
        held_out_records=len(held_out),
        steps=steps,
        parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        train_s=train_s,
        held_out=figures,
        written=check_rates([pair for record in (*train_records, *held_out) for pair in record.answers]),
        recogniser_held_out=sum(recogniser.name(text) == kind for kind, text in written) / max(1, len(written)),
        base=_side(base_answers[:cut], recogniser),
        adapter=_side(adapter_answers[:cut], recogniser),
        warm=_side(warm_answers, recogniser),
        prompts=len(UNSEEN_PROMPTS),
        examples=list(zip(base_answers[cut:cases], adapter_answers[cut:cases], strict=True)),
        bare=(base_answers[cases], adapter_answers[cases]),
        bare_words=(_mean_words(base_answers[cases:]), _mean_words(adapter_answers[cases:])),
        history=[{"step": step + 1, **history[step]} for step in range(len(history)) if step % 10 == 9 or step == 0],
    )
    write_report(out, report)
    return report


def command_line(settings: Settings, steps: int | None) -> str:
    """The command that makes this adapter again; options at their defaults are left out."""
    parts = ["python -m aligntui.backend.train.demo_recipe"]
    if steps is not None:
        parts.append(f"--steps {steps}")
    if settings.seed != Settings.seed:
        parts.append(f"--seed {settings.seed}")
    return " ".join(parts)


def _side(answers: Sequence[Answer], recogniser: Recogniser) -> Side:
    return Side(
        obeyed=obeyed(answers),
        recognised=recognised(answers, recogniser),
        words=mean_words(answers),
        ended=sum(a.ended for a in answers) / len(answers),
        loops=sum(looping(a.text) for a in answers),
    )


def _mean_words(answers: Sequence[Answer]) -> float:
    return sum(words(a.text) for a in answers) / len(answers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line of the recipe."""
    parser = argparse.ArgumentParser(
        prog="python -m aligntui.backend.train.demo_recipe", description="Make the bundled demo adapter again."
    )
    parser.add_argument(
        "--out", type=Path, default=Path("adapters") / "demo", help="adapter folder (default: adapters/demo)"
    )
    parser.add_argument("--steps", type=int, default=None, help="optimiser steps (default: whole epochs)")
    parser.add_argument("--seed", type=int, default=Settings.seed, help="seed of adapter, order and sampling")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        report = make(options.out, replace(Settings(), seed=options.seed), options.steps)
    except AligntuiError as error:
        log.error("%s", error)
        return error.exit_code
    log.info("done: held out %s, command: %s", report.held_out["adapter"], report.command)
    return 0


if __name__ == "__main__":
    sys.exit(main())
