"""Adapters, or merged models, to the hub: which files, to which repository, and the upload itself.

Pickles are never sent, and the story of a training (`run/`) only when asked for: it names pairs and paths.
Pinned in tests/data/test_adapter_push.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.core.printable import one_line

_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_KINDS = (".json", ".safetensors", ".md", ".txt", ".jinja", ".model")
_STORY = ("config.yaml", "lineage.json", "events.jsonl", "config.json")
"""What of a run is sent with it; checkpoints, logs and data never are."""


@dataclass(frozen=True)
class PushFile:
    """One file of an upload."""

    path: Path
    name: str
    """Path in the repository."""
    size_bytes: int


@dataclass(frozen=True)
class Push:
    """An upload that can be shown before it happens."""

    repo: str
    private: bool
    files: tuple[PushFile, ...]

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(file.size_bytes for file in self.files)


def plan_push(folder: Path, repo: str, *, private: bool = True, with_run: bool = False) -> Push:
    """What would be sent.

    Args:
        folder: an adapter or a merged model.
        repo: `OWNER/NAME` on the hub.
        private: of a repository that has to be made.
        with_run: also the configuration, lineage and events of its training.

    Raises:
        UserError: `repo` is no name of a repository, or the folder holds no weights.
    """
    if not _REPO.fullmatch(repo):
        raise UserError(f"{repo!r} is no repository of the hub.", "Write OWNER/NAME, such as me/my-adapter.")
    files = tuple(_files(folder, with_run=with_run))
    if not any(file.name.endswith(".safetensors") for file in files):
        raise UserError(f"The folder {folder} has no weights in safetensors.", "Name an adapter or a merged model.")
    return Push(repo, private, files)


def push(plan: Push, message: str = "Upload by aligntui") -> str:
    """Send the files in one commit; a repository that is missing is made.

    Returns:
        Address of the commit.

    Raises:
        UserError: no token, no right to write there, or the hub refuses.
        EnvironmentProblem: the hub cannot be reached.
    """
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
    operations: list[Any] = [CommitOperationAdd(file.name, str(file.path)) for file in plan.files]
    try:
        api.create_repo(plan.repo, private=plan.private, exist_ok=True)
        return str(api.create_commit(plan.repo, operations, commit_message=message).commit_url)
    except LocalTokenNotFoundError as error:
        raise UserError("The hub wants a token, and there is none.", "`hf auth login`, or set HF_TOKEN.") from error
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        if status in (401, 403):
            raise UserError(
                f"The hub lets you not write to {plan.repo} (HTTP {status}).",
                "Check the owner, and that the token in HF_TOKEN or of `hf auth login` may write.",
            ) from error
        raise EnvironmentProblem(f"The hub refused the upload to {plan.repo}: {error}.", "Try again later.") from error
    except Exception as error:  # the client raises its HTTP library's own kinds, which changed between versions
        raise EnvironmentProblem(
            f"The hub could not be reached: {one_line(str(error), 300)}.", "Check the network, or HF_ENDPOINT."
        ) from error


def _files(folder: Path, *, with_run: bool) -> Iterator[PushFile]:
    try:
        own = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix in _KINDS)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be read: {error.strerror or error}.") from error
    for path in own:
        if not path.name.startswith("."):
            yield PushFile(path, path.name, path.stat().st_size)
    if with_run:
        for name in _STORY:
            path = folder / "run" / name
            if path.is_file():
                yield PushFile(path, f"run/{name}", path.stat().st_size)
