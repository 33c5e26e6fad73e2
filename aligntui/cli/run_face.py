"""What the user sees on stderr of runs of answers while they go on: score runs, switch runs, judgements."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from aligntui.cli import output
from aligntui.cli.loading import LoadingLine
from aligntui.cli.output import counted
from aligntui.cli.progress_line import ProgressLine, progress_text
from aligntui.config.options import Option
from aligntui.core.errors import AligntuiError
from aligntui.core.generation import AT_ONCE, MOST_AT_ONCE
from aligntui.core.printable import one_line

if TYPE_CHECKING:
    from aligntui.core.generation import GenerationRun
    from aligntui.workbench.generation.progress import CellEvent, RunProgress
    from aligntui.workbench.opening import Workbench

T = TypeVar("T")

ROWS = Option("at-once", AT_ONCE, "Answers decoded at the same time.", "run", low=1, high=MOST_AT_ONCE)


class RunFace:
    """Shows one run after the other.

    Args:
        how_to_go_on: the command that goes on with a run.
    """

    def __init__(self, how_to_go_on: Callable[[GenerationRun], str]) -> None:
        self._how_to_go_on = how_to_go_on
        self._loading = LoadingLine()
        self._line = ProgressLine()
        self._run: GenerationRun | None = None
        self._warned = False

    def loading(self, bench: Workbench) -> None:
        """Told while the base is loaded, or the servers are looked at; says what they warn of."""
        engine = bench.chat.state.engine
        self._loading.show(engine)
        if engine.model is not None and not self._warned:
            self._warned = True
            self._loading.clear()
            for warning in engine.model.warnings:
                output.say(f"warning: {one_line(warning)}")

    def begun(self, run: GenerationRun) -> None:
        """The run is in the database."""
        self._clear()
        self._run = run
        output.say(f"{run.id}: {one_line(run.name)}, {counted(run.cells, 'answer')}")

    def on_event(self, event: CellEvent) -> None:
        """Something happened in it."""
        from aligntui.workbench.generation.progress import RunMoved

        if isinstance(event, RunMoved):
            self._line.show(event.progress)

    def ended(self, run: GenerationRun, done: RunProgress) -> None:
        """It is filled, or was stopped; its speed is that of this moment."""
        self._clear()
        self._run = None
        say_counts(run, done)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it to its end, whatever that is; where it breaks off say how to go on."""
        try:
            return asyncio.run(work)
        except (AligntuiError, KeyboardInterrupt):
            self._clear()
            if self._run is not None:
                output.say(f"what was finished is stored; go on with `{self._how_to_go_on(self._run)}`")
            raise
        finally:
            self._clear()

    def _clear(self) -> None:
        self._loading.clear()
        self._line.clear()


def say_counts(run: GenerationRun, done: RunProgress) -> None:
    """How the filling of a run went, and what was in its way."""
    output.say(f"{run.id}: {progress_text(done)}")
    output.say(f"decoded as {'; '.join(done.paths)}" if done.paths else "nothing had to be decoded")
    for problem in done.problems:
        output.say(one_line(problem, 1000))
    if done.refused:
        output.say(f"{counted(done.refused, 'answer')} refused, the first because: {done.refusal}")


def with_server(command: str, run: GenerationRun) -> str:
    """A command that goes on with a run, and the flag without which a run on servers cannot go on."""
    return f"{command} --server URL" if run.plan["base"]["dtype"] == "unknown" else command
