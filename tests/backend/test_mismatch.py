"""Warnings before the first answer: another base, another template."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.mismatch import adapter_warnings


@pytest.fixture
def place(adapter_a: Path, tmp_path: Path) -> Path:
    """A copy of adapter A with room for a run's story."""
    folder = Path(shutil.copytree(adapter_a, tmp_path / "copy"))
    (folder / "run").mkdir()
    return folder


def tell(folder: Path, **story: object) -> None:
    (folder / "run" / "config.json").write_text(json.dumps(story))


def test_its_own_base_and_template_need_no_warning(shelf: AdapterShelf, place: Path) -> None:
    adapter = shelf.get(str(place))
    assert adapter_warnings(str(place), adapter, shelf.base) == []
    tell(place, base_weights_sha256=shelf.base.weights_sha256, template_sha256=shelf.base.template.sha256)
    assert adapter_warnings(str(place), adapter, shelf.base) == []


def test_other_weights_and_another_template_are_said(shelf: AdapterShelf, place: Path) -> None:
    tell(place, base_weights_sha256="a" * 64, template_sha256="b" * 64)
    first, second = adapter_warnings(str(place), shelf.get(str(place)), shelf.base)
    assert "other base weights (aaaaaaaaaaaa…)" in first
    assert "another chat template (bbbbbbbbbbbb…)" in second


def test_an_unusual_mode_of_training_is_said(shelf: AdapterShelf, place: Path) -> None:
    tell(place, mode="system")
    assert adapter_warnings(str(place), shelf.get(str(place)), shelf.base) == []
    tell(place, mode="ita")
    (warning,) = adapter_warnings(str(place), shelf.get(str(place)), shelf.base)
    assert "mode ita" in warning


def test_a_checkpoint_shares_the_story_of_its_run(shelf: AdapterShelf, place: Path) -> None:
    tell(place, template_sha256="b" * 64)
    checkpoint = place / "run" / "checkpoints" / "step-10"
    checkpoint.mkdir(parents=True)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copy(place / name, checkpoint)
    assert len(adapter_warnings(str(checkpoint), shelf.get(str(checkpoint)), shelf.base)) == 1


def test_another_name_of_the_base_is_said_only_where_it_clearly_differs(shelf: AdapterShelf, place: Path) -> None:
    adapter = shelf.get(str(place))
    same = ["someone/tiny-llama", "/else/where/tiny-llama", "", "tiny-llama/"]
    for name in same:
        assert adapter_warnings(str(place), replace(adapter, base_model=name), shelf.base) == []
    (warning,) = adapter_warnings(str(place), replace(adapter, base_model="meta/Llama-3-8B"), shelf.base)
    assert "meta/Llama-3-8B" in warning and str(shelf.base.asked) in warning


def test_a_damaged_story_is_no_story(shelf: AdapterShelf, place: Path) -> None:
    (place / "run" / "config.json").write_text("{")
    assert adapter_warnings(str(place), shelf.get(str(place)), shelf.base) == []
