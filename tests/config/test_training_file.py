"""The configuration as a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from aligntui.config.training import TrainingConfig, apply_settings, dump_config, load_config, parse_config, save_config
from aligntui.core.errors import UserError


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    config = apply_settings(
        TrainingConfig(), ["lr=5.41e-6", "stages=sft,cita-kl", "layers=1,2", "max_memory=0=1GiB", "max_steps=9"]
    )
    save_config(config, tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml") == config
    assert dump_config(config) == (tmp_path / "config.yaml").read_text("utf-8")


def test_what_a_file_leaves_out_has_its_default() -> None:
    config = parse_config("method: dpo\noptimiser: {learning_rate: 5e-4}\n", "mine.yaml")
    assert config.method == "dpo" and config.optimiser.learning_rate == 5e-4  # YAML 1.1 reads 5e-4 as a text
    assert config.adapter == TrainingConfig().adapter


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("method: [", ["not YAML"]),
        ("just words", ["no settings"]),
        ("", ["no settings"]),
        ("methods: dpo", ["methods", "'method'"]),
        ("adapter: {rnk: 8}", ["adapter.rnk", "'rank'"]),
        ("adapter: 8", ["adapter", "settings of its own"]),
        ("steps: {batch: many}", ["steps.batch", "whole number"]),
        ("stages: [sft, {metod: dpo}]", ["stage"]),
        ("method: cita-kl\nloss: {lambda_start: 0}", ["mandatory"]),
    ],
)
def test_what_a_file_cannot_mean_is_refused_by_its_name(text: str, words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        parse_config(text, "mine.yaml")
    whole = f"{caught.value.message} {caught.value.hint}"
    assert "mine.yaml" in whole and all(word in whole for word in words), whole


def test_a_missing_or_odd_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no configuration"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="UTF-8"):
        load_config(tmp_path / "binary.yaml")
    (tmp_path / "code.yaml").write_text("method: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(UserError, match="not YAML"):
        load_config(tmp_path / "code.yaml")
