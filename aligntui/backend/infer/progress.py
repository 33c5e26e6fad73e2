"""How loading reports where it stands, and a helper that watches a folder grow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Progress = Callable[[str, int, int, str], None]
"""Called with stage (fetch, convert, hash, load or warm-up), what is done, the total (0 when not known) and the unit."""

POLL_S = 0.25


def silent(stage: str, done: int, total: int, unit: str) -> None:
    """A `Progress` that says nothing."""


@contextmanager
def watch_folder(folder: Path, stage: str, total_bytes: int, progress: Progress) -> Iterator[None]:
    """Report the size of `folder` every quarter of a second while the body runs."""
    done = threading.Event()

    def poll() -> None:
        while not done.wait(POLL_S):
            progress(stage, min(folder_bytes(folder), total_bytes or 1 << 62), total_bytes, "bytes")

    thread = threading.Thread(target=poll, name="folder-size", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def folder_bytes(folder: Path) -> int:
    """Size of all files under `folder`; files that vanish meanwhile do not count."""
    size = 0
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                size += path.stat().st_size
        except OSError:
            continue
    return size
