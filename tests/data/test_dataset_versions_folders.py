"""Names of data sets and versions, damaged manifests, and files that were changed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.data.dataset_versions import (
    data_sets,
    find_version,
    load_manifest,
    verify,
    versions_of,
)
from tests.data.versions import write


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.make()
    return made


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a\\b", "-a", ".a", "a" * 65, "a\0", "ä", "a b"])
def test_names_cannot_leave_the_folder(workspace: Workspace, name: str) -> None:
    with pytest.raises(UserError, match="cannot be the name of a data set"):
        write(workspace, 1, name=name)
    assert list(workspace.datasets.iterdir()) == []


def test_links_cannot_leave_the_folder(workspace: Workspace, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (workspace.datasets / "link").symlink_to(outside)
    with pytest.raises(UserError, match="leads out of"):
        write(workspace, 1, name="link")
    inside = write(workspace, *range(4)).folder
    inside.rename(outside / "v1")
    (workspace.datasets / "set" / "v1").symlink_to(outside / "v1")
    with pytest.raises(UserError, match="leads out of"):
        find_version(workspace, "set@1")
    (workspace.datasets / "round").symlink_to(workspace.datasets / "round")
    with pytest.raises(UserError, match="leads out of"):
        versions_of(workspace, "round")
    assert data_sets(workspace) == ["set"]


def test_a_folder_of_something_else_is_left_alone(workspace: Workspace) -> None:
    own = workspace.own_instructions
    own.parent.mkdir()
    own.write_text("{}")
    with pytest.raises(UserError, match=r"holds something else .*own.jsonl"):
        write(workspace, 1, name="instructions")
    (workspace.datasets / "file").write_text("x")
    with pytest.raises(UserError, match="is a file"):
        write(workspace, 1, name="file")
    assert data_sets(workspace) == []


@pytest.mark.parametrize("ref", ["set", "set@2", "set@v2", "set/v2"])
def test_a_version_is_found(workspace: Workspace, ref: str) -> None:
    write(workspace, *range(4))
    second = write(workspace, *range(8))
    assert find_version(workspace, ref) == second.folder


@pytest.mark.parametrize(
    ("ref", "words"),
    [("sett", "no data set 'sett'"), ("set@3", "no version '3'"), ("set@x", "no version"), ("set@v01", "no version")],
)
def test_a_version_that_is_not_there(workspace: Workspace, ref: str, words: str) -> None:
    write(workspace, *range(4))
    with pytest.raises(UserError, match=words) as caught:
        find_version(workspace, ref)
    assert "set" in caught.value.hint or "v1" in caught.value.hint


def edited(record: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    *parents, last = path.split(".")
    inner = record
    for one in parents:
        inner = inner[one]
    inner[last] = value
    return record


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", 2),
        ("format", "1"),
        ("name", 3),
        ("version", 0),
        ("version", True),
        ("parent", 7),
        ("content_sha256", "xyz"),
        ("counts", []),
        ("counts.records", "40"),
        ("counts.records", 41),
        ("counts.train", -1),
        ("counts.tags", {"a": "b"}),
        ("files", {}),
        ("files.train\u002ejsonl", 1),
        ("split.validation_share", 2),
        ("split.validation_share", "0.1"),
        ("split.by", "record"),
        ("layout", "tlr"),
        ("filters", None),
    ],
)
def test_a_damaged_manifest_is_refused(workspace: Workspace, path: str, value: Any) -> None:
    folder = write(workspace, *range(40)).folder
    record = json.loads((folder / "manifest.json").read_text())
    if path.startswith("files."):
        record["files"]["train.jsonl"] = value
    else:
        record = edited(record, path, value)
    (folder / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match=r"manifest.json cannot be read") as caught:
        load_manifest(folder)
    assert str(folder) in caught.value.message
    assert data_sets(workspace) == ["set"]


@pytest.mark.parametrize("content", [b"", b"nope", b"[]", b"\xff", b"[" * 100_000])
def test_a_manifest_that_is_no_json(workspace: Workspace, content: bytes) -> None:
    folder = write(workspace, *range(4)).folder
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(UserError, match="cannot be read"):
        load_manifest(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(UserError, match="no version of a data set"):
        load_manifest(folder)


def test_changes_are_found(workspace: Workspace) -> None:
    def fresh() -> Path:
        return write(workspace, *range(40), name=f"set{len(data_sets(workspace))}").folder

    folder = fresh()
    with (folder / "train.jsonl").open("a") as stream:
        stream.write("{}\n")
    (problem,) = verify(folder)
    assert "train.jsonl was changed" in problem
    folder = fresh()
    (folder / "validation.jsonl").unlink()
    assert verify(folder) == [f"{folder / 'validation.jsonl'} is missing."]
    folder = fresh()
    record = json.loads((folder / "manifest.json").read_text())
    record["content_sha256"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(record))
    assert verify(folder) == [f"{folder / 'index.jsonl'} lists other records than the manifest."]
    folder = fresh()
    other = folder.with_name("v7")
    folder.rename(other)
    assert verify(other) == [f"The manifest in {other} is that of {other.parent.name} v1."]


def test_an_unreadable_workspace_is_a_problem_of_the_environment(workspace: Workspace) -> None:
    home = workspace.datasets / "set"
    home.mkdir()
    if os.name != "posix" or os.geteuid() == 0:
        pytest.skip("the super-user may read everything")
    home.chmod(0)
    with pytest.raises(EnvironmentProblem, match="cannot be read"):
        versions_of(workspace, "set")
