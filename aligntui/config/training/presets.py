"""Presets by name: one YAML file each, beside this module. Pinned in tests/config/test_training_presets.py."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from aligntui.config.training.keys import full_key
from aligntui.config.training.training_config import TrainingConfig
from aligntui.config.training.yaml_file import build, read_mapping
from aligntui.core.errors import UserError, nearest

FOLDER = Path(__file__).parent / "presets"


@dataclass(frozen=True)
class Preset:
    """A named configuration and where its values come from."""

    name: str
    about: str
    """One sentence."""
    source: str
    """Document of the preset table (000, 002, 003, 004) or arXiv id."""
    gpu_only: tuple[str, ...]
    """Settings that apply only with a GPU; without one the trainer leaves them out and says so."""
    ours: tuple[str, ...]
    """Settings that the source does not state and that were chosen here."""
    config: TrainingConfig


def preset_names() -> list[str]:
    """All names, sorted."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml") if not file.stem.startswith("_"))


def presets() -> list[Preset]:
    """All presets by name."""
    return [load_preset(name) for name in preset_names()]


@cache
def load_preset(name: str) -> Preset:
    """The preset of a name.

    Raises:
        UserError: there is none; names the nearest.
    """
    known = preset_names()
    if name not in known:
        raise UserError(f"There is no preset {name!r}.", nearest(name, known))
    values = _read(name)
    about, source = str(values.pop("about", "")), str(values.pop("source", ""))
    gpu_only, ours = (tuple(map(full_key, values.pop(key, ()))) for key in ("gpu_only", "ours"))
    config = replace(build(values, f"preset {name}"), preset=name, source=source)
    return Preset(name, about, source, gpu_only, ours, config)


def _read(name: str) -> dict[str, Any]:
    """The settings of a file over those of the one that it is `like`, part by part."""
    values = read_mapping((FOLDER / f"{name}.yaml").read_text("utf-8"), f"preset {name}")
    parent = values.pop("like", None)
    if parent is None:
        return values
    merged = _read(str(parent))
    for key, value in values.items():
        own = merged.get(key)
        merged[key] = {**own, **value} if isinstance(own, dict) and isinstance(value, dict) else value
    return merged
