"""The flags of `aligntui score` as what is to be scored; what excludes each other is refused here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from aligntui.cli import output
from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError, nearest
from aligntui.core.printable import one_line

if TYPE_CHECKING:
    from aligntui.core.instruction import Instruction
    from aligntui.score.battery.delivery import Delivery
    from aligntui.workbench.scoring.plan import ScoreWish
    from aligntui.workbench.scoring.suites import LoadedSuite

ON_RESUME = (
    "resume",
    "at_once",
    "as_json",
    "verdicts",
    "out",
    "device",
    "threads",
    "trust_remote_code",
    "server",
    "served",
    "server_api",
    "server_timeout",
)
"""Flags that a run which is gone on with takes from the command line; the others are its own."""
_WITH_RESPONSES = ("responses", "prompts", "battery", "limit", "as_json", "verdicts", "out")
"""Flags that mean something where nothing is asked."""


def check_flags(
    ctx: typer.Context, suite: str, has_responses: bool, resume: str, verdicts: Path | None, out: Path | None
) -> None:
    """Refuse what excludes each other, before anything is read.

    Raises:
        UserError: says which flag and why.
    """
    if has_responses:
        if suite == "all":
            raise UserError(
                "--responses belongs to one suite, not to all of them.", "aligntui score ifeval --responses FILE"
            )
        for flag in _given(ctx, _WITH_RESPONSES):
            raise UserError(f"{flag} is of no use with --responses: nothing is asked of a model.", "Leave it out.")
    if suite == "all" and resume:
        raise UserError("--resume goes on with one run.", "Name its suite: aligntui score ifeval --resume RUN.")
    if suite == "all" and verdicts is not None:
        raise UserError(
            "--verdicts belongs to one suite, not to all of them.", "aligntui score report RUN --verdicts FILE"
        )
    if out is not None and out.is_file():
        raise UserError(f"{out} is a file, and a report is a folder.", "Give another name.")


def refuse_with_resume(ctx: typer.Context) -> None:
    """Refuse what a run that is gone on with would not heed.

    Raises:
        UserError: names the flag.
    """
    for flag in _given(ctx, ON_RESUME):
        raise UserError(
            f"{flag} is of no use with --resume: the run goes on as it was begun.",
            "Leave it out, or begin a new run; answers that were made before are taken from the cache.",
        )


def load_all(suite: str, prompts: str, battery: str, limit: int | None) -> list[LoadedSuite]:
    """The suites that a command means.

    Raises:
        UserError: a file cannot be used; names file, line and reason.
        EnvironmentProblem: the hub cannot be reached.
    """
    from aligntui.score.suites.reading import SUITES
    from aligntui.workbench.scoring.suites import load_suite

    if suite != "all":
        return [load_suite(suite, prompts, battery, limit)]
    return [
        load_suite(name, prompts if name == "ifeval" else "", battery if name in ("battery", "bleed") else "", limit)
        for name in SUITES
    ]


def names_of(workspace: Workspace, text: str, type_: str) -> Instruction:
    """The instruction that both sides are given.

    Raises:
        UserError: both were given, or the library has no such type or phrasing.
    """
    from aligntui.cli.named_instruction import library_name
    from aligntui.core.instruction import Instruction
    from aligntui.data.instruction_library import load_library

    if text and type_:
        raise UserError("--instruction and --instruction-type exclude each other.", "Give one of the two.")
    if text and (name := library_name(workspace, text)):
        output.say(f"--instruction {one_line(text)} names {name} of the library, whose text is sent")
        type_ = name
    return load_library(workspace).get(type_) if type_ else Instruction(text)


def wish_of(
    loaded: LoadedSuite, seeds: int, delivery: str, instruction: Instruction, with_base: bool, name: str, turn: int
) -> ScoreWish:
    """What is to be scored.

    Raises:
        UserError: there is no such delivery.
    """
    from aligntui.workbench.scoring.plan import ScoreWish

    return ScoreWish(loaded.suite, seeds, _deliveries(delivery), instruction, with_base, name, turn=turn)


def _deliveries(text: str) -> tuple[Delivery, ...]:
    from aligntui.score.battery.delivery import Delivery

    known = [str(one) for one in Delivery]
    words = [word.strip().lower() for word in text.split(",")] if text.strip() else []
    for word in words:
        if word not in known:
            raise UserError(f"--delivery knows no {word!r}.", nearest(word, known))
    return tuple(Delivery(word) for word in words)


def _given(ctx: typer.Context, heeded: tuple[str, ...]) -> list[str]:
    """Flags of the command line that are not heeded."""
    found: list[str] = []
    for param in ctx.command.params:
        source = param.name and ctx.get_parameter_source(param.name)
        if source and source.name == "COMMANDLINE" and param.name not in heeded:
            found.append(param.opts[0])
    return found
