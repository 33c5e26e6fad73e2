"""Checkpoints of a run: `checkpoints/step-000020/`, an adapter that can be used with the trainer's state beside it.

A checkpoint is written under a temporary name and appears by one rename, so a kill leaves the old ones and never half of
a new one. Pinned in tests/backend/test_run_checkpoints.py.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from aligntui.backend.train.run.adapter_files import CONFIG_FILE, WEIGHTS_FILE, publish

STATE = "state"
"""Folder inside a checkpoint for what only the trainer reads."""
_MARK = "progress.json"
_NAME = re.compile(r"step-(\d{6,})")


@dataclass(frozen=True)
class Progress:
    """Where a run stood."""

    step: int
    """Over all stages."""
    stage: int
    """Number of the stage, from 0."""
    stage_step: int
    seconds: float
    """Of training so far, over all resumes."""


class Checkpoints:
    """The checkpoints folder of one run."""

    def __init__(self, folder: Path, keep: int = 0) -> None:
        self.folder = folder
        self.keep = keep

    def path(self, step: int) -> Path:
        """Where the checkpoint of a step lies."""
        return self.folder / f"step-{step:06d}"

    def draft(self, step: int) -> Path:
        """Where it is written; the same for all processes of a run."""
        return self.folder / f".draft-step-{step:06d}"

    def steps(self) -> list[int]:
        """Steps of the whole checkpoints, rising."""
        found = []
        for entry in self.folder.glob("step-*"):
            match = _NAME.fullmatch(entry.name)
            if match and all((entry / name).is_file() for name in (CONFIG_FILE, WEIGHTS_FILE, f"{STATE}/{_MARK}")):
                found.append(int(match[1]))
        return sorted(found)

    def newest(self) -> tuple[Path, Progress] | None:
        """The checkpoint to go on from; None where there is none."""
        for step in reversed(self.steps()):
            folder = self.path(step)
            try:
                values = json.loads((folder / STATE / _MARK).read_text("utf-8"))
                return folder, Progress(**values)
            except (OSError, ValueError, TypeError):
                continue  # damaged from outside: the one before it serves
        return None

    def begin(self, step: int) -> Path:
        """Make the temporary folder anew.

        Raises:
            OSError: the disk is full or failed.
        """
        draft = self.draft(step)
        shutil.rmtree(draft, ignore_errors=True)
        (draft / STATE).mkdir(parents=True)
        return draft

    def finish(self, progress: Progress) -> Path:
        """Let the checkpoint appear, and remove the oldest ones beyond `keep`.

        Raises:
            OSError: the disk is full or failed.
        """
        draft, target = self.draft(progress.step), self.path(progress.step)
        (draft / STATE / _MARK).write_text(json.dumps(asdict(progress)) + "\n", "utf-8")
        publish(draft, target)
        if self.keep:
            for step in self.steps()[: -self.keep]:
                shutil.rmtree(self.path(step), ignore_errors=True)
        return target

    def sweep(self) -> None:
        """Remove what a killed process left half-written; only for the holder of the run's lock."""
        for draft in self.folder.glob(".draft-*"):
            shutil.rmtree(draft, ignore_errors=True)
