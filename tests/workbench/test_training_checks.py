from __future__ import annotations

from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.config.training import TrainingConfig, apply_settings
from aligntui.workbench.training.checks import bundled_suites, check_data
from aligntui.workbench.training.records import Item
from aligntui.workbench.training.sources import DataWish, load_source
from tests.workbench.training_data import SUBJECTS, jsonl, pairs, switched


@pytest.fixture
def load(tmp_path: Path):
    def loaded(records: list[dict]) -> list[Item]:
        path = jsonl(tmp_path / "data.jsonl", records)
        return load_source(Workspace(tmp_path / "workspace"), DataWish(path)).train

    return loaded


def config(*changes: str) -> TrainingConfig:
    return apply_settings(TrainingConfig(), list(changes))


def test_prompts_of_evaluation_suites_are_counted_by_suite(load) -> None:
    items = load(pairs(10))
    suites = {"one": ["What is bread made of?", "What is rain made of?"], "two": ["Something else altogether?"]}
    (warning,) = check_data(items, config("method=sft"), suites)
    assert "2 of one" in warning and "two" not in warning.partition("Scores")[0].replace("suites", "")
    assert check_data(items, config("method=sft"), {"two": suites["two"]}) == []


def test_the_bundled_suites_are_looked_for(load) -> None:
    suites = bundled_suites()
    assert {"track-a", "four-laws battery", "switch bank"} <= set(suites) and all(suites.values())
    taken = {"prompt": suites["track-a"][0], "chosen": "a", "rejected": "b"}
    (warning,) = check_data(load([*pairs(2), taken]), config("method=dpo"))
    assert "1 of track-a" in warning


def test_switching_needs_opposed_preferences(load) -> None:
    same = [{**one, "system": "Be brief."} for one in pairs(5)]
    (warning,) = check_data(load(same), config("method=cita-kl"), {})
    assert "cannot be learnt" in warning and "opposite preferences" in warning
    opposed = [record for subject in SUBJECTS[:3] for record in switched(subject)]
    assert check_data(load(opposed), config("method=cita-kl"), {}) == []
    assert check_data(load(same), config("method=sft"), {}) == [], "SFT is not there to switch"


def test_cita_without_any_instruction_is_said(load) -> None:
    (warning,) = check_data(load(pairs(4)), config("method=cita-kl"), {})
    assert "No record has an alignment instruction" in warning
    assert check_data(load(pairs(4)), config("method=dpo"), {}) == []


def test_the_stages_of_a_run_count(load) -> None:
    same = [{**one, "system": "Be brief."} for one in pairs(5)]
    assert check_data(load(same), config("stages=dpo,sft"), {})
