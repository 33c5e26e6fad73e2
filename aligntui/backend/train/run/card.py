"""The model card of a trained adapter. Pinned in tests/backend/test_run_training.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from aligntui.config.training import TrainingConfig, dump_config
from aligntui.wire.run_events import Eval, Stamped, Started, Step, current

_TITLES = {
    "sft": "supervised fine-tuning (SFT)",
    "contrastive-ita": "contrastive instruction-tuned alignment (SFT)",
    "dpo": "direct preference optimisation (DPO)",
    "rrhf": "RRHF",
    "unified": "SFT with DPO and KL (unified)",
    "cita-kl": "contrastive instruction-tuned alignment with KL (CITA-KL)",
}

_PARTS = 4
"""Of each stage, in the table of figures."""
_COLUMNS = {
    "loss": "loss",
    "sft": "SFT",
    "contrast": "contrast",
    "kl": "KL",
    "kl_weight": "lambda",
    "margin": "margin",
    "accuracy": "accuracy",
    "chosen_logp": "chosen log-prob",
    "rejected_logp": "rejected log-prob",
}


@dataclass(frozen=True)
class Facts:
    """What the card tells besides the configuration."""

    name: str
    run: str
    """Identifier of the run."""
    base_name: str
    base_weights_sha256: str
    template_sha256: str
    mode: str
    adapter_sha256: str
    dtype: str
    device: str
    processes: int
    steps: int
    seconds: float
    parameters: int
    records: int
    held_out: int
    truncated: int
    dropped: int
    manifest: Mapping[str, Any]
    lineage: Mapping[str, Any]
    versions: Mapping[str, str]


def data_name(manifest: Mapping[str, Any]) -> str:
    """What a card calls the data: a file or folder by its last part, which says nothing of the machine."""
    source = manifest.get("source") or manifest.get("name")
    if not isinstance(source, Mapping):
        return f"`{source}`" if source else "the data of its run"
    found = source.get("source") or source.get("name") or "the data of its run"
    names = [str(one) for one in (found if isinstance(found, list) else [found])]
    if source.get("kind") in ("file", "folder"):
        names = [PurePath(name).name for name in names]
    layout = f" ({source['layout']})" if source.get("layout") else ""
    return f"{', '.join(f'`{name}`' for name in names)}{layout}"


def card(facts: Facts, config: TrainingConfig, events: list[Stamped]) -> str:
    """The card as Markdown, its first sentence fit to stand alone in a list of adapters."""
    stages = [stage.method.value for stage in config.stages] or [config.method.value]
    how = ", then ".join(_TITLES[stage] for stage in stages)
    data = data_name(facts.manifest)
    lines = [
        "---",
        f"base_model: {facts.base_name}",
        "library_name: peft",
        f"tags: [aligntui, lora, {', '.join(dict.fromkeys(stages))}]",
        "---",
        f"# {facts.name}",
        "",
        f"A LoRA adapter for `{facts.base_name}`, made by {how} on {facts.records:,} records of {data}.",
        "",
        f"Prompts in training had the format `{config.format.value}`: chat with the instruction mode `{facts.mode}`.",
        "",
        "## Training",
        "",
        *_table(_training_rows(facts, config, stages)),
        "",
        "## Figures",
        "",
        *_figures(events),
        "",
        "## Conditions",
        "",
        *_table(
            {
                "base weights (SHA-256)": f"`{facts.base_weights_sha256}`",
                "chat template (SHA-256)": f"`{facts.template_sha256}`",
                "data (SHA-256)": f"`{facts.manifest.get('sha256', 'not stated')}`",
                "adapter (SHA-256)": f"`{facts.adapter_sha256}`",
                "parent adapter": str(facts.lineage.get("parent") or "none"),
                "libraries": ", ".join(f"{name} {version}" for name, version in facts.versions.items()),
            }
        ),
        "",
        "## Configuration",
        "",
        "```yaml",
        dump_config(config).rstrip(),
        "```",
        "",
    ]
    return "\n".join(lines)


def _training_rows(facts: Facts, config: TrainingConfig, stages: list[str]) -> dict[str, str]:
    source = f" (source: {config.source})" if config.source else ""
    return {
        "run": f"`{facts.run}`",
        "preset": (f"`{config.preset}`" if config.preset else "none") + source,
        "method": " -> ".join(stages),
        "seed": str(config.seed),
        "records": f"{facts.records:,} trained, {facts.held_out:,} held out",
        "left out": f"{facts.dropped:,} whose prompt left no room; {facts.truncated:,} answers cut at their end",
        "steps": f"{facts.steps:,} in {facts.seconds:,.0f} s on {facts.device}, {facts.processes} process(es)",
        "weights": f"{facts.parameters:,} trained, base in {facts.dtype}"
        + (f", quantised to {config.base.quantisation.value}" if config.base.quantisation.value != "none" else ""),
    }


def _figures(events: list[Stamped]) -> list[str]:
    """The course of each stage: means over a quarter of its steps each, and the held-out records where they were asked."""
    kept = current(events)
    steps = [s.event for s in kept if isinstance(s.event, Step)]
    if not steps:
        return ["No step was logged."]
    begun = next((s.event for s in reversed(kept) if isinstance(s.event, Started)), None)
    stages = list(zip(begun.stages, begun.stage_ends, strict=True)) if begun else []
    rows: list[tuple[str, Mapping[str, float | None]]] = []
    first = 0
    for name, last in stages or [("run", steps[-1].step)]:
        inside = [step for step in steps if first < step.step <= last]
        for part in range(_PARTS):
            block = inside[part * len(inside) // _PARTS : (part + 1) * len(inside) // _PARTS]
            if block:
                means = {key: _mean([getattr(step, key) for step in block]) for key in _COLUMNS}
                rows.append((f"{name}, steps {block[0].step} to {block[-1].step}", means))
        held_out = [s.event for s in kept if isinstance(s.event, Eval) and first < s.event.step <= last]
        if held_out:
            final = held_out[-1]
            rows.append(
                (f"{name}, held out at step {final.step}", {key: getattr(final, key, None) for key in _COLUMNS})
            )
        first = last
    shown = [key for key in _COLUMNS if any(values[key] is not None for _, values in rows)]
    lines = ["| mean over | " + " | ".join(_COLUMNS[key] for key in shown) + " |", "|---" * (len(shown) + 1) + "|"]
    for title, values in rows:
        cells = ("-" if (value := values[key]) is None else f"{value:.4g}" for key in shown)
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def _mean(values: Sequence[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return sum(found) / len(found) if found else None


def _table(rows: Mapping[str, str]) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
