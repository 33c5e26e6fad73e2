"""The owner answers every request with the right events, and survives whatever a request does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.forward import BatchForward
from aligntui.backend.infer.owner import Owner, failure, is_out_of_memory
from aligntui.wire import codec
from aligntui.wire import engine as wire
from tests.backend import tiny

HISTORY = (("user", "How are you?"),)


class Talk:
    """An owner without a process: requests in, events out."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.owner = Owner(self._take)

    def _take(self, event: Any) -> None:
        assert codec.decode(codec.encode(event)) == event
        self.events.append(event)

    def ask(self, request: Any) -> list[Any]:
        """Answer a request; its events."""
        before = len(self.events)
        self.owner.submit(request)
        self.owner.answer(self.owner._queue.get())
        events = self.events[before:]
        assert all(event.request == request.request for event in events)
        return events


@pytest.fixture(scope="module")
def loaded(tiny_llama: Path) -> Talk:
    """An owner with the tiny Llama in float32."""
    talk = Talk()
    talk.ask(wire.LoadModel("l", str(tiny_llama), dtype="float32", device="cpu"))
    return talk


def test_loading_reports_its_stages_and_then_the_base(tiny_llama: Path, shelf: AdapterShelf) -> None:
    events = Talk().ask(wire.LoadModel("l", str(tiny_llama), dtype="float32", device="cpu", threads=1))
    *progress, loaded = events
    stages = [event.stage for event in progress]
    assert [s for n, s in enumerate(stages) if s not in stages[:n]][-2:] == ["load", "warm-up"]
    assert isinstance(loaded, wire.ModelLoaded)
    assert loaded.weights_sha256 == shelf.base.weights_sha256
    assert (loaded.template, loaded.system_slot, loaded.context_length) == ("own", True, 512)
    assert loaded.engine.endswith("mixed-batch")
    assert loaded.load_s > 0


def test_a_generation_is_started_rows_texts_finished_rows_and_an_end(loaded: Talk, adapter_a: Path) -> None:
    rows = (
        wire.Row("left", HISTORY, temperature=0, max_new_tokens=12),
        wire.Row("right", HISTORY, adapter=wire.AdapterRef("a", str(adapter_a)), temperature=0, max_new_tokens=9),
    )
    events = loaded.ask(wire.StartGeneration("g", rows))
    kinds = [type(event).__name__ for event in events]
    assert kinds[:2] == ["AnswerStarted", "AnswerStarted"]
    assert kinds[-1] == "GenerationFinished"
    assert kinds.count("AnswerFinished") == 2 and kinds.count("GenerationFinished") == 1
    started = {e.row: e for e in events if isinstance(e, wire.AnswerStarted)}
    finished = {e.row: e for e in events if isinstance(e, wire.AnswerFinished)}
    assert started["right"].conditions["adapter"] == "a"
    assert started["left"].conditions["adapter"] is None
    for name in ("left", "right"):
        text = "".join(e.text for e in events if isinstance(e, wire.TextArrived) and e.row == name)
        assert text == finished[name].text
        assert finished[name].prompt_tokens == started[name].prompt_tokens
    assert events[-1].tokens == sum(len(e.token_ids) for e in finished.values())
    assert events[-1].path == "mixed-batch"


def test_one_bad_row_refuses_the_whole_generation_before_it_starts(loaded: Talk) -> None:
    rows = (wire.Row("good", HISTORY), wire.Row("bad", (("user", ""),)))
    (event,) = loaded.ask(wire.StartGeneration("g", rows))
    assert isinstance(event, wire.RequestFailed)
    assert (event.error, event.message) == ("user", "The prompt is empty.")
    assert event.hint


@pytest.mark.parametrize(
    ("rows", "words"),
    [((), "at least one row"), ((wire.Row("x", HISTORY), wire.Row("x", HISTORY)), "name of its own")],
)
def test_rows_must_be_there_and_told_apart(loaded: Talk, rows: tuple[wire.Row, ...], words: str) -> None:
    (event,) = loaded.ask(wire.StartGeneration("g", rows))
    assert words in event.message


