"""`aligntui pairs add|undo|tag|delete|restore`: verdicts given, taken back and labelled."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.choices import choice_of
from aligntui.cli.option_flags import with_options
from aligntui.cli.output import counted
from aligntui.cli.pair_table import pair_record
from aligntui.cli.shared import Json, opened_store, settings_of, workspace_of
from aligntui.core.errors import UserError
from aligntui.core.pair import Pair, Verdict
from aligntui.core.printable import one_line

OVER_TWO = (Verdict.LEFT, Verdict.RIGHT, Verdict.TIE, Verdict.BAD, Verdict.SKIP)
"""The verdicts that can be given over two answers."""

Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Pairs; - reads ids from standard input, one a line.")]


@with_options(["annotator"])
def add(
    ctx: typer.Context,
    flags: dict[str, Any],
    turn: Annotated[str, typer.Option(metavar="ID", help="A prompt or answer turn, a take or an exchange.")],
    verdict: Annotated[Verdict, choice_of("verdict", OVER_TWO, "Which is better; bad: both are bad.")],
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
    import asyncio

    from aligntui.workbench.headless.verdict import VerdictWish, give_verdict

    workspace = workspace_of(ctx)
    annotator = settings_of(workspace, flags).annotator
    wish = VerdictWish(turn, verdict, left, right, reason, tuple(tag or ()), annotator)
    given = asyncio.run(give_verdict(workspace, wish))
    if as_json:
        output.json_data({**pair_record(given.pair), "replaced": given.replaced})
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


@with_options(["annotator"])
def undo(
    ctx: typer.Context,
    flags: dict[str, Any],
    pair: Annotated[
        str, typer.Argument(metavar="ID", help="A pair; your newest one when left out.", show_default=False)
    ] = "",
    session: Annotated[str, typer.Option("--session", metavar="ID", help="Of this session only.")] = "",
    as_json: Json = False,
) -> None:
    """Take a verdict back; it stays in the database, marked. One that it had replaced counts again."""
    annotator = settings_of(workspace_of(ctx), flags).annotator
    with opened_store(ctx) as store:
        session_id = store.get_session(session).id if session else None
        undone = store.undo_pair(pair, annotator) if pair else store.undo_last_pair(session_id, annotator)
    if undone is None:
        raise UserError(
            f"There is no verdict of {annotator} to take back.", "`aligntui pairs list` shows all; give the id of one."
        )
    restored = undone.restored
    if as_json:
        output.json_data({**pair_record(undone.pair), "restored": restored.id if restored else None})
        return
    output.data(undone.pair.id)
    output.say(f"undone: {_said(undone.pair)}")
    if restored:
        output.say(f"restored: {restored.id}, {_said(restored)}")


@with_options(["annotator"])
def tag(
    ctx: typer.Context,
    flags: dict[str, Any],
    ids: Ids,
    add: Annotated[list[str] | None, typer.Option(metavar="TAG", help="Give this tag; again for more.")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="TAG", help="Take this tag away; again for more.")] = None,
    as_json: Json = False,
) -> None:
    """Give tags to pairs, take others away.

    All of them or, where an id is wrong, none. Prints the ids of the pairs that were changed.
    """
    if not add and not remove:
        raise UserError("There is no tag to give or to take away.", "Name it with --add TAG or --remove TAG.")
    annotator = settings_of(workspace_of(ctx), flags).annotator
    with opened_store(ctx) as store:
        changed = store.retag_pairs(_read(ids), add or (), remove or (), annotator)
    _tell("tagged anew", list(changed), as_json)


@with_options(["annotator"])
def delete(ctx: typer.Context, flags: dict[str, Any], ids: Ids, as_json: Json = False) -> None:
    """Take pairs out; `restore` brings them back.

    They stay in the database, marked. Prints the ids of those that counted before.
    """
    annotator = settings_of(workspace_of(ctx), flags).annotator
    with opened_store(ctx) as store:
        _tell("deleted", store.undo_pairs(_read(ids), annotator), as_json)


@with_options(["annotator"])
def restore(ctx: typer.Context, flags: dict[str, Any], ids: Ids, as_json: Json = False) -> None:
    """Let deleted pairs count again.

    Also those that were undone. Prints the ids of those that did not count before.
    """
    annotator = settings_of(workspace_of(ctx), flags).annotator
    with opened_store(ctx) as store:
        _tell("restored", store.restore_pairs(_read(ids), annotator), as_json)


def _read(ids: list[str]) -> list[str]:
    if ids != ["-"]:
        return ids
    found = sys.stdin.buffer.read().decode("utf-8", "replace").split()
    if not found:
        raise UserError("There is no id on standard input.", "One a line is wanted.")
    return found


def _tell(what: str, ids: list[str], as_json: bool) -> None:
    """Ids of the pairs that were changed, for a next command."""
    if as_json:
        output.json_data({what.partition(" ")[0]: ids})
        return
    if ids:
        output.data("\n".join(ids))
    output.say(f"{counted(len(ids), 'pair')} {what}")


def _said(pair: Pair) -> str:
    return f"{pair.verdict.value} over {' and '.join(filter(None, (pair.left_id, pair.right_id)))}"
