"""The decode loop: what a row says depends on that row alone, and nothing it said is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.decode import decode
from aligntui.backend.infer.forward import BatchForward
from aligntui.backend.infer.rows import NewText, RowDone, Summary
from aligntui.core.errors import UserError
from tests.backend import tiny

LONG = tiny.ids_of("Tell me about the sea, the wind and the sky above them.")
SHORT = tiny.ids_of("Why?")
MIDDLE = tiny.ids_of("How are you today?")


def endless(shelf: AdapterShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rows run to their length limit."""
    monkeypatch.setattr(shelf.base, "end_ids", frozenset())


def test_greedy_rows_of_a_mixed_batch_are_what_generate_writes_alone(
    tiny_llama: Path, shelf: AdapterShelf, adapter_a: Path, adapter_b: Path
) -> None:
    a, b = shelf.get(str(adapter_a)), shelf.get(str(adapter_b))
    plans = [
        tiny.plan("tuned-b", MIDDLE, 40, adapter=b),
        tiny.plan("base-long", LONG, 40),
        tiny.plan("tuned-a", LONG, 40, adapter=a),
        tiny.plan("base-short", SHORT, 40),
    ]
    done = tiny.run(shelf, plans)
    plain = tiny.peft_model(tiny_llama, None)
    assert list(done["base-long"].token_ids) == tiny.reference_tokens(plain, LONG, 40)
    assert list(done["base-short"].token_ids) == tiny.reference_tokens(plain, SHORT, 40)
    assert list(done["tuned-a"].token_ids) == tiny.reference_tokens(tiny.peft_model(tiny_llama, adapter_a), LONG, 40)
    assert list(done["tuned-b"].token_ids) == tiny.reference_tokens(tiny.peft_model(tiny_llama, adapter_b), MIDDLE, 40)


@pytest.mark.parametrize("make", [tiny.save_gemma3, tiny.save_gpt2], ids=["gemma3", "gpt2"])
def test_other_architectures_write_what_generate_writes(
    tmp_path: Path, shelf_of: Callable[..., AdapterShelf], make: Callable[[Path], Path]
) -> None:
    base = make(tmp_path / "base")
    targets = ["c_attn"] if make is tiny.save_gpt2 else ["q_proj", "v_proj"]
    path = tiny.save_adapter(base, tmp_path / "adapter", target_modules=targets, fan_in_fan_out=make is tiny.save_gpt2)
    shelf = shelf_of(base)
    summary = Summary()
    plans = [
        tiny.plan("s", SHORT, 30),
        tiny.plan("l", LONG, 30),
        tiny.plan("t", LONG, 30, adapter=shelf.get(str(path))),
    ]
    done = tiny.run(shelf, plans, summary=summary)
    plain = tiny.peft_model(base, None)
    assert list(done["s"].token_ids) == tiny.reference_tokens(plain, SHORT, 30)
    assert list(done["l"].token_ids) == tiny.reference_tokens(plain, LONG, 30)
    assert list(done["t"].token_ids) == tiny.reference_tokens(tiny.peft_model(base, path), LONG, 30)
    assert summary.path.startswith("mixed-batch")
    assert ("DynamicSlidingWindowLayer" in summary.path) == (make is tiny.save_gemma3)


