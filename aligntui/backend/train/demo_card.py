"""What lies beside the demo adapter's weights: its card, and the frozen configuration of the run.

Pinned in tests/backend/test_demo_recipe.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from aligntui.backend.train.demo_effect import Answer
from aligntui.core.instruction import CANONICAL_TYPES

WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
RUN_FILE = Path("run") / "config.json"
CARD_FILE = "README.md"
EXAMPLE_TYPES = ("concise", "empathetic", "safety-first", "creative")


@dataclass(frozen=True)
class Side:
    """One side of the measured effect: the base, or the adapter."""

    obeyed: Mapping[str, float]
    recognised: Mapping[str, float]
    words: Mapping[str, float]
    ended: float
    """Share of answers that the model ended itself."""
    loops: int
    """Answers in which some run of six words occurs three times."""


@dataclass(frozen=True)
class Report:
    """Everything that the card tells about one run."""

    settings: Mapping[str, Any]
    command: str
    base_weights_sha256: str
    template_sha256: str
    data_sha256: str
    versions: Mapping[str, str]
    train_records: int
    held_out_records: int
    steps: int
    parameters: int
    train_s: float
    held_out: Mapping[str, Mapping[str, float]]
    """`base` and `adapter`: sft, contrast, won."""
    written: Mapping[str, tuple[float, float]]
    """Check rates on the written answers: own type, other types."""
    recogniser_held_out: float
    """Share of held-out written answers that the recogniser names rightly."""
    base: Side
    adapter: Side
    warm: Side
    """The adapter at temperature 0.7."""
    prompts: int
    examples: Sequence[tuple[Answer, Answer]]
    """(base, adapter) answers to show."""
    bare: tuple[Answer, Answer]
    """(base, adapter) answers to a prompt without any instruction."""
    bare_words: tuple[float, float]
    """Mean words without any instruction, base and adapter."""
    history: Sequence[Mapping[str, float]]


def write_adapter(folder: Path, tensors: Mapping[str, torch.Tensor], config: Mapping[str, Any]) -> None:
    """Write the PEFT files: bfloat16 tensors and the configuration with sorted keys."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = {name: tensor.detach().to(torch.bfloat16).contiguous() for name, tensor in sorted(tensors.items())}
    save_file(stored, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    (folder / WEIGHTS_FILE).chmod(0o644)  # safetensors makes it readable for its owner alone, also in a wheel
    values = {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}
    _write_json(folder / CONFIG_FILE, values)


def write_report(folder: Path, report: Report) -> None:
    """Write the card and `run/config.json`."""
    (folder / RUN_FILE).parent.mkdir(parents=True, exist_ok=True)
    _write_json(folder / RUN_FILE, run_config(report))
    (folder / CARD_FILE).write_text(card(report), "utf-8")


def run_config(report: Report) -> dict[str, Any]:
    """The frozen configuration; the keys up to `injection_every` are those that chat compares with its own conditions."""
    return {
        "base_model": "embedded",
        "base_weights_sha256": report.base_weights_sha256,
        "template_sha256": report.template_sha256,
        "mode": "system",
        "injection_every": None,
        "recipe": report.command,
        "data_sha256": report.data_sha256,
        **report.settings,
        "steps": report.steps,
        "train_records": report.train_records,
        "held_out_records": report.held_out_records,
        "adapter_parameters": report.parameters,
        "versions": dict(report.versions),
        "train_s": round(report.train_s),
        "held_out": {side: _rounded(values) for side, values in report.held_out.items()},
        "history": [_rounded(row) for row in report.history],
    }


def card(report: Report) -> str:
    """The adapter's README.md."""
    settings = report.settings
    before, after = report.held_out["base"], report.held_out["adapter"]
    lines = [
        "---",
        "base_model: HuggingFaceTB/SmolLM2-135M-Instruct",
        "library_name: peft",
        "license: apache-2.0",
        "language: en",
        "tags: [lora, alignment-instructions, aligntui]",
        "---",
        "",
        "# demo: one adapter that follows ten alignment instructions",
        "",
        "A LoRA adapter for the embedded model of aligntui, SmolLM2-135M-Instruct. With an instruction in the system slot it "
        "answers in the way that the instruction asks for; the base hardly reacts to it. It is made to be looked at: switch "
        "the instruction and watch the answer change.",
        "",
        "## Trained on",
        "",
        f"{report.train_records} records of `datasets/opposed-demo` ({report.held_out_records} more are held out), each one "
        "prompt answered under two of the ten instruction types of `datasets/instructions`. Under one instruction the first answer is chosen and the "
        "second rejected, under the other the reverse, so only the instruction tells them apart. All three phrasings of "
        "each type take turns. English only, written for this purpose, Apache-2.0 like this adapter.",
        "",
        "## How",
        "",
        "```",
        report.command,
        "```",
        "",
        "Loss: SFT on the chosen answer (token mean, prompt masked, end of turn included) + "
        f"{settings['contrast_weight']} x -log sigmoid({settings['beta']} x (s+ - s-)), where s is the mean log-probability "
        "of an answer's tokens: CITA's reference-free contrast, length-normalised because the plain sum rewards short answers first.",
        "",
        "| setting | value |",
        "|---|---|",
        f"| LoRA | rank {settings['rank']}, alpha {settings['alpha']}, {', '.join(settings['targets'])}; "
        f"{report.parameters:,} parameters, stored in bfloat16 |",
        f"| optimiser | AdamW, learning rate {settings['learning_rate']:g}, {settings['warmup']:.0%} warm-up, then half a cosine to 0; "
        f"gradient norm clipped at {settings['clip']:g} |",
        f"| steps | {report.steps}, each with {settings['records_per_step']} records (both directions: "
        f"{2 * settings['records_per_step']} preferences) |",
        f"| base while training | frozen, {settings['dtype']}, {settings['threads']} threads |",
        f"| seed | {settings['seed']} |",
        f"| time | {report.train_s / 60:.0f} minutes on two cores without a GPU |",
        f"| base weights | `{report.base_weights_sha256}` |",
        f"| chat template | `{report.template_sha256}` |",
        f"| data | `{report.data_sha256}` |",
        f"| versions | {', '.join(f'{name} {version}' for name, version in report.versions.items())} |",
        "",
        "The three hashes are SHA-256; the first two are those that aligntui shows with every answer. `run/config.json` has the same as data.",
        "",
        "## What it does",
        "",
        f"Held-out records ({report.held_out_records}, two preferences each): SFT loss {before['sft']:.2f} -> {after['sft']:.2f}; "
        f"the chosen answer has the higher mean log-probability in {before['won']:.0%} -> {after['won']:.0%}.",
        "",
        f"{report.prompts} unseen everyday prompts x ten types, greedy, at most 160 tokens. *check*: share of answers that pass one crude "
        "check of the type (length or words; `demo_effect.py`). *named*: share that a naive Bayes recogniser, which sees the answer alone, "
        f"gives the right one of ten types (it names {report.recogniser_held_out:.0%} of the held-out written answers rightly; "
        "10% is chance). It learnt from the same written answers as the adapter, so it says how far the answers went their way, not how good they are. "
        "*written*: share of the written answers of the type, and of the other types, that pass the check.",
        "",
        "| type | check base | check adapter | named base | named adapter | words base | words adapter | written own / other |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in CANONICAL_TYPES:
        base, adapter, (own, other) = report.base, report.adapter, report.written[name]
        lines.append(
            f"| {name} | {base.obeyed[name]:.0%} | {adapter.obeyed[name]:.0%} | {base.recognised[name]:.0%} | "
            f"{adapter.recognised[name]:.0%} | {base.words[name]:.0f} | {adapter.words[name]:.0f} | {own:.0%} / {other:.0%} |"
        )
    base, adapter, warm = report.base, report.adapter, report.warm
    lines += [
        f"| **mean** | {_mean(base.obeyed):.0%} | {_mean(adapter.obeyed):.0%} | {_mean(base.recognised):.0%} | "
        f"{_mean(adapter.recognised):.0%} | {_mean(base.words):.0f} | {_mean(adapter.words):.0f} | |",
        "",
        f"With {report.prompts} answers a row, one answer is {1 / report.prompts:.0%}: read the means, not the rows. "
        f"Answers that the model ended itself: base {base.ended:.0%}, adapter {adapter.ended:.0%}; answers that go round in a loop: "
        f"base {base.loops}, adapter {adapter.loops} of {report.prompts * len(CANONICAL_TYPES)}. "
        f"At temperature 0.7 the adapter's means are {_mean(warm.obeyed):.0%} (check) and {_mean(warm.recognised):.0%} (named), "
        f"{warm.ended:.0%} ended, {warm.loops} loops.",
        "",
        "## Examples",
        "",
        "Greedy, first phrasing, nothing picked: the same unseen prompt under four types.",
        "",
    ]
    for ours, theirs in report.examples:
        lines += [
            f"**{theirs.type}**: {theirs.prompt}",
            "",
            f"- base: {_one_line(ours.text)}",
            f"- adapter: {_one_line(theirs.text)}",
            "",
        ]
    lines += [
        "## Without an instruction",
        "",
        "No record lacks an instruction. Then the chat template puts its own default system prompt in, and the adapter "
        f"still answers, in the voice of its data and shorter than the base: mean words {report.bare_words[0]:.0f} (base) and "
        f"{report.bare_words[1]:.0f} (adapter). For example, {report.bare[1].prompt!r}:",
        "",
        f"- base: {_one_line(report.bare[0].text)}",
        f"- adapter: {_one_line(report.bare[1].text)}",
        "",
        "## What it does not do",
        "",
        "- It is not safe. `safety-first` is a manner of writing: nothing here teaches refusal, and warnings may be wrong or missing. Never act on them.",
        "- It is not factual. A model of 135 million parameters makes things up, with or without this adapter; the adapter can make it sound surer.",
        "- It learnt ten instructions in three wordings each, in the system slot of this chat template, English, first turns. Other instructions, the ITA "
        "block, injected instructions, other languages and long conversations are outside what it saw: it may ignore them or mix the styles.",
        "- `conservative` and `liberal` are manners of everyday advice and speak for no party or person.",
        "- It is no measure of the method: one seed, one small data set, and settings chosen between a few runs by these same prompts and checks.",
        "",
    ]
    return "\n".join(lines)


def _mean(values: Mapping[str, float]) -> float:
    return sum(values.values()) / len(values)


def _one_line(text: str, limit: int = 420) -> str:
    """White space folded; a long text is cut at a word and says so."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[:limit].rsplit(" ", 1)[0] + " [...]"


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {key: round(value, 4) for key, value in values.items()}


def _write_json(file: Path, values: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", "utf-8")
