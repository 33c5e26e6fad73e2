"""Talking to the engine: requests out, events in, and exactly one `EngineExited` when the process goes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import overload

from aligntui.config.child_environment import child_environment
from aligntui.config.paths import log_dir
from aligntui.core.errors import KINDS, AligntuiError, EngineError
from aligntui.core.ids import new_id
from aligntui.engine.events import EngineExited
from aligntui.engine.supervise import EngineProcess
from aligntui.wire import codec
from aligntui.wire.engine import (
    EVENTS,
    PROTOCOL_VERSION,
    AdapterLoaded,
    CancelGeneration,
    EmbedTexts,
    EngineStarted,
    Event,
    GapMeasured,
    GenerationFinished,
    InspectAdapter,
    LoadModel,
    MeasureGap,
    ModelLoaded,
    Request,
    RequestFailed,
    StartGeneration,
    StopEngine,
    TextsEmbedded,
)

ENGINE_ARGV = (sys.executable, "-m", "aligntui.backend.infer")
START_TIMEOUT_S = 60.0
"""How long the first line may take: a cold disk reads a tensor library in tens of seconds."""
CANCEL_GRACE_S = 2.0
STOP_GRACE_S = 3.0
KILL_GRACE_S = 2.0

EngineEvent = Event | EngineExited
"""What a listener gets: the engine's own events in order, then `EngineExited`."""
_TERMINAL = (ModelLoaded, AdapterLoaded, GenerationFinished, GapMeasured, TextsEmbedded, RequestFailed)
_ANSWERED = (LoadModel, InspectAdapter, StartGeneration, MeasureGap, EmbedTexts)
_log = logging.getLogger("aligntui.engine")


