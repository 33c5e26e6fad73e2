"""`aligntui pairs list`: pairs under a filter, in any order."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aligntui.cli import output
from aligntui.cli.choices import choice_of
from aligntui.cli.option_flags import value_of
from aligntui.cli.output import counted
from aligntui.cli.pair_flags import pair_filter, with_filters
from aligntui.cli.pair_table import HEADINGS, pair_record, pair_rows
from aligntui.cli.shared import Json, Limit, opened_store
from aligntui.config.options import Option
from aligntui.core.errors import UserError

if TYPE_CHECKING:
    from aligntui.store import PairRow, Store

SORTS = ("newest", "oldest", "longest", "shortest", "length-gap", "instruction", "annotator", "verdict")
"""Those of `store.PairSort`."""
_OFFSET = Option("offset", 0, "Leave out so many from the top.", "list", metavar="N", low=0)


@with_filters
def list_all(
    ctx: typer.Context,
    filters: dict[str, Any],
    undone: Annotated[bool, typer.Option("--undone", help="Those taken back or deleted as well.")] = False,
    deleted: Annotated[bool, typer.Option("--deleted", help="Only those taken back or deleted.")] = False,
    sort: Annotated[str, choice_of("sort", SORTS, "Order; length-gap: by how much the two answers differ.")] = "newest",
    limit: Limit = 50,
    offset: Annotated[int, typer.Option(metavar="N", parser=value_of(_OFFSET), help=_OFFSET.help)] = 0,
    as_json: Json = False,
) -> None:
    """List pairs, newest first.

    With --json every field, the ids of both answers, their sides and the beginning of the texts.
    """
    from aligntui.store import PairSort

    if undone and deleted:
        raise UserError("--undone and --deleted exclude each other.", "--deleted leaves out the pairs that count.")
    with opened_store(ctx) as store:
        wanted = pair_filter(store, filters, deleted=True if deleted else None if undone else False)
        found = store.pair_rows_at(wanted, PairSort(sort.replace("-", "_")), offset, limit)
        total = store.count_pair_rows(wanted)
        if as_json:
            output.json_data([_record(store, row) for row in found])
        elif found:
            output.table(HEADINGS, pair_rows(store, (store.get_pair(row.id) for row in found)))
    if not total:
        output.say("There is no such pair." if any(filters.values()) or deleted else "There are no verdicts yet.")
    elif len(found) < total:
        shown = f"{offset + 1} to {offset + len(found)}" if found else "none"
        output.say(f"{shown} of {counted(total, 'pair')}; --limit and --offset show others")


def _record(store: Store, row: PairRow) -> dict[str, Any]:
    """The pair, and what its line of the list has besides."""
    pair = pair_record(store.get_pair(row.id))
    return {**pair, **{name: value for name, value in asdict(row).items() if name not in pair}}
