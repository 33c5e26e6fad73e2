"""Rows that join and leave a running batch: each says what it says alone, and nothing is kept of those that are done."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.decode import decode
from aligntui.backend.infer.forward import BatchForward
from aligntui.backend.infer.rows import NewText, RowBegun, RowDone, RowPlan, Summary
from tests.backend import tiny

TEXTS = [
    "Why?",
    "How are you today?",
    "Tell me about the sea, the wind and the sky above them.",
    "Name three rivers.",
    "日本の川は？",
    "A long question that goes on and on, for no other reason than to be longer than all of the other ones here, twice.",
]


def mixture(shelf: AdapterShelf, adapters: list[Path], count: int = 40, seed: int = 0) -> list[RowPlan]:
    """Rows of very different prompts, lengths, sides, strengths, temperatures and seeds, some of them continued."""
    draw = random.Random(seed)
    loaded = [None, *(shelf.get(str(path)) for path in adapters)]
    return [
        tiny.plan(
            str(n),
            tiny.ids_of(draw.choice(TEXTS)),
            draw.choice([1, 2, 5, 9, 20, 33, 60]),
            temperature=draw.choice([0.0, 0.7, 1.2]),
            seed=n,
            adapter=draw.choice(loaded),
            strength=draw.choice([0.0, 0.5, 1.0]),
            prefix_ids=tiny.ids_of(draw.choice(["", "", "", "And then"])),
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("at_once", [1, 2, 3, 8, 20, 64])
def test_every_row_says_what_it_says_alone(shelf: AdapterShelf, adapter_a: Path, adapter_b: Path, at_once: int) -> None:
    plans = mixture(shelf, [adapter_a, adapter_b])
    summary = Summary()
    together = tiny.run(shelf, plans, at_once=at_once, summary=summary)
    assert len(together) == len(plans)
    for plan in plans:
        alone = tiny.run(shelf, [plan])[plan.name]
        assert together[plan.name].token_ids == alone.token_ids
        assert (together[plan.name].text, together[plan.name].finish) == (alone.text, alone.finish)
        assert together[plan.name].logprobs == pytest.approx(alone.logprobs, abs=2e-3)
    assert summary.path == f"mixed-batch, at most {at_once} rows, replaced as they end"
    assert (summary.not_begun, shelf.routing.groups) == (0, ())


@pytest.mark.parametrize("make", [tiny.save_gpt2, tiny.save_gemma3], ids=["gpt2", "gemma3"])
def test_models_without_the_quick_step_join_or_take_fixed_batches(
    tmp_path: Path, shelf_of: Callable[..., AdapterShelf], make: Callable[[Path], Path]
) -> None:
    base = make(tmp_path / "base")
    targets = ["c_attn"] if make is tiny.save_gpt2 else ["q_proj", "v_proj"]
    path = tiny.save_adapter(base, tmp_path / "adapter", target_modules=targets, fan_in_fan_out=make is tiny.save_gpt2)
    shelf = shelf_of(base)
    assert shelf.fast_step is None
    plans = [plan for plan in mixture(shelf, [path], 20) if plan.size < 60]
    summary = Summary()
    together = tiny.run(shelf, plans, at_once=4, summary=summary)
    for plan in plans:
        assert together[plan.name].token_ids == tiny.run(shelf, [plan])[plan.name].token_ids
    assert shelf.joins == (make is tiny.save_gpt2)
    words = "at most 4 rows, replaced as they end" if shelf.joins else "fixed batches of 4 rows (rows cannot join"
    assert words in summary.path


def test_a_model_whose_rows_go_wrong_when_they_join_is_found(
    tiny_llama: Path, shelf_of: Callable[..., AdapterShelf], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = BatchForward.keep

    def forgetful(self: BatchForward, rows: list[int], joined: BatchForward | None = None) -> None:
        keep(self, rows, joined)
        if joined is not None:
            for layer in self.cache.layers:
                layer._keys.zero_()  # type: ignore[union-attr]

    monkeypatch.setattr(BatchForward, "keep", forgetful)
    shelf = shelf_of(tiny_llama)
    assert not shelf.joins and not shelf.one_at_a_time
    plans = mixture(shelf, [], 9)
    summary = Summary()
    together = tiny.run(shelf, plans, at_once=3, summary=summary)
    assert "fixed batches of 3 rows" in summary.path
    for plan in plans:
        assert together[plan.name].token_ids == tiny.run(shelf, [plan])[plan.name].token_ids


def test_a_row_that_ends_is_replaced_and_no_more_decode_than_asked(
    shelf: AdapterShelf, adapter_a: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows_of_steps: list[int] = []
    step = BatchForward.step

    def counting(self: BatchForward, tokens: Tensor) -> Tensor:
        rows_of_steps.append(len(tokens))
        return step(self, tokens)

    monkeypatch.setattr(shelf.base, "end_ids", frozenset())
    plans = [tiny.plan(str(n), tiny.ids_of(TEXTS[n % 4]), 5 + 7 * (n % 6)) for n in range(60)]
    monkeypatch.setattr(BatchForward, "step", counting)
    tiny.run(shelf, plans, at_once=6)
    assert max(rows_of_steps) <= 6
    busy = rows_of_steps[: len(rows_of_steps) * 3 // 4]
    assert sum(busy) / len(busy) > 5
    rows_of_steps.clear()
    for start in range(0, 60, 6):
        tiny.run(shelf, plans[start : start + 6])
    assert sum(rows_of_steps) / len(rows_of_steps) < 4.5  # in fixed batches


def test_rows_open_and_end_in_turn(shelf: AdapterShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf.base, "end_ids", frozenset())
    plans = [tiny.plan(str(n), tiny.ids_of(TEXTS[n % 4]), 3 + n % 5) for n in range(30)]
    open_rows, most = set(), 0
    for event in decode(shelf, plans, Summary(), at_once=4):
        if isinstance(event, RowBegun):
            open_rows.add(event.name)
        elif isinstance(event, RowDone):
            open_rows.remove(event.name)
        most = max(most, len(open_rows))
    assert (most, open_rows) == (4, set())


def test_without_a_stream_there_is_no_text_before_the_end_and_the_same_answer(
    shelf: AdapterShelf, adapter_a: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = mixture(shelf, [adapter_a], 12)
    streamed = tiny.run(shelf, plans, at_once=4)
    events = list(decode(shelf, plans, Summary(), at_once=4, stream=False))
    assert not [event for event in events if isinstance(event, NewText)]
    done = {event.name: event for event in events if isinstance(event, RowDone)}
    assert {name: (e.text, e.token_ids, e.finish) for name, e in done.items()} == {
        name: (e.text, e.token_ids, e.finish) for name, e in streamed.items()
    }


def test_waste_is_counted_where_it_happens(shelf: AdapterShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf.base, "end_ids", frozenset())
    summary = Summary()
    tiny.run(shelf, [tiny.plan("long", [9] * 30, 4), tiny.plan("short", [9] * 10, 3)], summary=summary)
    # 2 x 30 positions read; then steps of 2, 2 and 1 rows, the last token of a row is never computed
    assert (summary.work.computed, summary.work.padding) == (60 + 2 + 2 + 1, 20)
    assert summary.work.attended_padding in (0, 40)  # apart or together, as one more part of a step is worth it
    assert summary.work.attended - summary.work.attended_padding == (31 + 11) + (32 + 12) + 33
    plans = [tiny.plan(str(n), [9 + n] * (10 + n % 50), 5 + n % 11) for n in range(80)]
    summary = Summary()
    tiny.run(shelf, plans, at_once=8, summary=summary)
    assert summary.work.computed - summary.work.padding == sum(p.size + p.sampling.max_new_tokens - 1 for p in plans)
    assert summary.work.padding / summary.work.computed < 0.05


@pytest.mark.parametrize("at_once", [0, 6])
def test_a_prompt_that_is_sampled_often_is_read_once(
    shelf: AdapterShelf, adapter_a: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(shelf.base, "end_ids", frozenset())
    a = shelf.get(str(adapter_a))
    prompt = tiny.ids_of(TEXTS[2])
    plans = [
        tiny.plan(f"{side} {seed}", prompt, 6, 1.2, seed, adapter=adapter)
        for side, adapter in (("base", None), ("tuned", a))
        for seed in range(3)
    ]
    summary = Summary()
    together = tiny.run(shelf, plans, at_once=at_once, summary=summary)
    assert summary.work.computed == 2 * len(prompt) + 6 * 5
    for plan in plans:
        assert together[plan.name].token_ids == tiny.run(shelf, [plan])[plan.name].token_ids
    assert len({answer.token_ids for answer in together.values()}) == 6


def test_a_cancel_keeps_what_is_there_and_begins_no_more(shelf: AdapterShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf.base, "end_ids", frozenset())
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 25

    plans = [tiny.plan(str(n), tiny.ids_of(TEXTS[0]), 12) for n in range(20)]
    whole = tiny.run(shelf, plans)
    summary = Summary()
    done = tiny.run(shelf, plans, at_once=3, cancelled=cancelled, summary=summary)
    ended = [answer for answer in done.values() if answer.finish == "cancelled"]
    assert 0 < len(ended) <= 3 and any(answer.finish == "length" for answer in done.values())
    assert summary.not_begun == 20 - len(done) > 0
    for name, answer in done.items():
        assert whole[name].token_ids[: len(answer.token_ids)] == answer.token_ids
    assert shelf.routing.groups == ()


@pytest.mark.parametrize("method", ["step", "prefill"])
def test_a_failure_ends_open_rows_and_counts_those_not_begun(
    shelf: AdapterShelf, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(shelf.base, "end_ids", frozenset())
    calls, plain = 0, getattr(BatchForward, method)

    def failing(self: BatchForward, *args: object) -> object:
        nonlocal calls
        calls += 1
        if calls > 4:
            raise RuntimeError("broken")
        return plain(self, *args)

    monkeypatch.setattr(BatchForward, method, failing)
    plans = [tiny.plan(str(n), tiny.ids_of(TEXTS[n % 4]), 2 + n) for n in range(12)]
    summary, done, begun = Summary(), {}, set()
    with pytest.raises(RuntimeError, match="broken"):
        for event in decode(shelf, plans, summary, at_once=2):
            if isinstance(event, RowDone):
                done[event.name] = event
            elif isinstance(event, RowBegun):
                begun.add(event.name)
    assert set(done) == begun
    assert {e.finish for e in done.values()} == {"length", "failed"}
    assert summary.not_begun == 12 - len(begun) > 0
    assert shelf.routing.groups == ()
    monkeypatch.setattr(BatchForward, method, plain)
    assert len(tiny.run(shelf, plans, at_once=2)) == 12


def test_memory_does_not_grow_with_the_rows_that_are_done(
    shelf: AdapterShelf, adapter_a: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf.base, "end_ids", frozenset())
    a = shelf.get(str(adapter_a))
    plans = [
        tiny.plan(str(n), tiny.ids_of(TEXTS[n % 6]), 10 + n % 30, adapter=a if n % 2 else None) for n in range(300)
    ]
    sizes, done = [], 0
    for event in decode(shelf, plans, Summary(), at_once=10, stream=False):
        if isinstance(event, RowDone):
            done += 1
            if done % 50 == 0:
                gc.collect()
                sizes.append(sum(t.numel() for t in gc.get_objects() if type(t) is Tensor))
    assert len(sizes) == 6
    assert max(sizes[1:]) <= 1.2 * sizes[0]


def test_joining_leaves_no_trace_in_the_rows_that_were_there(shelf: AdapterShelf) -> None:
    prompt, other = tiny.ids_of(TEXTS[2]), tiny.ids_of(TEXTS[5])
    alone, joined = BatchForward(shelf, [prompt]), BatchForward(shelf, [prompt])
    new = BatchForward(shelf, [other, prompt[:3]])
    for forward in (alone, joined, new):
        forward.prefill()
    joined.keep([1, 0, 2], new)
    for token in (7, 70, 200, 9, 41):
        expected = alone.step(torch.tensor([token]))
        assert torch.allclose(joined.step(torch.tensor([5, token, 6]))[1], expected[0], atol=1e-4)
    joined.keep([1])
    assert joined.length == alone.length
    assert torch.allclose(joined.step(torch.tensor([8])), alone.step(torch.tensor([8])), atol=1e-4)
