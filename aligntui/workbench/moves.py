"""Moving about in the tree of a session: branches, takes, earlier turns, other sessions."""

from __future__ import annotations

from aligntui.core.errors import UserError
from aligntui.workbench import chat_history
from aligntui.workbench.changes import BoardChanged
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import Exchange

PAGE = 20
"""Exchanges read from the database at a time."""


class Moves:
    """Changes which path of the tree is on one chat's board; none of it while answers stream."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat

    def branch(self) -> None:
        """Go on from the selected exchange: later ones leave the board and stay in their own branch."""
        exchange = self.chat.selected()
        self.chat.refuse_while_streaming()
        index = self.chat.state.exchanges.index(exchange)
        del self.chat.state.exchanges[index + 1 :]
        self.chat.state.selected_id = ""
        self.chat.emit(BoardChanged(scroll=True))

    async def take_prompt(self) -> str:
        """Take the selected exchange off the board to send its prompt, changed, as a new branch; returns its text."""
        exchange = self.chat.selected()
        self.chat.refuse_while_streaming()
        index = self.chat.state.exchanges.index(exchange)
        if index == 0 and self.chat.state.more_above:
            await self.load_above()
            index = self.chat.state.exchanges.index(exchange)
        del self.chat.state.exchanges[index:]
        self.chat.state.selected_id = ""
        self.chat.emit(BoardChanged(scroll=True))
        return exchange.text

    async def move_take(self, step: int) -> None:
        """Show an earlier or later take of the selected exchange, and what follows it."""
        exchange = self.chat.selected()
        self.chat.refuse_while_streaming()
        at = exchange.at + step
        if not 0 <= at < len(exchange.takes):
            raise UserError(
                f"This turn has {len(exchange.takes)} take(s); there is no {'earlier' if step < 0 else 'later'} one."
            )
        exchange.at = at
        index = self.chat.state.exchanges.index(exchange)
        below = await self._below(exchange)
        self.chat.state.exchanges[index + 1 :] = below
        self.chat.state.selected_id = exchange.id
        self.chat.emit(BoardChanged())

    async def move_branch(self, step: int) -> None:
        """Show an earlier or later branch in the place of the selected exchange."""
        exchange = self.chat.selected()
        self.chat.refuse_while_streaming()
        at = exchange.siblings.index(exchange.id) + step if exchange.id in exchange.siblings else -1
        if not 0 <= at < len(exchange.siblings):
            raise UserError(
                f"There are {max(1, len(exchange.siblings))} branch(es) here and no {'earlier' if step < 0 else 'later'} one.",
                "Press b to go on from a turn, p to send another prompt in its place.",
            )
        session_id, wanted = self.chat.session_id, exchange.siblings[at]
        other = await self.chat.store.run(lambda store: chat_history.load_exchange(store, session_id, wanted))
        index = self.chat.state.exchanges.index(exchange)
        below = await self._below(other)
        self.chat.state.exchanges[index:] = [other, *below]
        self.chat.state.selected_id = other.id
        self.chat.emit(BoardChanged())

    async def _below(self, exchange: Exchange) -> list[Exchange]:
        take, session_id = exchange.take, self.chat.session_id
        ids = [a.id for versions in take.versions.values() for a in versions] if take else []
        return await self.chat.store.run(lambda store: chat_history.load_below(store, session_id, ids, PAGE))

    async def new_session(self) -> None:
        """Start with an empty board; the session is made when the first prompt is sent."""
        self.chat.refuse_while_streaming()
        self.chat.session = None
        self.chat.state.exchanges.clear()
        self.chat.state.more_above = False
        self.chat.state.selected_id = ""
        self.chat.emit(BoardChanged())

    async def open_session(self, session_id: str, turn_id: str | None = None) -> None:
        """Resume a session at its newest exchange, or at the one that holds `turn_id`."""
        self.chat.refuse_while_streaming()
        session = await self.chat.store.run(lambda store: store.get_session(session_id))
        path = await self.chat.store.run(lambda store: chat_history.load_path(store, session.id, turn_id, PAGE))
        self.chat.session = session
        self.chat.state.exchanges = path.exchanges
        self.chat.state.more_above = path.more_above
        self.chat.state.selected_id = path.selected_id
        if self.chat.settings.blind:  # what was not judged yet is not named either
            for exchange in path.exchanges:
                for take in exchange.takes:
                    self.chat.shuffle(take)
        self.chat.emit(BoardChanged(scroll=not turn_id))

    async def load_above(self) -> int:
        """Load earlier exchanges of the path; returns how many came."""
        if not self.chat.state.more_above or not self.chat.state.exchanges:
            return 0
        first, session_id = self.chat.state.exchanges[0], self.chat.session_id
        path = await self.chat.store.run(lambda store: chat_history.load_above(store, session_id, first, PAGE))
        self.chat.state.exchanges[:0] = path.exchanges
        self.chat.state.more_above = path.more_above
        self.chat.emit(BoardChanged())
        return len(path.exchanges)
