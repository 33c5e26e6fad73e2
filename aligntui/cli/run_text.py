"""Runs and their events in words, for terminals and for logs."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import datetime

from aligntui.cli import output
from aligntui.cli.progress_line import duration
from aligntui.cli.sparkline import sparkline
from aligntui.core.printable import one_line
from aligntui.jobs.state import Run
from aligntui.jobs.story import Story
from aligntui.wire import run_events as wire

_CELLS = 24
_EVERY_S = 0.2
_ELSEWHERE_S = 30.0
"""Between two lines where nothing can be drawn over."""
LABELS = {
    "loss": "loss",
    "sft": "sft",
    "contrast": "contrast",
    "kl": "kl, nats a token",
    "kl_weight": "lambda",
    "margin": "margin",
    "accuracy": "accuracy",
    "chosen_logp": "chosen log-prob",
    "rejected_logp": "rejected log-prob",
    "lr": "learning rate",
    "grad_norm": "gradient norm",
    "tokens_per_second": "tokens/s",
    "memory_bytes": "memory, GB",
    "gpu_bytes": "GPU memory, GB",
}
_SHORT = ("loss", "margin", "kl", "accuracy")


def number(value: float, name: str = "") -> str:
    """Four digits that matter; bytes as gigabytes."""
    if name.endswith("_bytes"):
        return f"{value / 1e9:.2f}"
    return f"{value:.1%}" if name == "accuracy" else f"{value:.4g}"


def figures(story: Story) -> str:
    """`loss 0.412, margin 1.3`: the last values of what matters most."""
    found = ((name, story.latest(name)) for name in _SHORT)
    return ", ".join(f"{name} {number(value, name)}" for name, value in found if value is not None)


def progress_text(run: Run) -> str:
    """`step 120 of 345, loss 0.41, 118 tokens/s, about 12 min left`."""
    story = run.story
    parts = [f"step {story.step:,} of {story.total_steps:,}" if story.total_steps else f"step {story.step:,}"]
    parts += [shown] if (shown := figures(story)) else []
    speed, eta = story.tokens_per_second, story.eta_s
    parts += [f"{speed:,.0f} tokens/s"] if speed else []
    parts += [f"about {duration(eta)} left"] if eta else []
    return ", ".join(parts)


def event_line(stamped: wire.Stamped) -> str:
    """One event as a line: time, what happened."""
    at = datetime.fromtimestamp(stamped.time).strftime("%Y-%m-%d %H:%M:%S")
    return f"{at}  {one_line(_told(stamped.event), 400)}"


def curve_lines(run: Run, width: int = 40) -> Iterator[str]:
    """Each curve that has values: name, drawing, first and last value."""
    curves = [(LABELS[name], name, points) for name, points in run.story.curves.items() if points]
    if held_out := run.story.eval_curve():
        curves.insert(1, ("held-out loss", "loss", held_out))
    for label, name, points in curves:
        values = [value for _, value in points]
        ends = (
            f"{number(values[0], name)} -> {number(values[-1], name)}" if len(values) > 1 else number(values[0], name)
        )
        yield f"{label:<18}{sparkline(values, width):<{width}}  {ends}"


class TrainingLine:
    """How far a run has come, on stderr: one line drawn over on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
        self._shown_at = -_ELSEWHERE_S
        self._drawn = False

    def show(self, run: Run) -> None:
        """Draw, not too often."""
        now = time.monotonic()
        if now - self._shown_at < (_EVERY_S if self._is_terminal else _ELSEWHERE_S):
            return
        self._shown_at = now
        text = f"{run.name}: {run.state}, {progress_text(run)}" if run.story.step else f"{run.name}: {run.state}"
        if not self._is_terminal:
            output.say(text)
            return
        total = max(1, run.story.total_steps)
        filled = min(_CELLS, _CELLS * run.story.step // total)
        line = f"[{'#' * filled}{'.' * (_CELLS - filled)}] {text}"
        self._write(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}")
        self._drawn = True

    def say(self, text: str) -> None:
        """Print a line above."""
        self.clear()
        output.say(text)

    def clear(self) -> None:
        """Take the line away."""
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False

    @staticmethod
    def _write(text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()


def _told(event: wire.Event) -> str:
    match event:
        case wire.Started() as started:
            stages = f", stages {' -> '.join(started.stages)}" if len(started.stages) > 1 else ""
            return (
                f"started: process {started.pid}, {started.model} in {started.dtype} on {started.device}, "
                f"{started.trainable_parameters:,} trainable parameters, {started.total_steps:,} steps{stages}"
            )
        case wire.Resumed(step):
            return f"resumed after step {step:,}"
        case wire.Data() as data:
            return (
                f"data: {data.records:,} records, {data.tokens:,} tokens, {data.trained_tokens:,} of them trained; "
                f"{data.truncated:,} truncated, {data.dropped:,} dropped, {data.held_out:,} held out"
            )
        case wire.Step() as step:
            return f"step {step.step:,}: {_values(step)}"
        case wire.Eval() as evaluation:
            return f"held out at step {evaluation.step:,}: {_values(evaluation)}"
        case wire.Sample() as sample:
            return f"sample at step {sample.step:,}: {sample.prompt} => {sample.answer}"
        case wire.Checkpoint(step, path):
            return f"checkpoint of step {step:,}: {path}"
        case wire.Warned(message):
            return f"warning: {message}"
        case wire.Stopping():
            return "stopping, as asked"
        case wire.Stopped(step):
            return f"stopped at step {step:,}"
        case wire.Finished() as finished:
            return f"finished at step {finished.step:,} after {duration(finished.seconds)}"
        case wire.Failed() as failed:
            where = f" ({failed.where})" if failed.where else ""
            return f"failed at step {failed.step:,}: {failed.error} {failed.hint}{where}"


def _values(event: wire.Step | wire.Eval) -> str:
    names = ("loss", "kl", "kl_weight", "margin", "accuracy", "chosen_logp", "rejected_logp", "lr", "grad_norm")
    found = ((name, getattr(event, name, None)) for name in names)
    shown = ((LABELS[name].partition(",")[0], number(value, name)) for name, value in found if value is not None)
    return ", ".join(f"{name} {value}" for name, value in shown)


def printed_samples(story: Story) -> Iterator[str]:
    """The answers of the last checkpoint, each below its prompt."""
    last = max((sample.step for sample in story.samples), default=None)
    for sample in story.samples:
        if sample.step == last:
            under = f" (under {one_line(sample.instruction, 60)!r})" if sample.instruction else ""
            yield f"\nsample at step {sample.step:,}{under}: {one_line(sample.prompt, 200)}"
            yield f"  {one_line(sample.answer, 1000)}"
