"""How switch runs are told, as JSON and in words; shared by the commands of `aligntui switch`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aligntui.cli.run_face import with_server
from aligntui.core.errors import UserError

if TYPE_CHECKING:
    from aligntui.core.generation import GenerationRun
    from aligntui.workbench.generation.progress import RunProgress

INCOMPLETE = 3
"""Exit code where answers are missing."""


def how_to_go_on(run: GenerationRun) -> str:
    """The command that goes on with a run."""
    return with_server(f"aligntui switch run --resume {run.id}", run)


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
