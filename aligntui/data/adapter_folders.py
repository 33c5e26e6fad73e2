"""Adapters as folders: what is there, whether it can be used, and which one a name means.

An adapter is a plain PEFT folder, `adapter_config.json` and `adapter_model.safetensors`, with the story of its
training in `run/`. Headers are read by hand, so that a list of adapters costs no tensor library; pickled
weights are never opened.
"""

from __future__ import annotations

import hashlib
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
from aligntui.core.printable import one_line

BUNDLED_ADAPTERS = ("demo",)
"""Adapters that travel with the package. Named here because in a checkout they lie among the user's own."""
CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
MAX_JSON_BYTES = 4 << 20
"""Largest configuration that is read; PEFT writes about a kilobyte."""
MAX_HEADER_BYTES = 100_000_000
"""Largest header that the safetensors format allows."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DTYPE_BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
}


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
    """Steps of which `run/checkpoints/checkpoint-STEP` can be used as an adapter."""
    mode: str = ""
    """Prompt format that it was trained in, where its run says so."""
    template_sha256: str = ""
    """Chat template that it was trained with, where its run says so."""
    base_weights_sha256: str = ""
    """Base weights that it was trained on, where its run says so."""
    card: str = ""
    """First sentence line of its card (README.md)."""
    bundled: bool = False
    """Whether it came with aligntui."""
    problem: str = ""
    """Why it cannot be used; empty when it can. Only lists contain such folders."""

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over tensor names, dtypes, shapes and bytes, and the configuration; the engine's `adapter_sha256`.

        Raises:
            UserError: the files are gone or damaged.
        """
        config = _read_json(self.name, self.path / CONFIG_FILE)
        return sha256_text(_tensors_sha256(self.path / WEIGHTS_FILE) + "\n" + canonical_json(config))


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
            found[name] = AdapterFolder(name, root / name, problem=str(error))
        if name in BUNDLED_ADAPTERS and root.resolve() == bundled("adapters").resolve():
            found[name] = replace(found[name], bundled=True)
    return list(found.values())


def find_adapter(workspace: Workspace, ref: str) -> AdapterFolder:
    """The adapter that the user means.

    Args:
        workspace: where names are looked up; the bundled adapters come second.
        ref: `NAME`, `NAME@STEP` for a checkpoint of its run, or a path to a folder (anything with a separator,
            with or without `@STEP`), which may lie anywhere because the user wrote it out.

    Raises:
        UserError: there is no such adapter or checkpoint, the name leaves the adapters folder, a file is
            missing or damaged, or it is no LoRA adapter.
    """
    base, at, step = ref.strip().rpartition("@")
    base, step = (base, step) if at and step.isascii() and step.isdigit() else (ref.strip(), "")
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
    checkpoint = folder / "run" / "checkpoints" / f"checkpoint-{int(step)}"
    if not checkpoint.is_dir():
        steps = _checkpoints(folder)
        known = f"It has {', '.join(map(str, steps))}." if steps else "It has none."
        raise UserError(f"The adapter {name} has no checkpoint of step {int(step)}.", known)
    adapter = _read_folder(f"{name}@{int(step)}", _inside(root, checkpoint, name) if root else checkpoint, root)
    return replace(adapter, checkpoints=(), **_run_story(folder), card=_card(folder))


