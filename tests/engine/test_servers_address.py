"""Addresses, sides and keys as a user types them."""

from __future__ import annotations

import pytest

from aligntui.core.errors import UserError
from aligntui.engine.servers.address import api_key, key_variable, parse_served, parse_server


@pytest.mark.parametrize(
    ("text", "url", "model", "name"),
    [
        ("http://gpu1:8000/v1", "http://gpu1:8000/v1", "", "gpu1:8000"),
        ("http://gpu1:8000/v1/", "http://gpu1:8000/v1", "", "gpu1:8000"),
        ("http://gpu1:8000", "http://gpu1:8000/v1", "", "gpu1:8000"),
        ("gpu1:8000", "http://gpu1:8000/v1", "", "gpu1:8000"),
        ("localhost", "http://localhost/v1", "", "localhost"),
        ("HTTPS://API.Example.org/v1", "https://api.example.org/v1", "", "api.example.org"),
        ("http://host/openai/v1", "http://host/openai/v1", "", "host/openai/v1"),
        ("http://host:8000/v1/chat/completions", "http://host:8000/v1", "", "host:8000"),
        ("http://host:8000/v1/models", "http://host:8000/v1", "", "host:8000"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1", "", "[::1]:8000"),
        ("http://host:8000/v1=meta-llama/Llama-3.1-8B", "http://host:8000/v1", "meta-llama/Llama-3.1-8B", "host:8000"),
        ("http://host:8000/v1=a=b", "http://host:8000/v1", "a=b", "host:8000"),
    ],
)
def test_an_address_is_read_as_it_is_meant(text: str, url: str, model: str, name: str) -> None:
    found = parse_server(text)
    assert (found.url, found.base_model, found.name) == (url, model, name)
    assert parse_server(found.url).url == found.url


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no server address"),
        ("ftp://host/v1", "no server address"),
        ("http://", "no server address"),
        ("http://host:port/v1", "no server address"),
        ("http://host:99999/v1", "no server address"),
        ("http://ho st/v1", "no server address"),
        ("http://user:secret@host/v1", "no user name, password or key"),
        ("http://secret@host/v1", "no user name, password or key"),
        ("http://user:secret@host:port/v1", "no user name, password or key"),
        ("http://host/v1?api_key=secret", "nothing may follow"),
        ("http://host/v1#x", "nothing may follow"),
    ],
)
def test_what_is_no_address_is_refused_without_repeating_a_secret(text: str, why: str) -> None:
    with pytest.raises(UserError, match=why) as refused:
        parse_server(text)
    assert "secret" not in str(refused.value)


def test_sides_and_their_models() -> None:
    assert parse_served(["base=llama", " demo = org/llama-demo "]) == {"base": "llama", "demo": "org/llama-demo"}
    assert parse_served(["base=llama", "base=llama"]) == {"base": "llama"}
    for wrong in ("llama", "=llama", "base=", ""):
        with pytest.raises(UserError, match="wants SIDE=MODEL"):
            parse_served([wrong])
    with pytest.raises(UserError, match="two models: llama and qwen"):
        parse_served(["base=llama", "base=qwen"])


def test_a_server_has_its_own_key_or_the_one_of_all() -> None:
    address = parse_server("https://gpu-1.example.org:8443/v1")
    own = "ALIGNTUI_API_KEY_GPU_1_EXAMPLE_ORG_8443"
    assert key_variable(address) == own
    assert api_key(address, {"ALIGNTUI_API_KEY": "all", own: "its own"}) == "its own"
    assert api_key(address, {"ALIGNTUI_API_KEY": "all"}) == "all"
    assert api_key(address, {"OPENAI_API_KEY": "somebody else's"}) is None
    assert api_key(address, {own: ""}) is None
