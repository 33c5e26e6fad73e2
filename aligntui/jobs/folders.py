"""Where a run keeps what: `adapters/NAME/run/` of a workspace.

Who writes what: whoever submits a run writes its configuration, data and lineage before it starts, and nobody changes
them afterwards; the training process alone writes events, checkpoints and `process.json`; a launcher writes
`launch.json`; any viewer may make a file in `requests/`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError, nearest
from aligntui.core.files import write_text_atomic

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What an adapter, and so a run, may be called."""
MAX_JSON_BYTES = 4 << 20


@dataclass(frozen=True)
class RunFolder:
    """One run as files.

    Args:
        name: of the adapter that it trains.
        path: the folder `adapters/NAME/run`; it need not exist.
    """

    name: str
    path: Path

    @property
    def adapter(self) -> Path:
        """The adapter's own folder."""
        return self.path.parent

    @property
    def config(self) -> Path:
        """The frozen `TrainingConfig`."""
        return self.path / "config.yaml"

    @property
    def train_data(self) -> Path:
        """The records that are trained on."""
        return self.path / "data" / "train.jsonl"

    @property
    def eval_data(self) -> Path:
        """The records that are only measured on; may be missing."""
        return self.path / "data" / "eval.jsonl"

    @property
    def manifest(self) -> Path:
        """What is in the data and where they came from."""
        return self.path / "data" / "manifest.json"

    @property
    def lineage(self) -> Path:
        """Pairs, data set version, parent adapter and base model."""
        return self.path / "lineage.json"

    @property
    def events(self) -> Path:
        """The event log; only the training process writes it."""
        return self.path / "events.jsonl"

    @property
    def process(self) -> Path:
        """Process id, start time and host of the training process."""
        return self.path / "process.json"

    @property
    def launch(self) -> Path:
        """The same of the process that was started last, and its command line; written by whoever started it."""
        return self.path / "launch.json"

    @property
    def requests(self) -> Path:
        """Wishes to the training process, each an empty file."""
        return self.path / "requests"

    @property
    def console_log(self) -> Path:
        """Everything that the process and its libraries print."""
        return self.path / "console.log"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def is_there(self) -> bool:
        """Whether a run was submitted here."""
        return self.config.is_file()


def run_folder(workspace: Workspace, name: str) -> RunFolder:
    """The folder of a run of this name, whether or not it is there.

    Raises:
        UserError: the name cannot be one.
    """
    if not NAME.fullmatch(name):
        raise UserError(
            f"{name!r} cannot be the name of a run or an adapter.",
            "Names have letters, digits, dots, hyphens and underscores, at most 64, and begin with a letter or digit.",
        )
    return RunFolder(name, workspace.adapters / name / "run")


def list_run_folders(workspace: Workspace) -> list[RunFolder]:
    """Every run of the workspace, by name."""
    try:
        names = sorted(entry.name for entry in workspace.adapters.iterdir() if NAME.fullmatch(entry.name))
    except OSError:
        return []
    folders = (RunFolder(name, workspace.adapters / name / "run") for name in names)
    return [folder for folder in folders if folder.is_there]


def find_run(workspace: Workspace, name: str) -> RunFolder:
    """The run that the user means.

    Raises:
        UserError: there is none of this name.
    """
    folder = run_folder(workspace, name)
    if folder.is_there:
        return folder
    known = [one.name for one in list_run_folders(workspace)]
    if folder.adapter.is_dir():
        message = f"The adapter {name!r} has no run that aligntui could follow: {folder.config} is missing."
    else:
        message = f"There is no run {name!r}."
    raise UserError(message, nearest(name, known) if known else f"The folder {workspace.adapters} has no run.")


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON object of a run; empty where it is missing, damaged or being replaced."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            return {}
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a small JSON object, whole or not at all.

    Raises:
        UserError: the folder may not be written.
        EnvironmentProblem: the disk is full or failed.
    """
    write_text_atomic(path, json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n", make_folder=True)
