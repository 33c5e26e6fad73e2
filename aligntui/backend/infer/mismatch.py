"""Where an adapter may not mean what the user expects: other base weights, another template or mode.

Pinned in tests/backend/test_mismatch.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aligntui.backend.infer.adapters import Adapter
from aligntui.backend.infer.weights import Base


def adapter_warnings(path: str, adapter: Adapter, base: Base) -> list[str]:
    """Sentences to be shown before the first answer; empty when nothing speaks against the adapter."""
    story = _run_config(Path(path))
    warnings = []
    trained_on = story.get("base_weights_sha256")
    if isinstance(trained_on, str) and trained_on:
        if trained_on != base.weights_sha256:
            warnings.append(
                f"This adapter was trained on other base weights ({trained_on[:12]}…) than those loaded "
                f"({base.weights_sha256[:12]}…). Its shapes fit, but its answers may be worth nothing."
            )
    elif not _may_be_same(adapter.base_model, base):
        warnings.append(
            f"This adapter says that it was trained on {adapter.base_model}; the base loaded is {base.asked}. "
            "Its shapes fit, but its answers may be worth nothing."
        )
    template = story.get("template_sha256")
    if isinstance(template, str) and template and template != base.template.sha256:
        warnings.append(
            f"This adapter was trained with another chat template ({template[:12]}…) than the one in use "
            f"({base.template.sha256[:12]}…): it may not react to instructions as it did in training."
        )
    mode = story.get("mode")
    if isinstance(mode, str) and mode not in ("", "system"):
        warnings.append(
            f"This adapter was trained on prompts in the mode {mode}: with instructions placed otherwise it may not act."
        )
    return warnings


def _run_config(folder: Path) -> dict[str, Any]:
    # a checkpoint lies in NAME/run/checkpoints/X or in NAME/X: the story is that of its run
    for place in (folder / "run", folder.parent.parent, folder.parent / "run"):
        try:
            story = json.loads((place / "config.json").read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(story, dict) and story.keys() & {"base_weights_sha256", "template_sha256", "mode"}:
            return story
    return {}


def _may_be_same(named: str, base: Base) -> bool:
    """Compare only the last part of each name: the same weights lie in many folders and under many owners."""
    if not named:
        return True
    own = {_last(base.asked), _last(str(base.folder)), _last(str(base.model.config._name_or_path or ""))}
    if base.asked == "embedded":
        own |= {"smollm2-135m-instruct", "embedded"}
    name = _last(named)
    # a cache folder's name carries a hash behind the model's name
    return any(name and known and (name in known or known in name) for known in own)


def _last(name: str) -> str:
    return name.rstrip("/").rsplit("/", 1)[-1].lower()
