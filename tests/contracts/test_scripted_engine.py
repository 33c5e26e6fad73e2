"""The scripted engine keeps what the real one promises about long runs and embeddings."""

from __future__ import annotations

import base64
import struct
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.engine.client import EngineClient, EngineEvent
from aligntui.wire import engine as wire

SCRIPT = Path(__file__).resolve().parent.parent / "scripted_engine.py"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[EngineClient]:
    async with EngineClient(argv=(sys.executable, str(SCRIPT)), log_directory=tmp_path) as client:
        yield client


def rows(count: int, prompt: str = "Why?") -> tuple[wire.Row, ...]:
    return tuple(wire.Row(str(n), (("user", prompt),), max_new_tokens=3 + 9 * (n % 4), seed=n) for n in range(count))


async def answers(client: EngineClient, request: wire.StartGeneration) -> tuple[list[EngineEvent], dict[str, str]]:
    events: list[EngineEvent] = []
    await client.request(request, events.append)
    return events, {e.row: e.text for e in events if isinstance(e, wire.AnswerFinished)}


async def test_rows_are_begun_as_others_end_and_say_the_same(client: EngineClient) -> None:
    await client.request(wire.LoadModel("l"))
    _, whole = await answers(client, wire.StartGeneration("g", rows(12)))
    events, turns = await answers(client, wire.StartGeneration("h", rows(12), at_once=3, stream=False))
    assert turns == whole
    assert not any(isinstance(event, wire.TextArrived) for event in events)
    open_rows = most = 0
    for event in events:
        open_rows += isinstance(event, wire.AnswerStarted) - isinstance(event, wire.AnswerFinished)
        most = max(most, open_rows)
    assert (most, open_rows) == (3, 0)
    end = events[-1]
    assert isinstance(end, wire.GenerationFinished)
    assert "at most 3 rows" in end.path and end.computed_tokens > end.tokens


async def test_rows_behind_a_cancel_or_a_failure_are_not_begun(client: EngineClient) -> None:
    await client.request(wire.LoadModel("l"))
    events: list[EngineEvent] = []
    stop = client.subscribe(events.append)
    await client.send(wire.StartGeneration("g", rows(9, "!slow"), at_once=2))
    assert await client.cancel("g", grace_s=10)
    stop()
    started = {e.row for e in events if isinstance(e, wire.AnswerStarted)}
    ended = {e.row for e in events if isinstance(e, wire.AnswerFinished)}
    assert started == ended and len(started) < 9
    with pytest.raises(EnvironmentProblem, match=r"\d of 9 rows were not begun"):
        await client.request(wire.StartGeneration("h", rows(9, "!fail"), at_once=2))
    with pytest.raises(UserError, match="at_once"):
        await client.request(wire.StartGeneration("i", rows(1), at_once=-1))


async def test_vectors_follow_from_words(client: EngineClient) -> None:
    texts = ("The sea is calm today.", "Today the sea is calm!", "Rates rose in spring.", "", "word " * 300)
    event = await client.request(wire.EmbedTexts("e", texts))
    again = await client.request(wire.EmbedTexts("f", texts[::-1]))
    assert (event.dim, event.truncated) == (64, 1)
    vectors = list(struct.iter_unpack(f"<{event.dim}f", base64.b64decode(event.vectors)))
    assert vectors == list(struct.iter_unpack(f"<{event.dim}f", base64.b64decode(again.vectors)))[::-1]

    def cosine(a: int, b: int) -> float:
        return sum(x * y for x, y in zip(vectors[a], vectors[b], strict=True))

    assert all(abs(cosine(n, n) - 1) < 1e-5 for n in range(len(texts)))
    assert cosine(0, 1) > 0.99
    assert abs(cosine(0, 2)) < 0.5
    with pytest.raises(EnvironmentProblem, match="could not be fetched"):
        await client.request(wire.EmbedTexts("e", texts, "missing-model"))
