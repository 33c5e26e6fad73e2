"""The flags about servers, on a command of their own."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from aligntui.cli.option_flags import with_options
from aligntui.cli.server_flags import server_wish, with_servers
from aligntui.core.errors import UserError
from aligntui.engine.servers.address import Api, ServerAddress, ServerWish


def typed(*words: str) -> ServerWish | None:
    """What a command gets."""
    got: list[ServerWish | None] = []
    app = typer.Typer()

    @app.command()
    @with_servers
    @with_options(["model", "adapter", "temperature", "device"])
    def run(servers: ServerWish | None, flags: dict[str, Any], name: str = "") -> None:
        got.append(servers)

    result = CliRunner().invoke(app, list(words))
    if result.exception is not None:
        raise result.exception
    return got[0]


def test_without_a_server_there_is_no_wish() -> None:
    assert typed("--name", "x", "--model", "embedded") is None


def test_a_wish() -> None:
    wish = typed(
        *("--server", "http://a:8000/v1", "--server", "b:9000=llama-2"),
        *("--served", "base=llama", "--served", "demo=llama-demo"),
        *("--server-api", "plain", "--server-timeout", "90", "--temperature", "0"),
    )
    assert wish == ServerWish(
        (ServerAddress("http://a:8000/v1"), ServerAddress("http://b:9000/v1", "llama-2")),
        {"base": "llama", "demo": "llama-demo"},
        Api.PLAIN,
        90.0,
    )
    assert typed("--server", "http://a:8000/v1") == ServerWish(
        (ServerAddress("http://a:8000/v1"),), {}, Api.CHAT, 600.0
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--served", "base=llama"), "no server is given"),
        (("--server", "a:1", "--server", "http://a:1/v1"), "named twice"),
        (("--server", "a:1", "--served", "llama"), "wants SIDE=MODEL"),
        (("--server", "http://me:secret@a:1"), "no user name, password or key"),
        (("--server", "a:1", "--model", "embedded"), "--model is about a model that is loaded here"),
        (("--server", "a:1", "--adapter", "demo"), "--adapter is about a model that is loaded here"),
        (("--server", "a:1", "--device", "cpu"), "--device is about"),
        (("--server", "a:1", "--server-api", "grpc"), "must be one of chat, plain"),
        (("--server", "a:1", "--server-timeout", "0"), "above 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], why: str) -> None:
    with pytest.raises(UserError, match=why):
        typed(*words)


def test_the_wish_without_a_command() -> None:
    assert server_wish(None, None, "chat", 600.0) is None
    assert server_wish([], [], "chat", 600.0) is None
