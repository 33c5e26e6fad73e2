"""The score runs of a workspace as a screen handles them: listed, begun, gone on with, watched, judged, compared.

Pinned in tests/workbench/test_scoring_desk.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from aligntui.core.errors import AligntuiError, UserError
from aligntui.core.generation import AT_ONCE, GenerationRun, RunKind
from aligntui.core.instruction import Instruction
from aligntui.core.printable import one_line
from aligntui.core.turn import Answer
from aligntui.score.battery.delivery import Delivery
from aligntui.workbench.chat import Chat
from aligntui.workbench.generation.base_and_sides import sides_of
from aligntui.workbench.generation.filling import Filler
from aligntui.workbench.generation.holding import filled_elsewhere
from aligntui.workbench.generation.progress import CellEvent, CellFilled, RunMoved, RunProgress
from aligntui.workbench.loaded import loaded_engine
from aligntui.workbench.scoring.comparing import Comparison, Source, compare
from aligntui.workbench.scoring.live import LiveRate, LiveScores
from aligntui.workbench.scoring.looking import Look
from aligntui.workbench.scoring.plan import ScorePlan, ScoreWish
from aligntui.workbench.scoring.running import begin_run, fill_run, plan_of
from aligntui.workbench.scoring.scored import Scored, score_answers, stored_answers
from aligntui.workbench.scoring.suites import load_suite

KEPT = 6
"""Runs whose scores stay in memory once they were judged."""


@dataclass(frozen=True)
class ScoreOrder:
    """A run as it is ordered on a screen."""

    suite: str = "tracka"
    prompts: str = ""
    """File or data set of the hub; empty for those that belong to the suite."""
    battery: str = ""
    limit: int | None = None
    seeds: int = 1
    temperature: float = 0.0
    """0 is greedy; the rest of the sampling is the chat's."""
    deliveries: tuple[Delivery, ...] = ()
    instruction: Instruction = field(default_factory=Instruction)
    with_base: bool = False
    turn: int = 1
    name: str = ""


