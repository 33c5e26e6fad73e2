"""`aligntui instructions`: the library of alignment instructions."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.app import group
from aligntui.cli.shared import Json, workspace_of
from aligntui.core.errors import UserError
from aligntui.core.instruction import InstructionType
from aligntui.core.printable import one_line
from aligntui.data.instruction_library import InstructionLibrary, add_own, load_library

app = group("List the alignment instructions, show one, add one.")


@app.command("list")
def list_all(ctx: typer.Context, as_json: Json = False) -> None:
    """List the canonical instructions and your own."""
    library = _library(ctx)
    if as_json:
        output.json_data([_record(known) for known in library.types])
        return
    rows = [(k.type, k.title, len(k.phrasings), "own" if k.own else "canonical", k.summary) for k in library.types]
    output.table(("type", "title", "phrasings", "origin", "summary"), rows)


@app.command("show")
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="TYPE[/N]", help="A type, or one phrasing of it.")],
    as_json: Json = False,
) -> None:
    """Show one instruction; with /N only the text of that phrasing, ready for a pipe."""
    library = _library(ctx)
    kind, slash, _ = name.partition("/")
    if slash:
        one = library.get(name)
        if as_json:
            output.json_data(one)
        else:
            output.data(one.text)
        return
    known = library.find(kind)
    if as_json:
        output.json_data(_record(known))
        return
    output.data(f"{one_line(known.title)} ({known.type}): {one_line(known.summary)}")
    for number, text in enumerate(known.phrasings, 1):
        output.data(f"\n{known.type}/{number}\n{text}")
    if known.characteristics:
        output.data(
            "\nAn answer that follows it:\n" + "\n".join(f"- {one_line(line)}" for line in known.characteristics)
        )


@app.command("add")
def add(
    ctx: typer.Context,
    title: Annotated[str, typer.Option(metavar="TITLE", help="Name on screen; the same name again adds a phrasing.")],
    text: Annotated[str, typer.Option(metavar="TEXT", help="The instruction; - reads standard input.")],
    summary: Annotated[str, typer.Option(metavar="TEXT", help="One line for the picker.")] = "",
    as_json: Json = False,
) -> None:
    """Save an instruction of your own in the workspace."""
    if text == "-":
        try:
            text = sys.stdin.buffer.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError("The instruction on standard input is not UTF-8 text.", "Save it as UTF-8.") from error
    workspace = workspace_of(ctx)
    saved = add_own(workspace, title, text, summary=summary)
    if as_json:
        output.json_data(saved)
    else:
        output.data(saved.label)
        output.say(f"saved in {workspace.own_instructions}")


def _library(ctx: typer.Context) -> InstructionLibrary:
    library = load_library(workspace_of(ctx))
    for warning in library.warnings:
        output.say(f"warning: {warning}")
    return library


def _record(known: InstructionType) -> dict[str, Any]:
    return {
        "type": known.type,
        "title": known.title,
        "summary": known.summary,
        "phrasings": list(known.phrasings),
        "characteristics": list(known.characteristics),
        "own": known.own,
    }
