"""The first batch of a run as it would be fed, asked of the training process; only the tokenizer is loaded.

Pinned in tests/jobs/test_preview.py.
"""

from __future__ import annotations

from typing import Any

from aligntui.jobs.asking import ask_process
from aligntui.jobs.folders import RunFolder
from aligntui.jobs.starting import process_command

DEADLINE_S = 300.0


def run_preview(folder: RunFolder, deadline_s: float = DEADLINE_S) -> list[dict[str, Any]]:
    """The JSON lines that `--preview` prints.

    Raises:
        UserError: the process says that the user can fix what is wrong.
        EnvironmentProblem: something is lacking, or it did not answer in time.
        EngineError: it failed in another way.
    """
    return ask_process(process_command(folder, preview=True), "The preview", deadline_s)
