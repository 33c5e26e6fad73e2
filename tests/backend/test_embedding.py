"""Sentence embeddings: the vectors that sentence-transformers would give, whatever they are computed beside."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from aligntui.backend.infer import embedding
from aligntui.backend.infer.embedding import Embedder
from aligntui.backend.infer.minilm import MINILM, minilm_folder
from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.wire import engine as wire
from tests.backend import tiny
from tests.backend.test_owner import HISTORY, Talk

USERS_CACHE = os.environ.get("ALIGNTUI_CACHE")
TEXTS = [
    "A man is eating a piece of bread.",
    "Someone has a slice of bread for lunch.",
    "The central bank raised its interest rate again.",
    "",
    "Żółw, 天気, 🙂 and é",
    "The harbour lay still. " * 200,
    "one",
]


@pytest.fixture(scope="module")
def minilm() -> Iterator[Path]:
    """The real model's folder, in the user's own cache."""
    own = os.environ.pop("ALIGNTUI_CACHE", None)
    if USERS_CACHE is not None:
        os.environ["ALIGNTUI_CACHE"] = USERS_CACHE
    folder = minilm_folder()
    if own is not None:
        os.environ["ALIGNTUI_CACHE"] = own
    yield folder


@pytest.fixture(scope="module")
def embedder(minilm: Path) -> Embedder:
    return Embedder(str(minilm), "cpu")


def vectors_of(event: Any) -> np.ndarray:
    """(n, D) of a `TextsEmbedded`."""
    assert isinstance(event, wire.TextsEmbedded), event
    return np.frombuffer(base64.b64decode(event.vectors), "<f4").reshape(-1, event.dim)


@pytest.mark.real_model
def test_paraphrases_are_nearer_than_what_is_about_something_else(embedder: Embedder) -> None:
    vectors = embedder.embed(
        [
            "How do I cook rice?",
            "What is the best way to boil rice?",
            "The match was called off because of snow.",
            "Heavy snow made them cancel the game.",
        ]
    ).vectors
    cosines = vectors @ vectors.T
    for near in (cosines[0, 1], cosines[2, 3]):
        assert near > 0.6
        assert near > cosines[:2, 2:].max() + 0.4


@pytest.mark.real_model
def test_vectors_are_the_published_pooling_of_the_hidden_states(embedder: Embedder, minilm: Path) -> None:
    model = BertModel.from_pretrained(minilm, dtype=torch.float64, attn_implementation="eager").eval()
    tokenizer = Tokenizer.from_file(str(minilm / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    made = embedder.embed(TEXTS)
    assert (made.truncated, embedder.max_tokens, embedder.dim) == (1, 256, 384)
    for text, vector in zip(TEXTS, made.vectors, strict=True):
        ids = torch.tensor([tokenizer.encode(text).ids])
        assert ids.shape[1] <= 256
        with torch.inference_mode():
            hidden = model(input_ids=ids).last_hidden_state[0]  # (T, D)
        mean = sum(hidden[place] for place in range(len(hidden))) / len(hidden)
        expected = mean / mean.square().sum().sqrt()
        assert torch.allclose(vector.double(), expected, atol=1e-5)


@pytest.mark.real_model
def test_order_and_company_change_nothing(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    together = embedder.embed(TEXTS).vectors
    assert torch.allclose(together.norm(dim=-1), torch.ones(len(TEXTS)), atol=1e-5)
    alone = torch.cat([embedder.embed([text]).vectors for text in TEXTS])
    backwards = embedder.embed(TEXTS[::-1]).vectors.flip(0)
    monkeypatch.setattr(embedding, "BATCH_POSITIONS", 60)
    few = embedder.embed(TEXTS * 3).vectors[: len(TEXTS)]
    for other in (alone, backwards, few):
        assert (together - other).abs().max() < 1e-5


@pytest.mark.real_model
def test_texts_are_embedded_beside_a_chat_model_which_goes_on_as_before(
    tiny_llama: Path, minilm: Path, adapter_a: Path
) -> None:
    talk = Talk()
    talk.ask(wire.LoadModel("l", str(tiny_llama), dtype="float32", device="cpu"))
    assert talk.owner._shelf is not None
    weights = {
        name: t.clone() for name, t in talk.owner._shelf.base.model.state_dict().items() if t.is_floating_point()
    }
    ref = wire.AdapterRef("a", str(adapter_a))
    rows = tuple(
        wire.Row(f"{n}", HISTORY, adapter=ref if n % 2 else None, temperature=0.9, seed=n, max_new_tokens=20)
        for n in range(4)
    )

    def answers() -> dict[str, tuple[Any, ...]]:
        events = talk.ask(wire.StartGeneration("g", rows))
        return {e.row: (e.token_ids, e.logprobs) for e in events if isinstance(e, wire.AnswerFinished)}

    before, threads = answers(), torch.get_num_threads()
    first = vectors_of(talk.ask(wire.EmbedTexts("e", tuple(TEXTS), str(minilm)))[-1])
    assert torch.get_num_threads() == threads
    assert answers() == before
    assert all(torch.equal(t, talk.owner._shelf.base.model.state_dict()[name]) for name, t in weights.items())
    events = talk.ask(wire.EmbedTexts("f", tuple(TEXTS), str(minilm)))
    assert len(events) == 1, "loaded once and kept"
    assert np.array_equal(vectors_of(events[0]), first)


@pytest.mark.real_model
def test_an_empty_list_and_half_characters(minilm: Path) -> None:
    talk = Talk()
    *stages, event = talk.ask(wire.EmbedTexts("e", (), str(minilm)))
    assert {type(stage) for stage in stages} == {wire.LoadProgressed}
    assert (event.dim, event.vectors, event.truncated, event.max_tokens) == (384, "", 0, 256)
    assert len(event.weights_sha256) == 64
    (event,) = talk.ask(wire.EmbedTexts("e", ("half \ud83d a character", "half \ufffd a character"), str(minilm)))
    half, replaced = vectors_of(event)
    assert np.array_equal(half, replaced)


def save_bert(folder: Path, **pooling: bool) -> Path:
    """A random embedding model of 2 layers with the files that sentence-transformers writes."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tiny.VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=64, pad_token_id=0,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    tiny.make_tokenizer(None).save_pretrained(folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


