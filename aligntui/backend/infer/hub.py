"""Models of the Hugging Face hub: one snapshot folder, safetensors only, with a sentence for everything that fails."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from aligntui.backend.infer.progress import Progress, silent
from aligntui.core.errors import EnvironmentProblem, UserError

_WANTED = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt", "tokenizer*"]
_CODE = ["*.py"]
_UNWANTED = ["original/*", "onnx/*", "*.bin", "*.h5", "*.msgpack", "*.gguf", "*.pt", "*.pth", "consolidated*"]


def hub_folder(repo: str, *, trust_remote_code: bool, progress: Progress = silent) -> Path:
    """The local snapshot of a hub model; fetched when it is not in the hub's cache.

    Raises:
        UserError: no such model, a gated one, or one without safetensors.
        EnvironmentProblem: the hub cannot be reached and the model is not in the cache.
    """
    # imported here: the embedded model and local folders never need the hub
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
    )

    wanted = _WANTED + (_CODE if trust_remote_code else [])
    progress("fetch", 0, 0, "bytes")
    try:
        return Path(
            snapshot_download(repo, allow_patterns=wanted, ignore_patterns=_UNWANTED, tqdm_class=_bar(progress))
        )
    except HFValidationError as error:
        raise UserError(f"{repo!r} is neither a folder here nor a valid hub id.", "A hub id is owner/name.") from error
    except GatedRepoError as error:
        raise UserError(
            f"The model {repo} is gated: its owner must grant you access first.",
            "Accept its terms on its page, then log in with `hf auth login`.",
        ) from error
    except RepositoryNotFoundError as error:
        raise UserError(
            f"The hub has no model {repo}, or it is private.", "Check the spelling, or log in with `hf auth login`."
        ) from error
    except HfHubHTTPError as error:
        raise EnvironmentProblem(f"The hub refused to send {repo}: {error}.", "Try again later.") from error
    except Exception as error:  # the hub's client raises its HTTP library's own kinds, which changed between versions
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        raise EnvironmentProblem(
            f"The model {repo} is not on this machine, and the Hugging Face hub cannot be reached.",
            "Check the spelling and the network, name a local folder instead, or use `embedded`.",
        ) from error


def _bar(progress: Progress) -> Any:
    from tqdm import tqdm

    class Reporter(tqdm):
        """A progress bar that draws nothing and tells `progress` how many bytes have come."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["disable"] = False
            kwargs.pop("name", None)
            super().__init__(*args, **kwargs)

        def display(self, *_args: Any, **_kwargs: Any) -> None:
            if self.unit == "B":
                progress("fetch", int(self.n), int(self.total or 0), "bytes")

    return Reporter
