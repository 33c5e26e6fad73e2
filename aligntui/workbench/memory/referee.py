"""Who gives way when a process needs memory, and who comes back afterwards.

The engine, a training and a scoring are processes of their own, so memory is given back by ending one: the only way
that gives back all of it. A ruling is made first and can be shown; nothing ends before `make_room` is called.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from aligntui.core.errors import AligntuiError, EnvironmentProblem
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.engine_link import EngineLink
from aligntui.workbench.memory.measuring import Device, free_bytes, held_bytes, in_words

ENGINE = "the chat's engine"
NEARLY = 0.98
"""Share of the estimate that must be there after somebody gave way: what else runs takes and gives a little."""
FREED_S = 10.0
"""How long a driver may take to give back the memory of a process that has ended."""


@dataclass(frozen=True)
class Holder:
    """A process of ours that holds memory."""

    name: str
    pid: int
    bytes: int
    yields: bool
    """Whether it can be ended without losing work."""


@dataclass(frozen=True)
class Ruling:
    """What has to happen before something starts."""

    what: str
    """Who needs the memory."""
    need: int
    free: int | None
    """Memory that can be had now, in bytes, under the budget; None where nobody can say."""
    device: Device
    gives_way: tuple[Holder, ...] = ()
    stays: tuple[Holder, ...] = ()
    """Holders that cannot be asked to go."""
    running: str = ""
    """Name of the holder that needs the memory, where it has begun to load."""

    @property
    def after(self) -> int | None:
        """Memory to be had after all have given way who must, in bytes."""
        return None if self.free is None else self.free + sum(holder.bytes for holder in self.gives_way)

    @property
    def fits(self) -> bool:
        """Whether there is room once they have; taken for granted where nobody can say."""
        return self.after is None or self.after >= self.need

    def sentence(self) -> str:
        """The ruling, to be read before the start."""
        if self.free is None:
            return (
                f"{self.what} needs about {in_words(self.need)} of the {self.device}; how much is free cannot be asked."
            )
        have = f"{self.what} needs about {in_words(self.need)} of the {self.device}, {in_words(self.free)} can be had"
        if self.fits and not self.gives_way:
            return f"{have}: it fits beside what is running."
        gone = " and ".join(f"{holder.name} ({in_words(holder.bytes)})" for holder in self.gives_way)
        if self.fits:
            return f"{have}: {gone} gives way and comes back afterwards."
        rest = " and ".join(f"{holder.name} ({in_words(holder.bytes)})" for holder in self.stays)
        return f"{have}{f', {in_words(self.after or 0)} without {gone}' if gone else ''}{f'; {rest} holds the rest' if rest else ''}."


def rule(what: str, need: int, device: Device, free: int | None, holders: Sequence[Holder]) -> Ruling:
    """Decide who gives way: nobody if it fits, else as few as will do, the smallest that suffices.

    Args:
        what: who needs the memory.
        need: bytes needed.
        device: which memory.
        free: bytes to be had now; None where nobody can say.
        holders: processes of ours that hold some.

    Pinned by `tests/workbench/test_memory_referee.py`.
    """
    stays = tuple(holder for holder in holders if not holder.yields)
    if free is None or free >= need:
        return Ruling(what, need, free, device, (), stays)
    missing = need - free
    yielding = sorted((holder for holder in holders if holder.yields and holder.bytes), key=lambda one: one.bytes)
    alone = next((holder for holder in yielding if holder.bytes >= missing), None)
    if alone is not None:
        return Ruling(what, need, free, device, (alone,), stays)
    gone: list[Holder] = []
    for holder in reversed(yielding):
        gone.append(holder)
        if sum(one.bytes for one in gone) >= missing:
            break
    return Ruling(what, need, free, device, tuple(gone), stays)


class Referee:
    """Lets the engine of one console give way to runs, and brings it back.

    Args:
        link: the engine.
        budget: most bytes that all processes of ours may hold together; 0 for what the machine has free.
        others: names and process ids of ours that hold memory and cannot give way, such as a training under way.
        restart: starts the engine again; None only loads the base (a chat also holds its adapters against it).
    """

    def __init__(
        self,
        link: EngineLink,
        budget: int = 0,
        others: Callable[[], Sequence[tuple[str, int]]] = lambda: (),
        restart: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.link = link
        self.budget = budget
        self._others = others
        self._restart = restart or link.restart

    def holders(self, device: Device) -> list[Holder]:
        """Who holds memory of a device now."""
        found = [Holder(name, pid, held_bytes(device, pid), yields=False) for name, pid in self._others()]
        pid = self.link.pid
        if pid is not None:
            name = f"{ENGINE}, which is answering and will stop," if self.link.busy else ENGINE
            found.append(Holder(name, pid, held_bytes(device, pid), yields=True))
        return [holder for holder in found if holder.bytes]

    def room(self, device: Device, holders: Sequence[Holder], running: str = "") -> int | None:
        """Bytes to be had now: what the device has free, no more than the budget leaves, and what `running` holds."""
        free = free_bytes(device)
        own = sum(holder.bytes for holder in holders if holder.name == running)
        if not self.budget:
            return free if free is None else free + own
        left = max(0, self.budget - sum(holder.bytes for holder in holders))
        return own + (left if free is None else min(free, left))

    def ruling(self, what: str, need: int, device: Device, *, running: str = "") -> Ruling:
        """What has to happen before something that needs `need` bytes starts; changes nothing.

        Args:
            what: who needs the memory.
            need: bytes needed.
            device: which memory.
            running: its name among `others` where it has begun to load: what it holds already can be had.
        """
        holders = self.holders(device)
        others = [holder for holder in holders if holder.name != running]
        ruling = rule(what, need, device, self.room(device, holders, running), others)
        return replace(ruling, running=running)

    async def make_room(self, ruling: Ruling) -> None:
        """Let those give way who must, and see that the memory is truly there.

        Raises:
            EnvironmentProblem: it does not fit: nothing was ended; or another program took the memory meanwhile: the
                engine was brought back.
        """
        if not ruling.fits:
            raise EnvironmentProblem(
                ruling.sentence(), "Take a smaller batch or length, another dtype, or end what holds the rest."
            )
        for holder in ruling.gives_way:
            if holder.pid == self.link.pid:
                await self.link.give_way(ruling.what)
        if ruling.gives_way and not await self._there(ruling):
            await self.bring_back()
            now = self.room(ruling.device, self.holders(ruling.device), ruling.running)
            raise EnvironmentProblem(
                f"{ruling.what} needs about {in_words(ruling.need)} of the {ruling.device}; after "
                f"{' and '.join(holder.name for holder in ruling.gives_way)} had given way only {in_words(now or 0)} could be had.",
                "Another program took it meanwhile; end that, or take a smaller batch.",
            )

    async def _there(self, ruling: Ruling) -> bool:
        deadline = asyncio.get_running_loop().time() + FREED_S
        while True:
            room = self.room(ruling.device, self.holders(ruling.device), ruling.running)
            if room is None or room >= NEARLY * ruling.need:
                return True
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.2)

    async def bring_back(self) -> None:
        """Start the engine again if it gave way and nobody has started it since.

        Raises:
            AligntuiError: it could not be started; the link's state says so too.
        """
        if self.link.state.phase is Phase.GAVE_WAY:
            await self._restart()

    async def lend(self, ruling: Ruling, over: Callable[[], Awaitable[None]]) -> AligntuiError | None:
        """Wait until what the engine gave way to is over, then bring it back.

        Args:
            ruling: what was ruled.
            over: returns when the memory is free again, however the run ended.

        Returns:
            Why the engine did not come back, None if it did or never went.
        """
        if not ruling.gives_way:
            return None
        try:
            await over()
        finally:
            problem: AligntuiError | None = None
            try:
                await self.bring_back()
            except AligntuiError as error:
                problem = error
        return problem
