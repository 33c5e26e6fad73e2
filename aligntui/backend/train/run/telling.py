"""What a run says of its conditions: to its folder, to its events and on the card.

Pinned in tests/backend/test_run_training.py.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
from collections.abc import Sequence
from typing import Any

from aligntui.backend.infer.weights import Base
from aligntui.backend.train.run.adapter_model import base_name
from aligntui.backend.train.run.card import Facts
from aligntui.backend.train.run.figures import world
from aligntui.backend.train.run.folder import RunFolder
from aligntui.backend.train.run.layout import Stage
from aligntui.config.training import TrainingConfig
from aligntui.core.files import write_text_atomic
from aligntui.core.ids import sha256_text
from aligntui.wire.run_events import Data, Started


def write_conditions(folder: RunFolder, config: TrainingConfig, base: Base, stages: Sequence[Stage]) -> None:
    """Write `config.json`: what chat compares with its own conditions, and the dtype that a resume takes again.

    Raises:
        EnvironmentProblem: the disk is full or failed.
    """
    encoder = stages[-1].encoder
    body: dict[str, Any] = {
        "base_model": config.base.model,
        "base_weights_sha256": base.weights_sha256,
        "template_sha256": encoder.template.sha256,
        "mode": encoder.mode.value,
        "injection_every": config.injection_every if encoder.mode.value == "injection" else None,
        "format": stages[-1].config.format.value,
        "method": config.method.value,
        "preset": config.preset,
        "seed": config.seed,
        "dtype": base.dtype,
        "quantisation": base.quantisation,
        "versions": base.versions,
    }
    write_text_atomic(folder.conditions, json.dumps(body, indent=2) + "\n")


def started(config: TrainingConfig, base: Base, stages: Sequence[Stage], trainable: int) -> Started:
    """The event of a life's begin."""
    return Started(
        pid=os.getpid(),
        model=config.base.model,
        model_hash=base.weights_sha256,
        template_hash=stages[-1].encoder.template.sha256,
        total_steps=stages[-1].end,
        trainable_parameters=trainable,
        dtype=base.dtype + (f", {base.quantisation}" if base.quantisation else ""),
        device=base.device,
        versions=versions(base),
        stages=tuple(stage.config.method.value for stage in stages),
        stage_ends=tuple(stage.end for stage in stages),
        processes=world(),
    )


def data_of(stage: Stage) -> Data:
    """The event about a stage's data."""
    return Data(
        records=len(stage.train.items),
        tokens=stage.train.tokens,
        trained_tokens=stage.train.trained_tokens,
        truncated=stage.train.truncated,
        dropped=len(stage.train.dropped),
        held_out=len(stage.held_out.items) if stage.held_out else 0,
    )


def facts(
    folder: RunFolder, base: Base, stages: Sequence[Stage], digest: str, seconds: float, parameters: int
) -> Facts:
    """What the card tells besides the configuration.

    Args:
        folder: with manifest and lineage.
        base: as it was loaded.
        stages: all of the run.
        digest: hash of the finished adapter.
        seconds: of training.
        parameters: numbers in the finished adapter.
    """
    data, last = data_of(stages[0]), stages[-1]
    lineage, manifest = folder.read_json(folder.lineage), folder.read_json(folder.manifest)
    frozen = folder.config.read_text("utf-8") + "\n" + str(manifest.get("sha256", ""))
    return Facts(
        name=folder.name,
        run=str(lineage.get("run") or f"{folder.name}-{sha256_text(frozen)[:12]}"),
        base_name=base_name(base),
        base_weights_sha256=base.weights_sha256,
        template_sha256=last.encoder.template.sha256,
        mode=last.encoder.mode.value,
        adapter_sha256=digest,
        dtype=base.dtype,
        device=base.device,
        processes=world(),
        steps=last.end,
        seconds=seconds,
        parameters=parameters,
        records=data.records,
        held_out=data.held_out,
        truncated=data.truncated,
        dropped=data.dropped,
        manifest=manifest,
        lineage=lineage,
        versions=versions(base),
    )


def versions(base: Base) -> dict[str, str]:
    """Versions that can change a run."""
    return {**base.versions, **{name: importlib.metadata.version(name) for name in ("peft", "trl", "accelerate")}}
