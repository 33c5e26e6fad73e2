"""Data sets and their versions as folders: `datasets/NAME/vN/` of a workspace."""

from __future__ import annotations

import re
from pathlib import Path

from aligntui.config.paths import Workspace
from aligntui.core.errors import EnvironmentProblem, UserError, nearest

MANIFEST = "manifest.json"
TRAIN = "train.jsonl"
VALIDATION = "validation.jsonl"
INDEX = "index.jsonl"
"""One line for each record: where it stands, its fingerprint, id, tags, and the beginning of its texts."""
DRAFT = ".draft-"
"""Before the name of a version that is being written."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VERSION = re.compile(r"v([1-9][0-9]{0,8})")


def data_set_folder(workspace: Workspace, name: str) -> Path:
    """The folder of a data set, whether or not it is there.

    Raises:
        UserError: the name cannot be one, or leads out of the workspace by a symbolic link.
    """
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} cannot be the name of a data set.",
            "Names have letters, digits, dots, hyphens and underscores, at most 64, and begin with a letter or digit.",
        )
    folder = workspace.datasets / name
    _check_inside(folder, workspace)
    return folder


def version_folder(workspace: Workspace, name: str, version: int) -> Path:
    """The folder of one version, whether or not it is there.

    Raises:
        UserError: as `data_set_folder`, also for the version's own folder.
    """
    folder = data_set_folder(workspace, name) / f"v{version}"
    _check_inside(folder, workspace)
    return folder


def versions_of(workspace: Workspace, name: str) -> list[int]:
    """Numbers of the versions that are there, oldest first; nothing where there is no such data set.

    Raises:
        UserError: as `data_set_folder`.
        EnvironmentProblem: the folder cannot be read.
    """
    folder = data_set_folder(workspace, name)
    try:
        entries = [entry.name for entry in folder.iterdir() if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise EnvironmentProblem(
            f"The folder {folder} cannot be read: {(error.strerror or str(error)).lower()}."
        ) from error
    return sorted(int(found[1]) for entry in entries if (found := _VERSION.fullmatch(entry)))


def data_sets(workspace: Workspace) -> list[str]:
    """Names of all data sets that have a version, sorted; other folders in `datasets/` are passed over."""
    try:
        names = sorted(entry.name for entry in workspace.datasets.iterdir() if entry.is_dir())
    except OSError:
        return []
    found: list[str] = []
    for name in names:
        try:
            if _NAME.fullmatch(name) and versions_of(workspace, name):
                found.append(name)
        except (UserError, EnvironmentProblem):  # a link out of the workspace, or a locked folder, hides no other
            continue
    return found


def find_version(workspace: Workspace, ref: str) -> Path:
    """The folder of the version that the user means.

    Args:
        workspace: where names are looked up.
        ref: `NAME` for the latest version, `NAME@N`, `NAME@vN` or `NAME/vN`.

    Raises:
        UserError: there is no such data set or version.
    """
    name, mark, number = ref.partition("@") if "@" in ref else ref.partition("/")
    known = versions_of(workspace, name)
    if not known:
        names = data_sets(workspace)
        hint = nearest(name, names) if names else f"The folder {workspace.datasets} has none."
        raise UserError(f"There is no data set {name!r}.", hint)
    if not mark:
        return version_folder(workspace, name, known[-1])
    found = _VERSION.fullmatch(number if number.startswith("v") else f"v{number}")
    if not found or int(found[1]) not in known:
        shown = ", ".join(f"v{one}" for one in known)
        raise UserError(f"The data set {name} has no version {number!r}.", f"It has {shown}.")
    return version_folder(workspace, name, int(found[1]))


def check_free(workspace: Workspace, name: str) -> Path:
    """The folder of a data set to write a version into.

    Raises:
        UserError: the name cannot be one, or something else lies in a folder of this name.
    """
    folder = data_set_folder(workspace, name)
    try:
        entries = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")]
    except FileNotFoundError:
        return folder
    except NotADirectoryError:
        raise UserError(f"{folder} is a file, and a data set is a folder.", "Choose another name.") from None
    except OSError as error:
        raise EnvironmentProblem(
            f"The folder {folder} cannot be read: {(error.strerror or str(error)).lower()}."
        ) from error
    if entries and not any(_VERSION.fullmatch(entry) for entry in entries):
        raise UserError(
            f"The folder {folder} holds something else than versions of a data set ({sorted(entries)[0]}).",
            "Choose another name.",
        )
    return folder


def _check_inside(folder: Path, workspace: Workspace) -> None:
    try:
        inside = folder.resolve().is_relative_to(workspace.datasets.resolve())
    except (OSError, RuntimeError):  # a link that leads to itself
        inside = False
    if not inside:
        raise UserError(
            f"The data set {folder} leads out of {workspace.datasets} by a symbolic link.", "Copy it there instead."
        )
