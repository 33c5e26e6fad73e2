"""Servers in the place of the engine, a database and a filler, for the tests of runs that servers fill."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aligntui.core.generation import GenerationRun, RunKind
from aligntui.core.sampling import Sampling
from aligntui.core.turn import Answer
from aligntui.engine.servers.address import ServerWish, parse_server
from aligntui.engine.servers.patience import Patience
from aligntui.workbench.generation.cells import Asking, Cell, Side
from aligntui.workbench.generation.filling import Filler
from aligntui.workbench.generation.progress import CellEvent, RunProgress
from aligntui.workbench.generation.server_link import ServerLink
from aligntui.workbench.store_thread import StoreThread
from tests.openai_server import Manners, OpenAIServer

QUICK = Patience(attempts=3, first_s=0.01, most_s=0.05, connect_s=2.0)
GREEDY = Asking(Sampling(temperature=0.0, max_new_tokens=10))
PROMPTS = [f"Question {n}?" for n in range(4)]
NO_SERVER = "http://127.0.0.1:9/v1"
"""Nothing listens there."""


@dataclass
class Served:
    """What a filler needs, with servers for an engine, and what it told."""

    store: StoreThread
    link: ServerLink
    told: list[CellEvent] = field(default_factory=list)

    @property
    def sides(self) -> tuple[Side, ...]:
        return tuple(
            Side("base") if ref is None else Side(ref.name, ref, "unknown:tiny-demo") for ref in self.link.sides
        )

    def filler(self) -> Filler:
        return Filler(self.store, self.link, self.told.append)

    async def begin(self, cells: Sequence[Cell]) -> GenerationRun:
        return await self.store.run(lambda store: store.begin_run(RunKind.SCORE, "run", {}, len(cells)))

    async def fill(
        self, run: GenerationRun, cells: Sequence[Cell], asking: Asking = GREEDY, at_once: int = 4
    ) -> RunProgress:
        return await self.filler().fill(run, cells, self.sides, asking, at_once=at_once)

    async def answers(self, run: GenerationRun) -> dict[str, Answer]:
        return await self.store.run(lambda store: dict(store.run_answers(run)))


def wish_for(*servers: OpenAIServer | str, **more) -> ServerWish:
    urls = [server if isinstance(server, str) else server.url for server in servers]
    return ServerWish(tuple(map(parse_server, urls)), **{"timeout_s": 20.0, **more})


@asynccontextmanager
async def opened(folder: Path, *servers: OpenAIServer | str, **more) -> AsyncIterator[Served]:
    link = ServerLink(wish_for(*servers, **more), patience=QUICK)
    store = StoreThread(folder / "aligntui.db")
    try:
        await link.start()
        yield Served(store, link)
    finally:
        await link.close()
        await store.close()


@contextmanager
def two_servers(
    first: Manners | None = None, second: Manners | None = None
) -> Iterator[tuple[OpenAIServer, OpenAIServer]]:
    with OpenAIServer(first) as one, OpenAIServer(second) as other:
        yield one, other
