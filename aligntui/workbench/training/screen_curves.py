"""The curves of runs as a screen draws them: which figures share a panel, and how many of their points are worth drawing.

Pinned in tests/workbench/test_training_desk.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aligntui.jobs.story import Point, Story

GIB = float(1 << 30)


@dataclass(frozen=True)
class Figure:
    """One line of a panel."""

    label: str
    name: str
    """Of a figure of `Step`, or of `Eval` where `held_out`."""
    held_out: bool = False
    scale: float = 1.0
    """What values are divided by."""


@dataclass(frozen=True)
class Panel:
    """Figures that share an axis."""

    name: str
    title: str
    figures: tuple[Figure, ...]
    unit: str = ""
    limits: tuple[float, float] | None = None
    """Ends of the axis where they are known beforehand."""


PANELS: tuple[Panel, ...] = (
    Panel(
        "loss",
        "Loss",
        (
            Figure("loss", "loss"),
            Figure("held out", "loss", held_out=True),
            Figure("sft", "sft"),
            Figure("contrast", "contrast"),
        ),
    ),
    Panel("logp", "Log-probability", (Figure("chosen", "chosen_logp"), Figure("rejected", "rejected_logp"))),
    Panel("margin", "Reward margin", (Figure("margin", "margin"), Figure("held out", "margin", held_out=True))),
    Panel(
        "accuracy",
        "Reward accuracy",
        (Figure("accuracy", "accuracy"), Figure("held out", "accuracy", held_out=True)),
        limits=(0.0, 1.0),
    ),
    Panel("kl", "KL from the reference", (Figure("kl", "kl"), Figure("held out", "kl", held_out=True))),
    Panel("lambda", "Weight of the KL (lambda)", (Figure("lambda", "kl_weight"),)),
    Panel("lr", "Learning rate", (Figure("rate", "lr"),)),
    Panel("grad", "Gradient norm", (Figure("norm", "grad_norm"),)),
    Panel("speed", "Speed", (Figure("tokens/s", "tokens_per_second"),), "tokens/s"),
    Panel(
        "memory",
        "Memory",
        (Figure("process", "memory_bytes", scale=GIB), Figure("GPU", "gpu_bytes", scale=GIB)),
        "GiB",
    ),
)


@dataclass(frozen=True)
class Series:
    """A line to draw."""

    label: str
    steps: NDArray[np.float64]
    """Shape (points,), rising."""
    values: NDArray[np.float64]
    """Shape (points,), finite."""

    @property
    def last(self) -> float:
        """Its latest value."""
        return float(self.values[-1])


def panels_of(stories: Sequence[Story]) -> list[Panel]:
    """The panels for which any of the runs has figures; the loss also without any."""
    return [
        panel
        for panel in PANELS
        if panel.name == "loss" or any(_points(story, figure) for story in stories for figure in panel.figures)
    ]


def one_run(story: Story, panel: Panel, most: int) -> list[Series]:
    """Every figure of a panel that a run has.

    Args:
        story: of the run.
        panel: which figures.
        most: points of a line at most, see `thin`.
    """
    found = [(figure, _points(story, figure)) for figure in panel.figures]
    # a loss of one part is that part, and would hide it
    drawn = [
        (figure, points)
        for figure, points in found
        if points and not (figure.name in ("sft", "contrast") and points == found[0][1])
    ]
    return [_series(figure.label, points, figure.scale, most) for figure, points in drawn]


def several_runs(stories: Sequence[tuple[str, Story]], panel: Panel, most: int) -> list[Series]:
    """The panel's first figure, one line for each run that has it, under the run's name."""
    figure = panel.figures[0]
    found = ((name, _points(story, figure)) for name, story in stories)
    return [_series(name, points, figure.scale, most) for name, points in found if points]


def thin(
    steps: NDArray[np.float64], values: NDArray[np.float64], most: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most about `most` points that look the same when drawn: the lowest and the highest of each stretch.

    A mean would hide the single step in which a run went wrong; so every peak of the whole stays, and the first and the
    last point do.

    Args:
        steps: shape (points,), rising.
        values: shape (points,).
        most: at least 4.
    """
    count = len(values)
    if count <= most:
        return steps, values
    edges = np.unique(np.linspace(0, count, most // 2, dtype=int))
    kept = {0, count - 1}
    for begin, end in itertools.pairwise(edges):
        kept.add(int(begin + np.argmin(values[begin:end])))
        kept.add(int(begin + np.argmax(values[begin:end])))
    places = np.array(sorted(kept))
    return steps[places], values[places]


def _points(story: Story, figure: Figure) -> list[Point]:
    return story.eval_curve(figure.name) if figure.held_out else story.curves[figure.name]


def _series(label: str, points: list[Point], scale: float, most: int) -> Series:
    table = np.array(points, dtype=np.float64)
    steps, values = thin(table[:, 0], table[:, 1] / scale, most)
    return Series(label, steps, values)
