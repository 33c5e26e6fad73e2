"""Sentence embeddings: each text once, in portions, in the order asked."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from aligntui.core.errors import EnvironmentProblem
from aligntui.engine.client import EngineClient
from aligntui.wire.engine import EmbedTexts, TextsEmbedded
from aligntui.workbench import embedding
from aligntui.workbench.embedding import Embedder
from tests.workbench.switch_bench import scripted


class Engine:
    """Gives the n-th text that it sees the vector (n, 0)."""

    def __init__(self) -> None:
        self.asked: list[EmbedTexts] = []
        self.count = 0

    async def __call__(self, request: EmbedTexts) -> TextsEmbedded:
        self.asked.append(request)
        rows = np.array([(self.count + at, 0) for at in range(len(request.texts))], "<f4")
        self.count += len(rows)
        return TextsEmbedded(request.request, 2, base64.b64encode(rows.tobytes()).decode(), truncated=1)


async def test_each_text_is_embedded_once_and_comes_back_where_it_was_asked() -> None:
    engine = Engine()
    embed = Embedder(engine)
    assert (await embed(["a", "b", "a"]))[:, 0].tolist() == [0, 1, 0]
    assert (await embed(["c", "b"]))[:, 0].tolist() == [2, 1]
    assert [request.texts for request in engine.asked] == [("a", "b"), ("c",)]
    assert {request.model for request in engine.asked} == {"minilm"} and embed.truncated == 2
    assert (await embed([])).shape == (0, 0) and len(engine.asked) == 2


async def test_many_texts_go_in_portions_and_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "PORTION", 2)
    engine, told = Engine(), list[tuple[int, int]]()
    embed = Embedder(engine, lambda done, total: told.append((done, total)))
    await embed(["a"])
    told.clear()
    await embed(list("abcde"))
    assert [len(request.texts) for request in engine.asked] == [1, 2, 2]
    assert told == [(1, 5), (3, 5), (5, 5)]


async def test_an_engine_without_a_base_embeds(tmp_path: Path) -> None:
    async with EngineClient(argv=scripted(tmp_path), log_directory=tmp_path) as client:
        vectors = await Embedder(client.request)(["the sky is blue", "the sky is grey", "bread rises"])
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)
        assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2]
        with pytest.raises(EnvironmentProblem, match="could not be fetched"):
            await Embedder(client.request, model="missing")(["x"])