def test_nothing_works_before_a_model_is_loaded() -> None:
    talk = Talk()
    for request in (
        wire.StartGeneration("g", (wire.Row("x", HISTORY),)),
        wire.InspectAdapter("i", wire.AdapterRef("a", "/x")),
        wire.MeasureGap("m", wire.Row("x", HISTORY), (5,)),
    ):
        (event,) = talk.ask(request)
        assert (event.error, event.message) == ("user", "No model is loaded yet.")


def test_a_model_that_is_not_found_leaves_the_loaded_one(loaded: Talk) -> None:
    *_, event = loaded.ask(wire.LoadModel("l", "./no/where"))
    assert isinstance(event, wire.RequestFailed) and event.error == "user"
    *_, event = loaded.ask(wire.StartGeneration("g", (wire.Row("x", HISTORY, max_new_tokens=2),)))
    assert isinstance(event, wire.GenerationFinished)


def test_another_base_replaces_the_first(loaded: Talk, tmp_path: Path, tiny_llama: Path, adapter_a: Path) -> None:
    other = tiny.save_llama(tmp_path / "other", seed=5)
    *_, event = loaded.ask(wire.LoadModel("l", str(other), dtype="float32", device="cpu"))
    assert event.model == str(other)
    *_, event = loaded.ask(wire.InspectAdapter("i", wire.AdapterRef("a", str(adapter_a))))
    assert "trained on" in event.warnings[0]
    loaded.ask(wire.LoadModel("l", str(tiny_llama), dtype="float32", device="cpu"))


def test_inspecting_an_adapter(loaded: Talk, adapter_b: Path, tiny_llama: Path) -> None:
    (event,) = loaded.ask(wire.InspectAdapter("i", wire.AdapterRef("b", str(adapter_b))))
    assert isinstance(event, wire.AdapterLoaded)
    assert (event.name, event.rank, event.alpha, event.base_model) == ("b", 3, 8.0, str(tiny_llama))
    assert event.warnings == ()
    (event,) = loaded.ask(wire.InspectAdapter("i", wire.AdapterRef("b", "/no/where")))
    assert (event.error, "There is no adapter folder" in event.message) == ("user", True)


def test_measuring_a_gap(loaded: Talk, adapter_a: Path) -> None:
    row = wire.Row("x", HISTORY, adapter=wire.AdapterRef("a", str(adapter_a)))
    (event,) = loaded.ask(wire.MeasureGap("m", row, tuple(tiny.ids_of("Fine."))))
    assert isinstance(event, wire.GapMeasured)
    assert event.pieces == ("F", "i", "n", "e", ".")
    assert len(event.base_logprobs) == len(event.adapter_logprobs) == 5


def test_a_cancel_out_of_turn_stops_the_generation_at_hand(loaded: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    step = BatchForward.step
    steps = 0

    def counting(self: BatchForward, tokens: torch.Tensor) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if steps == 4:
            loaded.owner.submit(wire.CancelGeneration("c", "g"))
        return step(self, tokens)

    assert loaded.owner._shelf is not None
    monkeypatch.setattr(loaded.owner._shelf.base, "end_ids", frozenset())
    monkeypatch.setattr(BatchForward, "step", counting)
    events = loaded.ask(wire.StartGeneration("g", (wire.Row("x", HISTORY, max_new_tokens=200),)))
    (answer,) = [e for e in events if isinstance(e, wire.AnswerFinished)]
    assert (answer.finish, len(answer.token_ids)) == ("cancelled", 4)
    assert isinstance(events[-1], wire.GenerationFinished)


def test_a_cancel_of_a_waiting_generation_is_kept_and_of_an_ended_one_forgotten(loaded: Talk) -> None:
    request = wire.StartGeneration("waiting", (wire.Row("x", HISTORY),))
    loaded.owner.submit(request)
    loaded.owner.submit(wire.CancelGeneration("c", "waiting"))
    before = len(loaded.events)
    loaded.owner.answer(loaded.owner._queue.get())
    kinds = [type(e).__name__ for e in loaded.events[before:]]
    assert kinds == ["AnswerStarted", "AnswerFinished", "GenerationFinished"]
    loaded.owner.submit(wire.CancelGeneration("c", "waiting"))
    assert loaded.owner._cancelled == set()


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "environment", "not enough memory"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate"), "environment", "not enough"),
        (MemoryError(), "environment", "not enough memory"),
        (OSError(28, "No space left on device", "/tmp/x"), "environment", "No space left on device (/tmp/x)"),
        (RuntimeError("a bug"), "engine", "RuntimeError: a bug"),
    ],
)
def test_failures_in_the_middle_are_typed_and_the_engine_goes_on(
    loaded: Talk, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str, words: str
) -> None:
    def failing(*_: Any) -> torch.Tensor:
        raise error

    assert loaded.owner._shelf is not None
    monkeypatch.setattr(loaded.owner._shelf.base, "end_ids", frozenset())
    with monkeypatch.context() as patch:
        patch.setattr(BatchForward, "step", failing)
        events = loaded.ask(wire.StartGeneration("g", (wire.Row("x", HISTORY),)))
    *_, answer, event = events
    assert (answer.finish, len(answer.token_ids)) == ("failed", 1)
    assert isinstance(event, wire.RequestFailed)
    assert event.error == kind and words in event.message and event.hint
    assert type(error).__name__ in event.details
    *_, event = loaded.ask(wire.StartGeneration("h", (wire.Row("x", HISTORY, max_new_tokens=2),)))
    assert isinstance(event, wire.GenerationFinished)


