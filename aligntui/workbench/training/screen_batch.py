"""The first batch of a run that is not submitted yet, as its process would feed it to the model.

The process makes it in a folder of its own, which is removed afterwards. Pinned in tests/workbench/test_training_desk.py.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aligntui.core.errors import EnvironmentProblem
from aligntui.jobs.folders import RunFolder
from aligntui.jobs.preview import run_preview
from aligntui.workbench.training.submitting import Submission, freeze


@dataclass(frozen=True)
class BatchRow:
    """One sequence."""

    id: str
    side: str
    """`chosen` or `rejected`."""
    tokens: tuple[str, ...]
    """As text, in order."""
    trained: tuple[bool, ...]
    """Whether the loss looks at the token; same length."""
    truncated: bool


@dataclass(frozen=True)
class Batch:
    """What the first step sees."""

    rows: tuple[BatchRow, ...]
    truncated: int
    """Records of all data that lose the end of an answer."""
    dropped: int


def first_batch(submission: Submission) -> Batch:
    """Let the trainer render the first batch.

    Raises:
        UserError: the data cannot be rendered.
        EnvironmentProblem: the process could not do it.
        EngineError: it failed in another way.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="aligntui-preview-") as temporary:
            folder = RunFolder(submission.name, Path(temporary) / "run")
            freeze(submission, folder.path)
            return read_batch(run_preview(folder))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise EnvironmentProblem(
            f"The first batch needs a folder for its data: {reason}.", "Free some space."
        ) from error


def read_batch(lines: Iterable[Mapping[str, Any]]) -> Batch:
    """Take what the trainer printed: objects of the kinds `batch` and `sequence`; others are left out."""
    rows: list[BatchRow] = []
    truncated = dropped = 0
    for body in lines:
        if body.get("kind") == "sequence":
            tokens, trained = tuple(map(str, body["tokens"])), tuple(map(bool, body["trained"]))
            side = str(body.get("side") or "")
            rows.append(BatchRow(str(body["id"]), side, tokens, trained, bool(body.get("truncated"))))
        elif body.get("kind") == "batch":
            truncated, dropped = int(body.get("truncated") or 0), int(body.get("dropped") or 0)
    return Batch(tuple(rows), truncated, dropped)
