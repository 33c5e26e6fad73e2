"""Questions shared out among servers: each takes the next one when it is ready for it, so that a faster one answers more.

What several sides answer to one prompt stays on one server where it can, so that the answers to be compared were made
alike. What a server leaves behind goes to the others.
Pinned in tests/engine/test_servers_sharing.py.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from aligntui.core.errors import EnvironmentProblem
from aligntui.engine.servers.answer import ServerAnswer
from aligntui.engine.servers.client import ServerClient
from aligntui.engine.servers.faults import NoAnswer, QuestionRefused, ServerLost
from aligntui.engine.servers.offer import Offer, greeting
from aligntui.engine.servers.question import Question

STRIKES = 3
"""Questions in a row that a server leaves without an answer, retries included, before it is asked whether it answers
at all."""


@dataclass(eq=False)
class Task:
    """One question, whoever answers it."""

    key: str
    side: str
    """Which model it is for."""
    ask: Callable[[Offer], Question]
    """The question in a form that suits a server."""
    group: Hashable = None
    """Tasks of one group are best answered by one server; None is a group of its own."""
    tried: set[int] = field(default_factory=set)
    """Numbers of the servers that left it without an answer."""
    problem: str = ""
    """Why it has no answer."""


@dataclass(eq=False)
class Crew:
    """A server in the work."""

    offer: Offer
    client: ServerClient
    lost: str = ""
    """Why nothing more is asked of it; empty while it works."""
    answered: int = 0
    strikes: int = 0
    doubted: bool = False
    """Whether it is being asked if it answers at all."""
    own: deque[Task] = field(default_factory=deque)
    """The rest of the groups that it has begun."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is given up."""


@dataclass(frozen=True)
class Ears:
    """Who is told of what."""

    started: Callable[[Task, Crew], None]
    """A server is asked; again where another one left the question behind."""
    answered: Callable[[Task, Crew, ServerAnswer], None]
    refused: Callable[[Task, Crew, QuestionRefused], None]
    broken: Callable[[Task], None]
    """No server has an answer; `Task.problem` says why."""
    lost: Callable[[Crew], None]
    """A server is given up; `Crew.lost` says why."""


class Sharing:
    """The work on a list of questions. Use it once, in one event loop.

    Args:
        crews: the servers.
        tasks: each side of which at least one server offers.
        at_once: questions asked of each server at the same time.
        ears: told of everything, in the event loop.
    """

    def __init__(self, crews: Sequence[Crew], tasks: Sequence[Task], at_once: int, ears: Ears) -> None:
        self._crews = crews
        self._at_once = at_once
        self._ears = ears
        self._waiting: deque[Task] = deque(tasks)
        self._left = len(tasks)
        """Questions that have neither an answer nor a reason why there is none."""
        self._moved = asyncio.Event()
        """Set, and made anew, when there may be something to do for those who wait."""

    async def run(self) -> None:
        """Return when every question is answered, refused or broken.

        Raises:
            EnvironmentProblem: every server is lost, with questions left.
        """
        async with asyncio.TaskGroup() as group:
            for crew in self._crews:
                for _ in range(min(self._at_once, max(1, self._left))):
                    group.create_task(self._work(crew))
        if self._left:
            whys = list(dict.fromkeys(crew.lost for crew in self._crews if crew.lost))
            raise EnvironmentProblem(
                f"No server is left for {self._left:,} of the questions. {' '.join(whys)}".strip(),
                "What was answered is stored; go on with the run when a server is there again.",
            )

    async def _work(self, crew: Crew) -> None:
        """Take one question after another until none will come any more."""
        while self._left and not crew.lost:
            task = self._take(crew)
            if task is None:
                await self._moved.wait()
                continue
            self._ears.started(task, crew)
            try:
                answer = await _asked(task, crew)
            except QuestionRefused as refusal:
                self._close(lambda task=task, refusal=refusal: self._ears.refused(task, crew, refusal))
            except ServerLost as why:
                self._leave(task, why.message)
                self._lose(crew, why.message)
            except NoAnswer as why:
                task.tried.add(self._crews.index(crew))
                crew.strikes += 1
                self._leave(task, why.message)
                if crew.strikes >= STRIKES and not crew.doubted:
                    await self._doubt(crew, why.message)
            else:
                crew.strikes = 0
                crew.answered += 1
                self._close(lambda task=task, answer=answer: self._ears.answered(task, crew, answer))

    def _take(self, crew: Crew) -> Task | None:
        """The next question for a server, and with it the rest of its group."""
        if crew.own:
            return crew.own.popleft()
        number = self._crews.index(crew)
        places = (
            place
            for place, task in enumerate(self._waiting)
            if task.side in crew.offer.models and number not in task.tried
        )
        place = next(places, None)
        if place is None:
            return None
        task = self._waiting[place]
        del self._waiting[place]
        # the tasks of a group stand together; those put back lose their company
        while task.group is not None and place < len(self._waiting) and self._waiting[place].group == task.group:
            if self._waiting[place].side not in crew.offer.models or number in self._waiting[place].tried:
                break
            crew.own.append(self._waiting[place])
            del self._waiting[place]
        return task

    def _close(self, tell: Callable[[], None]) -> None:
        """A question is done with."""
        self._left -= 1
        tell()
        if not self._left:
            self._wake()

    def _leave(self, task: Task, why: str) -> None:
        """Give a question to the others, where there is one that may answer it."""
        task.problem = why
        self._waiting.appendleft(task)
        self._drop_hopeless()
        self._wake()

    def _lose(self, crew: Crew, why: str) -> None:
        """Give a server up, once; what it had put aside goes back."""
        if crew.lost:
            return
        crew.lost = why
        crew.gone.set()
        self._waiting.extendleft(reversed(crew.own))
        crew.own.clear()
        self._ears.lost(crew)
        self._drop_hopeless()
        self._wake()

    async def _doubt(self, crew: Crew, why: str) -> None:
        """Give a server up unless it answers the simplest question: then the others were to blame."""
        crew.doubted = True
        question, model = greeting(crew.offer)
        try:
            await crew.client.ask(question, model, crew.offer.dialect)
        except (NoAnswer, ServerLost):
            self._lose(crew, why)
        except QuestionRefused:
            pass
        crew.strikes, crew.doubted = 0, False

    def _drop_hopeless(self) -> None:
        """Questions that every server which works has left without an answer are broken.

        Those that only lost servers could answer stay: they count as left.
        """
        alive = {number: crew for number, crew in enumerate(self._crews) if not crew.lost}
        kept: deque[Task] = deque()
        broken: list[Task] = []
        for task in self._waiting:
            able = [number for number, crew in alive.items() if task.side in crew.offer.models]
            if able and not task.tried.issuperset(able):
                kept.append(task)
            elif alive:
                task.problem = task.problem or f"No server is left that offers {task.side}."
                broken.append(task)
            else:
                kept.append(task)
        self._waiting = kept
        for task in broken:
            self._close(lambda task=task: self._ears.broken(task))

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()


async def _asked(task: Task, crew: Crew) -> ServerAnswer:
    """Ask, and wait no longer for an answer once the server is given up.

    Raises:
        QuestionRefused, NoAnswer, ServerLost: as `ServerClient.ask`.
    """
    offer = crew.offer
    asking = asyncio.ensure_future(crew.client.ask(task.ask(offer), offer.models[task.side], offer.dialect))
    giving_up = asyncio.ensure_future(crew.gone.wait())
    try:
        await asyncio.wait({asking, giving_up}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            raise ServerLost(crew.lost)
        return asking.result()
    finally:
        asking.cancel()
        giving_up.cancel()