def read_header(file: Path) -> tuple[dict[str, dict[str, Any]], int]:
    """The tensors that a safetensors file says it holds, checked against its size.

    Returns:
        Tensor name to `{"dtype", "shape", "data_offsets"}`, and the position in the file at which the data begin.

    Raises:
        UserError: it is no safetensors file, or damaged, or cut off.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if size < 8 or length > min(size - 8, MAX_HEADER_BYTES):
                raise ValueError("it is cut off, or no safetensors file")
            header = json.loads(stream.read(length))
        if not isinstance(header, dict):
            raise ValueError("its header is no JSON object")
        header.pop("__metadata__", None)
        expected = 8 + length + _check_entries(header)
        if expected != size:
            word = "cut off" if size < expected else "too long"
            raise ValueError(f"it is {word}: {size} bytes where its header says {expected}")
    except (OSError, ValueError, RecursionError) as error:
        reason = "its header is damaged" if isinstance(error, json.JSONDecodeError | UnicodeDecodeError) else str(error)
        raise UserError(f"The weights {file} cannot be read: {reason}.", "Copy or train the adapter again.") from error
    return header, 8 + length


def _tensors_sha256(file: Path) -> str:
    tensors, start = read_header(file)
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        for name in sorted(tensors):
            entry = tensors[name]
            digest.update(canonical_json([name, entry["dtype"], entry["shape"]]).encode() + b"\n")
            begin, end = entry["data_offsets"]
            stream.seek(start + begin)
            for at in range(begin, end, 1 << 20):
                digest.update(stream.read(min(1 << 20, end - at)))
    return digest.hexdigest()


def _check_entries(header: dict[str, Any]) -> int:
    """Check that the tensors lie one after the other without gap or overlap; return their bytes."""
    spans: list[tuple[int, int]] = []
    for name, entry in header.items():
        try:
            bits, shape, (begin, end) = _DTYPE_BITS[entry["dtype"]], entry["shape"], entry["data_offsets"]
            sizes_are_whole = all(isinstance(n, int) and n >= 0 for n in (*shape, begin, end))
            whole = sizes_are_whole and (end - begin) * 8 == bits * _product(shape)
        except (KeyError, TypeError, ValueError):
            whole, begin, end = False, 0, 0
        if not whole:
            raise ValueError(f"its header says something impossible of the tensor {name[:80]!r}")
        spans.append((begin, end))
    position = 0
    for begin, end in sorted(spans):
        if begin != position:
            raise ValueError("its tensors overlap or leave a gap")
        position = end
    return position


def _product(shape: list[int]) -> int:
    product = 1
    for n in shape:
        product *= n
    return product


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
        training = (folder / "run").is_dir()
        hint += "; its run has not written them yet, but its checkpoints may be used (NAME@STEP)." if training else "."
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
        parameters=sum(_product(entry["shape"]) for entry in tensors.values()),
        size_bytes=weights.stat().st_size,
        checkpoints=_checkpoints(folder, root),
        card=_card(folder),
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
    steps: list[int] = []
    for entry in (folder / "run" / "checkpoints").glob("checkpoint-*"):
        number = entry.name.removeprefix("checkpoint-")
        usable = (entry / CONFIG_FILE).is_file() and (entry / WEIGHTS_FILE).is_file()
        stays = root is None or _stays(entry, root)
        if number.isascii() and number.isdigit() and str(int(number)) == number and usable and stays:
            steps.append(int(number))
    return tuple(sorted(steps))


def _run_story(folder: Path) -> dict[str, str]:
    """What `run/config.json` says of the conditions of the training; nothing where it is missing or unreadable."""
    names = ("mode", "template_sha256", "base_weights_sha256")
    try:
        story = _read_json(folder.name, folder / "run" / "config.json")
    except AligntuiError:
        return dict.fromkeys(names, "")
    return {name: story[name] if isinstance(story.get(name), str) else "" for name in names}


def _card(folder: Path) -> str:
    """The first line of prose of the card, else its heading; safe to print."""
    try:
        with (folder / "README.md").open(encoding="utf-8", errors="replace") as file:
            lines = file.read(20_000).splitlines()
    except OSError:
        return ""
    if lines and lines[0].strip() == "---":
        end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() == "---"), 0)
        lines = lines[end + 1 :]
    texts = [line.strip() for line in lines if line.strip()]
    prose = next((text for text in texts if not text.startswith("#")), texts[0].lstrip("# ") if texts else "")
    return one_line(prose, 200)
