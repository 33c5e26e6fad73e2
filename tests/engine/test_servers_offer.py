"""What servers offer, found out by asking them."""

from __future__ import annotations

from typing import Any

import pytest

from aligntui.core.errors import UserError
from aligntui.engine.servers.address import Api, ServerWish, parse_server
from aligntui.engine.servers.client import ServerClient
from aligntui.engine.servers.faults import ModelUnknown, ServerLost
from aligntui.engine.servers.offer import Offer, look_at
from aligntui.engine.servers.patience import Patience
from aligntui.engine.servers.question import OPTIONAL
from tests.openai_server import Manners, OpenAIServer

QUICK = Patience(attempts=3, first_s=0.01, most_s=0.05, connect_s=2.0)


async def offer_of(server: OpenAIServer, model: str = "", api: Api = Api.CHAT, **served: str) -> Offer:
    address = parse_server(f"{server.url}={model}" if model else server.url)
    client = ServerClient(address, timeout_s=20.0, patience=QUICK)
    try:
        return await look_at(client, ServerWish((address,), served, api))
    finally:
        await client.close()


def listed(*ids: str, **more: Any) -> list[dict[str, Any]]:
    return [{"id": name, "object": "model", **more} for name in ids]


async def test_a_base_and_the_adapters_that_vllm_lists_for_it() -> None:
    with OpenAIServer(Manners(["llama", "polite", "terse"], context=100, fingerprint="fp")) as server:
        found = await offer_of(server)
        assert dict(found.models) == {"base": "llama", "polite": "polite", "terse": "terse"}
        assert (found.context_length, found.software, found.fingerprint) == (100, "vllm", "fp")
        assert found.roots["polite"] == "/models/polite" and found.has == ("llama", "polite", "terse")
        assert found.dialect.fields == OPTIONAL and found.dialect.system_slot and not found.warnings
        only = await offer_of(server, demo="terse")
        assert dict(only.models) == {"base": "llama", "demo": "terse"}
        assert dict((await offer_of(server, base="llama")).models) == dict(found.models)


async def test_a_base_that_cannot_be_told_is_asked_for() -> None:
    with OpenAIServer(Manners(["a", "b"], listed=listed("a", "b"))) as server:
        with pytest.raises(UserError, match=r"is the base cannot be told\. It has: a, b\.") as refused:
            await offer_of(server)
        assert f"--server {server.url}=MODEL" in refused.value.hint
        assert dict((await offer_of(server, "b")).models) == {"base": "b"}
        assert dict((await offer_of(server, base="a")).models) == {"base": "a"}
        assert dict((await offer_of(server, demo="a")).models) == {"base": "b", "demo": "a"}, "only one is left"
    with (
        OpenAIServer(Manners(["a"], lists=False)) as silent,
        pytest.raises(UserError, match="It has: no list of its models"),
    ):
        await offer_of(silent)


async def test_a_model_that_is_not_there_is_answered_by_what_is() -> None:
    with OpenAIServer() as server:
        with pytest.raises(ModelUnknown, match=r"serves no model 'llama'\. It has: tiny, tiny-demo\."):
            await offer_of(server, "llama")
        found = await offer_of(server, demo="missing")
        assert dict(found.models) == {"base": "tiny"} and found.has == ("tiny", "tiny-demo")
        server.manners.lists = False
        assert dict((await offer_of(server, "tiny")).models) == {"base": "tiny"}
        with pytest.raises(ServerLost, match="has no model 'llama', or no such interface"):
            await offer_of(server, "llama")


async def test_a_server_that_answers_to_any_name_is_not_believed() -> None:
    with OpenAIServer(Manners(["llama"], any_name=True, listed=listed("llama", owned_by="llamacpp"))) as server:
        assert dict((await offer_of(server)).models) == {"base": "llama"}
        assert dict((await offer_of(server, "llama", demo="llama-demo")).models) == {"base": "llama"}
        with pytest.raises(ModelUnknown, match="serves no model 'qwen'"):
            await offer_of(server, "qwen")


async def test_a_model_that_is_served_and_not_listed_is_found() -> None:
    with OpenAIServer(Manners(["/models/own"], listed=listed("org/cached"))) as server:
        assert dict((await offer_of(server, "/models/own")).models) == {"base": "/models/own"}


async def test_fields_that_are_refused_are_left_out_and_told() -> None:
    with OpenAIServer(Manners(["tiny"], fields={"seed", "top_k"})) as server:
        found = await offer_of(server)
        assert found.dialect.fields == {"seed", "top_k"} and found.dialect.system_slot
        assert any("does not take min_p, repetition_penalty" in warning for warning in found.warnings)
        assert len(server.asked) == 2, "one refusal names them all"


async def test_a_template_without_a_system_message() -> None:
    with OpenAIServer(Manners(["tiny"], system=False)) as server:
        found = await offer_of(server)
        assert not found.dialect.system_slot and found.dialect.fields == OPTIONAL
        assert any("takes no system message" in warning for warning in found.warnings)
        plain = await offer_of(server, api=Api.PLAIN)
        assert not plain.dialect.system_slot and not plain.warnings


async def test_an_adapter_of_another_base_is_told() -> None:
    models = [*listed("llama", "qwen"), {"id": "polite", "parent": "qwen"}]
    with OpenAIServer(Manners(["llama", "qwen", "polite"], listed=models)) as server:
        found = await offer_of(server, "llama", demo="polite")
        assert any("polite is an adapter of qwen, not of llama" in warning for warning in found.warnings)
        assert dict((await offer_of(server, "qwen")).models) == {"base": "qwen", "polite": "polite"}
