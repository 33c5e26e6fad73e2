"""Servers in the place of the engine: the same requests and events, so that runs are filled alike.

Nothing is loaded here; what a server serves is looked at before the first question. One generation at a time, as with the
engine, whose rows are shared out among all servers.
Pinned in tests/workbench/test_generation_servers.py.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aligntui.core.errors import AligntuiError, EngineError, UserError, kind_of
from aligntui.core.ids import new_id
from aligntui.engine.client import EngineClient
from aligntui.engine.servers.address import BASE, ServerWish
from aligntui.engine.servers.client import ServerClient
from aligntui.engine.servers.events import ServerEvent
from aligntui.engine.servers.faults import ModelUnknown
from aligntui.engine.servers.offer import Offer, look_at
from aligntui.engine.servers.patience import Patience
from aligntui.engine.servers.sharing import Crew, Sharing
from aligntui.wire.engine import (
    AdapterLoaded,
    AdapterRef,
    EmbedTexts,
    GapMeasured,
    GenerationFinished,
    MeasureGap,
    ModelLoaded,
    RequestFailed,
    Row,
    StartGeneration,
    TextsEmbedded,
)
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.engine_link import AnswerEvent, EngineLink, ModelWish
from aligntui.workbench.generation.served import (
    UNKNOWN,
    served_cache_key,
    served_ref,
    side_of,
    unknown_of,
)
from aligntui.workbench.generation.telling import Telling, task_of, tell_plainly

_log = logging.getLogger("aligntui.servers")
AT_ONCE = 16
"""Questions asked of one server at the same time unless the request says otherwise."""


class ServerLink(EngineLink):
    """Keeps the connections to the servers.

    Args:
        wish: which servers, and what for.
        on_change: called after every change of `state`.
        on_answer_event: called with every event that no other sink takes.
        patience: of every server.
    """

    def __init__(
        self,
        wish: ServerWish,
        on_change: Callable[[], None] = lambda: None,
        on_answer_event: Callable[[AnswerEvent], None] = lambda event: None,
        *,
        patience: Patience | None = None,
    ) -> None:
        super().__init__(ModelWish(), _no_process, on_change, on_answer_event)
        self.servers = wish
        self.offers: tuple[Offer, ...] = ()
        """What the servers offer, in the order in which they were named."""
        self._patience = patience
        self._clients: list[ServerClient] = []
        self._sharing: asyncio.Task[None] | None = None
        self._telling: Telling
        """Of the generation that goes on, or of the last one."""

    @property
    def sides(self) -> tuple[AdapterRef | None, ...]:
        """The sides that are served: the base, which is None, and the adapters."""
        names = dict.fromkeys(side for offer in self.offers for side in offer.models if side != BASE)
        return None, *(served_ref(side, self.model_of(side)) for side in names)

    def model_of(self, side: str) -> str:
        """Name of a side's model on the first server that has it.

        Raises:
            UserError: none has.
        """
        for offer in self.offers:
            if side in offer.models:
                return offer.models[side]
        model = self.servers.served.get(side)
        has = list(dict.fromkeys(name for offer in self.offers for name in offer.has))
        shown = ", ".join(has[:12]) + (f" and {len(has) - 12} more" if len(has) > 12 else "")
        raise UserError(
            f"No server serves {side}{f' as {model!r}' if model else ''}. They have: {shown or 'no list of models'}.",
            f"Name one of their models: --served {side}=MODEL.",
        )

    # life -------------------------------------------------------------------------------------------

    async def start(self) -> ModelLoaded:
        """Look at all servers.

        Raises:
            AligntuiError: one cannot be used, or they do not fit each other; `state` says so too.
        """
        self._move(Phase.LOADING)
        self._clients = [
            ServerClient(address, timeout_s=self.servers.timeout_s, patience=self._patience)
            for address in self.servers.servers
        ]
        try:
            found = await asyncio.gather(
                *(look_at(client, self.servers) for client in self._clients), return_exceptions=True
            )
            for one in found:
                if isinstance(
                    one, ModelUnknown
                ):  # a name that was typed; in the middle of a run it is the server's doing
                    raise UserError(one.message, one.hint)
                if isinstance(one, BaseException):
                    raise one
            self.offers = tuple(one for one in found if isinstance(one, Offer))
            self.state.model = self._loaded()
        except AligntuiError as error:
            await self._close_clients()
            self._move(Phase.FAILED, error.message, error.hint)
            raise
        self._move(Phase.READY)
        return self.state.model

    async def close(self) -> None:
        """Break off what is asked and close the connections."""
        await self.stop_generation()
        await self._close_clients()
        self.state.model = None

    async def _close_clients(self) -> None:
        for client in self._clients:
            await client.close()
        self._clients = []

    def _loaded(self) -> ModelLoaded:
        """What takes the place of a loaded base.

        Raises:
            UserError: no server has the base, they have different ones, or a wanted side is served by none.
        """
        for side in (BASE, *self.servers.served):
            self.model_of(side)
        self._refuse_different_bases()
        model = self.model_of(BASE)
        lengths = [offer.context_length for offer in self.offers if offer.context_length]
        return ModelLoaded(
            request=new_id("load"),
            model=model,
            model_path="",
            weights_sha256=unknown_of(model),
            template_sha256=UNKNOWN,
            template=UNKNOWN,
            system_slot=all(offer.dialect.system_slot for offer in self.offers),
            dtype=UNKNOWN,
            quantisation=None,
            device=UNKNOWN,
            context_length=min(lengths, default=0),
            parameters=0,
            architecture=UNKNOWN,
            engine=f"server:{', '.join(offer.address.name for offer in self.offers)}",
            versions={},
            warnings=tuple(warning for offer in self.offers for warning in offer.warnings),
        )

    def _refuse_different_bases(self) -> None:
        """One suite is shared among servers of one model. Where names differ the user has to say that they mean the same."""
        found = {o.models[BASE]: o.address for o in self.offers if BASE in o.models and not o.address.base_model}
        if len(found) > 1:
            raise UserError(
                "The servers have different models: "
                + ", ".join(f"{address.name} has {model}" for model, address in found.items())
                + ".",
                "Where they are the same under two names, say so: --server URL=MODEL for each.",
            )

    async def inspect(self, adapter: AdapterRef) -> AdapterLoaded:
        """An adapter as a server serves it; its weights are not known here.

        Raises:
            UserError: no server serves it.
        """
        model = self.model_of(adapter.name)
        return AdapterLoaded(new_id("inspect"), adapter.name, adapter.path, unknown_of(model), 0, 0.0, (), 0)

    async def measure(self, request: MeasureGap) -> GapMeasured:
        """Not to be had of a server."""
        raise EngineError(
            "A server gives no log-probabilities of a text that it did not write.", "Load the model here."
        )

    async def embed(self, request: EmbedTexts) -> TextsEmbedded:
        """Not asked of a server: embeddings are made by the model that is named for them."""
        raise EngineError("Sentence embeddings are made by the local engine.", "Measure the run without servers.")

    # generation -------------------------------------------------------------------------------------

    async def generate(self, generation: StartGeneration, sink: Callable[[AnswerEvent], None] | None = None) -> None:
        """As the engine does; rows that get no answer are told as failed ones.

        Raises:
            EngineError: no server was looked at yet, or another generation is going on.
        """
        tell = sink or self._on_answer_event
        await self.ask(generation, lambda event: tell_plainly(event, tell))

    async def ask(self, generation: StartGeneration, sink: Callable[[AnswerEvent | ServerEvent], None]) -> None:
        """Share the rows of a generation out among the servers; what becomes of them goes to `sink`.

        `at_once` counts for each server. The last event is one `GenerationFinished`, or one `RequestFailed` where
        every server was lost.

        Raises:
            UserError: a row is for a side that no server serves.
            EngineError: no server was looked at yet, or another generation is going on.
        """
        if self.state.model is None:
            raise EngineError(*self.unready())
        if self._generation is not None:
            raise EngineError("The servers are asked already.", "Wait, or stop what is going on.")
        for side in {side_of(row) for row in generation.rows}:
            self.model_of(side)
        self._generation = generation.request
        self._ended.clear()
        self._move(Phase.BUSY)
        self._telling = Telling(generation, self.state.model.model, sink)
        self._sharing = asyncio.get_running_loop().create_task(self._share(generation), name="servers")

    async def stop_generation(self) -> bool:
        """Break off what is asked; answers that are whole stay. A server hears of it when its connection closes."""
        sharing = self._sharing
        if sharing is None:
            return True
        sharing.cancel()
        await asyncio.wait({sharing})
        if self._sharing is sharing and self._generation is not None:
            # it was stopped before its first step, and could tell nobody
            self._end_with(GenerationFinished(self._generation, 0, 0.0, 0.0, "answers of servers: none"))
        return True

    async def _share(self, generation: StartGeneration) -> None:
        telling = self._telling
        telling.retries = sum(client.retries for client in self._clients)
        crews = [Crew(offer, client) for offer, client in zip(self.offers, self._clients, strict=True)]
        last: AnswerEvent
        try:
            tasks = [task_of(row) for row in generation.rows]
            await Sharing(crews, tasks, generation.at_once or AT_ONCE, telling.ears).run()
        except asyncio.CancelledError:
            last = telling.cancelled(crews)
        except AligntuiError as error:
            last = RequestFailed(generation.request, kind_of(error), error.message, error.hint)
        except Exception as error:  # noqa: BLE001  the edge of a task: whoever waits for its end must hear of it
            _log.exception("asking servers failed")
            last = RequestFailed(generation.request, "engine", f"Asking the servers failed: {error!r}.")
        else:
            last = telling.finished(crews)
        self._end_with(last)

    def _end_with(self, last: AnswerEvent) -> None:
        self._sharing = None
        self._end_generation()
        self._telling.tell(last)
        self._move(Phase.READY)

    # keys -------------------------------------------------------------------------------------------

    def cache_keys(self, row: Row) -> dict[str, str]:
        """Under which hash the answer of each server that serves its side is kept, by address."""
        return {
            offer.address.url: served_cache_key(row, offer) for offer in self.offers if side_of(row) in offer.models
        }


def _no_process(_on_event: object) -> EngineClient:
    raise EngineError("Servers need no engine process.")
