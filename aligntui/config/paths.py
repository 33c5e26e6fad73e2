"""Where things lie: the workspace, files that travel with the package, caches and logs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from aligntui.core.errors import EnvironmentProblem, UserError

APP = "aligntui"
FOLDERS = ("sessions", "datasets", "adapters")
"""A folder that has all three is a workspace."""
_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Workspace:
    """A folder with `sessions/`, `datasets/` and `adapters/`."""

    root: Path

    @property
    def sessions(self) -> Path:
        """Folder of the database."""
        return self.root / "sessions"

    @property
    def datasets(self) -> Path:
        """Folder of data sets, exported and written by hand."""
        return self.root / "datasets"

    @property
    def adapters(self) -> Path:
        """Folder with one folder per adapter."""
        return self.root / "adapters"

    @property
    def database(self) -> Path:
        """The SQLite database of the workspace."""
        return self.sessions / "aligntui.db"

    @property
    def own_instructions(self) -> Path:
        """Instructions that the user saved, one JSON object a line."""
        return self.datasets / "instructions" / "own.jsonl"

    @property
    def exports(self) -> Path:
        """Where exports go unless the user says otherwise."""
        return self.datasets / "exports"

    @property
    def config(self) -> Path:
        """The workspace's own configuration file; it need not exist."""
        return self.root / "aligntui.toml"

    def make(self) -> None:
        """Make the three folders where they are missing and check that they can be written.

        Raises:
            EnvironmentProblem: a folder cannot be made or written, or a file stands in its place.
        """
        for folder in (self.sessions, self.datasets, self.adapters):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise EnvironmentProblem(
                    f"The workspace {self.root} needs the folder {folder}, which cannot be made: {_reason(error)}.",
                    "Choose another workspace with --workspace DIR.",
                ) from error
            if not os.access(folder, os.W_OK | os.X_OK):
                raise EnvironmentProblem(
                    f"The workspace {self.root} needs a folder it can write, and {folder} is read-only.",
                    "Change its permissions or choose another workspace with --workspace DIR.",
                )


def is_workspace(folder: Path) -> bool:
    """Whether `folder` has the three folders of a workspace."""
    return all((folder / name).is_dir() for name in FOLDERS)


def find_workspace(
    flag: Path | None = None, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Workspace:
    """Choose the workspace: the flag, else ALIGNTUI_WORKSPACE, else `cwd` if it is one, else the XDG data folder.

    Nothing is made here; `Workspace.make` does that.

    Args:
        flag: what stood after `--workspace`; None when it was not given.
        cwd: current folder; None asks the system.
        env: environment variables; None reads those of the process.

    Raises:
        UserError: the folder asked for is a file.
    """
    env = os.environ if env is None else env
    asked = flag or (Path(env["ALIGNTUI_WORKSPACE"]) if env.get("ALIGNTUI_WORKSPACE") else None)
    cwd = cwd or Path.cwd()
    if asked is not None:
        root = cwd / _expanded(asked)
        if root.exists() and not root.is_dir():
            raise UserError(f"A workspace is a folder, and {root} is a file.", "Give a folder with --workspace DIR.")
        return Workspace(Path(os.path.normpath(root)))
    if is_workspace(cwd):
        return Workspace(cwd)
    return Workspace(_base(env, "XDG_DATA_HOME", platformdirs.user_data_dir(APP)))


def bundled(*parts: str) -> Path:
    """Path of a file that travels with the package, for example `bundled("datasets", "instructions")`.

    In an installed wheel these lie in `aligntui/bundled/`; in a checkout, at the root of the repository. The
    path is returned whether or not something is there.
    """
    inside = _PACKAGE.joinpath("bundled", *parts)
    return inside if inside.exists() else _PACKAGE.parent.joinpath(*parts)


def cache_dir(env: Mapping[str, str] | None = None) -> Path:
    """Folder for what can be made again, such as converted weights; ALIGNTUI_CACHE moves it."""
    env = os.environ if env is None else env
    if env.get("ALIGNTUI_CACHE"):
        return _expanded(Path(env["ALIGNTUI_CACHE"])).absolute()
    return _base(env, "XDG_CACHE_HOME", platformdirs.user_cache_dir(APP))


def embedded_model(env: Mapping[str, str] | None = None) -> Path | None:
    """Folder of the embedded model in the cache; None while it has not been fetched (`aligntui models pull`)."""
    found = sorted((cache_dir(env) / "models").glob("smollm2-135m-instruct-*/tokenizer.json"))
    return found[-1].parent if found else None


def log_dir(env: Mapping[str, str] | None = None) -> Path:
    """Folder of the logs; ALIGNTUI_STATE moves it (the logs then lie in its `log/`)."""
    env = os.environ if env is None else env
    if env.get("ALIGNTUI_STATE"):
        return _expanded(Path(env["ALIGNTUI_STATE"])).absolute() / "log"
    if _is_absolute(env.get("XDG_STATE_HOME", "")):
        return Path(env["XDG_STATE_HOME"]) / APP / "log"
    return Path(platformdirs.user_log_dir(APP))


def user_config_file(env: Mapping[str, str] | None = None) -> Path:
    """The user's own configuration file; ALIGNTUI_CONFIG names another one. It need not exist."""
    env = os.environ if env is None else env
    if env.get("ALIGNTUI_CONFIG"):
        return _expanded(Path(env["ALIGNTUI_CONFIG"])).absolute()
    return _base(env, "XDG_CONFIG_HOME", platformdirs.user_config_dir(APP)) / "config.toml"


def _base(env: Mapping[str, str], variable: str, fallback: str) -> Path:
    # platformdirs reads the environment of the process; a caller's own mapping must win over that
    value = env.get(variable, "")
    return Path(value) / APP if _is_absolute(value) else Path(fallback)


def _is_absolute(value: str) -> bool:
    return bool(value) and Path(value).is_absolute()


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:  # "~somebody" of whom the system knows nothing: a plain name then
        return path


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
