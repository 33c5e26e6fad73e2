"""Events of a run as lines: exact names, torn ends, what a resume takes back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aligntui.wire.run_events import (
    KINDS,
    Checkpoint,
    Failed,
    Resumed,
    Stamped,
    Started,
    Step,
    Stopped,
    current,
    decode_event,
    encode_event,
    read_events,
)

STARTED = Started(7, "embedded", "aa", "bb", 10, 5, "float32", "cpu", {"torch": "2"}, ("sft", "dpo"), (4, 10))


def test_a_step_has_the_names_of_the_contract() -> None:
    body = json.loads(encode_event(3, 1.5, Step(2, loss=0.5, kl_weight=0.01)))
    expected = {
        "seq", "kind", "step", "loss", "kl", "lambda", "margin", "accuracy", "chosen_logp", "rejected_logp", "lr",
        "grad_norm", "sft", "contrast", "tokens_per_second", "memory_bytes", "gpu_bytes", "epoch", "time",
    }  # fmt: skip
    assert set(body) == expected
    assert (body["seq"], body["kind"], body["lambda"], body["kl"]) == (3, "step", 0.01, None)


@pytest.mark.parametrize(
    "event", [STARTED, Step(1, kl_weight=0.5), Resumed(4), Failed("a\nb", "c", 3, "failed/x.json")]
)
def test_an_event_comes_back_as_it_went(event) -> None:
    line = encode_event(1, 2.0, event)
    assert line.count(b"\n") == 1
    assert decode_event(line) == Stamped(1, 2.0, event)


def test_kinds_of_the_contract() -> None:
    assert set(KINDS) == {
        "started", "resumed", "data", "step", "eval", "sample", "checkpoint", "warning", "stopping", "stopped",
        "finished", "failed",
    }  # fmt: skip


def test_numbers_that_are_none_are_null() -> None:
    body = json.loads(encode_event(0, 0, Step(1, loss=float("nan"), kl=float("inf"))))
    assert body["loss"] is None and body["kl"] is None


def test_unknown_lines_are_left_out_and_unknown_fields_forgiven() -> None:
    assert decode_event(b"not json") is None
    assert decode_event(b'{"seq":1,"time":0,"kind":"dance"}') is None
    assert decode_event(b'{"seq":1,"time":0,"kind":"step"}') is None  # no step number
    found = decode_event(b'{"seq":1,"time":0,"kind":"stopped","step":3,"later":true}')
    assert found == Stamped(1, 0.0, Stopped(3))


def test_a_torn_line_is_read_when_its_end_has_come(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    assert read_events(path) == ([], 0)
    first, second = encode_event(0, 0, STARTED), encode_event(1, 0, Step(1))
    path.write_bytes(first + second[:9])
    events, offset = read_events(path)
    assert [e.event for e in events] == [STARTED] and offset == len(first)
    path.write_bytes(first + second)
    events, offset = read_events(path, offset)
    assert [e.event for e in events] == [Step(1)] and offset == len(first) + len(second)


def test_a_resume_takes_back_what_comes_again() -> None:
    story = [STARTED, Step(1), Step(2), Checkpoint(2, "c"), Step(3), Resumed(2), Step(3)]
    kept = [s.event for s in current([Stamped(n, 0, e) for n, e in enumerate(story)])]
    assert kept == [STARTED, Step(1), Step(2), Checkpoint(2, "c"), Resumed(2), Step(3)]
