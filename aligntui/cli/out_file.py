"""The file that an export is to write: looked at before the work is done, so that a slip in a path makes no folder."""

from __future__ import annotations

from pathlib import Path

from aligntui.core.errors import UserError


def check_out_file(path: Path, *, may_replace: bool) -> bool:
    """Refuse a place where the export would surprise.

    Args:
        path: what stood behind `--out`.
        may_replace: whether a file that is there already may go.

    Returns:
        Whether there is such a file, which will be replaced.

    Raises:
        UserError: its folder is missing, or the file is there and must stay.
    """
    try:
        path = path.expanduser()
        has_folder, is_there = path.parent.is_dir(), path.is_file()
    except (OSError, RuntimeError):  # a name too long, ~nobody: writing says what is wrong
        return False
    if not has_folder:
        raise UserError(f"{path} cannot be written: there is no folder {path.parent}.", "Make it, or correct the path.")
    if is_there and not may_replace:
        raise UserError(
            f"{path} is there already and was left as it is.", "Give another name, or --force to replace it."
        )
    return is_there