class ScoreDesk:
    """What a score screen works on; it goes on while the screen is left.

    Args:
        chat: whose engine, columns, settings and database.
    """

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.emit: Callable[[], None] = lambda: None
        self.runs: list[GenerationRun] = []
        self.running: GenerationRun | None = None
        self.progress: RunProgress | None = None
        """Of the run under way, with its `eta_s`; afterwards of the last one."""
        self.live: tuple[LiveRate, ...] = ()
        """Partial scores of the run under way; afterwards those of the last one."""
        self.sitting = ""
        """Id of the run that `progress` and `live` are about."""
        self.elsewhere: frozenset[str] = frozenset()
        """Ids of the runs that another process is filling, as of the last `load`."""
        self.waiting: list[GenerationRun] = []
        """Runs that are gone on with after the one under way, in turn."""
        self.failures: dict[str, str] = {}
        """Why the last sitting of a run ended before its end, by id; of this console alone."""
        self.judging = (0, 0)
        """Answers judged, of how many, while a run is scored."""
        self.selected = ""
        """Id of the run under the cursor, kept while the screen is left."""
        self.marked: list[str] = []
        """Ids of the runs to be compared, in the order in which they were marked."""
        self.typed: dict[str, str] = {}
        """What was filled in last where runs are ordered, by name of the line."""
        self.looks: dict[str, Look] = {}
        """How the results of a run, or of several with commas between, were looked at last."""
        self._scored: dict[str, tuple[int, Scored]] = {}
        self._stopping = False
        self._filler: Filler | None = None
        self._scores: LiveScores | None = None
        self._arrived: list[tuple[str, Answer]] = []
        self._judge: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    async def load(self) -> None:
        """Read the list; marks of runs that are gone go."""
        self.runs = await self.chat.store.run(lambda store: store.list_runs(RunKind.SCORE))
        self.elsewhere = await filled_elsewhere(self.chat.store.path, self.runs, self.running)
        known = {run.id for run in self.runs}
        self.marked = [id_ for id_ in self.marked if id_ in known]
        self.emit()

    async def begin(self, order: ScoreOrder) -> GenerationRun:
        """Store a run; `go_on` fills it.

        Raises:
            UserError: what is ordered is no run, another one is under way, or the engine makes other answers.
            EnvironmentProblem: the hub cannot be reached.
            EngineError: no base is loaded.
        """
        return (await self.begin_all([order]))[0]

    async def begin_all(self, orders: Sequence[ScoreOrder]) -> list[GenerationRun]:
        """Store a run for each order, or none: every suite is read, and everything refused, before the first is stored.

        Raises:
            UserError, EnvironmentProblem, EngineError: as `begin`.
        """
        self._refuse_while_running()
        self._free_engine()
        wishes = [await asyncio.to_thread(self._wish, order) for order in orders]
        for wish in wishes:
            plan_of(self.chat, wish)
        runs = [await begin_run(self.chat, wish) for wish in wishes]
        await self.load()
        return runs

    async def go_on(self, run: GenerationRun, at_once: int = AT_ONCE) -> None:
        """Answer what is not answered yet; returns when it is, or was stopped.

        Args:
            run: begun before.
            at_once: answers decoded at the same time.

        Raises:
            UserError: base or adapters are not those of the run, another one is under way, or the engine makes other
                answers.
            EngineError: no base is loaded, or the engine went away; what was finished is stored.
        """
        await self.go_through([run], at_once)

    async def go_through(self, runs: Sequence[GenerationRun], at_once: int = AT_ONCE) -> None:
        """Go on with one run after the other; `stop`, and a run that fails, end it.

        Raises:
            UserError, EngineError: as `go_on`.
        """
        self._refuse_while_running()
        self.waiting, self._stopping = list(runs), False
        try:
            while self.waiting:
                self._free_engine()
                await self._sit(self.waiting.pop(0), at_once)
        finally:
            self.waiting = []
            self.emit()

    async def _sit(self, run: GenerationRun, at_once: int) -> None:
        self._idle.clear()
        self.running, self.progress, self.live = run, RunProgress(run.cells, run.done), ()
        self.sitting = run.id
        self.failures.pop(run.id, None)
        self.emit()
        try:
            stored = await stored_answers(self.chat.store, run)
            self._scores = await asyncio.to_thread(LiveScores, ScorePlan.from_dict(run.plan), stored)
            self.live = self._scores.rates()
            if not self._stopping:
                await fill_run(self.chat, run, self._on_event, at_once=at_once, on_filler=self._take_filler)
        except AligntuiError as error:
            self.failures[run.id] = str(error)
            raise
        finally:
            try:
                if self._judge is not None:
                    await self._judge
            finally:
                self.running = self._filler = self._scores = self._judge = None
                self._arrived = []
                try:
                    await self.load()
                finally:
                    self._idle.set()

    async def stop(self) -> None:
        """End at the token at hand, and wait until that is done; whole answers stay, runs that wait are not begun."""
        self.waiting, self._stopping = [], True
        if self._filler is not None:
            await self._filler.stop()
        await self._idle.wait()

    def mark(self, id_: str) -> None:
        """Mark a run for a comparison, or take its mark away."""
        if id_ in self.marked:
            self.marked.remove(id_)
        else:
            self.marked.append(id_)

    def known(self, run: GenerationRun) -> Scored | None:
        """The scores of a run as it stands, where they were worked out before."""
        done, found = self._scored.get(run.id, (-1, None))
        return found if done == run.done else None

    async def score(self, run: GenerationRun) -> Scored:
        """The scores of a run, whether or not it has ended; no model is needed.

        Raises:
            UserError: nothing is answered yet.
            EnvironmentProblem: a checker lacks its data.
        """
        run = await self.chat.store.run(lambda store: store.get_run(run.id, RunKind.SCORE))
        known = self.known(run)
        if known is not None:
            return known
        answers = await stored_answers(self.chat.store, run)
        try:
            found = await asyncio.to_thread(score_answers, run, answers, self._judged)
            self._scored.pop(run.id, None)
            self._scored[run.id] = (len(answers), found)
            for old in list(self._scored)[:-KEPT]:
                del self._scored[old]
            return found
        finally:
            self.judging = (0, 0)
            self.emit()

    async def compare(self, runs: Sequence[GenerationRun]) -> Comparison:
        """Two runs or more, the first of each suite being what others are compared with.

        Raises:
            UserError: there are fewer than two, they have nothing in common, or one has no answer.
        """
        sources = [Source(one_line(run.name, 40), await self.score(run)) for run in runs]
        labels = [one.label for one in sources]
        named = [
            one if labels.count(one.label) == 1 else replace(one, label=f"{one.label} ({run.id})")
            for one, run in zip(sources, runs, strict=True)
        ]
        return await asyncio.to_thread(compare, named)

    def _wish(self, order: ScoreOrder) -> ScoreWish:
        found = load_suite(order.suite, order.prompts, order.battery, order.limit)
        return ScoreWish(
            found.suite,
            order.seeds,
            order.deliveries,
            order.instruction,
            order.with_base,
            order.name,
            replace(self.chat.settings.sampling, temperature=order.temperature),
            order.turn,
        )

    def _judged(self, done: int, total: int) -> None:
        self.judging = (done, total)  # told from another thread: whoever draws looks here

    def _take_filler(self, filler: Filler) -> None:
        self._filler = filler

    def _on_event(self, event: CellEvent) -> None:
        match event:
            case CellFilled(key, answer):
                self._arrived.append((key, answer))
                if self._judge is None or self._judge.done():
                    self._judge = asyncio.get_running_loop().create_task(self._judge_arrived())
            case RunMoved(progress):
                self.progress = progress
            case _:
                return
        self.emit()

    async def _judge_arrived(self) -> None:
        """Judge what came, away from the event loop; what comes meanwhile is judged next."""
        while self._arrived and self._scores is not None:
            some, self._arrived = self._arrived, []
            self.live = await asyncio.to_thread(_taken, self._scores, some)
            self.emit()

    def _free_engine(self) -> None:
        engine = loaded_engine(self.chat)
        unknown = [side.name for side in sides_of(self.chat) if side.adapter and side.adapter_sha256 is None]
        if unknown:
            raise UserError(
                f"{', '.join(unknown)}: not held against the base yet.",
                "Wait a moment; where that goes on, choose another adapter in the chat with {key:chat.adapters}.",
            )
        if engine.busy:
            raise UserError(
                "The engine is making other answers.", "Wait for them, or stop them where they were asked for."
            )

    def _refuse_while_running(self) -> None:
        under_way = self.running or next(iter(self.waiting), None)
        if under_way is not None:
            raise UserError(
                f"The run {one_line(under_way.name, 60)} is under way.", "Stop it first: it can be gone on with."
            )


def _taken(scores: LiveScores, some: Sequence[tuple[str, Answer]]) -> tuple[LiveRate, ...]:
    for key, answer in some:
        scores.take(key, answer)
    return scores.rates()
