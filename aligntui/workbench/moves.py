"""Moving about in the tree of a session: branches, takes, earlier turns, other sessions."""

from __future__ import annotations

from aligntui.core.errors import UserError
from aligntui.workbench import blind, chat_history
from aligntui.workbench.changes import BoardChanged
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import AnswerState, Exchange
from aligntui.workbench.resuming import adopt_settings

PAGE = 20
"""Exchanges read from the database at a time."""


class Moves:
    """Changes which path of the tree is on one chat's board; none of it while answers stream."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat

    async def branch(self, exchange: Exchange) -> int:
        """Go on from an exchange: later ones leave the board and stay in their own branch; returns how many left.

        Raises:
            UserError: it is the last one, so that the next prompt goes on from it anyway; or answers are being made.
        """
        index = self._index(exchange)
        left = self.chat.state.exchanges[index + 1 :]
        if not left:
            raise UserError("This is the last turn: the next prompt goes on from it anyway.", "")
        exchange.below = max(1, len(left[0].siblings))
        del self.chat.state.exchanges[index + 1 :]
        self.chat.state.selected_id = ""
        self.chat.emit(BoardChanged(scroll=True))
        return len(left)

    async def take_prompt(self, exchange: Exchange) -> str:
        """Take an exchange off the board to send its prompt, changed, as a new branch; returns its text."""
        if self._index(exchange) == 0 and self.chat.state.more_above:
            await self.load_above()
        index = self._index(exchange)
        if index:
            self.chat.state.exchanges[index - 1].below = max(1, len(exchange.siblings))
        del self.chat.state.exchanges[index:]
        self.chat.state.selected_id = ""
        self.chat.emit(BoardChanged(scroll=True))
        return exchange.text

    async def move_take(self, exchange: Exchange, step: int) -> None:
        """Show an earlier or later take of an exchange, and what follows it."""
        self._index(exchange)
        at = exchange.at + step
        if not 0 <= at < len(exchange.takes):
            count = len(exchange.takes)
            which = "earlier" if step < 0 else "later"
            raise UserError(f"This turn has {count} take{'s' * (count != 1)}; there is no {which} one.")
        take = exchange.takes[at]
        below = await self._below([a.id for versions in take.versions.values() for a in versions])
        index = self._index(exchange)
        exchange.at = at
        exchange.below = 0
        self.chat.state.exchanges[index + 1 :] = below
        self.chat.state.selected_id = exchange.id
        self.chat.emit(BoardChanged())

    async def move_branch(self, exchange: Exchange, step: int) -> None:
        """Show an earlier or later branch in the place of an exchange."""
        index = self._index(exchange)
        if step > 0 and exchange.below and exchange is self.chat.state.last:
            await self._show_below(exchange)
            return
        following = self.chat.state.exchanges[index + 1 : index + 2]
        if len(exchange.siblings) < 2 and following and len(following[0].siblings) > 1:
            exchange = following[0]  # the turn from which the branches part was meant
        known = exchange.siblings
        at = known.index(exchange.id) + step if exchange.id in known else -1
        if not 0 <= at < len(known):
            count = max(1, len(known))
            which = "earlier" if step < 0 else "later"
            raise UserError(
                f"There {'is one branch' if count == 1 else f'are {count} branches'} here and no {which} one.",
                "Press b to go on from a turn, p to send another prompt in its place.",
            )
        other = await self.chat.store.run(lambda store: chat_history.load_exchange(store, known[at]))
        take = other.take
        below = await self._below([a.id for versions in take.versions.values() for a in versions] if take else [])
        index = self._index(exchange)
        self._hide([other])
        self.chat.state.exchanges[index:] = [other, *below]
        self.chat.state.selected_id = other.id
        self.chat.emit(BoardChanged())

    async def _show_below(self, exchange: Exchange) -> None:
        """Show the newest branch that goes on from the last exchange of the board."""
        take = exchange.take
        below = await self._below([a.id for versions in take.versions.values() for a in versions] if take else [])
        self._index(exchange)
        exchange.below = 0
        self.chat.state.exchanges += below
        self.chat.state.selected_id = below[0].id if below else ""
        self.chat.emit(BoardChanged())

    async def move_version(self, exchange: Exchange, answer: AnswerState) -> int:
        """Show the next version of an answer (as generated, edited, continued), round and round; returns its number from 1.

        Raises:
            UserError: it has one version, or answers are being made.
        """
        self._index(exchange)
        take = exchange.take
        versions = take.versions.get(answer.column, []) if take else []
        if take is None or answer not in versions or len(versions) < 2:
            raise UserError("This answer has one version.", "e edits it, c lets it go on; the earlier version is kept.")
        number = (versions.index(answer) + 1) % len(versions)
        take.show(versions[number])
        below = await self._below([shown.id for shown in take.answers()])
        index = self._index(exchange)
        self.chat.state.exchanges[index + 1 :] = below
        self.chat.state.selected_id = exchange.id
        self.chat.emit(BoardChanged())
        return number + 1

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
        self.chat.refuse_while_streaming()
        self._hide(path.exchanges)
        self.chat.session = session
        self.chat.state.exchanges = path.exchanges
        self.chat.state.more_above = path.more_above
        self.chat.state.selected_id = path.selected_id
        self.chat.emit(BoardChanged(scroll=not turn_id))
        if (last := self.chat.state.last) is not None and last.take is not None:
            adopt_settings(self.chat, last.take)

    async def load_above(self) -> int:
        """Load earlier exchanges of the path; returns how many came."""
        state = self.chat.state
        if not state.more_above or not state.exchanges:
            return 0
        first = state.exchanges[0]
        path = await self.chat.store.run(lambda store: chat_history.load_above(store, first, PAGE))
        if not state.exchanges or state.exchanges[0] is not first:
            return 0
        self._hide(path.exchanges)
        state.exchanges[:0] = path.exchanges
        state.more_above = path.more_above
        self.chat.emit(BoardChanged())
        return len(path.exchanges)

    async def refresh_verdicts(self) -> None:
        """Read the verdicts over the turns on the board again after they may have been changed elsewhere."""
        exchanges = list(self.chat.state.exchanges)
        ids = [a.id for e in exchanges for take in e.takes for versions in take.versions.values() for a in versions]
        pairs = await self.chat.store.run(lambda store: store.pairs_of(ids, include_undone=True))
        for take in (take for exchange in exchanges for take in exchange.takes):
            take.judged = [
                pair for pair in pairs if all(take.find(one) for one in (pair.left_id, pair.right_id) if one)
            ]
        self.chat.emit(BoardChanged())

    async def refresh_name(self) -> None:
        """Read the session's name again after it may have been changed elsewhere."""
        session = self.chat.session
        if session is not None:
            self.chat.session = await self.chat.store.run(lambda store: store.get_session(session.id))
            self.chat.emit(BoardChanged())

    async def _below(self, answer_ids: list[str]) -> list[Exchange]:
        below = await self.chat.store.run(lambda store: chat_history.load_below(store, answer_ids, PAGE))
        self._hide(below)
        return below

    def _hide(self, exchanges: list[Exchange]) -> None:
        """In blind mode what was not judged yet is not named, wherever it comes from."""
        if self.chat.settings.blind:
            for exchange in exchanges:
                for take in exchange.takes:
                    blind.shuffle(take, sorted(take.versions))

    def _index(self, exchange: Exchange) -> int:
        self.chat.refuse_while_streaming()
        if exchange not in self.chat.state.exchanges:
            raise UserError("The turn is no longer on the board.", "Select one that is.")
        return self.chat.state.exchanges.index(exchange)
