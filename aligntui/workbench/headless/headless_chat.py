"""A chat of one prompt: what goes wrong is raised, and where nothing was answered nothing is kept."""

from __future__ import annotations

import contextlib
from pathlib import Path

from aligntui.core.errors import AligntuiError
from aligntui.core.turn import Finish
from aligntui.engine.events import EngineExited
from aligntui.wire.engine import AnswerFinished, GenerationFinished, RequestFailed
from aligntui.workbench.changes import AnswerChanged
from aligntui.workbench.chat import Chat
from aligntui.workbench.engine_link import AnswerEvent
from aligntui.workbench.moves import Moves


class HeadlessChat(Chat):
    """A chat that keeps what its caller has to raise, where the console would show a notice."""

    batch: GenerationFinished | None = None
    failure: RequestFailed | EngineExited | None = None
    _resumed: frozenset[str] = frozenset()
    """Exchanges that were there before."""
    _is_new = True
    """Whether the session is made by the first prompt."""

    def receive(self, event: AnswerEvent) -> None:
        """Fold an engine event; a failed generation is kept and not told."""
        match event:
            case RequestFailed() | EngineExited():
                self.failure = event
                self.break_off()
            case GenerationFinished():
                self.batch = event
                super().receive(event)
            case AnswerFinished() if not event.text and Finish(event.finish).partial:
                if answer := self.state.answer_finished(event):  # stopped before its first word: nothing to keep
                    self.emit(AnswerChanged(answer))
            case _:
                super().receive(event)

    async def go_on(self, session: str) -> None:
        """Continue a session at its newest exchange, under the settings of the command line and not those it was left with.

        Args:
            session: id, beginning of an id, or name.

        Raises:
            UserError: there is no such session.
            StoreError: the database cannot be read.
        """
        settings, instruction, columns = self.settings, self.state.instruction, list(self.state.columns)
        emit, self.emit = self.emit, lambda change: None  # what is read back from the database is no news
        try:
            await Moves(self).open_session(session)
        finally:
            self.emit = emit
        self.settings, self.state.instruction, self.state.columns[:] = settings, instruction, columns
        self._resumed = frozenset(exchange.id for exchange in self.state.exchanges)
        self._is_new = False

    def forget_unanswered(self, database: Path) -> None:
        """Take the prompt out of a closed chat's database again where no answer came, and with it a session made for it.

        Args:
            database: file of the chat's database.
        """
        asked = [exchange for exchange in self.state.exchanges if exchange.id not in self._resumed]
        is_answered = any(answer.stored for exchange in asked for take in exchange.takes for answer in take.answers())
        if self.session is None or is_answered or self.writer.waiting:
            return
        from aligntui.store import open_store  # only where something failed

        # the failure itself is on its way to the user; a database that fails as well must not hide it
        with contextlib.suppress(AligntuiError), open_store(database) as store:
            store.forget_unanswered(self.session.id, self.sent, and_session=self._is_new)
