"""One server over real HTTP: what is asked again, what is not, and what is said of each failure."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from aligntui.core.prompt_format import Message
from aligntui.core.sampling import Sampling
from aligntui.engine.servers import client as client_module
from aligntui.engine.servers.address import Api, key_variable, parse_server
from aligntui.engine.servers.client import ServerClient
from aligntui.engine.servers.faults import ModelUnknown, NoAnswer, QuestionRefused, ServerLost
from aligntui.engine.servers.patience import Patience
from aligntui.engine.servers.question import Dialect, Question
from tests.openai_server import Manners, OpenAIServer

QUICK = Patience(attempts=4, first_s=0.01, most_s=0.05, connect_s=2.0)
ASKED = Question((Message("user", "Why?"),), Sampling(0.0, 1.0, 6))


@asynccontextmanager
async def client_of(server: OpenAIServer | str, **more: Any) -> AsyncIterator[ServerClient]:
    url = server if isinstance(server, str) else server.url
    made = ServerClient(parse_server(url), **{"timeout_s": 20.0, "patience": QUICK, **more})
    try:
        yield made
    finally:
        await made.close()


@contextmanager
def raw_server(*replies: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Sends these bytes, one reply a connection, whatever is asked; the last one again and again."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):  # the other side may have heard enough
                    heard.append(connection.recv(65536))
                    connection.sendall(replies[min(len(heard), len(replies)) - 1])
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1", heard
        ended.set()
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def reply(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def test_an_answer() -> None:
    with OpenAIServer() as server:
        async with client_of(server) as client:
            answer = await client.ask(ASKED, "tiny", Dialect())
            assert len(answer.token_ids) == len(answer.logprobs) == answer.tokens == 6
            assert answer.text and answer.model == "tiny" and client.retries == 0
            plain = await client.ask(ASKED, "tiny", Dialect(Api.PLAIN))
            assert plain.text != answer.text, "the chat template makes a difference"
            assert [set(body) & {"prompt", "messages"} for body in server.asked] == [{"messages"}, {"prompt"}]


@pytest.mark.parametrize("fault", ["busy", "fail", "drop", "cut"])
async def test_what_may_pass_is_asked_again(fault: str) -> None:
    with OpenAIServer() as server:
        setattr(server.manners, fault, 2)
        async with client_of(server) as client:
            assert (await client.ask(ASKED, "tiny", Dialect())).text
            assert client.retries == 2 and len(server.asked) == 3


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("busy", "answers HTTP 429 again and again: Too many requests"),
        ("fail", "answers HTTP 500 again and again: Internal error"),
        ("drop", "broke off the connection"),
        ("cut", "broke off the connection"),
    ],
)
async def test_patience_has_an_end(fault: str, said: str) -> None:
    with OpenAIServer() as server:
        setattr(server.manners, fault, 99)
        async with client_of(server) as client:
            with pytest.raises(NoAnswer, match=said):
                await client.ask(ASKED, "tiny", Dialect())
            assert len(server.asked) == QUICK.attempts


async def test_a_server_that_asks_for_a_pause_gets_it_from_every_question() -> None:
    with OpenAIServer(Manners(busy=1, retry_after="1")) as server:
        async with client_of(server) as client:
            begun = time.monotonic()
            await asyncio.gather(*(client.ask(ASKED, "tiny", Dialect()) for _ in range(3)))
            assert time.monotonic() - begun >= 1.0
            begun = time.monotonic()
            server.manners.busy = 1
            first = asyncio.create_task(client.ask(ASKED, "tiny", Dialect()))
            while client.retries < 2 and not first.done():
                await asyncio.sleep(0.005)
            await client.ask(ASKED, "tiny", Dialect())
            assert time.monotonic() - begun >= 1.0, "a new question waits as well"
            await first


async def test_a_server_that_asks_for_an_hour_is_given_up() -> None:
    with OpenAIServer(Manners(busy=9, retry_after="3600")) as server:
        async with client_of(server) as client:
            with pytest.raises(NoAnswer, match="HTTP 429"):
                await client.ask(ASKED, "tiny", Dialect())
            assert len(server.asked) == 1


async def test_a_hanging_server_is_asked_once() -> None:
    with OpenAIServer(Manners(hang_on="Why?")) as server:
        async with client_of(server, timeout_s=0.3) as client:
            with pytest.raises(NoAnswer, match=r"has not answered within 0\.3 s"):
                await client.ask(ASKED, "tiny", Dialect())
            assert len(server.asked) == 1


async def test_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with OpenAIServer(Manners(key="right")) as server:
        async with client_of(server) as client:
            with pytest.raises(ServerLost, match="wants a key and was given none") as refused:
                await client.ask(ASKED, "tiny", Dialect())
            assert key_variable(client.address) in refused.value.hint
        monkeypatch.setenv("ALIGNTUI_API_KEY", "wrong")
        async with client_of(server) as client:
            with pytest.raises(ServerLost, match="refuses the key") as refused:
                await client.models()
            assert "wrong" not in str(refused.value)
        monkeypatch.setenv(key_variable(parse_server(server.url)), "right")
        async with client_of(server) as client:
            assert (await client.ask(ASKED, "tiny", Dialect())).text
        assert server.keys == ["", "Bearer wrong", "Bearer right"]


async def test_a_question_that_is_refused_is_not_asked_again() -> None:
    with OpenAIServer(Manners(context=20)) as server:
        async with client_of(server) as client:
            with pytest.raises(QuestionRefused, match="longer than the context") as refused:
                await client.ask(Question((Message("user", "long " * 20),), ASKED.sampling), "tiny", Dialect())
            assert "--max-new-tokens" in refused.value.hint and len(server.asked) == 1
            with pytest.raises(ModelUnknown, match="`other` does not exist"):
                await client.ask(ASKED, "other", Dialect())


async def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with client_of(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(ServerLost, match=rf"127\.0\.0\.1:{port} cannot be reached") as lost:
            await client.ask(ASKED, "tiny", Dialect())
        assert f"http://127.0.0.1:{port}/v1" in lost.value.hint and client.retries == QUICK.attempts - 1


@pytest.mark.parametrize(
    ("bytes_sent", "error", "said"),
    [
        (reply("200 OK", b"<html>\x1b[2JHello"), NoAnswer, "no JSON: <html>"),
        (reply("200 OK", b""), NoAnswer, "no JSON: nothing"),
        (reply("200 OK", b'{"choices": 7}'), NoAnswer, "JSON without choices"),
        (reply("200 OK", b"[" * 100_000), NoAnswer, "no JSON"),
        (reply("200 OK", b"\xff\xfe"), NoAnswer, "no JSON"),
        (reply("200 OK", b"not gzip", "Content-Encoding: gzip"), NoAnswer, "broke off the connection"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", NoAnswer, "broke off the connection"),
        (
            reply("302 Found", b"", "Location: http://elsewhere/\x7f"),
            ServerLost,
            "sends its callers to http://elsewhere/",
        ),
        (reply("418 Teapot", b'{"detail": [{"msg": "short\\u001b[2J"}]}'), QuestionRefused, r"HTTP 418\): \[\{'msg'"),
        (reply("400 Bad", b'{"message": "out of luck"}'), QuestionRefused, r"HTTP 400\): out of luck"),
        (reply("400 Bad", b"no words \x1b[2J"), QuestionRefused, "no words"),
        (reply("400 Bad"), QuestionRefused, "nothing"),
        (reply("404 Not Found", b"<html>"), ServerLost, "no such interface"),
    ],
)
async def test_strange_answers_are_named(bytes_sent: bytes, error: type[Exception], said: str) -> None:
    with raw_server(bytes_sent) as (url, _):
        async with client_of(url, timeout_s=5.0) as client:
            with pytest.raises(error, match=said) as failed:
                await client.ask(ASKED, "tiny", Dialect())
            assert "\x1b" not in str(failed.value)


async def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "MAX_BYTES", 1 << 20)
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 3_000_000) as (url, _):
        async with client_of(url) as client:
            with pytest.raises(NoAnswer, match="more than 1 MB"):
                await client.ask(ASKED, "tiny", Dialect())


async def test_the_list_of_models() -> None:
    with OpenAIServer(Manners(context=100)) as server:
        async with client_of(server) as client:
            base, demo = await client.models()
            assert (base.id, base.parent, base.context_length, base.owned_by) == ("tiny", "", 100, "vllm")
            assert (demo.id, demo.parent) == ("tiny-demo", "tiny")
            server.manners.lists = False
            assert await client.models() == ()
            server.manners.lists = True
            server.manners.listed = [
                {"id": "a", "meta": {"n_ctx": 512}},
                {"id": 7},
                "b",
                {"id": "c", "max_model_len": "x"},
            ]
            assert [(one.id, one.context_length) for one in await client.models()] == [("a", 512), ("c", 0)]
    with raw_server(reply("200 OK", b'{"models": []}')) as (url, _):
        async with client_of(url) as client:
            with pytest.raises(NoAnswer, match="a list of models without data"):
                await client.models()


def test_the_library_is_loaded_by_the_first_question() -> None:
    code = "import sys; import aligntui.workbench.generation.filling; sys.exit('httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
