"""The conditions of an answer, put together where all of them are known."""

from __future__ import annotations

from aligntui.backend.infer.adapters import Adapter
from aligntui.backend.infer.weights import ENGINE_NAME, Base
from aligntui.core.conditions import Conditions
from aligntui.core.prompt_format import Mode
from aligntui.wire.engine import Row


def engine_name(path: str) -> str:
    """Engine name, version and decode path."""
    return f"{ENGINE_NAME} {path}"


def conditions_of(row: Row, base: Base, adapter: Adapter | None, rendered_prompt: str, path: str) -> Conditions:
    """Everything that makes the answer to `row` what it will be. The base has strength 0."""
    mode = Mode(row.mode)
    return Conditions(
        model=base.asked,
        model_path=str(base.folder),
        weights_sha256=base.weights_sha256,
        adapter=row.adapter.name if row.adapter else None,
        adapter_path=row.adapter.path if row.adapter else None,
        adapter_sha256=adapter.sha256 if adapter else None,
        strength=float(row.strength) if row.adapter else 0.0,
        template_sha256=base.template.sha256,
        rendered_prompt=rendered_prompt,
        instruction=row.instruction,
        mode=mode.value,
        seed=row.seed,
        temperature=float(row.temperature),
        top_p=float(row.top_p),
        max_new_tokens=row.max_new_tokens,
        dtype=base.dtype,
        quantisation=base.quantisation,
        engine=engine_name(path),
        versions=dict(base.versions),
        injection_every=row.injection_every if mode is Mode.INJECTION else None,
        device=base.device,
    )
