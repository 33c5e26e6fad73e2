"""The engine as the workbench uses it: start, load the base, check adapters, restart; its phase folded into a state.

One `EngineLink` serves one face (the console or one command). Answer events are handed on to `on_answer_event`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from aligntui.core.errors import AligntuiError, EngineError
from aligntui.core.ids import new_id
from aligntui.engine.client import EngineClient
from aligntui.engine.events import EngineExited
from aligntui.wire.engine import (
    AdapterLoaded,
    AdapterRef,
    AnswerFinished,
    AnswerStarted,
    EmbedTexts,
    Event,
    GapMeasured,
    GenerationFinished,
    InspectAdapter,
    LoadModel,
    LoadProgressed,
    MeasureGap,
    ModelLoaded,
    RequestFailed,
    StartGeneration,
    TextArrived,
    TextsEmbedded,
)
from aligntui.workbench.chat_state import EngineState, Phase

T = TypeVar("T")
REQUEST_LIMIT_S = 120.0
"""How long an adapter check or a gap may take; a generation has no limit, it can be stopped."""
AnswerEvent = AnswerStarted | TextArrived | AnswerFinished | GenerationFinished | RequestFailed | EngineExited


@dataclass(frozen=True)
class ModelWish:
    """Which base is wanted, and how."""

    model: str = "embedded"
    dtype: str = "auto"
    quantisation: str | None = None
    device: str = "auto"
    trust_remote_code: bool = False
    threads: int = 0


class EngineLink:
    """Keeps an engine process with the wanted base loaded.

    Args:
        wish: the base to load.
        make_client: builds a fresh client for each process.
        on_change: called after every change of `state`.
        on_answer_event: called in order with every event that belongs to a generation, and with `EngineExited`.
    """

    def __init__(
        self,
        wish: ModelWish,
        make_client: Callable[[Callable[[Event | EngineExited], None]], EngineClient],
        on_change: Callable[[], None],
        on_answer_event: Callable[[AnswerEvent], None],
    ) -> None:
        self.wish = wish
        self.state = EngineState()
        self._make_client = make_client
        self._on_change = on_change
        self._on_answer_event = on_answer_event
        self._client: EngineClient | None = None
        self._restarting = asyncio.Lock()
        self._generation: str | None = None
        self._sink: Callable[[AnswerEvent], None] = on_answer_event
        self._ended = asyncio.Event()
        self._ended.set()

    @property
    def busy(self) -> bool:
        """Whether a generation is going on."""
        return self._generation is not None

    @property
    def pid(self) -> int | None:
        """Process id of the engine, None while there is none."""
        return self._client.pid if self._client else None

    async def start(self) -> ModelLoaded:
        """Start the process and load the base.

        Raises:
            AligntuiError: it could not be started or loaded; `state` says so too.
        """
        self._move(Phase.LOADING)
        client = self._make_client(lambda event: self._receive(event) if self._client is client else None)
        self._client = client
        try:
            await client.start()
            request = LoadModel(new_id("load"), **vars(self.wish))
            loaded = await client.request(request)
        except AligntuiError as error:
            if self.state.phase is Phase.LOADING:
                self._move(Phase.FAILED, error.message, error.hint)
            raise
        if not isinstance(loaded, ModelLoaded):
            raise EngineError(f"The engine answered LoadModel with {type(loaded).__name__}.")
        self.state.model = loaded
        self._move(Phase.READY)
        return loaded

    async def restart(self) -> ModelLoaded:
        """End what is left of the old process and start again; a second call waits for the first and starts anew."""
        async with self._restarting:
            await self.close()
            return await self.start()

    async def close(self) -> None:
        """End the process."""
        client = self._client
        if client is not None:
            await client.stop()  # its EngineExited still counts: it breaks off what streams
        self._client = None
        self.state.model = None
        self._end_generation()

    async def give_way(self, to: str) -> None:
        """Stop what streams, keep what it has, and end the process, so that all of its memory is free; `restart` brings it back.

        Args:
            to: who gets the memory.
        """
        async with self._restarting:
            await self.stop_generation()
            await self.close()
            self._move(Phase.GAVE_WAY, to)

    async def inspect(self, adapter: AdapterRef) -> AdapterLoaded:
        """Load an adapter and hold it against the base.

        Raises:
            UserError: it is missing, corrupt, or made for another base.
        """
        answer = await self._in_time(self._running().request(InspectAdapter(new_id("inspect"), adapter)))
        if not isinstance(answer, AdapterLoaded):
            raise EngineError(f"The engine answered InspectAdapter with {type(answer).__name__}.")
        return answer

    async def generate(self, generation: StartGeneration, sink: Callable[[AnswerEvent], None] | None = None) -> None:
        """Start a generation; its events go to `sink`, or to `on_answer_event` where there is none.

        Raises:
            EngineError: the engine is not ready, or another generation is going on.
        """
        client = self._running()
        if self._generation is not None:
            raise EngineError("The engine is answering already.", "Wait for it, or press Esc to stop it.")
        self._sink = sink or self._on_answer_event
        self._generation = generation.request
        self._ended.clear()
        self._move(Phase.BUSY)
        try:
            await client.send(generation)
        except AligntuiError:
            self._end_generation()
            raise

    async def finished(self) -> None:
        """Wait until no generation is going on."""
        await self._ended.wait()

    async def stop_generation(self) -> bool:
        """Ask the generation to stop, keep what it has; end the process when it does not listen.

        Returns:
            False when the process had to be ended.
        """
        if self._generation is None or self._client is None:
            return True
        client = self._client
        if await client.cancel(self._generation):
            return True
        await client.hard_stop()
        return False

    async def measure(self, request: MeasureGap) -> GapMeasured:
        """Per-token log-probabilities of an answer under base and adapter."""
        answer = await self._in_time(self._running().request(request))
        if not isinstance(answer, GapMeasured):
            raise EngineError(f"The engine answered MeasureGap with {type(answer).__name__}.")
        return answer

    async def embed(self, request: EmbedTexts) -> TextsEmbedded:
        """Sentence embeddings of texts, in turn with everything else.

        Raises:
            EnvironmentProblem: the embedding model cannot be had.
            EngineError: the engine is not running, or went away.
        """
        answer = await self._running().request(request)
        if not isinstance(answer, TextsEmbedded):
            raise EngineError(f"The engine answered EmbedTexts with {type(answer).__name__}.")
        return answer

    async def _in_time(self, answer: Awaitable[T]) -> T:
        try:
            return await asyncio.wait_for(answer, REQUEST_LIMIT_S)
        except TimeoutError as error:
            raise EngineError(
                f"The engine has not answered for {REQUEST_LIMIT_S:g} s.",
                "Press {key:chat.restart} twice to start it again.",
            ) from error

    def _running(self) -> EngineClient:
        if self._client is None or self.state.phase not in (Phase.READY, Phase.BUSY):
            raise EngineError(*self.unready())
        return self._client

    def unready(self) -> tuple[str, str]:
        """Why nothing can be asked of the engine now, and what to do."""
        match self.state.phase:
            case Phase.LOADING | Phase.OFF:
                return (
                    "The model is still loading.",
                    "Wait until it is ready; what was typed stays.",
                )
            case Phase.GAVE_WAY:
                return (
                    f"The engine gave its memory to {self.state.message}.",
                    "It comes back when that is over; {key:chat.restart} starts it now.",
                )
            case Phase.FAILED:
                return f"The model could not be loaded: {self.state.message}", self.state.hint
            case _:
                return "The engine is not running.", "Press {key:chat.restart} to start it again; nothing is lost."

    def _receive(self, event: Event | EngineExited) -> None:
        match event:
            case LoadProgressed():
                self.state.progress = event
                self._on_change()
            case EngineExited():
                self._end_generation()
                self.state.model = None
                if not event.asked and self.state.phase is not Phase.FAILED:
                    self._move(Phase.EXITED, event.message, event.hint)
                if self._sink is not self._on_answer_event:
                    self._sink(event)
                self._on_answer_event(event)
            case AnswerStarted() | TextArrived() | AnswerFinished():
                self._sink(event)
            case GenerationFinished() | RequestFailed() if event.request == self._generation:
                self._end_generation()
                self._sink(event)
                self._move(Phase.READY)
            case _:
                pass

    def _end_generation(self) -> None:
        self._generation = None
        self._ended.set()

    def _move(self, phase: Phase, message: str = "", hint: str = "") -> None:
        self.state.move(phase, message, hint)
        self._on_change()
