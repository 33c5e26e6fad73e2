"""$EDITOR for a text box: the console steps aside, the file comes back."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from textual.app import App, SuspendNotSupported

from aligntui.core.errors import EnvironmentProblem, UserError

USUAL = ("nano", "vim", "vi")
"""Editors that are tried where the user named none."""


def edit_outside(app: App[object], text: str, editor: str = "") -> str | None:
    """Edit `text` in the user's editor.

    Args:
        app: suspended meanwhile.
        text: what the editor starts with.
        editor: command from the settings; else $VISUAL, $EDITOR, or one of `USUAL` that is there.

    Returns:
        The new text without its last newline, None when it is unchanged.

    Raises:
        UserError: there is no editor, or it cannot be started or failed; the text stays.
        EnvironmentProblem: this terminal cannot be handed over.
    """
    named = (editor, os.environ.get("VISUAL", ""), os.environ.get("EDITOR", ""), *filter(shutil.which, USUAL))
    command = next((name for name in named if name.strip()), "")
    if not command:
        raise UserError(
            f"No editor is set, and none of {', '.join(USUAL)} is on the PATH.",
            "Set $EDITOR, or `editor` in your own config file.",
        )
    handle, name = tempfile.mkstemp(prefix="aligntui-", suffix=".md")
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        problem: Exception | None = None
        code = 0
        try:
            with app.suspend():
                try:  # in here: an exception that leaves `suspend` would leave the terminal handed over
                    code = subprocess.run([*shlex.split(command), name], check=False).returncode
                except (OSError, ValueError) as error:
                    problem = error
        except SuspendNotSupported as error:
            raise EnvironmentProblem("This terminal cannot be handed over to an editor.") from error
        if problem is not None:
            raise UserError(
                f"The editor {command!r} could not be started: {problem}.", "Set $EDITOR to a program on the PATH."
            )
        if code != 0:
            raise UserError(f"The editor {command!r} ended with code {code}; the text is as it was.")
        changed = path.read_text(encoding="utf-8", errors="replace").removesuffix("\n")
    finally:
        path.unlink(missing_ok=True)
    return changed if changed != text else None
