"""`transformers serve`, a server that we did not write, over the tiny model."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aligntui.core.prompt_format import Message
from aligntui.core.sampling import Sampling
from aligntui.core.turn import Finish
from aligntui.engine.servers.address import Api, ServerWish, parse_server
from aligntui.engine.servers.client import ServerClient
from aligntui.engine.servers.faults import QuestionRefused
from aligntui.engine.servers.offer import look_at
from aligntui.engine.servers.patience import Patience
from aligntui.engine.servers.question import Question
from tests.served_voice import tiny_folders, tiny_voice

_NEEDED = ("fastapi", "uvicorn", "openai")
pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, _NEEDED)),
    reason="transformers serve needs its extra: pip install 'transformers[serving]'",
)
PATIENT = Patience(attempts=60, first_s=0.5, most_s=0.5)
"""It takes its time to load torch before it listens."""
SAMPLING = Sampling(0.0, 1.0, 12)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    base, _ = tiny_folders()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    argv = [str(Path(sys.executable).parent / "transformers"), "serve", str(base), "--port", str(port)]
    argv += ["--host", "127.0.0.1", "--device", "cpu", "--dtype", "float32"]
    log = tmp_path_factory.mktemp("serve") / "log"
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(log.parent / "no-cache")}
    with log.open("w") as out:
        process = subprocess.Popen(argv, env=env, stdout=out, stderr=out)
        try:
            until = time.monotonic() + 120
            while time.monotonic() < until and process.poll() is None and "Uvicorn running" not in log.read_text():
                time.sleep(0.1)
            assert process.poll() is None, log.read_text()[-2000:]
            yield f"http://127.0.0.1:{port}/v1={base}"
        finally:
            process.kill()
            process.wait()


async def test_greedy_answers_are_those_of_our_own_engine(url: str) -> None:
    address = parse_server(url)
    client = ServerClient(address, patience=PATIENT)
    try:
        for api in Api:
            offer = await look_at(client, ServerWish((address,), api=api))
            assert offer.dialect.left_out == ("min_p", "repetition_penalty", "top_k"), "it refuses them by name"
            prompts = ["Why is the sky blue?", "Name a river.", "Ünïcödé, 漢字?"]
            asked = [Question((Message("user", text),), SAMPLING) for text in prompts]
            answers = await asyncio.gather(*(client.ask(one, offer.models["base"], offer.dialect) for one in asked))
            for question, answer in zip(asked, answers, strict=True):
                messages = [message.as_dict() for message in question.messages]
                text = tiny_voice().rendered(messages) if api is Api.CHAT else messages[0]["content"]
                own = tiny_voice().say(text, SAMPLING, "tiny")
                assert (answer.text, answer.tokens) == (own.text, len(own.token_ids))
                assert answer.finish is Finish(own.finish) and answer.token_ids == ()
    finally:
        await client.close()


async def test_another_model_is_refused_in_its_own_words(url: str) -> None:
    address = parse_server(f"{parse_server(url).url}=llama")
    client = ServerClient(address, patience=PATIENT)
    try:
        with pytest.raises(QuestionRefused, match=r"pinned to .* requested 'llama'"):
            await look_at(client, ServerWish((address,)))
    finally:
        await client.close()
