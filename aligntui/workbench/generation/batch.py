"""One request's worth of cells: prompts stored, rows asked, whole answers written as they end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aligntui.core.conditions import Conditions
from aligntui.core.errors import AligntuiError, UserError
from aligntui.core.generation import GenerationRun
from aligntui.core.ids import new_id, now_utc, sha256_text
from aligntui.core.turn import Answer, Finish
from aligntui.engine.client import error_of
from aligntui.engine.events import EngineExited
from aligntui.engine.servers.events import RowBroken, RowRefused, ServedAnswer, ServerEvent, ServerGivenUp
from aligntui.wire.engine import (
    AnswerFinished,
    AnswerStarted,
    GenerationFinished,
    RequestFailed,
    StartGeneration,
    TextArrived,
)
from aligntui.workbench.engine_link import AnswerEvent, EngineLink
from aligntui.workbench.generation.cells import Asking, Cell, Side
from aligntui.workbench.generation.progress import (
    CellBroken,
    CellEvent,
    CellFilled,
    CellStarted,
    CellText,
    RunMoved,
    RunProgress,
)
from aligntui.workbench.generation.server_link import ServerLink
from aligntui.workbench.store_thread import StoreThread

if TYPE_CHECKING:
    from aligntui.store import Store


LOCAL = ""
"""The local engine among those who may answer."""
MOST_REFUSED = 100
"""Cells that are refused, while none is answered, before all are believed to be."""


@dataclass(frozen=True)
class Job:
    """What all batches of a run have in common."""

    store: StoreThread
    engine: EngineLink
    emit: Callable[[CellEvent], None]
    run: GenerationRun
    sides: Sequence[Side]
    asking: Asking
    hashes: Mapping[str, Mapping[str, str]]
    """By key of the cell, and by who may answer it (`LOCAL`, or a server's address), the hash of what decides the answer."""
    progress: RunProgress
    at_once: int
    """Rows decoded at the same time."""
    stream: bool
    """Whether text is told as it comes."""


class Batch:
    """One request to the engine.

    Args:
        job: whose.
        cells: to be asked, none of them the same as another.
    """

    def __init__(self, job: Job, cells: Sequence[Cell]) -> None:
        self.begun = False
        """Whether the engine has begun with a row."""
        self.refusal: UserError | None = None
        """Why a server refused the first of the cells that it did."""
        self._job = job
        self._cells = {cell.key: cell for cell in cells}
        self._request = new_id("generation")
        self._prompts: Mapping[str, str] = {}
        self._conditions: dict[str, Conditions] = {}
        self._ended: list[tuple[Cell, str, Answer]] = []
        """Cell, hash and answer."""
        self._writing: asyncio.Task[None] | None = None
        self._unwritten: AligntuiError | None = None
        """Why answers could not be stored."""
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, is_stopped: Callable[[], bool]) -> None:
        """Ask, and return when the engine is done with it and everything is written.

        Args:
            is_stopped: asked right before the request goes out, after which the engine can be stopped.

        Raises:
            UserError: the engine refused the request, or an adapter is no longer the one that was meant.
            EngineError: the engine is busy or went away. What was finished is stored.
            StoreError: the database will not take an answer; generation was stopped.
        """
        job = self._job
        self._prompts = await job.store.run(self._store_prompts)
        if is_stopped():
            return
        rows = tuple(cell.row(job.sides[cell.side], job.asking) for cell in self._cells.values())
        request = StartGeneration(self._request, rows, at_once=job.at_once, stream=job.stream)
        if isinstance(job.engine, ServerLink):
            await job.engine.ask(request, self._receive)
        else:
            await job.engine.generate(request, self._receive)
        try:
            await self._done
        except (asyncio.CancelledError, AligntuiError):
            with contextlib.suppress(AligntuiError):
                await job.engine.stop_generation()
            raise
        finally:
            await self._settle()
        if self._unwritten is not None:
            raise self._unwritten

    def _store_prompts(self, store: Store) -> dict[str, str]:
        """Texts and ids of the prompt turns; those that are not there are made."""
        known = store.run_prompts(self._job.run)
        with store.connection.write():
            for text in dict.fromkeys(cell.prompt for cell in self._cells.values()):
                if text not in known:
                    known[text] = store.add_prompt(self._job.run.session_id, None, new_id("exchange"), text).id
        return known

    # events -----------------------------------------------------------------------------------------

    def _receive(self, event: AnswerEvent | ServerEvent) -> None:
        if isinstance(event, EngineExited):
            self._finish(event.as_error())
        elif event.request != self._request:
            return  # the last words of a generation before this one
        elif isinstance(event, GenerationFinished):
            progress = self._job.progress
            progress.computed_tokens += event.computed_tokens
            progress.padding_tokens += event.padding_tokens
            progress.paths = tuple(dict.fromkeys((*progress.paths, event.path)))
            self._finish(None)
        elif isinstance(event, RequestFailed):
            self._finish(error_of(event))
        elif isinstance(event, ServerGivenUp):
            self._note(event.why)
        elif event.row in self._cells:
            self._receive_row(event, self._cells[event.row])

    def _receive_row(
        self, event: AnswerStarted | TextArrived | AnswerFinished | RowRefused | RowBroken, cell: Cell
    ) -> None:
        job = self._job
        match event:
            case ServedAnswer():
                job.progress.tokens += event.tokens
                self._conditions[cell.key] = Conditions.from_dict(event.conditions)
                self._ended.append((cell, job.hashes[cell.key][event.server], self._answer(cell, event)))
                self._write()
            case RowRefused():
                self._refuse(cell, UserError(event.message, event.hint))
            case RowBroken():
                job.progress.failed += 1
                self._note(event.why)
                job.emit(CellBroken(cell.key))
            case AnswerStarted():
                self.begun = True
                conditions = Conditions.from_dict(event.conditions)
                if self._is_of(job.sides[cell.side], conditions):
                    self._conditions[cell.key] = conditions
                job.emit(CellStarted(cell.key))
            case TextArrived():
                job.emit(CellText(cell.key, event.text, event.tokens))
            case AnswerFinished():
                job.progress.tokens += len(event.token_ids)
                if Finish(event.finish).partial or cell.key not in self._conditions:
                    job.progress.failed += 1
                    job.emit(CellBroken(cell.key))
                else:
                    self._ended.append((cell, job.hashes[cell.key][LOCAL], self._answer(cell, event)))
                    self._write()

    def _refuse(self, cell: Cell, refusal: UserError) -> None:
        """A server refuses one cell and goes on with the others; where it refuses all, nothing more is asked."""
        progress = self._job.progress
        self.refusal = self.refusal or refusal
        progress.refused += 1
        progress.refusal = progress.refusal or str(refusal)
        self._job.emit(CellBroken(cell.key))
        if progress.refused >= MOST_REFUSED and not progress.made and not self._ended:
            self._finish(refusal)

    def _note(self, problem: str) -> None:
        progress = self._job.progress
        progress.problems = tuple(dict.fromkeys((*progress.problems, problem)))

    def _is_of(self, side: Side, conditions: Conditions) -> bool:
        """Whether an answer is of its side; not so where the adapter's files were changed after the run was begun."""
        if conditions.adapter_sha256 in (None, side.adapter_sha256):
            return True
        self._finish(
            UserError(
                f"The weights of the adapter {side.name} were changed while the run was going on.",
                "Put the old ones back and go on with the run, or begin a new one.",
            )
        )
        return False

    def _finish(self, error: AligntuiError | None) -> None:
        if self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)

    # writing ----------------------------------------------------------------------------------------

    def _write(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        """Store what has ended; what ends meanwhile goes into the next transaction."""
        job = self._job
        while self._ended:
            some, self._ended = self._ended, []
            filled = [(cell.key, sha256, answer) for cell, sha256, answer in some]
            try:
                await job.store.run(lambda store, filled=filled: store.fill_cells(job.run, filled))
            except AligntuiError as error:
                self._ended.clear()
                self._unwritten = error
                self._finish(error)
                return
            job.progress.done += len(some)
            job.progress.made += len(some)
            for cell, _, answer in some:
                job.emit(CellFilled(cell.key, answer))
            job.emit(RunMoved(job.progress))

    async def _settle(self) -> None:
        """Wait until everything that has ended is written."""
        if self._writing is not None:
            await self._writing
        await self._write_all()

    def _answer(self, cell: Cell, event: AnswerFinished) -> Answer:
        return Answer(
            id=new_id("turn"),
            session_id=self._job.run.session_id,
            parent_id=self._prompts[cell.prompt],
            take_id=self._take(cell),
            column=cell.side,
            text=event.text,
            finish=Finish(event.finish),
            created_at=now_utc(),
            conditions=self._conditions[cell.key],
            instruction_label=cell.label,
            token_ids=event.token_ids,
            logprobs=event.logprobs,
            prompt_tokens=event.prompt_tokens,
            decode_s=event.decode_s,
            first_token_s=event.first_token_s,
        )

    def _take(self, cell: Cell) -> str:
        """What the sides answered under one instruction and seed is one take, whenever each was made."""
        named = f"{self._job.run.id}\n{cell.prompt}\n{cell.label}\n{cell.instruction.text}\n{cell.seed}"
        return f"take_{sha256_text(named)[:18]}"
