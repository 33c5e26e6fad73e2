"""Text files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from aligntui.core.errors import EnvironmentProblem, UserError

_NOT_THE_PLACE = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.ENOMEM,
    errno.EMFILE,
    errno.ENFILE,
)
"""Failures that another name in the same place would not heal."""


def write_text_atomic(path: Path, text: str | Iterable[str], *, make_folder: bool = False) -> None:
    """Write a text as UTF-8; whatever stood at `path` stays until the new file is whole and on the disk.

    Line ends are written as they are, lone surrogates as question marks. A symbolic link stays and what it leads to is
    replaced.

    Args:
        path: the file; `~` is the home folder.
        text: the text, or its pieces; what making a piece raises ends the writing and passes through.
        make_folder: make the folder of the file where it is missing.

    Raises:
        UserError: `path` is a folder or a device, its folder is missing or a file, or it may not be written there.
        EnvironmentProblem: the disk is full or failed.
    """
    path = _resolved(path)
    try:
        if path.is_dir():
            raise UserError(f"{path} cannot be written: it is a folder.", "Give the name of a file in it.")
        if path.exists() and not path.is_file():
            raise UserError(f"{path} cannot be written: it is no file that could be replaced.", "Give another name.")
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        _write_and_rename(path, [text] if isinstance(text, str) else text)
        with contextlib.suppress(OSError):  # the file is in place; not every file system can sync a folder
            sync_folder(path.parent)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        if error.errno in _NOT_THE_PLACE:
            raise EnvironmentProblem(
                f"{path} could not be written: {reason}.",
                "Nothing was changed there. Free some space or write to another disk.",
            ) from error
        raise UserError(f"{path} cannot be written: {reason}.", "Choose a folder that you may write to.") from error


def sync_folder(folder: Path) -> None:
    """Make a new or renamed file in a folder durable; Windows knows no such thing.

    Raises:
        OSError: the disk failed.
    """
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _resolved(path: Path) -> Path:
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, ~nobody, a null character
        raise UserError(f"{str(path)!r} names no place for a file: {error}.", "Give another path.") from error


def _write_and_rename(path: Path, pieces: Iterable[str]) -> None:
    draft = path.with_name(f".aligntui-{os.urandom(6).hex()}.part")
    try:
        with draft.open("xb") as file:
            for piece in pieces:
                file.write(piece.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
