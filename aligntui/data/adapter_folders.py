"""Adapters as folders: what is there, whether it can be used, and which one a name means.

An adapter is a plain PEFT folder, `adapter_config.json` and `adapter_model.safetensors`, with the story of its
training in `run/` and checkpoints in `run/checkpoints/`, or right below it as `transformers.Trainer` leaves them. Headers
are read by hand, so that a list of adapters costs no tensor library; pickled weights are never opened.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from aligntui.config.paths import Workspace, bundled
from aligntui.core.errors import AligntuiError, EnvironmentProblem, UserError, nearest
from aligntui.core.ids import canonical_json, sha256_text
from aligntui.data.adapter_card import card_summary, card_text
from aligntui.data.adapter_weights import number_count, read_header, tensors_sha256

BUNDLED_ADAPTERS = ("demo",)
"""Adapters that travel with the package. Named here because in a checkout they lie among the user's own."""
CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
MAX_JSON_BYTES = 4 << 20
"""Largest configuration that is read; PEFT writes about a kilobyte."""
CHECKPOINT_PLACES = (Path("run", "checkpoints"), Path())
"""Where checkpoints lie below an adapter, the place that counts first: a run's own, and that of `transformers.Trainer`."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CHECKPOINT = re.compile(r"step-([0-9]{6,18})|checkpoint-(0|[1-9][0-9]{0,17})")


@dataclass(frozen=True)
class AdapterFolder:
    """One adapter, or one checkpoint of it, as it lies on disk."""

    name: str
    """Folder name; `NAME@STEP` for a checkpoint."""
    path: Path
    rank: int = 0
    alpha: float = 0.0
    target_modules: tuple[str, ...] = ()
    base_model: str = ""
    """Base that it says it was trained on."""
    parameters: int = 0
    """Numbers in its weights."""
    size_bytes: int = 0
    """Size of the weights file."""
    checkpoints: tuple[int, ...] = ()
    """Steps of its checkpoints that can be used as adapters, in order; `checkpoint_path` has their folders."""
    mode: str = ""
    """Prompt format that it was trained in, where its run says so."""
    template_sha256: str = ""
    """Chat template that it was trained with, where its run says so."""
    base_weights_sha256: str = ""
    """Base weights that it was trained on, where its run says so."""
    card: str = ""
    """First sentences of its card (README.md); `whole_card` has the rest."""
    bundled: bool = False
    """Whether it came with aligntui."""
    problem: str = ""
    """Why it cannot be used; empty when it can. Only lists contain such folders; their checkpoints may still be used."""

    @property
    def module_names(self) -> tuple[str, ...]:
        """Last parts of its target modules, each once: an adapter joined of stages names every layer in full."""
        return tuple(sorted({module.rsplit(".", 1)[-1] for module in self.target_modules}))

    def checkpoint_path(self, step: int) -> Path:
        """The folder of one of its `checkpoints`."""
        return _checkpoint_folder(self.path, step) or self.path / CHECKPOINT_PLACES[0] / f"checkpoint-{step}"

    @property
    def whole_card(self) -> str:
        """The text of its card as it stands in the file, of a checkpoint that of its adapter; empty where there is none."""
        return card_text(self._home)

    @property
    def _home(self) -> Path:
        """The adapter's own folder, also of a checkpoint."""
        if not re.fullmatch(r".*@\d+", self.name) or _step_of(self.path.name) is None:
            return self.path
        place = self.path.parent
        is_run = place.parts[-2:] == CHECKPOINT_PLACES[0].parts
        return place.parent.parent if is_run else place

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over tensor names, dtypes, shapes and bytes, and the configuration; the engine's `adapter_sha256`.

        Raises:
            UserError: the files are gone or damaged.
        """
        config = _read_json(self.name, self.path / CONFIG_FILE)
        return sha256_text(tensors_sha256(self.path / WEIGHTS_FILE) + "\n" + canonical_json(config))


def list_adapters(workspace: Workspace) -> list[AdapterFolder]:
    """All adapters by name: those of the workspace, then the bundled ones that it does not have itself.

    A folder that cannot be used is listed with its `problem`, so that one damaged adapter hides no other.
    """
    found: dict[str, AdapterFolder] = {}
    for root, name in _places(workspace):
        if name in found:
            continue
        try:
            found[name] = _read_folder(name, _inside(root, root / name, name), root)
        except AligntuiError as error:
            # training that has not ended leaves checkpoints and nothing beside them yet
            steps = _checkpoints(root / name, root) if _NAME.fullmatch(name) else ()
            found[name] = AdapterFolder(name, root / name, checkpoints=steps, problem=str(error))
    return list(found.values())


def find_adapter(workspace: Workspace, ref: str) -> AdapterFolder:
    """The adapter that the user means.

    Args:
        workspace: where names are looked up; the bundled adapters come second.
        ref: `NAME`, `NAME@STEP` for one of its checkpoints, or a path to a folder (anything with a separator,
            with or without `@STEP`), which may lie anywhere because the user wrote it out.

    Raises:
        UserError: there is no such adapter or checkpoint, the name leaves the adapters folder, a file is
            missing or damaged, or it is no LoRA adapter.
    """
    base, at, step = ref.strip().rpartition("@")
    is_step = at and step.isascii() and step.isdigit() and len(step) < 19
    base, step = (base, step) if is_step else (ref.strip(), "")
    if os.sep in base or "/" in base:
        folder = Path(base).expanduser()
        if not folder.is_dir():
            message = (
                f"There is no adapter folder {base}." if not folder.exists() else f"The adapter {base} is no folder."
            )
            raise UserError(message, "A path names a folder with adapter_config.json and adapter_model.safetensors.")
        root, name, folder = None, folder.resolve().name, folder.absolute()
    else:
        root, name = _root_of(workspace, base)
        folder = _inside(root, root / name, name)
    if not step:
        return _read_folder(name, folder, root)
    checkpoint = _checkpoint_folder(folder, int(step))
    if checkpoint is None:
        steps = _checkpoints(folder)
        known = f"It has {', '.join(map(str, steps))}." if steps else "It has none."
        raise UserError(f"The adapter {name} has no checkpoint of step {int(step)}.", known)
    adapter = _read_folder(f"{name}@{int(step)}", _inside(root, checkpoint, name) if root else checkpoint, root)
    return replace(adapter, checkpoints=(), **_run_story(folder), card=card_summary(folder))


def _places(workspace: Workspace) -> Iterator[tuple[Path, str]]:
    """Folders that may be adapters: the root that must not be left, and the name."""
    try:
        own = sorted(entry.name for entry in workspace.adapters.iterdir() if entry.is_dir())
    except OSError:
        own = []
    yield from ((workspace.adapters, name) for name in own if not name.startswith("."))
    yield from ((bundled("adapters"), name) for name in BUNDLED_ADAPTERS if (bundled("adapters") / name).is_dir())


def _root_of(workspace: Workspace, name: str) -> tuple[Path, str]:
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} cannot be the name of an adapter.",
            "Names have letters, digits, dots, hyphens and underscores, at most 64; write a path with a / in it for another folder.",
        )
    known: list[str] = []
    for root, other in _places(workspace):
        if other == name:
            return root, name
        known.append(other)
    hint = nearest(name, list(dict.fromkeys(known))) if known else f"The folder {workspace.adapters} has none."
    raise UserError(f"There is no adapter {name!r}.", hint)


def _inside(root: Path, folder: Path, name: str) -> Path:
    """`folder` when neither it nor its files lead out of `root` by a symbolic link."""
    if not _NAME.fullmatch(name):
        raise UserError(f"The folder {folder} has a name that no adapter can have.", "Rename it.")
    for path in (folder, folder / CONFIG_FILE, folder / WEIGHTS_FILE):
        if not _stays(path, root):
            raise UserError(
                f"The adapter {name} leads out of {root} by a symbolic link ({path}).",
                "Copy it there, or name the folder itself by its path.",
            )
    return folder


def _stays(path: Path, root: Path) -> bool:
    """Whether `path` lies below `root` when its symbolic links are followed."""
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a link that leads to itself
        return False


def _read_folder(name: str, folder: Path, root: Path | None) -> AdapterFolder:
    weights = folder / WEIGHTS_FILE
    if not (folder / CONFIG_FILE).is_file():
        hint = f"A PEFT adapter has {CONFIG_FILE} and {WEIGHTS_FILE}"
        steps = _checkpoints(folder, root)
        if steps:
            names = ", ".join(f"{name}@{step}" for step in steps)
            hint += f"; its training has not written them yet. Its checkpoints can be used: {names}"
        elif (folder / "run").is_dir():
            hint += "; its training has not written them yet"
        hint += "."
        raise UserError(f"The adapter {name} in {folder} lacks {CONFIG_FILE}.", hint)
    if not weights.is_file():
        pickled = sorted(file.name for file in folder.glob("adapter_model.*"))
        if pickled:
            raise UserError(
                f"The adapter {name} in {folder} has only {pickled[0]}, a pickle, and lacks {WEIGHTS_FILE}.",
                "Pickles can run code when they are read and are never loaded: save it again as safetensors.",
            )
        raise UserError(f"The adapter {name} in {folder} lacks {WEIGHTS_FILE}.", "Copy or train it again.")
    config = _read_json(name, folder / CONFIG_FILE)
    tensors, _ = read_header(weights)
    adapter = AdapterFolder(
        name,
        folder,
        parameters=sum(number_count(entry["shape"]) for entry in tensors.values()),
        size_bytes=weights.stat().st_size,
        checkpoints=_checkpoints(folder, root),
        card=card_summary(folder),
        bundled=_is_bundled(folder),
    )
    return replace(adapter, **_lora_settings(name, folder / CONFIG_FILE, config), **_run_story(folder))


def _lora_settings(name: str, file: Path, config: dict[str, Any]) -> dict[str, Any]:
    kind = config.get("peft_type", "LORA")
    if kind != "LORA":
        raise UserError(f"The adapter {name} is of the PEFT type {kind!r}.", "aligntui runs LoRA adapters.")
    modules, base = config.get("target_modules") or (), config.get("base_model_name_or_path") or ""
    modules = (modules,) if isinstance(modules, str) else modules
    # 8 and 8 are PEFT's own defaults (peft.LoraConfig, 0.21)
    rank, alpha = config.get("r", 8), config.get("lora_alpha", 8)
    whole = isinstance(rank, int) and rank > 0 and isinstance(alpha, int | float) and isinstance(base, str)
    if not whole or not isinstance(modules, list | tuple) or not all(isinstance(module, str) for module in modules):
        raise UserError(
            f"The configuration {file} says something impossible of r, lora_alpha, target_modules or the base.",
            "Copy or train the adapter again.",
        )
    return {"rank": rank, "alpha": float(alpha), "target_modules": tuple(sorted(modules)), "base_model": base}


def _read_json(name: str, file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > MAX_JSON_BYTES:
            raise ValueError(f"it has more than {MAX_JSON_BYTES} bytes")
        value = json.loads(file.read_bytes())
        if not isinstance(value, dict):
            raise ValueError("it is no JSON object")
        return value
    except PermissionError as error:
        raise EnvironmentProblem(
            f"{file} of the adapter {name} may not be read.", "Correct its permissions."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        reason = "it is not JSON" if isinstance(error, json.JSONDecodeError | UnicodeDecodeError) else str(error)
        raise UserError(
            f"The configuration {file} of the adapter {name} cannot be read: {reason}.", "Copy or train it again."
        ) from error


def _checkpoints(folder: Path, root: Path | None = None) -> tuple[int, ...]:
    steps: set[int] = set()
    for place in CHECKPOINT_PLACES:
        for entry in (*(folder / place).glob("step-*"), *(folder / place).glob("checkpoint-*")):
            step = _step_of(entry.name)
            if step is not None and _is_whole(entry) and (root is None or _stays(entry, root)):
                steps.add(step)
    return tuple(sorted(steps))


def _step_of(name: str) -> int | None:
    """The step of a checkpoint's folder: `step-000020` of a run, `checkpoint-20` of `transformers.Trainer`."""
    found = _CHECKPOINT.fullmatch(name)
    return int(found[1] or found[2]) if found else None


def _checkpoint_folder(folder: Path, step: int) -> Path | None:
    """The checkpoint of this step: of several the first that can be used, None where there is none at all."""
    names = (f"step-{step:06d}", f"checkpoint-{step}")
    there = [path for place in CHECKPOINT_PLACES for name in names if (path := folder / place / name).is_dir()]
    return next(filter(_is_whole, there), there[0] if there else None)


def _is_whole(folder: Path) -> bool:
    return (folder / CONFIG_FILE).is_file() and (folder / WEIGHTS_FILE).is_file()


def _is_bundled(folder: Path) -> bool:
    return folder.name in BUNDLED_ADAPTERS and folder.parent.resolve() == bundled("adapters").resolve()


def _run_story(folder: Path) -> dict[str, str]:
    """What `run/config.json` says of the conditions of the training; nothing where it is missing or unreadable."""
    names = ("mode", "template_sha256", "base_weights_sha256")
    try:
        story = _read_json(folder.name, folder / "run" / "config.json")
    except AligntuiError:
        return dict.fromkeys(names, "")
    return {name: story[name] if isinstance(story.get(name), str) else "" for name in names}
