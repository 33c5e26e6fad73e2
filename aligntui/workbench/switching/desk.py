"""The switch runs of a workspace as the console handles them: listed, begun, gone on with, watched, measured."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.core.generation import GenerationRun, RunKind
from aligntui.core.printable import one_line
from aligntui.core.turn import Answer
from aligntui.data.prompt_bank import ISD
from aligntui.data.switch_suites import load_suites
from aligntui.workbench.chat import Chat
from aligntui.workbench.embedding import Embedder
from aligntui.workbench.generation.filling import Filler
from aligntui.workbench.generation.holding import filled_elsewhere
from aligntui.workbench.generation.progress import CellEvent, CellFilled, RunMoved, RunProgress
from aligntui.workbench.loaded import loaded_engine
from aligntui.workbench.switching.asking import free_engine
from aligntui.workbench.switching.data_sets import load_data_set
from aligntui.workbench.switching.judging import JudgePlan, is_judging
from aligntui.workbench.switching.measuring import Measured, measure, read_answers, read_judge
from aligntui.workbench.switching.running import SwitchWish, begin_run, fill_run

if TYPE_CHECKING:
    from aligntui.store import Store

WATCHED = 8
"""Latest answers that are kept to be watched."""


@dataclass(frozen=True)
class RunOrder:
    """A run as it is ordered on a screen."""

    dataset: str = ISD
    sample: int | None = None
    seeds: int = 1
    instructions: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    noise: bool = True
    name: str = ""


class SwitchDesk:
    """What the runs screen works on; it goes on while the screen is left.

    Args:
        workspace: where data sets lie.
        chat: whose engine, columns, settings and database.
    """

    def __init__(self, workspace: Workspace, chat: Chat) -> None:
        self.workspace = workspace
        self.chat = chat
        self.emit: Callable[[], None] = lambda: None
        self.runs: list[GenerationRun] = []
        self.judged: dict[str, list[str]] = {}
        """What judged a run, by the run's id, the one begun last first: the judge and how far it has come."""
        self.running: GenerationRun | None = None
        self.elsewhere: frozenset[str] = frozenset()
        """Ids of the runs that another process is filling, as of the last `load`."""
        self.progress: RunProgress | None = None
        self.latest: deque[tuple[str, Answer]] = deque(maxlen=WATCHED)
        """Key and answer of what was finished last, the newest last."""
        self.embedding = (0, 0)
        """Texts embedded, of how many, while a run is measured."""
        self._filler: Filler | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    async def load(self) -> None:
        """Read the list."""
        self.runs, self.judged = await self.chat.store.run(_listed)
        self.elsewhere = await filled_elsewhere(self.chat.store.path, self.runs, self.running)
        self.emit()

    async def begin(self, order: RunOrder) -> GenerationRun:
        """Store a run; `go_on` fills it.

        Raises:
            UserError: what is ordered is no run, another one is under way, or the engine makes other answers.
            EngineError: no base is loaded.
        """
        self._refuse_while_running()
        free_engine(self.chat)
        found = load_data_set(self.workspace, order.dataset, order.instructions)
        if order.sample is not None:
            found = found.sample(order.sample)
        suites = load_suites(order.suites, order.sample) if order.suites else ()
        run = await begin_run(self.chat, SwitchWish(found, order.seeds, order.noise, suites, order.name))
        await self.load()
        return run

    async def go_on(self, run: GenerationRun) -> None:
        """Answer what is not answered yet; returns when it is, or was stopped.

        Raises:
            UserError: base or adapters are not those of the run, another one is under way, or the engine makes other
                answers.
            EngineError: no base is loaded, or the engine went away; what was finished is stored.
        """
        self._refuse_while_running()
        free_engine(self.chat)
        self._idle.clear()
        self.running, self.progress = run, RunProgress(run.cells, run.done)
        self.latest.clear()
        self.emit()
        try:
            await fill_run(self.chat, run, self._on_event, on_filler=self._take_filler)
        finally:
            self.running = self._filler = None
            self._idle.set()
            await self.load()

    def _take_filler(self, filler: Filler) -> None:
        self._filler = filler

    async def stop(self) -> None:
        """End at the token at hand, and wait until that is done; whole answers stay."""
        if self._filler is not None:
            await self._filler.stop()
            await self._idle.wait()

    async def measure(self, run: GenerationRun) -> Measured:
        """Measure a run, whether or not it has ended.

        Raises:
            UserError: nothing is answered yet, or the engine is making answers, behind which the measuring would wait.
            EnvironmentProblem: the embedding model cannot be had.
        """
        engine = loaded_engine(self.chat)
        if engine.busy:
            raise UserError(
                "The engine is making answers; a run is measured between them.",
                "Wait, or stop the run with {key:runs.stop}: it can be gone on with.",
            )
        answers, said = await read_answers(self.chat.store, run), await read_judge(self.chat.store, run)
        try:
            return await measure(run, answers, Embedder(engine.embed, self._embedded), said)
        finally:
            self._embedded(0, 0)

    def _embedded(self, done: int, total: int) -> None:
        self.embedding = (done, total)
        self.emit()

    def _on_event(self, event: CellEvent) -> None:
        match event:
            case CellFilled(key, answer):
                self.latest.append((key, answer))
            case RunMoved(progress):
                self.progress = progress
            case _:
                return
        self.emit()

    def _refuse_while_running(self) -> None:
        if self.running is not None:
            raise UserError(
                f"The run {one_line(self.running.name, 60)} is under way.",
                "{key:runs.stop} stops it; it can be gone on with.",
            )


def _listed(store: Store) -> tuple[list[GenerationRun], dict[str, list[str]]]:
    """The runs of answers, newest first, and what judged them."""
    runs: list[GenerationRun] = []
    judged: dict[str, list[str]] = {}
    for run in store.list_runs(RunKind.SWITCH):
        if not is_judging(run):
            runs.append(run)
            continue
        try:
            plan = JudgePlan.from_dict(run.plan)
        except UserError:  # of a later aligntui: the report says so, the list goes on
            continue
        share = "" if run.done >= run.cells else f" ({run.done:,} of {run.cells:,} replies)"
        judged.setdefault(plan.run, []).append(f"{plan.model.model} by {plan.by}{share}")
    return runs, judged
