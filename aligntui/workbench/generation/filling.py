"""The loop that fills a run: what is there is kept, what the cache has is taken, the rest is asked and stored one by one.

Pinned in tests/workbench/test_generation_filling.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from aligntui.core.errors import EngineError, UserError
from aligntui.core.generation import AT_ONCE, GenerationRun
from aligntui.wire.engine import ModelLoaded, Row
from aligntui.workbench.engine_link import EngineLink
from aligntui.workbench.generation.batch import LOCAL, MOST_REFUSED, Batch, Job
from aligntui.workbench.generation.cells import Asking, Cell, Side, cache_key
from aligntui.workbench.generation.progress import CellBroken, CellEvent, CellFilled, RunMoved, RunProgress
from aligntui.workbench.generation.server_link import ServerLink
from aligntui.workbench.store_thread import StoreThread

if TYPE_CHECKING:
    from aligntui.core.turn import Answer
    from aligntui.store import Store

CHUNK = 480
"""Cells asked in one request: bounds what a lost engine has to be told again."""


class Filler:
    """Fills the cells of one run, once.

    Args:
        store: the workspace's database.
        engine: with its base loaded, or servers that were looked at.
        emit: told of everything that happens, in the event loop.
    """

    def __init__(self, store: StoreThread, engine: EngineLink, emit: Callable[[CellEvent], None]) -> None:
        self._store = store
        self._engine = engine
        self._emit = emit
        self._stopped = False
        self._refusal: UserError | None = None

    async def stop(self) -> None:
        """End at the token at hand; whole answers stay, broken ones are asked again another time."""
        self._stopped = True
        await self._engine.stop_generation()

    async def fill(
        self,
        run: GenerationRun,
        cells: Sequence[Cell],
        sides: Sequence[Side],
        asking: Asking,
        *,
        at_once: int = AT_ONCE,
        stream: bool = False,
    ) -> RunProgress:
        """Give every cell its answer.

        A cell that the engine refuses, such as one whose prompt is longer than the model's context, holds up no other.

        Args:
            run: theirs; what it has is not asked again.
            cells: those wanted, all of the run or some.
            sides: of the run, by place.
            asking: how.
            at_once: rows decoded at the same time; of servers, questions asked of each at the same time.
            stream: whether text is told as it comes; servers tell whole answers only.

        Returns:
            The counts; `left` is above 0 where it was stopped, or answers broke off or were refused, and `missing` names
            what is left.

        Raises:
            UserError: the engine refuses every cell, or an adapter was changed meanwhile.
            EngineError: the engine is not ready, is busy, or went away. What was finished is stored.
            EnvironmentProblem: no server is left. What was finished is stored.
            StoreError: the database will not take an answer; generation was stopped.
        """
        model = self._engine.state.model
        if model is None:
            raise EngineError(*self._engine.unready())
        there = await self._store.run(lambda store: store.filled_cells(run))
        progress = RunProgress(len(cells), done=sum(cell.key in there for cell in cells))
        missing = [cell for cell in cells if cell.key not in there]
        hashes = {
            cell.key: self._hashes(cell.row(sides[cell.side], asking), sides[cell.side], model) for cell in missing
        }
        job = Job(self._store, self._engine, self._emit, run, sides, asking, hashes, progress, at_once, stream)
        missing = await self._take_cached(job, missing)
        self._emit(RunMoved(progress))
        firsts: dict[tuple[str, ...], Cell] = {}
        for cell in missing:  # of cells that would get the same answer one is asked
            firsts.setdefault(tuple(hashes[cell.key].values()), cell)
        asked = list(firsts.values())
        # servers are asked everything at once: between two requests the fast ones would wait for the slow ones
        size = max(1, len(asked)) if isinstance(self._engine, ServerLink) else CHUNK
        for start in range(0, len(asked), size):
            await self._ask(job, asked[start : start + size])
        await self._take_cached(job, [one for one in missing if one is not firsts[tuple(hashes[one.key].values())]])
        if self._refusal is not None and progress.refused == len(asked):
            raise self._refusal
        if progress.left:
            there = await self._store.run(lambda store: store.filled_cells(run))
            progress.missing = tuple(cell.key for cell in cells if cell.key not in there)
        self._emit(RunMoved(progress))
        return progress

    def _hashes(self, row: Row, side: Side, model: ModelLoaded) -> dict[str, str]:
        """Hash of what decides the answer to a row, by who may answer it."""
        if isinstance(self._engine, ServerLink):
            return self._engine.cache_keys(row)
        return {LOCAL: cache_key(row, side, model)}

    async def _ask(self, job: Job, cells: Sequence[Cell]) -> None:
        """Ask cells in one request; where the engine refuses it, in halves, until what it refuses is alone."""
        if self._stopped:
            return
        batch = Batch(job, cells)
        try:
            await batch.run(lambda: self._stopped)
        except UserError as error:
            if (
                isinstance(self._engine, ServerLink)
                or batch.begun
                or (job.progress.refused == MOST_REFUSED and not job.progress.made)
            ):
                raise
            if len(cells) == 1:
                self._refuse(job.progress, cells[0], error)
                return
            half = len(cells) // 2
            await self._ask(job, cells[:half])
            await self._ask(job, cells[half:])
        finally:
            self._refusal = self._refusal or batch.refusal

    def _refuse(self, progress: RunProgress, cell: Cell, error: UserError) -> None:
        self._refusal = self._refusal or error
        progress.refused += 1
        progress.refusal = progress.refusal or str(error)
        self._emit(CellBroken(cell.key))

    async def _take_cached(self, job: Job, cells: Sequence[Cell]) -> list[Cell]:
        """Fill what the cache can; returns the other cells."""
        found: dict[str, Answer] = {}
        for maker in dict.fromkeys(maker for cell in cells for maker in job.hashes[cell.key]):
            hashes = {cell.key: job.hashes[cell.key] for cell in cells if cell.key not in found}
            wanted = {key: by_maker[maker] for key, by_maker in hashes.items() if maker in by_maker}
            if wanted:
                found |= await self._store.run(lambda store, wanted=wanted: _cached(store, job.run, wanted))
        job.progress.done += len(found)
        job.progress.cached += len(found)
        for key, answer in found.items():
            self._emit(CellFilled(key, answer, cached=True))
        return [cell for cell in cells if cell.key not in found]


def _cached(store: Store, run: GenerationRun, wanted: Mapping[str, str]) -> dict[str, Answer]:
    """Cells filled out of the cache, by key, given the hash of each."""
    return dict(store.run_answers(run, store.fill_from_cache(run, wanted)))
