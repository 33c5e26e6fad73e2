"""The weights file of an adapter, read by hand: what its header says, and the hash of what it holds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from aligntui.core.errors import UserError
from aligntui.core.ids import canonical_json

MAX_HEADER_BYTES = 100_000_000
"""Largest header that the safetensors format allows."""
_DTYPE_BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
}


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


def tensors_sha256(file: Path) -> str:
    """SHA-256 over tensor names, dtypes, shapes and bytes, whatever their order in the file.

    Raises:
        UserError: it is no safetensors file, or damaged, or cut off.
    """
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
            whole = sizes_are_whole and (end - begin) * 8 == bits * number_count(shape)
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


def number_count(shape: list[int]) -> int:
    """How many numbers a tensor of this shape has."""
    product = 1
    for n in shape:
        product *= n
    return product