def test_out_of_memory_is_recognised() -> None:
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(RuntimeError("shape mismatch"))
    assert not is_out_of_memory(ValueError("out of memory"))
    assert failure("r", ValueError("x")).error == "engine"


def test_requests_wait_for_their_turn(tiny_llama: Path) -> None:
    talk = Talk()
    done = threading.Event()

    def watch(event: Any) -> None:
        talk.events.append(event)
        if isinstance(event, wire.GapMeasured):
            done.set()

    talk.owner = Owner(watch)
    threading.Thread(target=talk.owner.run, daemon=True).start()
    talk.owner.submit(wire.LoadModel("1", str(tiny_llama), dtype="float32", device="cpu"))
    talk.owner.submit(wire.StartGeneration("2", (wire.Row("x", HISTORY, max_new_tokens=3),)))
    talk.owner.submit(wire.MeasureGap("3", wire.Row("x", HISTORY), (9,)))
    assert done.wait(30)
    order = [event.request for event in talk.events]
    assert order == sorted(order)


def test_every_row_of_many_columns_is_told_apart(loaded: Talk, adapter_a: Path, adapter_b: Path) -> None:
    refs: list[Callable[[], wire.AdapterRef | None]] = [
        lambda: None,
        lambda: wire.AdapterRef("a", str(adapter_a)),
        lambda: wire.AdapterRef("b", str(adapter_b)),
    ]
    rows = tuple(
        wire.Row(f"{n}", HISTORY, adapter=refs[n % 3](), strength=0.5 + n / 4, temperature=0, max_new_tokens=6)
        for n in range(9)
    )
    together = {
        e.row: e.token_ids for e in loaded.ask(wire.StartGeneration("g", rows)) if isinstance(e, wire.AnswerFinished)
    }
    for row in rows:
        (alone,) = [e for e in loaded.ask(wire.StartGeneration("h", (row,))) if isinstance(e, wire.AnswerFinished)]
        assert together[row.row] == alone.token_ids


def many_rows(adapter: Path, count: int = 30) -> tuple[wire.Row, ...]:
    """Rows of different prompts, lengths and seeds for two sides."""
    ref = wire.AdapterRef("a", str(adapter))
    return tuple(
        wire.Row(
            f"{n}",
            (("user", "Why? " * (1 + n % 4)),),
            adapter=ref if n % 2 else None,
            temperature=0.8 * (n % 3),
            max_new_tokens=3 + 5 * (n % 5),
            seed=n,
        )
        for n in range(count)
    )


