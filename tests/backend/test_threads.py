"""As many threads as pay, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.threads import Threads, choose_threads
from aligntui.backend.infer.warm_up import warm_up
from aligntui.backend.infer.weights import load_base
from tests.backend import tiny


@pytest.fixture(autouse=True)
def count(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of threads that torch would use, last one first; the tests themselves keep to one."""
    counts = [4]
    monkeypatch.setattr("torch.get_num_threads", lambda: counts[0])
    monkeypatch.setattr("torch.set_num_threads", lambda number: counts.insert(0, number))
    return counts


@pytest.mark.parametrize(
    ("seconds", "chosen", "timed"),
    [
        ({8: 0.10, 4: 0.19}, 8, [8, 4]),
        ({8: 0.10, 4: 0.08, 2: 0.07, 1: 0.12}, 2, [8, 4, 2, 1]),
        ({8: 0.10, 4: 0.11, 2: 0.112, 1: 0.114}, 1, [8, 4, 2, 1]),
        ({3: 0.10, 1: 0.05}, 1, [3, 1]),
        ({1: 0.10}, 1, [1]),
    ],
    ids=["large-model", "middle", "no-gain", "odd", "one-core"],
)
def test_the_fewest_threads_that_are_nearly_as_fast(
    count: list[int], seconds: dict[int, float], chosen: int, timed: list[int]
) -> None:
    asked = []

    def step() -> float:
        asked.append(count[0])
        return seconds[asked[-1]]

    assert choose_threads(max(seconds), step) == chosen
    assert asked == timed
    assert count[0] == chosen


def test_prompts_take_all_threads_and_steps_leave_one_core_to_the_console(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aligntui.backend.infer.warm_up.choose_threads", lambda most, _step: most)
    shelf = AdapterShelf(load_base(str(tiny_llama), dtype="float32", device="cpu"))
    warm_up(shelf)
    assert shelf.threads == Threads(reading=4, stepping=3)
    seen = []
    monkeypatch.setattr(Threads, "read", lambda self: seen.append(self.reading))
    monkeypatch.setattr(Threads, "step", lambda self: seen.append(self.stepping))
    tiny.run(shelf, [tiny.plan("r", tiny.ids_of("Why?"), 3)])
    assert seen == [4, 3]


@pytest.mark.parametrize(("reading", "stepping", "lanes"), [(2, 1, 2), (16, 4, 4), (16, 15, 1), (4, 4, 1), (1, 1, 1)])
def test_cores_that_are_left_take_rows_of_their_own(reading: int, stepping: int, lanes: int) -> None:
    assert Threads(reading, stepping).lanes == lanes


def test_a_number_that_the_user_named_is_kept(tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aligntui.backend.infer.warm_up.choose_threads", lambda *_: pytest.fail("looked for"))
    shelf = AdapterShelf(load_base(str(tiny_llama), dtype="float32", device="cpu"))
    warm_up(shelf, fixed_threads=True)
    assert shelf.threads == Threads(reading=4, stepping=4)