def test_a_row_that_ends_early_changes_nothing_for_the_others(
    shelf: AdapterShelf, adapter_a: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless(shelf, monkeypatch)
    a = shelf.get(str(adapter_a))
    alone = {
        "long": tiny.run(shelf, [tiny.plan("long", LONG, 60)])["long"],
        "tuned": tiny.run(shelf, [tiny.plan("tuned", SHORT, 60, adapter=a)])["tuned"],
    }
    together = tiny.run(
        shelf,
        [
            tiny.plan("long", LONG, 60),
            tiny.plan("first", MIDDLE, 3),
            tiny.plan("tuned", SHORT, 60, adapter=a),
            tiny.plan("second", LONG * 2, 7, adapter=a),  # the longest: its padding goes with it
        ],
    )
    for name, answer in alone.items():
        assert together[name].token_ids == answer.token_ids
        assert together[name].logprobs == pytest.approx(answer.logprobs, abs=2e-3)
    assert [len(together[n].token_ids) for n in ("first", "second")] == [3, 7]
    assert all(answer.finish == "length" for answer in together.values())


def test_the_same_seed_gives_the_same_text_whatever_else_is_in_the_batch(
    shelf: AdapterShelf, adapter_a: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless(shelf, monkeypatch)
    a = shelf.get(str(adapter_a))
    wanted = tiny.plan("wanted", MIDDLE, 30, temperature=0.9, seed=7)
    alone = tiny.run(shelf, [wanted])["wanted"]
    others = [
        tiny.plan(f"x{n}", LONG, 5 + n, temperature=n / 3, seed=n, adapter=a if n % 2 else None) for n in range(5)
    ]
    together = tiny.run(shelf, [*others, wanted])["wanted"]
    other_seed = tiny.run(shelf, [tiny.plan("other", MIDDLE, 30, temperature=0.9, seed=8)])["other"]
    assert together.token_ids == alone.token_ids
    assert other_seed.token_ids != alone.token_ids


def test_base_and_fresh_adapter_rows_with_one_seed_say_the_same(
    tiny_llama: Path, tmp_path: Path, shelf: AdapterShelf
) -> None:
    fresh = shelf.get(str(tiny.save_adapter(tiny_llama, tmp_path / "fresh", std=0.0, target_modules=["q_proj"])))
    done = tiny.run(
        shelf,
        [
            tiny.plan("base", MIDDLE, 30, temperature=1.0, seed=3),
            tiny.plan("fresh", MIDDLE, 30, temperature=1.0, seed=3, adapter=fresh),
        ],
    )
    assert done["base"].token_ids == done["fresh"].token_ids


@pytest.mark.parametrize("temperature", [0.0, 0.8], ids=["greedy", "sampled"])
def test_continuing_is_the_uninterrupted_answer(
    shelf: AdapterShelf, adapter_a: Path, monkeypatch: pytest.MonkeyPatch, temperature: float
) -> None:
    endless(shelf, monkeypatch)
    a = shelf.get(str(adapter_a))
    whole = tiny.run(shelf, [tiny.plan("w", MIDDLE, 40, temperature, 5, adapter=a)])["w"]
    prefix = list(whole.token_ids[:13])
    rows = [
        tiny.plan("c", MIDDLE, 27, temperature, 5, adapter=a, prefix_ids=prefix),
        tiny.plan("beside", LONG, 9),
        tiny.plan("other", SHORT, 12, adapter=a, prefix_ids=prefix[:2]),
    ]
    continued = tiny.run(shelf, rows)["c"]
    assert continued.token_ids == whole.token_ids
    assert continued.text == whole.text
    assert continued.logprobs == pytest.approx(whole.logprobs, abs=2e-3)


def test_logprobs_are_untempered_and_those_of_the_weights_that_wrote_the_row(
    tiny_llama: Path, shelf: AdapterShelf, adapter_a: Path
) -> None:
    a = shelf.get(str(adapter_a))
    plans = [tiny.plan("base", LONG, 12, 1.5, 1), tiny.plan("tuned", SHORT, 12, 1.5, 2, adapter=a)]
    done = tiny.run(shelf, plans)
    for name, prompt, adapter in (("base", LONG, None), ("tuned", SHORT, adapter_a)):
        tokens = list(done[name].token_ids)
        with torch.inference_mode():
            logits = tiny.peft_model(tiny_llama, adapter)(input_ids=torch.tensor([prompt + tokens])).logits[0]
        expected = logits.log_softmax(-1)[len(prompt) - 1 : -1].gather(-1, torch.tensor(tokens)[:, None])[:, 0]
        assert done[name].logprobs == pytest.approx(expected.tolist(), abs=2e-3)


def test_cancel_keeps_what_is_there(shelf: AdapterShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    endless(shelf, monkeypatch)
    whole = tiny.run(shelf, [tiny.plan("w", MIDDLE, 30)])["w"]
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > 10

    done = tiny.run(shelf, [tiny.plan("w", MIDDLE, 30), tiny.plan("v", SHORT, 4)], cancelled=cancelled)
    assert done["w"].finish == "cancelled"
    assert 0 < len(done["w"].token_ids) < 30
    assert whole.token_ids[: len(done["w"].token_ids)] == done["w"].token_ids
    assert done["v"].finish == "length"


def test_cancel_before_the_prompt_was_read_gives_empty_answers_and_keeps_a_prefix(shelf: AdapterShelf) -> None:
    rows = [tiny.plan("new", MIDDLE), tiny.plan("old", MIDDLE, prefix_ids=tiny.ids_of("Once"))]
    done = tiny.run(shelf, rows, cancelled=lambda: True)
    assert (done["new"].text, done["old"].text) == ("", "Once")
    assert all(answer.finish == "cancelled" and answer.token_ids == () for answer in done.values())


def test_a_failing_model_ends_open_rows_as_failed_with_what_they_have(
    shelf: AdapterShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless(shelf, monkeypatch)
    steps = 0
    step = BatchForward.step

    def failing(self: BatchForward, tokens: torch.Tensor) -> torch.Tensor:
        nonlocal steps
        steps += 1
        if steps > 5:
            raise RuntimeError("broken")
        return step(self, tokens)

    monkeypatch.setattr(BatchForward, "step", failing)
    events = []
    with pytest.raises(RuntimeError, match="broken"):
        for event in decode(shelf, [tiny.plan("w", MIDDLE, 30), tiny.plan("v", SHORT, 2)], Summary()):
            events.append(event)
    done = {event.name: event for event in events if isinstance(event, RowDone)}
    assert done["v"].finish == "length"
    assert done["w"].finish == "failed"
    assert len(done["w"].token_ids) == 6
    assert shelf.routing.groups == ()


def test_numbers_that_overflowed_are_a_sentence_not_an_endless_answer(
    shelf: AdapterShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless(shelf, monkeypatch)
    step = BatchForward.step
    monkeypatch.setattr(BatchForward, "step", lambda self, tokens: step(self, tokens) * float("nan"))
    for temperature in (0.0, 0.7):
        events = []
        with pytest.raises(UserError, match="overflowed"):
            for event in decode(shelf, [tiny.plan("w", MIDDLE, 30, temperature)], Summary()):
                events.append(event)
        assert (events[-1].finish, len(events[-1].token_ids)) == ("failed", 1)


def test_an_end_token_of_either_source_stops_a_row_and_is_kept_out_of_the_text(
    shelf: AdapterShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless(shelf, monkeypatch)
    free = tiny.run(shelf, [tiny.plan("w", MIDDLE, 30)])["w"]
    at = next(n for n in range(4, 30) if free.token_ids[n] not in free.token_ids[:n])
    monkeypatch.setattr(shelf.base, "end_ids", frozenset({2, free.token_ids[at]}))
    done = tiny.run(shelf, [tiny.plan("w", MIDDLE, 30)])["w"]
    assert done.finish == "stop"
    assert done.token_ids == free.token_ids[: at + 1]


def test_a_full_context_ends_a_row(shelf: AdapterShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    endless(shelf, monkeypatch)
    monkeypatch.setattr(shelf.base, "context_length", len(LONG) + 5)
    done = tiny.run(shelf, [tiny.plan("long", LONG, 50), tiny.plan("short", SHORT, 20)])
    assert (done["long"].finish, len(done["long"].token_ids)) == ("context", 5)
    assert (done["short"].finish, len(done["short"].token_ids)) == ("length", 20)


def test_a_prompt_longer_than_a_piece_is_read_in_pieces(
    tiny_llama: Path, shelf: AdapterShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aligntui.backend.infer.forward.PIECE_TOKENS", 32)
    endless(shelf, monkeypatch)
    prompt = LONG * 3
    prefix = tiny.ids_of("And then the wind rose again over the water")
    expected = tiny.reference_tokens(tiny.peft_model(tiny_llama, None), prompt + prefix, 20)
    rows = [tiny.plan("l", prompt, 20, prefix_ids=prefix), tiny.plan("s", SHORT, 20)]
    done = tiny.run(shelf, rows)
    stop = expected.index(tiny.END_ID) + 1 if tiny.END_ID in expected else 20
    assert list(done["l"].token_ids[: len(prefix) + stop]) == prefix + expected[:stop]
    monkeypatch.setattr("aligntui.backend.infer.forward.PIECE_TOKENS", 10_000)
    assert done["l"].logprobs == pytest.approx(tiny.run(shelf, rows)["l"].logprobs, abs=2e-3)


def test_text_is_shown_about_thirty_times_a_second_not_at_every_token(
    shelf: AdapterShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless(shelf, monkeypatch)
    now = [0.0]

    def clock() -> float:
        now[0] += 0.002
        return now[0]

    events = [e for e in decode(shelf, [tiny.plan("w", MIDDLE, 60)], Summary(), clock=clock) if isinstance(e, NewText)]
    assert 4 <= len(events) <= 12
    assert events[0].tokens == 1


def test_timings_and_counts_of_the_batch(shelf: AdapterShelf, monkeypatch: pytest.MonkeyPatch) -> None:
    endless(shelf, monkeypatch)
    summary = Summary()
    done = tiny.run(shelf, [tiny.plan("a", LONG, 10), tiny.plan("b", SHORT, 4)], summary=summary)
    assert summary.tokens == 14
    assert summary.decode_s >= done["a"].decode_s >= done["b"].decode_s > 0
    assert summary.prefill_s > 0
    assert done["a"].first_token_s >= summary.prefill_s
