"""Where a server is, what is wanted of it, and which key opens it.

Pinned in tests/engine/test_servers_address.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from aligntui.core.errors import UserError
from aligntui.core.printable import one_line

BASE = "base"
"""Name of the side without an adapter."""
KEY_VARIABLE = "ALIGNTUI_API_KEY"
"""Environment variable with the key of every server; `KEY_VARIABLE` + `_HOST_PORT` goes before it."""
_ENDPOINTS = ("/chat/completions", "/completions", "/models")
_EXAMPLE = "Write it like http://host:8000/v1, or http://host:8000/v1=MODEL."


class Api(StrEnum):
    """Which of a server's interfaces is asked."""

    CHAT = "chat"
    """Messages; the server applies the model's chat template."""
    PLAIN = "plain"
    """Text as it is, without any template: for models that were never taught to chat."""


@dataclass(frozen=True)
class ServerAddress:
    """One server."""

    url: str
    """Root of its interface, such as `http://host:8000/v1`."""
    base_model: str = ""
    """Its name for the base; empty where that is the same on all servers, or to be found out."""

    @property
    def name(self) -> str:
        """`host:8000`, with the path where that is not `/v1`."""
        parts = urlsplit(self.url)
        return parts.netloc + (parts.path if parts.path != "/v1" else "")

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine, where no proxy stands between."""
        return urlsplit(self.url).hostname in ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class ServerWish:
    """Which servers are asked, and for what."""

    servers: tuple[ServerAddress, ...]
    served: Mapping[str, str] = field(default_factory=dict)
    """The servers' names of the models, by name of the side (`base`, or an adapter's). Sides without a name here are
    found out: see `aligntui.engine.servers.offer`."""
    api: Api = Api.CHAT
    timeout_s: float = 600.0
    """How long one answer may take."""


def parse_server(text: str) -> ServerAddress:
    """Read `URL` or `URL=MODEL`.

    A missing scheme is http, a missing path `/v1`; the path of an endpoint is cut off.

    Raises:
        UserError: it is no address, or holds a password, key or query, which would be stored with every answer.
    """
    url, _, model = text.strip().partition("=")
    if "?" in url or "#" in url:
        raise UserError("A server's address ends with its path; nothing may follow a ? or #.", _EXAMPLE)
    if "@" in url:
        raise UserError(
            "The address of a server is stored with its answers and must hold no user name, password or key.",
            f"Put the key into the environment variable {KEY_VARIABLE}.",
        )
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port
    except ValueError as error:
        raise UserError(f"{one_line(text, 80)!r} is no server address: {error}.", _EXAMPLE) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\x00-\x1f]", url):
        raise UserError(f"{one_line(text, 80)!r} is no server address.", _EXAMPLE)
    return ServerAddress(f"{parts.scheme}://{_place(parts, port)}{_path(parts.path)}", model.strip())


def parse_served(texts: list[str]) -> dict[str, str]:
    """Read `SIDE=MODEL` pairs, such as `base=llama` and `demo=llama-demo`.

    Raises:
        UserError: one is no pair, or a side has two models.
    """
    served: dict[str, str] = {}
    for text in texts:
        side, equals, model = (part.strip() for part in text.partition("="))
        if not (side and equals and model):
            raise UserError(
                f"--served wants SIDE=MODEL, not {one_line(text, 80)!r}.",
                "For example --served base=llama --served demo=llama-demo.",
            )
        if served.setdefault(side, model) != model:
            raise UserError(f"The side {side} has two models: {served[side]} and {model}.", "Name it once.")
    return served


def api_key(address: ServerAddress, env: Mapping[str, str] = os.environ) -> str | None:
    """The key of a server, None where the environment has none. It is never stored.

    `ALIGNTUI_API_KEY_HOST_8000` goes before `ALIGNTUI_API_KEY`.
    """
    return env.get(key_variable(address)) or env.get(KEY_VARIABLE) or None


def key_variable(address: ServerAddress) -> str:
    """Environment variable with the key of this server alone."""
    return f"{KEY_VARIABLE}_{re.sub('[^A-Z0-9]+', '_', urlsplit(address.url).netloc.upper())}"


def _place(parts: SplitResult, port: int | None) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if port is None else f"{host}:{port}"


def _path(path: str) -> str:
    path = path.rstrip("/")
    for end in _ENDPOINTS:
        path = path.removesuffix(end)
    return path or "/v1"
