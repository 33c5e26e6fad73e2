"""What the events of a run come to: a fold that any viewer builds from the first line and keeps up with the last.

After a resume the run stands at its checkpoint again, so what was said of later steps is taken back: they are trained
anew. Pinned in tests/jobs/test_story.py.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

from aligntui.wire.run_events import (
    Checkpoint,
    Data,
    Eval,
    Event,
    Failed,
    Finished,
    Resumed,
    Sample,
    Stamped,
    Started,
    Step,
    Stopped,
    Stopping,
    Warned,
)

CURVES = (
    "loss",
    "sft",
    "contrast",
    "kl",
    "kl_weight",
    "margin",
    "accuracy",
    "chosen_logp",
    "rejected_logp",
    "lr",
    "grad_norm",
    "tokens_per_second",
    "memory_bytes",
    "gpu_bytes",
)
"""Figures of a `Step` that are drawn over the steps, in the order in which viewers show them."""
PACE_STEPS = 50
"""Steps whose mean time tells how long the rest will take; checkpoints and measuring between them count."""

Point = tuple[int, float]
"""A step and a value."""


@dataclass
class Story:
    """A run so far."""

    phase: type[Event] | None = None
    """Kind of the last event that says where the run is: Started, Resumed, Stopping or one of the ends."""
    head: Started | None = None
    """How the process that is at it, or was last, had begun."""
    data: Data | None = None
    end: Stopped | Finished | Failed | None = None
    """How it ended; None while it goes on, and again once it was resumed."""
    step: int = 0
    total_steps: int = 0
    epoch: float | None = None
    curves: dict[str, list[Point]] = field(default_factory=lambda: {name: [] for name in CURVES})
    evaluations: list[Eval] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    began: float | None = None
    """Time of the first event, Unix seconds."""
    last_event: float | None = None
    sequence: int = 0
    """`seq` of the last event."""
    _times: list[tuple[int, float]] = field(default_factory=list)
    """Steps of this life of the process and when they were done."""

    def add_all(self, events: Iterable[Stamped]) -> None:
        """Fold several in."""
        for event in events:
            self.add(event)

    def add(self, stamped: Stamped) -> None:
        """Fold one in."""
        self.began = stamped.time if self.began is None else self.began
        self.last_event, self.sequence = stamped.time, stamped.seq
        match stamped.event:
            case Started() as started:
                self.head, self.phase, self.end, self._times = started, Started, None, []
                self.total_steps = started.total_steps
            case Resumed(step):
                self.phase, self.end, self._times = Resumed, None, []
                self._go_back(step)
            case Data() as data:
                self.data = data
            case Step() as step:
                self._add_step(step, stamped.time)
            case Eval() as evaluation:
                self.evaluations.append(evaluation)
            case Sample() as sample:
                self.samples.append(sample)
            case Checkpoint() as checkpoint:
                self.checkpoints.append(checkpoint)
            case Warned(message):
                if message not in self.warnings:  # a resumed run says the same again
                    self.warnings.append(message)
            case Stopping():
                self.phase = Stopping
            case (Stopped() | Finished() | Failed()) as end:
                self.phase, self.end = type(end), end
                self.step = end.step

    @property
    def pace_s(self) -> float | None:
        """Seconds of one step, over the last `PACE_STEPS` of this life of the process; None before the second."""
        times = self._times[-PACE_STEPS - 1 :]
        if len(times) < 2 or times[-1][0] <= times[0][0]:
            return None
        return max(0.0, times[-1][1] - times[0][1]) / (times[-1][0] - times[0][0])

    @property
    def eta_s(self) -> float | None:
        """Seconds to the last step at the present pace; None where that is not known, or it has ended."""
        pace = self.pace_s
        if pace is None or self.end or not self.total_steps:
            return None
        return pace * max(0, self.total_steps - self.step)

    @property
    def tokens_per_second(self) -> float | None:
        """Median over the last steps."""
        last = [value for _, value in self.curves["tokens_per_second"][-PACE_STEPS:]]
        return statistics.median(last) if last else None

    def latest(self, name: str) -> float | None:
        """The last value of a curve."""
        points = self.curves.get(name)
        return points[-1][1] if points else None

    def eval_curve(self, name: str = "loss") -> list[Point]:
        """A figure of the evaluations over the steps."""
        found = ((one.step, getattr(one, name)) for one in self.evaluations)
        return [(step, float(value)) for step, value in found if value is not None]

    def _add_step(self, step: Step, time: float) -> None:
        self.step, self.epoch = step.step, step.epoch
        self._times.append((step.step, time))
        del self._times[: -2 * PACE_STEPS]
        for name in CURVES:
            value = getattr(step, name)
            if value is not None:
                self.curves[name].append((step.step, float(value)))

    def _go_back(self, step: int) -> None:
        self.step = step
        self.curves = {name: [point for point in points if point[0] <= step] for name, points in self.curves.items()}
        self.evaluations = [one for one in self.evaluations if one.step <= step]
        self.samples = [one for one in self.samples if one.step <= step]
        self.checkpoints = [one for one in self.checkpoints if one.step <= step]
