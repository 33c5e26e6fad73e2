"""Opaque, prefixed identifiers that sort by the time they were made, and content hashes."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from datetime import UTC, datetime
from typing import Any

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32, lower case
_last_ms = 0
_last_random = 0


def new_id(prefix: str) -> str:
    """Make an identifier such as `turn_01k3c0m5v8r6f2q9xw`.

    48 bits of milliseconds and 40 bits of randomness; within one process later calls sort after
    earlier ones even inside one millisecond.
    """
    global _last_ms, _last_random
    now = time.time_ns() // 1_000_000
    if now <= _last_ms:
        now, _last_random = _last_ms, _last_random + 1 + secrets.randbelow(1 << 16)
        if _last_random >= 1 << 40:
            now, _last_random = now + 1, secrets.randbits(39)
    else:
        _last_random = secrets.randbits(39)
    _last_ms = now
    number = (now << 40) | _last_random
    digits = ""
    for _ in range(18):
        number, digit = divmod(number, 32)
        digits = _ALPHABET[digit] + digits
    return f"{prefix}_{digits}"


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces and plain UTF-8: the same value gives the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_text(text: str) -> str:
    """Lower-case hex SHA-256 of the UTF-8 bytes of `text`."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def now_utc() -> str:
    """The time now in ISO 8601, UTC, milliseconds: `2026-11-21T02:36:00.123Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