def test_a_long_run_begins_rows_in_turn_and_says_what_was_wasted(loaded: Talk, adapter_a: Path) -> None:
    rows = many_rows(adapter_a)
    whole = {e.row: e for e in loaded.ask(wire.StartGeneration("g", rows)) if isinstance(e, wire.AnswerFinished)}
    events = loaded.ask(wire.StartGeneration("h", rows, at_once=4, stream=False))
    assert {type(e) for e in events} == {wire.AnswerStarted, wire.AnswerFinished, wire.GenerationFinished}
    open_rows: set[str] = set()
    for event in events[:-1]:
        if isinstance(event, wire.AnswerStarted):
            open_rows.add(event.row)
            assert len(open_rows) <= 4
        else:
            open_rows.remove(event.row)
            assert (event.token_ids, event.text) == (whole[event.row].token_ids, whole[event.row].text)
    end = events[-1]
    assert "at most 4 rows" in end.path
    assert end.tokens == sum(len(answer.token_ids) for answer in whole.values())
    assert end.computed_tokens > end.tokens > 0 <= end.padding_tokens
    assert end.padding_tokens / end.computed_tokens < 0.15
    assert 0 <= end.cache_padding < 1


def test_conditions_do_not_depend_on_how_rows_follow_each_other(loaded: Talk, adapter_a: Path) -> None:
    rows = many_rows(adapter_a, 5)
    once = {e.row: e for e in loaded.ask(wire.StartGeneration("g", rows)) if isinstance(e, wire.AnswerStarted)}
    turns = loaded.ask(wire.StartGeneration("g", rows, at_once=2))
    assert {e.row: e for e in turns if isinstance(e, wire.AnswerStarted)} == once


def test_a_failure_says_how_many_rows_were_not_begun(
    loaded: Talk, adapter_a: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> torch.Tensor:
        raise RuntimeError("a bug")

    assert loaded.owner._shelf is not None
    monkeypatch.setattr(loaded.owner._shelf.base, "end_ids", frozenset())
    monkeypatch.setattr(BatchForward, "step", failing)
    *_, event = events = loaded.ask(wire.StartGeneration("g", many_rows(adapter_a), at_once=4))
    assert isinstance(event, wire.RequestFailed)
    assert event.message.endswith("26 of 30 rows were not begun.")
    assert [type(e).__name__ for e in events].count("AnswerFinished") == 4


def test_a_cancelled_run_leaves_the_waiting_rows_out(
    loaded: Talk, adapter_a: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, steps = BatchForward.step, 0

    def counting(self: BatchForward, tokens: torch.Tensor) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if steps == 6:
            loaded.owner.submit(wire.CancelGeneration("c", "g"))
        return step(self, tokens)

    monkeypatch.setattr(BatchForward, "step", counting)
    events = loaded.ask(wire.StartGeneration("g", many_rows(adapter_a), at_once=3))
    assert isinstance(events[-1], wire.GenerationFinished)
    started = [e.row for e in events if isinstance(e, wire.AnswerStarted)]
    ended = {e.row: e.finish for e in events if isinstance(e, wire.AnswerFinished)}
    assert set(started) == set(ended) and len(started) < 30
    assert "cancelled" in ended.values()


def test_a_negative_number_of_rows_is_refused(loaded: Talk) -> None:
    (event,) = loaded.ask(wire.StartGeneration("g", (wire.Row("x", HISTORY),), at_once=-1))
    assert (event.error, "at_once" in event.message) == ("user", True)


def test_texts_are_embedded_between_the_tokens_of_answers_and_change_none(loaded: Talk) -> None:
    rows = (wire.Row("row", HISTORY, temperature=0, max_new_tokens=12),)
    alone = [
        event for event in loaded.ask(wire.StartGeneration("alone", rows)) if isinstance(event, wire.AnswerFinished)
    ]
    talk = loaded
    before = len(talk.events)
    talk.owner.submit(wire.StartGeneration("answers", rows))
    talk.owner.submit(wire.EmbedTexts("vectors", ("one text", "another one")))
    talk.owner.submit(wire.InspectAdapter("later", wire.AdapterRef("none", "/nowhere")))
    talk.owner.answer(talk.owner._queue.get())
    kinds = [(type(event).__name__, event.request) for event in talk.events[before:]]
    assert kinds.index(("TextsEmbedded", "vectors")) < kinds.index(("AnswerFinished", "answers"))
    assert ("RequestFailed", "later") not in kinds, "other requests wait for their turn"
    beside = [event for event in talk.events[before:] if isinstance(event, wire.AnswerFinished)]
    assert [event.token_ids for event in beside] == [event.token_ids for event in alone]
    talk.owner.answer(talk.owner._queue.get())
    assert isinstance(talk.events[-1], wire.RequestFailed) and talk.owner._queue.empty()
