"""A run in figures: what lists, `--json` and screens say of it. Pinned in tests/cli/test_runs.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from aligntui.config.training import TrainingConfig, load_config
from aligntui.core.errors import AligntuiError
from aligntui.jobs.folders import read_json
from aligntui.jobs.state import Run
from aligntui.wire.run_events import Failed

POINTS = 400
"""Points of a curve in a record; of longer ones every n-th, and the last."""


def run_record(run: Run, *, whole: bool = False) -> dict[str, Any]:
    """A run as a JSON object.

    Args:
        run: looked at just now.
        whole: also configuration, data, curves, samples, evaluations and warnings.
    """
    story = run.story
    record: dict[str, Any] = {
        "name": run.name,
        "state": run.state.value,
        "note": run.note,
        "folder": str(run.folder.path),
        "pid": run.process.pid if run.process else None,
        "step": story.step,
        "total_steps": story.total_steps,
        "seconds": run.seconds,
        "eta_s": story.eta_s if run.state.lives else None,
        "seconds_per_step": story.pace_s,
        "last": {name: story.latest(name) for name, points in story.curves.items() if points},
        "checkpoints": [{"step": one.step, "name": f"{run.name}@{one.step}"} for one in story.checkpoints],
        "error": asdict(story.end) if isinstance(story.end, Failed) else None,
    }
    if whole:
        config = config_of(run)
        record |= {
            "config": _plain(config) if config else None,
            "data": read_json(run.folder.manifest),
            "lineage": read_json(run.folder.lineage),
            "started": asdict(story.head) if story.head else None,
            "tokens": asdict(story.data) if story.data else None,
            "curves": {name: thinned(points) for name, points in story.curves.items() if points},
            "evaluations": [asdict(one) for one in story.evaluations],
            "samples": [asdict(one) for one in story.samples],
            "warnings": story.warnings,
            "readings": _readings(run, config),
        }
    return record


def summary_lines(run: Run, progress: str) -> Iterator[tuple[str, str]]:
    """What a reader wants first, each a name and a sentence.

    Args:
        run: looked at just now.
        progress: where it stands, in words.
    """
    story, data = run.story, read_json(run.folder.manifest)
    yield "run", run.name
    yield "state", f"{run.state}{f' ({run.note})' if run.note else ''}"
    if run.process:
        yield "process", str(run.process.pid)
    if story.total_steps:
        yield "progress", progress
    if isinstance(story.end, Failed):
        yield "error", f"{story.end.error} {story.end.hint}".strip()
    config = config_of(run)
    if config:
        yield from config_lines(config)
    counts = data.get("counts", {})
    if counts:
        source = data.get("source", {}).get("source", "")
        yield "data", f"{source}: {counts.get('train', 0):,} records, {counts.get('held_out', 0):,} held out"
    if story.data:
        cut = f", {story.data.truncated:,} truncated" if story.data.truncated else ""
        yield "tokens", f"{story.data.tokens:,} an epoch, {story.data.trained_tokens:,} of them trained{cut}"
    if story.head:
        head = story.head
        yield "model", f"{head.model}, weights {head.model_hash[:12]}, {head.dtype} on {head.device}"
    yield "folder", str(run.folder.path)


def config_lines(config: TrainingConfig) -> Iterator[tuple[str, str]]:
    """The settings that matter most."""
    methods = " -> ".join(stage.method for stage in config.stages) or config.method.value
    preset = f" (preset {config.preset})" if config.preset else ""
    yield "method", f"{methods}, prompts as {config.format}{preset}"
    base, adapter, steps, optimiser = config.base, config.adapter, config.steps, config.optimiser
    four_bit = ", 4-bit NF4" if base.quantisation != "none" else ""
    yield "base", f"{base.model}, {base.dtype}{four_bit}"
    where = ", ".join(adapter.target_modules) + (f" of layers {adapter.layers}" if adapter.layers else "")
    yield "adapter", f"rank {adapter.rank}, alpha {adapter.alpha:g}, dropout {adapter.dropout:g} on {where}"
    length = f"{steps.max_steps:,} steps" if steps.max_steps else f"{steps.epochs:g} epochs"
    yield (
        "steps",
        f"{length}, batch {steps.batch} x {steps.accumulation}, at most {steps.length:,} tokens, "
        f"{optimiser.optimizer} at {optimiser.learning_rate:g}, {optimiser.schedule}",
    )


def thinned(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most about `POINTS` of them, the last one included."""
    every = max(1, len(points) // POINTS)
    shown = points[::every]
    return shown if not points or shown[-1] == points[-1] else [*shown, points[-1]]


def config_of(run: Run) -> TrainingConfig | None:
    """The frozen configuration; None where it cannot be read."""
    try:
        return load_config(run.folder.config)
    except AligntuiError:  # of a later aligntui, or edited by hand: the rest can be shown all the same
        return None


def _plain(config: TrainingConfig) -> Any:
    from aligntui.config.training.yaml_file import plain

    return plain(config)


def _readings(run: Run, config: TrainingConfig | None) -> list[dict[str, str]]:
    from aligntui.workbench.training.reading import read_curves

    return [asdict(one) for one in read_curves(run.story, config)]
