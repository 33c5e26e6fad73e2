"""Checkpoints appear whole, are counted rightly and go when they are too many."""

from __future__ import annotations

from pathlib import Path

from aligntui.backend.train.run.checkpoints import Checkpoints, Progress


def write(checkpoints: Checkpoints, step: int) -> Path:
    draft = checkpoints.begin(step)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (draft / name).write_text(f"{step}")
    return checkpoints.finish(Progress(step, 0, step, 1.5))


def test_the_newest_whole_one_counts(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.newest() is None
    assert write(checkpoints, 9).name == "step-000009"
    write(checkpoints, 10)
    half = checkpoints.begin(11)
    (half / "adapter_config.json").write_text("{}")
    (tmp_path / "step-000012").mkdir()  # somebody emptied it
    assert checkpoints.steps() == [9, 10]
    assert checkpoints.newest() == (tmp_path / "step-000010", Progress(10, 0, 10, 1.5))
    (tmp_path / "step-000010" / "state" / "progress.json").write_text("{")
    found = checkpoints.newest()
    assert found is not None and found[1].step == 9
    checkpoints.sweep()
    assert not half.exists() and checkpoints.steps() == [9, 10]


def test_only_the_newest_stay(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 3, 1_000_000):
        write(checkpoints, step)
    assert checkpoints.steps() == [3, 1_000_000]


def test_a_step_that_is_trained_again_replaces_its_checkpoint(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    write(checkpoints, 4)
    (tmp_path / "step-000004" / "old").touch()
    write(checkpoints, 4)
    assert not (tmp_path / "step-000004" / "old").exists() and checkpoints.steps() == [4]
