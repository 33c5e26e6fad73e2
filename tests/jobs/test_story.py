from __future__ import annotations

from typing import Any

import pytest

from aligntui.jobs.story import PACE_STEPS, Story
from aligntui.wire import run_events as wire
from tests.jobs.runs import started


def told(*events: wire.Event, every_s: float = 2.0) -> Story:
    story = Story()
    story.add_all(wire.Stamped(place, 100 + every_s * place, event) for place, event in enumerate(events))
    return story


def step(number: int, loss: float | None = 1.0, **more: Any) -> wire.Step:
    return wire.Step(number, loss=loss, **more)


def test_steps_become_curves_and_the_pace_tells_what_is_left() -> None:
    story = told(started(10), *(step(n, 1 / n, tokens_per_second=10.0 * n) for n in range(1, 5)))
    assert story.curves["loss"] == [(n, 1 / n) for n in range(1, 5)]
    assert story.curves["kl"] == [], "what a method has not is no curve"
    assert (story.step, story.total_steps) == (4, 10)
    assert story.pace_s == 2.0
    assert story.eta_s == 12.0
    assert story.tokens_per_second == 25.0


def test_one_step_has_no_pace() -> None:
    assert told(started(), step(1)).eta_s is None


def test_the_pace_follows_the_last_steps() -> None:
    story = told(started(1000), *(step(n) for n in range(1, PACE_STEPS + 2)), every_s=1.0)
    for number in range(PACE_STEPS + 2, 2 * PACE_STEPS + 2):
        story.add(wire.Stamped(number, 1000.0 + 5 * number, step(number)))
    assert story.pace_s is not None and story.pace_s > 4.9


def test_a_resume_takes_back_what_came_after_the_checkpoint() -> None:
    story = told(
        started(), step(1), step(2), wire.Checkpoint(2, "checkpoints/step-000002"), wire.Sample(2, "p", "", "a"), step(3),
        wire.Eval(3, loss=0.5), step(4), wire.Sample(4, "p", "", "b"), wire.Stopping(), wire.Stopped(4),
    )  # fmt: skip
    assert isinstance(story.end, wire.Stopped)
    story.add_all([wire.Stamped(20, 900.0, started()), wire.Stamped(21, 901.0, wire.Resumed(2))])
    assert story.end is None
    assert [n for n, _ in story.curves["loss"]] == [1, 2]
    assert [one.step for one in story.samples] == [2]
    assert story.evaluations == []
    assert story.eta_s is None, "the time in which nothing ran is no pace"
    story.add_all([wire.Stamped(22, 910.0, step(3, 7.0)), wire.Stamped(23, 911.0, step(4, 8.0))])
    assert story.curves["loss"] == [(1, 1.0), (2, 1.0), (3, 7.0), (4, 8.0)]
    assert story.pace_s == 1.0
    assert len(story.checkpoints) == 1


def test_a_loss_that_is_no_number_leaves_a_gap() -> None:
    line = wire.encode_event(1, 5.0, step(1, float("nan"), lr=0.1))
    stamped = wire.decode_event(line)
    assert stamped is not None
    story = Story()
    story.add(stamped)
    assert story.curves["loss"] == [] and story.curves["lr"] == [(1, 0.1)]


@pytest.mark.parametrize(
    "end", [wire.Finished(10, 3.0, "h"), wire.Failed("Out of memory.", "Less.", 7, None, 3), wire.Stopped(5)]
)
def test_an_end_is_kept_and_nothing_is_left(end: wire.Finished | wire.Failed | wire.Stopped) -> None:
    story = told(started(), step(1), step(2), end)
    assert story.end == end and story.step == end.step
    assert story.eta_s is None
    assert story.phase is type(end)


def test_a_warning_said_twice_is_kept_once() -> None:
    assert told(wire.Warned("slow"), wire.Warned("slow"), wire.Warned("full")).warnings == ["slow", "full"]


def test_the_held_out_curve_leaves_out_what_was_not_measured() -> None:
    story = told(wire.Eval(5, loss=0.5, kl=None), wire.Eval(10, loss=0.4, kl=0.1))
    assert story.eval_curve() == [(5, 0.5), (10, 0.4)]
    assert story.eval_curve("kl") == [(10, 0.1)]
