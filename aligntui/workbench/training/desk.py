"""The training runs of a workspace as the console handles them: listed, watched, started, queued, stopped, gone on with.

A run is a process of its own, so nothing here has to live for it to go on; whatever a desk knows of one it reads from the
run's folder. Pinned in tests/workbench/test_training_desk.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from aligntui.config.paths import Workspace
from aligntui.core.errors import AligntuiError, EnvironmentProblem, UserError
from aligntui.core.ids import new_id
from aligntui.data.adapter_folders import CONFIG_FILE, WEIGHTS_FILE
from aligntui.jobs.folders import RunFolder
from aligntui.jobs.queue import Entry
from aligntui.jobs.starting import living_process, start_run
from aligntui.workbench.adapters import AdapterChoice, choices
from aligntui.workbench.changes import Noticed
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.columns import Columns
from aligntui.workbench.memory.measuring import Device
from aligntui.workbench.memory.referee import Referee, Ruling
from aligntui.workbench.training.launching import ask_for_checkpoint, check_can_resume, enqueue, log_tail, stop
from aligntui.workbench.training.opening import opening_ruling
from aligntui.workbench.training.screen_batch import Batch, first_batch
from aligntui.workbench.training.screen_plan import Plan, TrainWish, make_plan
from aligntui.workbench.training.screen_runs import Row, RunWatch
from aligntui.workbench.training.submitting import submit

WATCH_S = 1.0
"""How often a run is looked at for which the engine gave way; also while no screen shows it."""
_MODES = {"chat": "system", "ita": "ita", "injection": "injection"}
"""Instruction mode of the chat in which an adapter was trained, by prompt format."""
LEAVING_S, LEAVING_POLL_S = 20.0, 0.1
"""How long a process that has ended its run may take to leave."""
LOG_LINES = 200
"""End of a console log that is shown."""


class TrainDesk:
    """What the train screen works on; kept while the screen is left.

    Args:
        workspace: whose runs.
        chat: whose engine gives way, and whose board shows checkpoints.
        columns: put a checkpoint there.
        budget: of memory for all processes of ours, in bytes; 0 is what the machine has.
    """

    def __init__(self, workspace: Workspace, chat: Chat, columns: Columns, budget: int = 0) -> None:
        self.workspace = workspace
        self.chat = chat
        self.columns = columns
        self.budget = budget
        self.watch = RunWatch(workspace)
        self.emit: Callable[[], None] = lambda: None
        self.marked: list[str] = []
        """Names of the runs whose curves are laid over one another."""
        self.selected = ""
        """Name of the run that the cursor was on."""
        self.view = 0
        self.panel = 0
        """Which view, and which panel of the curves comes first."""
        self.wish = TrainWish()
        """As the form was filled in last."""
        self._lending: set[str] = set()

    @property
    def rows(self) -> list[Row]:
        """The runs, as they were at the last look."""
        return self.watch.rows

    def row(self, name: str) -> Row | None:
        """The run of a name."""
        return self.watch.row(name)

    async def look(self) -> bool:
        """Read on what was written since the last look; whether anything is different now."""
        return await self.watch.look()

    async def log_tail(self, row: Row) -> list[str]:
        """The end of what the run's process printed."""
        return await asyncio.to_thread(log_tail, row.run.folder.console_log, LOG_LINES)

    # starting ---------------------------------------------------------------------------------------

    async def plan(self, wish: TrainWish) -> Plan:
        """Put a run together without writing anything.

        Raises:
            UserError: what is wished for cannot be trained.
            EnvironmentProblem: data or model cannot be read.
        """
        self.wish = wish
        return await asyncio.to_thread(make_plan, self.workspace, wish)

    async def first_batch(self, plan: Plan) -> Batch:
        """The first batch of a plan, as it would be fed to the model.

        Raises:
            UserError: the data cannot be rendered.
            EnvironmentProblem: the process could not do it.
        """
        return await asyncio.to_thread(first_batch, plan.submission)

    def referee(self) -> Referee:
        """Who gives way to a run."""
        living = [(row.name, row.run.process.pid) for row in self.rows if row.lives and row.run.process]
        engine = self.chat.engine
        if engine is None:
            raise EnvironmentProblem("The console has no engine yet.", "Wait until it has started.")
        return Referee(engine, self.budget, lambda: living, self.columns.start_engine)

    async def open_engine(self) -> Callable[[], Coroutine[Any, Any, None]] | None:
        """Start the engine, unless a training that runs already leaves no room: then it has given way from the start.

        Returns:
            What starts it once the trainings are over, to be run beside the screen; None where it was started.
        """
        engine = self.chat.engine
        assert engine is not None, "attach() comes first"
        ruling = await asyncio.to_thread(opening_ruling, engine, self.budget, self.workspace)
        if ruling is None or ruling.fits:
            await self.columns.start_engine()
            return None
        names = " and ".join(f"the run {holder.name}" for holder in ruling.stays) or "a training"
        await engine.give_way(names)
        self.chat.emit(
            Noticed(
                ruling.sentence(), f"It starts when {names} is over; {{key:chat.restart}} starts it now.", "warning"
            )
        )
        return self._wait_for_room

    async def _wait_for_room(self) -> None:
        engine = self.chat.engine
        assert engine is not None, "attach() comes first"

        def has_room() -> bool:
            ruling = opening_ruling(engine, self.budget, self.workspace)
            return ruling is None or ruling.fits

        await self._until(lambda: engine.state.phase is not Phase.GAVE_WAY or has_room())
        if engine.state.phase is Phase.GAVE_WAY:
            await self.columns.start_engine()

    async def ruling(self, plan: Plan) -> Ruling | None:
        """What has to happen before the run starts; None where nobody can say what it needs."""
        if plan.need is None:
            return None
        referee = self.referee()
        return await asyncio.to_thread(referee.ruling, f"the run {plan.wish.name}", plan.need, plan.device)

    @property
    def ahead(self) -> list[str]:
        """Names of the runs that come before one that is queued now."""
        return [row.name for row in self.rows if row.lives or row.place]

    async def begin(self, plan: Plan, *, queued: bool) -> Callable[[], Coroutine[Any, Any, None]]:
        """Freeze the run and start it, or put it at the end of the queue.

        Returns:
            What brings back the engine once the run is over; to be run beside the screen.

        Raises:
            UserError: the name is taken, or the folder may not be written.
            EnvironmentProblem: it does not fit, the disk is full, or no process could be started.
        """
        ruling = await self.ruling(plan)
        if ruling is not None and not ruling.fits and not queued:
            raise EnvironmentProblem(
                ruling.sentence(), plan.advice or "Take a smaller batch or length, or put it into the queue."
            )
        folder = await asyncio.to_thread(submit, self.workspace, plan.submission)
        self.selected = folder.name
        return await self._launch(folder, ruling, queued=queued, resume=False)

    async def resume(self, row: Row, *, queued: bool = False) -> Callable[[], Coroutine[Any, Any, None]]:
        """Go on with a run from its last checkpoint; as `begin`.

        Raises:
            UserError: it runs, waits, or has finished.
            EnvironmentProblem: no process could be started.
        """
        from_checkpoint = check_can_resume(row.run)
        with contextlib.suppress(TimeoutError):  # it has said its last word and is about to leave
            await asyncio.wait_for(self._until(lambda: not _lives(row.run.folder), LEAVING_POLL_S), LEAVING_S)
        ruling = await self._ruling_again(row)
        if ruling is not None and not ruling.fits and not queued:
            raise EnvironmentProblem(ruling.sentence(), "End what holds the rest, or put it into the queue.")
        return await self._launch(row.run.folder, ruling, queued=queued, resume=from_checkpoint)

    async def _ruling_again(self, row: Row) -> Ruling | None:
        """What has to happen before a run goes on: it needs what it took before; None where it took no step."""
        story = row.run.story
        on_gpu = story.head is not None and story.head.device.startswith("cuda")
        taken = [value for _, value in story.curves["gpu_bytes" if on_gpu else "memory_bytes"]]
        if not taken:
            return None
        device = Device.named(story.head.device if story.head is not None else "cpu")
        referee = self.referee()
        return await asyncio.to_thread(referee.ruling, f"the run {row.name}", int(max(taken)), device)

    async def _launch(
        self, folder: RunFolder, ruling: Ruling | None, *, queued: bool, resume: bool
    ) -> Callable[[], Coroutine[Any, Any, None]]:
        if queued:
            await asyncio.to_thread(lambda: enqueue(self.workspace, folder.name, resume=resume))
        else:
            if ruling is not None:
                await self.referee().make_room(ruling)
            try:
                started = await asyncio.to_thread(start_run, folder, resume=resume)
            except AligntuiError:
                await self.referee().bring_back()
                raise
            started.leave()
        await self.look()
        return lambda: self._lend(folder, ruling, queued=queued)

    async def _lend(self, folder: RunFolder, ruling: Ruling | None, *, queued: bool) -> None:
        """Wait for the run's end and bring the engine back; a queued run gets its room when its turn comes."""
        if ruling is None or folder.name in self._lending:
            return
        self._lending.add(folder.name)
        try:
            if queued:
                await self._until(lambda: folder.name not in self._names_in_queue() or _lives(folder))
                if not _lives(folder):
                    return
                # ruled anew, since others may run by now; the process takes longer to load than the engine to go
                ruling = await asyncio.to_thread(
                    self.referee().ruling, ruling.what, ruling.need, ruling.device, running=folder.name
                )
                if ruling.gives_way and ruling.fits:
                    await self.referee().make_room(ruling)
            problem = await self.referee().lend(ruling, lambda: self._until(lambda: not _lives(folder)))
            if problem is not None:
                raise problem
        finally:
            self._lending.discard(folder.name)

    def _names_in_queue(self) -> set[str]:
        with contextlib.suppress(AligntuiError):
            return {entry.name for entry in self.watch.queue.entries()}
        return set()

    @staticmethod
    async def _until(condition: Callable[[], bool], every_s: float = WATCH_S) -> None:
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(every_s)

    # what a run is asked ------------------------------------------------------------------------------

    async def stop(self, row: Row) -> str:
        """Ask a run to end after the step at hand, with a checkpoint; take a waiting one out of the queue.

        Returns:
            What was done, as a sentence.

        Raises:
            UserError: it neither runs nor waits.
        """
        said = await asyncio.to_thread(stop, self.workspace, row.run)
        await self.look()
        return said

    async def checkpoint(self, row: Row) -> None:
        """Ask a run for a checkpoint after the step at hand.

        Raises:
            UserError: it does not run.
        """
        await asyncio.to_thread(ask_for_checkpoint, row.run)

    async def move(self, row: Row, by: int) -> list[Entry]:
        """Move a waiting run in the queue; at either end it stays.

        Raises:
            UserError: it does not wait.
        """
        if not row.place:
            raise UserError(f"The run {row.name} does not wait in the queue.")
        last = sum(1 for other in self.rows if other.place)
        place = min(max(1, row.place + by), last)
        entries = await asyncio.to_thread(self.watch.queue.move, row.name, place)
        await self.look()
        return entries

    async def ladder(self, row: Row) -> list[AdapterChoice]:
        """What a run has made so far that can be a column: the finished adapter, then its checkpoints, the latest first.

        Raises:
            UserError: nothing yet.
        """
        rungs = await asyncio.to_thread(_rungs, self.workspace, row)
        if not rungs:
            raise UserError(
                f"The run {row.name} has no checkpoint yet.", "{key:train.checkpoint} lets a run write one now."
            )
        return rungs

    async def open_column(self, rung: AdapterChoice) -> None:
        """Put a checkpoint beside the other columns; the base stays loaded.

        Raises:
            UserError: answers are being made, or it does not fit the base.
            EngineError: it could not be checked.
        """
        await self.columns.put(rung.column(1.0))

    async def delete(self, row: Row) -> None:
        """Remove a run with its checkpoints and its adapter.

        Raises:
            UserError: it runs or waits, or may not be removed.
        """
        if row.lives or row.place or await asyncio.to_thread(_lives, row.run.folder):
            raise UserError(f"The run {row.name} is {row.run.state}.", "Stop it first.")
        await asyncio.to_thread(_remove, row.run.folder.adapter)
        await self.look()

    def mark(self, name: str) -> None:
        """Lay the curves of a run over those of the others that are marked, or no longer."""
        if name in self.marked:
            self.marked.remove(name)
        else:
            self.marked.append(name)


def _lives(folder: RunFolder) -> bool:
    return living_process(folder) is not None


def _rungs(workspace: Workspace, row: Row) -> list[AdapterChoice]:
    mode = _MODES.get(row.config.format.value, "") if row.config else ""
    whole = [one for one in choices(workspace) if one.name == row.name and not one.problem]
    rungs: list[AdapterChoice] = []
    for checkpoint in reversed(row.run.story.checkpoints):
        path = row.run.folder.path / checkpoint.path
        # a run keeps only its last ones, so not all that were written are there
        if (path / CONFIG_FILE).is_file() and (path / WEIGHTS_FILE).is_file():
            name = f"{row.name}@{checkpoint.step}"
            rungs.append(AdapterChoice(name, str(path), f"step {checkpoint.step:,}", checkpoint=True, mode=mode))
    return whole + rungs


def _remove(adapter: Path) -> None:
    # away under its name at once: a kill in the middle leaves no half of an adapter
    aside = adapter.with_name(f".deleted-{new_id('run')}")
    try:
        adapter.rename(aside)
        shutil.rmtree(aside)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{adapter} cannot be removed: {reason}.", "Look at its permissions.") from error
