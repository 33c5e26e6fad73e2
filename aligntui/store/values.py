"""Between Python values and what SQLite keeps."""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Sequence

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """`text` as UTF-8 can hold it: each half of a surrogate pair that stands alone becomes U+FFFD.

    Such halves come from terminals and from broken JSON, never from a tokenizer; keeping the rest of a text is worth
    more than refusing it.
    """
    return text if text.isascii() else _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def pack_int32(values: Sequence[int]) -> bytes:
    """Token ids as little-endian int32.

    Raises:
        OverflowError: a value is outside -2^31 .. 2^31 - 1.
    """
    return _little(array("i", values))


def unpack_int32(blob: bytes) -> tuple[int, ...]:
    """Inverse of `pack_int32`."""
    return tuple(_from_little("i", blob))


def pack_float32(values: Sequence[float]) -> bytes:
    """Log-probs as little-endian float32, nats; rounded to the 24 bits that the engine computed."""
    return _little(array("f", values))


def unpack_float32(blob: bytes) -> tuple[float, ...]:
    """Inverse of `pack_float32`, up to its rounding."""
    return tuple(_from_little("f", blob))


def _little(values: array) -> bytes:
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def _from_little(code: str, blob: bytes) -> array:
    values = array(code)
    values.frombytes(blob)
    if sys.byteorder == "big":
        values.byteswap()
    return values
