"""Where the backend keeps what it can make again: converted weights and hashes of files."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_dir

from aligntui.core.errors import EnvironmentProblem

CACHE_VARIABLE = "ALIGNTUI_CACHE"


def cache_folder(*parts: str) -> Path:
    """The user's cache folder, or one inside it; made when missing.

    Raises:
        EnvironmentProblem: it cannot be made or written.
    """
    named = os.environ.get(CACHE_VARIABLE)
    folder = (Path(named).expanduser() if named else Path(user_cache_dir("aligntui"))).joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentProblem(
            f"The cache folder {folder} cannot be made: {error.strerror or error}.",
            f"Make it writable, or name another one in the environment variable {CACHE_VARIABLE}.",
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EnvironmentProblem(
            f"The cache folder {folder} cannot be written.",
            f"Make it writable, or name another one in the environment variable {CACHE_VARIABLE}.",
        )
    return folder
