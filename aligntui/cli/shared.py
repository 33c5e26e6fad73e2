"""What several commands need: the workspace, its database, its settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from aligntui.cli.option_flags import value_of
from aligntui.config.options import Option, Settings
from aligntui.config.paths import Workspace, find_workspace

if TYPE_CHECKING:
    from aligntui.store import Store

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
"""The flag that every command has."""


MAX_LIMIT = 1_000_000
_LIMIT = Option("limit", 50, "At most so many.", "list", metavar="N", low=1, high=MAX_LIMIT)
Limit = Annotated[int, typer.Option(metavar="N", parser=value_of(_LIMIT), help=_LIMIT.help)]
"""How many lines a list has at most."""


def workspace_of(ctx: typer.Context) -> Workspace:
    """The workspace that this command line means."""
    return find_workspace(ctx.find_root().obj)


@contextmanager
def opened_store(ctx: typer.Context) -> Iterator[Store]:
    """The workspace's database, made where there is none."""
    from aligntui.store import open_store

    with open_store(workspace_of(ctx).database) as store:
        yield store


def settings_of(workspace: Workspace, flags: dict[str, object]) -> Settings:
    """The options in force. The keys in the files are checked as well: a wrong file is wrong for every command."""
    from aligntui.config.load import resolve_settings

    return resolve_settings(workspace, flags)
