"""Locks that die with their holder: `flock` on a file, which the system lets go whatever ends the process."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from aligntui.core.errors import EnvironmentProblem, UserError

_TAKEN = (errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock, waiting for whoever holds it now; meant for moments.

    Raises:
        UserError: the file cannot be made there.
        EnvironmentProblem: the file system knows no locks.
    """
    handle = _open(path)
    try:
        _lock(handle, fcntl.LOCK_EX, path)
        yield
    finally:
        os.close(handle)


def try_lock(path: Path) -> int | None:
    """Take a lock for as long as the returned descriptor stays open; None where another holds it.

    Raises:
        UserError: the file cannot be made there.
        EnvironmentProblem: the file system knows no locks.
    """
    handle = _open(path)
    try:
        _lock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, path)
    except BlockingIOError:
        os.close(handle)
        return None
    except BaseException:
        os.close(handle)
        raise
    return handle


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock now; a file that is missing is held by nobody."""
    if not path.exists():
        return False
    handle = try_lock(path)
    if handle is None:
        return True
    os.close(handle)
    return False


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{path} cannot be written: {reason}.", "Choose a workspace that you may write to.") from error


def _lock(handle: int, how: int, path: Path) -> None:
    try:
        fcntl.flock(handle, how)
    except OSError as error:
        if error.errno in _TAKEN:
            raise BlockingIOError from error
        reason = (error.strerror or str(error)).lower()
        raise EnvironmentProblem(
            f"{path} cannot be locked: {reason}.", "Keep the workspace on a file system with locks."
        ) from error
