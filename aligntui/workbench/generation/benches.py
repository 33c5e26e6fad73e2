"""Workbenches that fill runs: with servers as the engine, the twin of `headless.curate.loaded_bench`, and the choice of one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from aligntui.config.options import Settings
from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.engine.servers.address import ServerWish
from aligntui.engine.servers.patience import Patience
from aligntui.workbench.changes import EngineChanged
from aligntui.workbench.chat_state import Column
from aligntui.workbench.columns import Columns
from aligntui.workbench.generation.base_and_sides import BaseModel
from aligntui.workbench.generation.cells import Side
from aligntui.workbench.generation.served import UNKNOWN
from aligntui.workbench.generation.server_link import ServerLink
from aligntui.workbench.headless.curate import loaded_bench
from aligntui.workbench.opening import Workbench, open_workbench


@asynccontextmanager
async def served_bench(
    workspace: Workspace,
    settings: Settings,
    servers: ServerWish,
    on_loading: Callable[[Workbench], None],
    columns: Sequence[Column] | None = None,
    *,
    patience: Patience | None = None,
) -> AsyncIterator[Workbench]:
    """A workbench with its servers looked at, and a column for each side that they serve; closed at the end.

    Args:
        workspace: where it works.
        settings: sampling, mode and the rest; those about local weights, strength among them, count for nothing.
        servers: which, and what for.
        on_loading: told while the servers are looked at.
        columns: in place of all that is served; for a run that is gone on with.
        patience: of every server; None is the usual one.

    Raises:
        UserError: a strength is asked for, a wanted side is not served, or the servers have different bases.
        EnvironmentProblem: a server cannot be used.
    """
    if any(column.strength != 1 for column in columns or ()):
        raise UserError("A server serves an adapter as it is, at strength 1.", "Load the model here for another one.")
    holder: list[Workbench] = []

    def changed(_change: object) -> None:
        if holder:
            on_loading(holder[0])

    bench = open_workbench(workspace, replace(settings, adapter=()), changed)
    if bench.problems:
        raise bench.problems[0]
    chat = bench.chat
    link = ServerLink(servers, lambda: chat.emit(EngineChanged()), chat.receive, patience=patience)
    chat.attach(link)
    holder.append(bench)
    try:
        checking = Columns(chat)
        await checking.load_base()
        chat.state.columns.clear()
        for column in columns if columns is not None else map(Column, link.sides):
            chat.state.add_column(column)
        for column in list(chat.state.columns):
            await checking.check(column)
        yield bench
    finally:
        await chat.close()


def bench_for(
    workspace: Workspace,
    settings: Settings,
    on_loading: Callable[[Workbench], None],
    engine_argv: Sequence[str] | None = None,
    servers: ServerWish | None = None,
    columns: Sequence[Column] | None = None,
) -> AbstractAsyncContextManager[Workbench]:
    """`served_bench` where servers are wished for, else `loaded_bench`.

    Args:
        workspace: where it works.
        settings: model, adapters and the rest.
        on_loading: told while the base is loaded or the servers are looked at.
        engine_argv: command of the engine process; None is the real one.
        servers: None for a model that is loaded here.
        columns: in place of those that the settings name, or that are served.

    Raises:
        UserError: the settings are those of a run that was begun on servers, and none is named.
    """
    if servers is not None:
        return served_bench(workspace, settings, servers, on_loading, columns)
    if settings.dtype == UNKNOWN:
        raise UserError(
            f"The run was begun on servers, where the base is {settings.model}, and none is named.", "Add --server URL."
        )
    return loaded_bench(workspace, settings, on_loading, engine_argv, columns)


def bench_of_run(
    workspace: Workspace,
    settings: Settings,
    base: BaseModel,
    sides: Sequence[Side],
    on_loading: Callable[[Workbench], None],
    engine_argv: Sequence[str] | None = None,
    servers: ServerWish | None = None,
) -> AbstractAsyncContextManager[Workbench]:
    """What a run that was begun before needs: its base and its adapters, whatever the settings name.

    Args:
        workspace: where the run is stored.
        settings: device, threads and the rest.
        base: of the run.
        sides: of the run.
        on_loading: told while the base is loaded or the servers are looked at.
        engine_argv: command of the engine process; None is the real one.
        servers: None for a model that is loaded here.

    Raises:
        UserError: as `bench_for`.
    """
    settings = replace(
        settings, model=base.model, dtype=base.dtype, quantisation=base.quantisation or "", adapter=(), instruction=""
    )
    columns = [Column(side.adapter, side.strength) for side in sides]
    return bench_for(workspace, settings, on_loading, engine_argv, servers, columns)