class EngineClient:
    """One engine process at a time, and all who listen to it. Use it from one event loop.

    After the process has gone the client can be started again; callbacks stay, event streams have ended.

    Args:
        on_event: called with every event, in order; more listeners can `subscribe`.
        argv: what to run; None is the real engine.
        log_directory: where its log goes; None is the user's own.
        env: environment to start from; None is that of this process.
        start_timeout_s: how long its first line may take.
    """

    def __init__(
        self,
        on_event: Callable[[EngineEvent], None] | None = None,
        *,
        argv: Sequence[str] | None = None,
        log_directory: Path | None = None,
        env: Mapping[str, str] | None = None,
        start_timeout_s: float = START_TIMEOUT_S,
    ) -> None:
        self._argv = tuple(argv) if argv is not None else ENGINE_ARGV
        self._env = env
        self._log_directory = log_directory
        self._start_timeout_s = start_timeout_s
        self._listeners: list[Callable[[EngineEvent], None]] = [on_event] if on_event else []
        self._open: dict[str, asyncio.Future[EngineEvent]] = {}
        self._process: EngineProcess | None = None
        self._watch: asyncio.Task[None] | None = None
        self._started: asyncio.Future[EngineEvent] | None = None
        self._starting = False
        self._asked = False
        self.exited: EngineExited | None = None
        """How the last process ended; None before the first end and while one runs."""

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """Process id of the engine, None when there is none."""
        return self._process.pid if self._process else None

    @property
    def log(self) -> Path | None:
        """Log of the running engine."""
        return self._process.log if self._process else None

    # listening ----------------------------------------------------------------------------------

    def subscribe(self, listener: Callable[[EngineEvent], None]) -> Callable[[], None]:
        """Call `listener` with every event from now on; call what is returned to end that."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe

    def events(self) -> EventStream:
        """All events from now on, in order, as an async iterator that ends after `EngineExited`."""
        return EventStream(self)

    # life ---------------------------------------------------------------------------------------

    async def start(self) -> EngineStarted:
        """Start the process and wait for its first line.

        Raises:
            EngineError: it cannot be started, ends at once, says nothing, or speaks another protocol.
            EnvironmentProblem: it lacks a library.
        """
        if self._process is not None or self._starting:
            raise EngineError("The engine is running already.", "Stop it before starting another one.")
        self._starting = True
        try:
            process, started = await self._spawn()
        finally:
            self._starting = False
        first = await self._first_event(process, started)
        if isinstance(first, EngineExited):
            raise first.as_error()
        if isinstance(first, RequestFailed):
            # it could not even import what it needs, and says so instead of its first line
            await self.hard_stop()
            raise error_of(first)
        if not isinstance(first, EngineStarted) or first.protocol != PROTOCOL_VERSION:
            found = (
                f"protocol {first.protocol}" if isinstance(first, EngineStarted) else f"{type(first).__name__} first"
            )
            await self.hard_stop()
            raise EngineError(
                f"The console speaks protocol {PROTOCOL_VERSION} and the engine {found}: two versions are mixed.",
                "Install aligntui again and restart the console.",
            )
        return first

    async def _spawn(self) -> tuple[EngineProcess, asyncio.Future[EngineEvent]]:
        env = os.environ if self._env is None else self._env
        self._asked, self.exited = False, None
        self._started = started = asyncio.get_running_loop().create_future()
        process = await EngineProcess.start(
            self._argv, self._receive, self._log_directory or log_dir(env), child_environment(env)
        )
        self._process = process
        self._watch = asyncio.create_task(self._bury(process), name="engine-watch")
        return process, started

    async def _first_event(self, process: EngineProcess, started: asyncio.Future[EngineEvent]) -> EngineEvent:
        try:
            async with asyncio.timeout(self._start_timeout_s):
                return await asyncio.shield(started)
        except TimeoutError:
            said = "\n".join(process.tail(3))
            await self.hard_stop()
            raise EngineError(
                f"The engine said nothing for {self._start_timeout_s:g} s after its start. {said}".strip(),
                f"Look into its log {process.log}, then start it again.",
            ) from None
        except asyncio.CancelledError:
            await self.hard_stop()
            raise

    async def stop(self) -> None:
        """Let the engine leave, kill it when it does not; return when it is gone. Nothing happens when none runs."""
        process = self._process
        if process is None:
            return
        self._asked = self._asked or not process.exited.done()
        with contextlib.suppress(AligntuiError):
            process.write(codec.encode(StopEngine(new_id("req"))))
        process.close_input()
        await asyncio.wait({process.exited}, timeout=STOP_GRACE_S)
        await self.hard_stop()

    async def hard_stop(self) -> None:
        """Terminate the engine's process group, kill it after 2 s; return when it is gone and that was told.

        Raises:
            EngineError: the process cannot be killed.
        """
        process, watch = self._process, self._watch
        if process is None or watch is None:
            return
        self._asked = self._asked or not process.exited.done()
        if not process.exited.done():
            await process.end(KILL_GRACE_S)
        await asyncio.wait({watch})

    async def __aenter__(self) -> EngineClient:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # requests -----------------------------------------------------------------------------------

    async def send(self, request: Request) -> None:
        """Send a request; its events go to the listeners.

        Raises:
            EngineError: no engine runs.
        """
        self._send(request)

    @overload
    async def request(
        self, request: LoadModel, on_event: Callable[[EngineEvent], None] | None = None
    ) -> ModelLoaded: ...
    @overload
    async def request(
        self, request: InspectAdapter, on_event: Callable[[EngineEvent], None] | None = None
    ) -> AdapterLoaded: ...
    @overload
    async def request(
        self, request: StartGeneration, on_event: Callable[[EngineEvent], None] | None = None
    ) -> GenerationFinished: ...
    @overload
    async def request(
        self, request: MeasureGap, on_event: Callable[[EngineEvent], None] | None = None
    ) -> GapMeasured: ...
    @overload
    async def request(
        self, request: EmbedTexts, on_event: Callable[[EngineEvent], None] | None = None
    ) -> TextsEmbedded: ...

    async def request(
        self,
        request: LoadModel | InspectAdapter | StartGeneration | MeasureGap | EmbedTexts,
        on_event: Callable[[EngineEvent], None] | None = None,
    ) -> ModelLoaded | AdapterLoaded | GenerationFinished | GapMeasured | TextsEmbedded:
        """Send a request and wait for the event that ends it.

        Args:
            request: a request that has such an event; `cancel` and `stop` are for the other two.
            on_event: called with each event of this request, the last one included.

        Raises:
            AligntuiError: the engine refused it; of the kind that says who can fix it.
            EngineError: the engine is not there, or went before it answered.
        """

        def own(event: EngineEvent) -> None:
            if on_event is not None and getattr(event, "request", None) == request.request:
                on_event(event)

        unsubscribe = self.subscribe(own) if on_event is not None else None
        try:
            answer = await asyncio.shield(self._send(request))
        finally:
            if unsubscribe is not None:
                unsubscribe()
        match answer:
            case ModelLoaded() | AdapterLoaded() | GenerationFinished() | GapMeasured() | TextsEmbedded():
                return answer
            case RequestFailed():
                raise error_of(answer)
            case EngineExited():
                raise answer.as_error()
        raise EngineError(f"The engine answered {type(request).__name__} with {type(answer).__name__}.")

    async def cancel(self, target: str, grace_s: float = CANCEL_GRACE_S) -> bool:
        """Ask a generation to stop after the token at hand.

        Nothing else happens to one that does not listen: `hard_stop` is the caller's decision.

        Args:
            target: id of the `StartGeneration`.
            grace_s: how long to wait for its end.

        Returns:
            Whether it has ended (or was not going on); False when it still goes on after `grace_s`.
        """
        ending = self._open.get(target)
        if ending is None:
            return True
        with contextlib.suppress(EngineError):
            self._send(CancelGeneration(new_id("req"), target))
        done, _ = await asyncio.wait({ending}, timeout=grace_s)
        return bool(done)

    def _send(self, request: Request) -> asyncio.Future[EngineEvent]:
        process = self._process
        if process is None:
            said = self.exited.message if self.exited else "The engine is not running."
            raise EngineError(said, "Start it again.")
        if request.request in self._open:
            raise ValueError(f"a request with the id {request.request} is open already")
        process.write(codec.encode(request))
        future: asyncio.Future[EngineEvent] = asyncio.get_running_loop().create_future()
        if isinstance(request, _ANSWERED):
            self._open[request.request] = future
        return future

    # what comes in ------------------------------------------------------------------------------

    def _receive(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            event = codec.decode(line)
            if not isinstance(event, EVENTS):
                raise codec.BadMessage(f"The engine sent the request {type(event).__name__}.")
        except (codec.BadMessage, RecursionError) as error:
            _log.warning("%s", error)
            if self._process is not None:
                self._process.note(str(error))
            return
        if self._started is not None and not self._started.done():
            self._started.set_result(event)
        if isinstance(event, _TERMINAL):
            self._resolve(event.request, event)
        self._tell(event)

    def _resolve(self, request: str, event: EngineEvent) -> None:
        future = self._open.pop(request, None)
        if future is not None and not future.done():
            future.set_result(event)

    def _tell(self, event: EngineEvent) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:  # noqa: BLE001  a listener's bug must not stop the others' events or lose the exit
                _log.exception("a listener failed on %s", type(event).__name__)

    async def _bury(self, process: EngineProcess) -> None:
        """Wait for the end of the process, then tell everybody once."""
        code = None
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            # the event loop is closing and nobody has called `stop`: leave no process behind
            self._asked = True
            process.close_input()
            with contextlib.suppress(EngineError):
                await process.end(KILL_GRACE_S)
            raise
        finally:
            if process.exited.done():
                code = process.exited.result()
            self._end(process, code)

    def _end(self, process: EngineProcess, code: int | None) -> None:
        exited = EngineExited(
            code=code if code is None or code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
            last_lines=process.tail(),
            asked=self._asked,
            log=str(process.log or ""),
        )
        process.close()
        self._process, self.exited = None, exited
        if self._started is not None and not self._started.done():
            self._started.set_result(exited)
        for request in tuple(self._open):
            self._resolve(request, exited)
        self._tell(exited)


class EventStream:
    """Events of a client as an async iterator; it listens from the moment it is made until `close` or the end."""

    def __init__(self, client: EngineClient) -> None:
        self._waiting: deque[EngineEvent] = deque()
        self._arrived = asyncio.Event()
        self._ended = False
        self._unsubscribe = client.subscribe(self._take)

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> EngineEvent:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    def close(self) -> None:
        """Listen no more; what has arrived can still be read."""
        self._ended = True
        self._arrived.set()
        self._unsubscribe()

    def _take(self, event: EngineEvent) -> None:
        self._waiting.append(event)
        self._arrived.set()
        if isinstance(event, EngineExited):
            self.close()


def error_of(failure: RequestFailed) -> AligntuiError:
    """The error that a refused request raises, of the kind that the engine named; its traceback as a note."""
    error = KINDS.get(failure.error, EngineError)(failure.message, failure.hint)
    if failure.details:
        error.add_note(failure.details)
    return error
