"""The environment of the Python processes that we start: engine, training, merging."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import aligntui


def child_environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process of ours.

    `python -m` would put the current folder before the libraries, where a user's `random.py` or a workspace's
    `datasets/` could stand in for them: PYTHONSAFEPATH keeps it out. In a checkout that is not installed the
    package's own root is added instead.

    Args:
        env: what to start from; None is that of this process.
    """
    env = os.environ if env is None else env
    child = {**env, "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", "PYTHONUTF8": "1"}
    root = Path(aligntui.__file__).resolve().parent.parent
    if root.name not in ("site-packages", "dist-packages"):
        child["PYTHONPATH"] = os.pathsep.join(filter(None, (str(root), env.get("PYTHONPATH", ""))))
    return child
