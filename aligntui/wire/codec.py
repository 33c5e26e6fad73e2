"""Dataclass messages to JSON lines and back.

Reading is strict about kinds and missing fields and lenient about unknown ones, so that an older reader survives
a newer writer. Pinned in tests/unit/test_codec.py.
"""

from __future__ import annotations

import json
import types
from dataclasses import MISSING, asdict, fields, is_dataclass
from functools import lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from aligntui.core.errors import EngineError
from aligntui.wire import engine

_KINDS: dict[str, type] = {cls.__name__: cls for cls in (*engine.REQUESTS, *engine.EVENTS)}


class BadMessage(EngineError):
    """A line that is no message of this protocol."""


def encode(message: Any) -> bytes:
    """One line, newline included. Lone surrogates and line breaks inside strings are escaped by JSON."""
    body = {"kind": type(message).__name__, **asdict(message)}
    return json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def decode(line: bytes) -> Any:
    """Read one line.

    Raises:
        BadMessage: not JSON, an unknown kind, or a field is missing or has the wrong shape.
    """
    try:
        body = json.loads(line)
        cls = _KINDS[body.pop("kind")]
        return _build(cls, body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadMessage(f"Not a message of this protocol ({error!r}): {line[:200]!r}") from error


@lru_cache(maxsize=64)
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _build(cls: type, body: dict[str, Any]) -> Any:
    hints = _hints(cls)
    values = {}
    for f in fields(cls):
        if f.name in body:
            values[f.name] = _convert(hints[f.name], body[f.name])
        elif f.default is MISSING and f.default_factory is MISSING:
            raise KeyError(f"{cls.__name__} without {f.name}")
    return cls(**values)


def _convert(hint: Any, value: Any) -> Any:
    if is_dataclass(hint):
        return _build(hint, value)  # type: ignore[arg-type]
    origin = get_origin(hint)
    if origin is tuple:
        inner = get_args(hint)
        if len(inner) == 2 and inner[1] is Ellipsis:
            if inner[0] in (int, float, str):
                return tuple(value)
            return tuple(_convert(inner[0], item) for item in value)
        return tuple(_convert(kind, item) for kind, item in zip(inner, value, strict=True))
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        return _convert(next(kind for kind in get_args(hint) if kind is not type(None)), value)
    return value
