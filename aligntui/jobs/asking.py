"""A process of ours that is asked something once: JSON lines on standard output, its reason on standard error.

Pinned in tests/jobs/test_asking.py.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from aligntui.config.child_environment import child_environment
from aligntui.core.errors import EngineError, EnvironmentProblem, UserError
from aligntui.core.printable import one_line


def ask_process(argv: Sequence[str], what: str, deadline_s: float | None = None) -> list[dict[str, Any]]:
    """Run a process to its end.

    Args:
        argv: the command.
        what: the subject of a sentence, such as `The preview`.
        deadline_s: how long it may take; None is as long as it likes.

    Returns:
        The JSON objects that it printed, at least one.

    Raises:
        UserError: it says that the user can fix what is wrong.
        EnvironmentProblem: something is lacking, or it did not answer in time.
        EngineError: it failed in another way.
    """
    try:
        done = subprocess.run(
            list(argv),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=child_environment(),
            timeout=deadline_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EnvironmentProblem(f"{what} did not come within {deadline_s:g} s.", "Try again.") from error
    except OSError as error:
        raise EnvironmentProblem(
            f"No process could be started: {error}.", "Check the memory of the machine."
        ) from error
    lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    if done.returncode:
        kind = {2: UserError, 3: EnvironmentProblem}.get(done.returncode, EngineError)
        raise kind(one_line(lines[-1], 1000) if lines else f"{what} ended with exit code {done.returncode}.")
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]
    if not rows:
        last = f" It said last: {one_line(lines[-1], 300)}" if lines else ""
        raise EngineError(f"{what} did not come: the process printed nothing.{last}")
    return rows