def test_any_model_with_mean_pooling_is_taken_with_its_own_limit(tmp_path: Path) -> None:
    embedder = Embedder(str(save_bert(tmp_path / "bert", pooling_mode_mean_tokens=True)), "cpu")
    made = embedder.embed(["x" * 500, "x" * 64, "x" * 600])
    assert (embedder.dim, embedder.max_tokens, made.truncated) == (32, 64, 2)
    assert torch.allclose(made.vectors[0], made.vectors[1], atol=1e-6)


def test_a_model_with_another_pooling_is_refused(tmp_path: Path) -> None:
    folder = save_bert(tmp_path / "bert", pooling_mode_cls_token=True, pooling_mode_mean_tokens=False)
    with pytest.raises(UserError, match=r"by pooling_mode_cls_token; aligntui takes the mean"):
        Embedder(str(folder), "cpu")


def test_what_cannot_be_had_is_said_and_the_engine_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_progress: Any) -> Path:
        raise EnvironmentProblem("The embedding model could not be fetched.", "Check the network.")

    monkeypatch.setattr(embedding, "minilm_folder", nothing)
    talk = Talk()
    (event,) = talk.ask(wire.EmbedTexts("e", ("x",)))
    assert (event.error, event.message, event.hint) == (
        "environment",
        "The embedding model could not be fetched.",
        "Check the network.",
    )
    (event,) = talk.ask(wire.EmbedTexts("e", ("x",), "./no/where"))
    assert (event.error, "no model folder" in event.message) == ("user", True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "config.json").write_text("{}")
    (tmp_path / "empty" / "model.safetensors").write_bytes(b"")
    (event,) = talk.ask(wire.EmbedTexts("e", ("x",), str(tmp_path / "empty")))
    assert event.error == "user" and "cannot be read as safetensors" in event.message
    assert wire.EmbedTexts("e").model == MINILM
