"""Where things lie: the choice of the workspace and what happens when it cannot be made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aligntui.config.paths import (
    FOLDERS,
    Workspace,
    bundled,
    cache_dir,
    find_workspace,
    log_dir,
    user_config_file,
)
from aligntui.core.errors import EnvironmentProblem, UserError


def a_workspace(root: Path) -> Path:
    for name in FOLDERS:
        (root / name).mkdir(parents=True)
    return root


def test_the_flag_comes_first(tmp_path: Path) -> None:
    here = a_workspace(tmp_path / "here")
    env = {"ALIGNTUI_WORKSPACE": str(tmp_path / "from-env")}
    assert find_workspace(tmp_path / "asked", here, env).root == tmp_path / "asked"
    assert find_workspace(None, here, env).root == tmp_path / "from-env"


def test_a_relative_flag_starts_at_the_current_folder(tmp_path: Path) -> None:
    assert find_workspace(Path("../other"), tmp_path / "here", {}).root == tmp_path / "other"


def test_the_current_folder_counts_only_with_all_three_folders(tmp_path: Path) -> None:
    here = a_workspace(tmp_path / "here")
    env = {"XDG_DATA_HOME": str(tmp_path / "share")}
    assert find_workspace(None, here, env).root == here
    (here / "adapters").rmdir()
    assert find_workspace(None, here, env).root == tmp_path / "share" / "aligntui"


def test_a_relative_xdg_variable_is_ignored_as_the_standard_says(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "from-process"))
    assert find_workspace(None, tmp_path, {"XDG_DATA_HOME": "share"}).root == tmp_path / "from-process" / "aligntui"


def test_a_file_is_no_workspace(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("x")
    with pytest.raises(UserError, match=r"notes\.txt is a file"):
        find_workspace(file, tmp_path, {})


def test_a_home_that_is_nobodys_stays_a_name(tmp_path: Path) -> None:
    assert find_workspace(Path("~nobody-of-this-name/w"), tmp_path, {}).root == tmp_path / "~nobody-of-this-name/w"


def test_make_makes_the_three_folders_and_is_content_with_them(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "deep" / "workspace")
    workspace.make()
    workspace.make()
    assert all((workspace.root / name).is_dir() for name in FOLDERS)
    assert workspace.database == workspace.root / "sessions" / "aligntui.db"
    assert workspace.own_instructions == workspace.root / "datasets" / "instructions" / "own.jsonl"
    assert workspace.exports == workspace.root / "datasets" / "exports"
    assert workspace.config == workspace.root / "aligntui.toml"


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "datasets").write_text("in the way")
    with pytest.raises(EnvironmentProblem, match=r"datasets, which cannot be made.*--workspace"):
        Workspace(tmp_path).make()


def test_an_unwritable_folder_is_said(tmp_path: Path, monkeypatch) -> None:
    # root may write anywhere, so the system's answer is put in its mouth
    workspace = Workspace(a_workspace(tmp_path / "w"))
    monkeypatch.setattr(os, "access", lambda path, mode: "adapters" not in str(path))
    with pytest.raises(EnvironmentProblem, match="adapters is read-only"):
        workspace.make()


def test_a_place_where_nothing_can_be_made_is_said() -> None:
    with pytest.raises(EnvironmentProblem, match="/proc/aligntui"):
        Workspace(Path("/proc/aligntui")).make()


def test_bundled_files_are_found_in_a_checkout_and_in_a_wheel(tmp_path: Path, monkeypatch) -> None:
    from aligntui.config import paths

    assert bundled("pyproject.toml").is_file()
    package = tmp_path / "aligntui"
    inside = package / "bundled" / "adapters"
    inside.mkdir(parents=True)
    monkeypatch.setattr(paths, "_PACKAGE", package)
    assert bundled("adapters") == inside
    assert bundled("datasets") == tmp_path / "datasets"


def test_cache_logs_and_configuration_can_be_moved(tmp_path: Path) -> None:
    env = {"ALIGNTUI_CACHE": "/c", "ALIGNTUI_STATE": "/s", "ALIGNTUI_CONFIG": "/x/my.toml"}
    assert cache_dir(env) == Path("/c")
    assert log_dir(env) == Path("/s/log")
    assert user_config_file(env) == Path("/x/my.toml")
    xdg = {name: str(tmp_path / name) for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")}
    assert cache_dir(xdg) == tmp_path / "XDG_CACHE_HOME" / "aligntui"
    assert log_dir(xdg) == tmp_path / "XDG_STATE_HOME" / "aligntui" / "log"
    assert user_config_file(xdg) == tmp_path / "XDG_CONFIG_HOME" / "aligntui" / "config.toml"
    assert "aligntui" in str(log_dir({}))
