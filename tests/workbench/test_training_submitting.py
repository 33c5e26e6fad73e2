"""A run is frozen whole or not at all, and nothing changes it afterwards."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.config.training import TrainingConfig, apply_settings, load_config
from aligntui.core.errors import AligntuiError, EnvironmentProblem, UserError
from aligntui.jobs.folders import list_run_folders
from aligntui.workbench.training import submitting
from aligntui.workbench.training.sources import DataWish, load_source
from aligntui.workbench.training.submitting import Submission, check_name, prepare, submit
from tests.workbench.training_data import jsonl, pairs


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "workspace")
    made.make()
    return made


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return Path(jsonl(tmp_path / "data.jsonl", pairs(10)))


def prepared(workspace: Workspace, data: Path, *changes: str, name: str = "one") -> Submission:
    config = apply_settings(TrainingConfig(), ["share=0.3", *changes])
    return prepare(workspace, name, config, load_source(workspace, DataWish(str(data))))


def test_what_is_frozen_does_not_follow_later_changes(workspace: Workspace, data: Path) -> None:
    submission = prepared(workspace, data, "max_steps=7")
    folder = submit(workspace, submission)
    data.write_text("")
    assert load_config(folder.config) == submission.config
    train = folder.train_data.read_bytes()
    manifest = json.loads(folder.manifest.read_text())
    assert manifest["files"]["train.jsonl"]["sha256"] == hashlib.sha256(train).hexdigest() == manifest["sha256"]
    held_out = folder.eval_data.read_text().splitlines()
    assert manifest["counts"] == {"train": train.count(b"\n"), "held_out": len(held_out), "skipped": {}}
    ids = [json.loads(line)["id"] for line in [*train.decode().splitlines(), *held_out]]
    assert len(set(ids)) == len(ids) == 10
    assert not list(workspace.adapters.glob(".draft-*"))


def test_lineage_names_pairs_parent_and_base(workspace: Workspace, data: Path) -> None:
    parent = workspace.adapters / "first"
    parent.mkdir()
    (parent / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4, "target_modules": ["q_proj"]}')
    header = json.dumps({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    weights = len(header).to_bytes(8, "little") + header + bytes(8)
    (parent / "adapter_model.safetensors").write_bytes(weights)
    folder = submit(workspace, prepared(workspace, data, "parent=first"))
    lineage = json.loads(folder.lineage.read_text())
    assert lineage["parent_adapter"] == {
        "name": "first", "path": str(parent), "sha256": hashlib.sha256(weights).hexdigest(),
    }  # fmt: skip
    assert load_config(folder.config).adapter.parent == str(parent), "found wherever the run is started"
    assert (lineage["base_model"], lineage["data_set"], lineage["records"]) == ("embedded", None, 10)
    with pytest.raises(UserError, match="no adapter 'fist'"):
        prepared(workspace, data, "parent=fist")


def test_nothing_to_train_on_says_why(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No pair was judged yet"):
        prepare(workspace, "one", TrainingConfig(), load_source(workspace, DataWish("pairs")))
    examples = jsonl(tmp_path / "sft.jsonl", [{"prompt": "Say a.", "completion": "a"}])
    with pytest.raises(UserError, match="1 without a rejected answer") as caught:
        prepare(workspace, "one", TrainingConfig(), load_source(workspace, DataWish(examples)))
    assert "method=sft" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unwritable for the superuser")
def test_an_unwritable_workspace_is_said(workspace: Workspace, data: Path) -> None:
    submission = prepared(workspace, data)
    workspace.adapters.chmod(0o500)
    try:
        with pytest.raises(AligntuiError, match="read-only"):
            submit(workspace, submission)
    finally:
        workspace.adapters.chmod(0o700)


def test_a_disk_that_fails_half_way_leaves_no_half_of_a_run(
    workspace: Workspace, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = prepared(workspace, data)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(submitting, "write_json", full)
    with pytest.raises(EnvironmentProblem, match="no space left on device"):
        submit(workspace, submission)
    assert list(workspace.adapters.iterdir()) == []
    monkeypatch.undo()
    submit(workspace, submission)


def test_names_that_are_taken(workspace: Workspace, data: Path) -> None:
    submit(workspace, prepared(workspace, data))
    with pytest.raises(UserError, match="has made no adapter yet"):
        check_name(workspace, "one")
    submit(workspace, prepared(workspace, data, "max_steps=3"), replace_it=True)
    (folder,) = list_run_folders(workspace)
    assert load_config(folder.config).steps.max_steps == 3
    (aside,) = (workspace.adapters / ".replaced").iterdir()
    assert load_config(aside / "run" / "config.yaml").steps.max_steps == 0
    (folder.adapter / "adapter_config.json").write_text("{}")
    with pytest.raises(UserError, match="There is an adapter 'one' already"):
        check_name(workspace, "one", replace_it=True)
    (workspace.adapters / "dangling").symlink_to(workspace.root / "nowhere")
    with pytest.raises(UserError, match="already"):
        check_name(workspace, "dangling")
