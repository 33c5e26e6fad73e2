"""Content hashes of safetensors files: over tensor names, dtypes, shapes and bytes, whatever the file order.

The same tensors give the same hash however they are split into files and wherever they lie; the compute dtype
plays no part. Hashes of large files are remembered in the cache under path, size and modification time.
Pinned in tests/backend/test_hashing.py.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from aligntui.backend.cache_paths import cache_folder
from aligntui.backend.infer.progress import Progress, silent
from aligntui.core.errors import UserError
from aligntui.core.ids import canonical_json, sha256_text

CHUNK_BYTES = 1 << 24
_MAX_HEADER_BYTES = 100_000_000
"""Limit of the safetensors format."""


@dataclass(frozen=True)
class StoredTensor:
    """Where one tensor lies in a safetensors file."""

    name: str
    dtype: str
    """As the format spells it: F32, BF16, ..."""
    shape: tuple[int, ...]
    file: Path
    start: int
    """First byte in the file."""
    end: int


def read_header(file: Path) -> list[StoredTensor]:
    """The tensors of one safetensors file, without reading them.

    Raises:
        UserError: the file is not whole, or no safetensors file at all.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > min(size - 8, _MAX_HEADER_BYTES):
                raise ValueError(f"a header of {length} bytes in a file of {size}")
            entries = json.loads(stream.read(length))
        entries.pop("__metadata__", None)
        tensors = []
        for name, entry in entries.items():
            start, end = entry["data_offsets"]
            shape = tuple(int(n) for n in entry["shape"])
            tensors.append(StoredTensor(name, entry["dtype"], shape, file, 8 + length + start, 8 + length + end))
        if any(not 8 + length <= t.start <= t.end <= size for t in tensors):
            raise ValueError("tensors that lie beyond its end")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise UserError(
            f"The file {file} cannot be read as safetensors: {error}.",
            "It may be cut off or damaged: fetch or make it again.",
        ) from error
    return tensors


def tensors_sha256(files: list[Path], progress: Progress = silent) -> str:
    """SHA-256 over the tensors of `files` in the order of their names.

    Raises:
        UserError: a file is damaged, or two files hold the same name.
    """
    tensors = sorted((t for file in files for t in read_header(file)), key=lambda t: t.name)
    for first, second in itertools.pairwise(tensors):
        if first.name == second.name:
            raise UserError(f"Both {first.file.name} and {second.file.name} hold the tensor {first.name}.")
    total = sum(t.end - t.start for t in tensors)
    digest = hashlib.sha256()
    done = 0
    maps = {file: _map(file) for file in files}
    try:
        for tensor in tensors:
            head = canonical_json([tensor.name, tensor.dtype, list(tensor.shape)])
            digest.update(head.encode() + b"\n")
            view = maps[tensor.file]
            for start in range(tensor.start, tensor.end, CHUNK_BYTES):
                part = view[start : min(start + CHUNK_BYTES, tensor.end)]
                digest.update(part)
                done += len(part)
                progress("hash", done, total, "bytes")
    finally:
        for view in maps.values():
            view.close()
    return digest.hexdigest()


def weights_sha256(folder: Path, progress: Progress = silent) -> str:
    """`tensors_sha256` of a model folder, remembered until one of its files changes."""
    files = weight_files(folder)
    marks = [[str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns] for f in files]
    memory = cache_folder("hashes") / f"{sha256_text(canonical_json(marks))}.json"
    try:
        return json.loads(memory.read_text("utf-8"))["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not hashed yet, or the note is damaged: hash (again)
    value = tensors_sha256(files, progress)
    draft = memory.with_name(f"{memory.name}.{os.getpid()}")
    draft.write_text(canonical_json({"sha256": value, "files": marks}), "utf-8")
    draft.replace(memory)
    return value


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that hold a model's weights.

    Raises:
        UserError: there are none; says so plainly where there are pickled ones instead.
    """
    index = folder / "model.safetensors.index.json"
    single = folder / "model.safetensors"
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
            files = [folder / Path(name).name for name in names]
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise UserError(f"The index {index} cannot be read: {error!r}.", "Fetch the model again.") from error
        missing = [f.name for f in files if not f.is_file()]
        if missing:
            raise UserError(f"The model in {folder} lacks {', '.join(missing)}.", "Fetch it again.")
        return files
    if single.is_file():
        return [single]
    pickled = sorted(f.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for f in folder.glob(pattern))
    if pickled:
        raise UserError(
            f"The model in {folder} has only pickled weights ({pickled[0]}), which can run code when they are read.",
            "aligntui reads safetensors only: convert it first, or choose a model that ships safetensors.",
        )
    raise UserError(
        f"The folder {folder} holds no model.safetensors.",
        "Name a folder with config.json and safetensors weights, a hub id, or `embedded`.",
    )


def _map(file: Path) -> mmap.mmap:
    with file.open("rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
