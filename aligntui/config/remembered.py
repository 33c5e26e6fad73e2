"""What the console keeps by itself from one start to the next: the theme chosen last.

It lies in the state folder, never in a configuration file: those are written by people and stay as they are. A choice
holds over the configured value that it was made over. Who configures another one afterwards means that one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from aligntui.config.paths import APP
from aligntui.core.files import write_text_atomic


def remembered_file(env: Mapping[str, str] | None = None) -> Path:
    """The file; ALIGNTUI_STATE moves its folder. It need not exist."""
    env = os.environ if env is None else env
    if env.get("ALIGNTUI_STATE"):
        folder = Path(os.path.expanduser(env["ALIGNTUI_STATE"])).absolute()  # noqa: PTH111  `~nobody` must not raise
    elif Path(env.get("XDG_STATE_HOME", "")).is_absolute():
        folder = Path(env["XDG_STATE_HOME"]) / APP
    else:
        folder = Path(platformdirs.user_state_dir(APP))
    return folder / "console.json"


def remembered_theme(configured: str, env: Mapping[str, str] | None = None) -> str:
    """The theme that was chosen last while `configured` was the configured one; empty where there is none.

    A file that cannot be read counts as none: it is a convenience, and the console starts without it.
    """
    try:
        kept = json.loads(remembered_file(env).read_text("utf-8"))
        chosen, over = kept["theme"]["chosen"], kept["theme"]["over"]
    except (OSError, ValueError, TypeError, KeyError):
        return ""
    return chosen if isinstance(chosen, str) and over == configured else ""


def remember_theme(chosen: str, configured: str, env: Mapping[str, str] | None = None) -> None:
    """Keep a theme for the next start.

    Args:
        chosen: its name.
        configured: what the options say, see `remembered_theme`.
        env: environment variables; None reads those of the process.

    Raises:
        UserError: the folder cannot be written.
        EnvironmentProblem: the disk is full or failed.
    """
    text = json.dumps({"theme": {"chosen": chosen, "over": configured}}) + "\n"
    write_text_atomic(remembered_file(env), text, make_folder=True)
