"""What a person sees of a switch run under way, and how runs are told as JSON; shared by the commands of `aligntui switch`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from aligntui.cli import output
from aligntui.cli.loading import LoadingLine
from aligntui.cli.output import counted
from aligntui.cli.progress_line import ProgressLine
from aligntui.core.errors import AligntuiError, UserError
from aligntui.core.printable import one_line

if TYPE_CHECKING:
    from aligntui.core.generation import GenerationRun
    from aligntui.workbench.generation.progress import CellEvent, RunProgress
    from aligntui.workbench.opening import Workbench

T = TypeVar("T")
INCOMPLETE = 3
"""Exit code where answers are missing."""


class Face:
    """What the user sees of a run.

    Args:
        how: command that goes on with it, where that is another one than `how_to_go_on` says.
    """

    def __init__(self, how: str = "") -> None:
        self._how = how
        self._warned = False
        self._loading = LoadingLine()
        self._line = ProgressLine()
        self._run: GenerationRun | None = None

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
        self._loading.clear()
        self._run = run
        output.say(f"{run.id}: {one_line(run.name)}, {counted(run.cells, 'answer')}")

    def on_event(self, event: CellEvent) -> None:
        """Something happened in it."""
        from aligntui.workbench.generation.progress import RunMoved

        if isinstance(event, RunMoved):
            self._line.show(event.progress)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it to its end, whatever that is; where it breaks off say how to go on."""
        try:
            return asyncio.run(work)
        except (AligntuiError, KeyboardInterrupt):
            self._clear()
            if self._run is not None:
                output.say(f"what was finished is stored; go on with `{self._how or how_to_go_on(self._run)}`")
            raise
        finally:
            self._clear()

    def _clear(self) -> None:
        self._loading.clear()
        self._line.clear()


def how_to_go_on(run: GenerationRun) -> str:
    """The command that goes on with a run."""
    served = " --server URL" if run.plan["base"]["dtype"] == "unknown" else ""
    return f"aligntui switch run --resume {run.id}{served}"


def names_in(text: str) -> list[str]:
    """Names with commas between.

    Raises:
        UserError: one is missing.
    """
    names = [name.strip() for name in text.split(",")]
    if text.strip() and not all(names):
        raise UserError(f"A name is missing in {text!r}.", "Write them with commas between: concise,creative.")
    return [name for name in names if name]


def counts_of(progress: RunProgress) -> dict[str, Any]:
    """The counts of a sitting, JSON-ready."""
    return {
        "cells": progress.cells,
        "done": progress.done,
        "cached": progress.cached,
        "made": progress.made,
        "failed": progress.failed,
        "refused": progress.refused,
        "tokens": progress.tokens,
        "tokens_per_s": progress.tokens_per_s,
        "computed_tokens": progress.computed_tokens,
        "padding_tokens": progress.padding_tokens,
        "padding_share": progress.padding_share,
        "paths": list(progress.paths),
        "problems": list(progress.problems),
        "missing": list(progress.missing),
    }


def described(run: GenerationRun) -> dict[str, Any]:
    """A run, JSON-ready."""
    return {
        "id": run.id,
        "name": run.name,
        "created_at": run.created_at,
        "session": run.session_id,
        "cells": run.cells,
        "done": run.done,
        "cached": run.cached,
    }
