"""`aligntui pairs`: verdicts over two answers, and the preference pairs that follow from them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.app import group
from aligntui.cli.option_flags import value_of, with_options
from aligntui.cli.output import counted
from aligntui.cli.shared import Json, Limit, opened_store, settings_of, workspace_of
from aligntui.config.options import Option
from aligntui.core.errors import UserError
from aligntui.core.pair import Pair, Verdict
from aligntui.core.printable import one_line

if TYPE_CHECKING:
    from aligntui.store import Store

app = group("Judge answers, list verdicts, export preference pairs.")

InSession = Annotated[str, typer.Option("--session", metavar="ID", help="Of this session only.")]


class Layout(StrEnum):
    """Formats of an export; those of `aligntui.data.pair_layouts`."""

    TRL = "trl"
    EBA = "eba"
    ITA = "ita"
    CONTRASTIVE_ITA = "contrastive-ita"


OVER_TWO = (Verdict.LEFT, Verdict.RIGHT, Verdict.TIE, Verdict.BAD, Verdict.SKIP)
"""The verdicts that can be given over two answers."""


def _choice_of(name: str, values: Sequence[StrEnum], help: str) -> Any:
    words = tuple(value.value for value in values)
    declared = Option(name, values[0], help, "pairs", choices=words)
    return typer.Option(f"--{name}", parser=value_of(declared), metavar=f"<{'|'.join(words)}>", help=help)


@app.command("add")
@with_options(["annotator"])
def add(
    ctx: typer.Context,
    flags: dict[str, Any],
    turn: Annotated[str, typer.Option(metavar="ID", help="A prompt or answer turn, a take or an exchange.")],
    verdict: Annotated[Verdict, _choice_of("verdict", OVER_TWO, "Which is better; bad: both are bad.")],
    left: Annotated[
        str,
        typer.Option(
            metavar="ID", help="Answer on the left: turn id, side or column; needed when there are more than two."
        ),
    ] = "",
    right: Annotated[str, typer.Option(metavar="ID", help="Answer on the right.")] = "",
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")] = "",
    tag: Annotated[list[str] | None, typer.Option(metavar="TAG", help="A tag; give it again for more.")] = None,
    as_json: Json = False,
) -> None:
    """Judge two answers of one take; left is the lower column.

    A later verdict on the same two replaces the earlier one; the same verdict again only changes its reason and tags.
    """
    from aligntui.workbench.headless.verdict import VerdictWish, give_verdict

    workspace = workspace_of(ctx)
    annotator = settings_of(workspace, flags).annotator
    wish = VerdictWish(turn, verdict, left, right, reason, tuple(tag or ()), annotator)
    given = asyncio.run(give_verdict(workspace, wish))
    if as_json:
        output.json_data({**_record(given.pair), "replaced": given.replaced})
        return
    output.data(given.pair.id)
    output.say(
        f"left {one_line(given.left.side)} ({given.left.id}), "
        f"right {one_line(given.right.side)} ({given.right.id}): {verdict.value}"
    )
    if given.again:
        output.say("it stood already; nothing was added")
    if given.replaced:
        output.say(f"in place of {given.replaced}, which is undone")


@app.command("list")
def list_all(
    ctx: typer.Context,
    session: InSession = "",
    undone: Annotated[bool, typer.Option("--undone", help="Those taken back as well.")] = False,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List verdicts, newest first; with --json every field with the ids of both answers."""
    from aligntui.cli.pair_table import HEADINGS, pair_rows

    with opened_store(ctx) as store:
        found = store.list_pairs(_session_id(store, session), include_undone=undone, limit=limit)
        rows = [] if as_json else pair_rows(store, found)
    if as_json:
        output.json_data([_record(pair) for pair in found])
    elif rows:
        output.table(HEADINGS, rows)
    else:
        output.say("There are no verdicts yet.")


@app.command("undo")
@with_options(["annotator"])
def undo(
    ctx: typer.Context,
    flags: dict[str, Any],
    pair: Annotated[
        str, typer.Argument(metavar="ID", help="A pair; your newest one when left out.", show_default=False)
    ] = "",
    session: InSession = "",
    as_json: Json = False,
) -> None:
    """Take a verdict back; it stays in the database, marked. One that it had replaced counts again."""
    annotator = settings_of(workspace_of(ctx), flags).annotator
    with opened_store(ctx) as store:
        session_id = _session_id(store, session)
        undone = store.undo_pair(pair, annotator) if pair else store.undo_last_pair(session_id, annotator)
    if undone is None:
        raise UserError(
            f"There is no verdict of {annotator} to take back.", "`aligntui pairs list` shows all; give the id of one."
        )
    restored = undone.restored
    if as_json:
        output.json_data({**_record(undone.pair), "restored": restored.id if restored else None})
        return
    output.data(undone.pair.id)
    output.say(f"undone: {_said(undone.pair)}")
    if restored:
        output.say(f"restored: {restored.id}, {_said(restored)}")


@app.command("export")
def export(
    ctx: typer.Context,
    format: Annotated[
        Layout,
        _choice_of("format", tuple(Layout), "trl and eba for preference training, ita and contrastive-ita for SFT."),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="JSON lines file to write; an earlier one is replaced as a whole.")
    ],
    session: InSession = "",
    with_partial: Annotated[
        bool, typer.Option("--with-partial", help="Also pairs in which an answer was broken off.")
    ] = False,
    same_instruction: Annotated[
        bool, typer.Option("--same-instruction", help="Leave out pairs whose two answers had different instructions.")
    ] = False,
    system_slot: Annotated[
        bool,
        typer.Option(
            "--system-slot/--no-system-slot", help="Whether the chat template to be trained with has a system slot."
        ),
    ] = True,
    as_json: Json = False,
) -> None:
    """Write every decided pair to a training file; counts go to stderr, or with --json to stdout.

    The file is there for a trainer and made anew whenever there are more verdicts, so an earlier one is replaced without
    asking (and said); its folder has to be there.
    """
    from aligntui.cli.out_file import check_out_file
    from aligntui.workbench.pair_export import ExportWish, export_pairs

    replaces = check_out_file(out, may_replace=True)
    with opened_store(ctx) as store:
        wish = ExportWish(format.value, out, _session_id(store, session), with_partial, same_instruction, system_slot)
        counts = export_pairs(store, wish)
    if as_json:
        output.json_data({"out": str(out), "format": format.value, **counts.as_dict()})
        return
    replacing = ", in place of the earlier file" if replaces else ""
    output.say(f"{counted(counts.written, 'pair')} written to {out} as {format.value}{replacing}")
    left_out = (counted(counts.ties, "tie"), f"{counts.both_bad} both bad", f"{counts.skipped} skipped")
    output.say(f"not written: {', '.join(left_out)}, {counts.undone} undone")
    if counts.partial:
        what = "written, as asked" if with_partial else "left out; --with-partial writes them"
        output.say(f"{counts.partial} with a broken-off answer: {what}")
    if counts.instructions_differ:
        what = (
            "left out, as asked"
            if same_instruction
            else "written under the instruction of the chosen one; --same-instruction leaves them out"
        )
        output.say(f"{counts.instructions_differ} with answers made under different instructions: {what}")


def _session_id(store: Store, key: str) -> str | None:
    return store.get_session(key).id if key else None


def _said(pair: Pair) -> str:
    return f"{pair.verdict.value} over {' and '.join(filter(None, (pair.left_id, pair.right_id)))}"


def _record(pair: Pair) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(pair), "chosen_id": pair.chosen_id, "rejected_id": pair.rejected_id}
