"""The columns of a chat: which adapter at which strength, checked against the base before it is used."""

from __future__ import annotations

from dataclasses import replace

from aligntui.core.errors import AligntuiError, UserError
from aligntui.workbench.changes import BoardChanged, Noticed, SettingsChanged
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import Column


class Columns:
    """Changes the columns of one chat; the base stays loaded."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat

    async def start_engine(self) -> None:
        """Load the base and hold every adapter against it; problems become notices, never exceptions.

        An adapter that does not fit is left out. One that could not be checked because the engine failed stays.
        """
        chat = self.chat
        assert chat.engine is not None, "attach() comes first"
        try:
            await self.load_base()
            for column in list(chat.state.columns):
                await self._keep_or_leave_out(column)
        except AligntuiError as error:
            chat.emit(Noticed(error.message, error.hint, "error"))
        chat.emit(SettingsChanged())

    async def load_base(self) -> None:
        """Load the base, in a fresh engine.

        Raises:
            AligntuiError: it could not be loaded.
        """
        assert self.chat.engine is not None, "attach() comes first"
        loaded = await self.chat.engine.restart()
        self.chat.state.load_warnings = loaded.warnings

    async def _keep_or_leave_out(self, column: Column) -> None:
        chat = self.chat
        try:
            await self.check(column)
        except UserError as error:
            assert column.adapter is not None, "the base is not checked"
            chat.state.left_out[column.adapter.name] = error.message
            if len(chat.state.columns) > 1:
                chat.state.columns[:] = [known for known in chat.state.columns if known.number != column.number]
            else:
                chat.state.replace_column(Column(number=column.number))
            chat.emit(Noticed(f"Adapter {column.adapter.name} was left out: {error.message}", error.hint, "error"))
            chat.emit(BoardChanged())

    async def check(self, column: Column) -> None:
        """Hold a column's adapter against the base; its warnings become part of the board.

        Raises:
            UserError: it is missing, corrupt or made for another base.
            EngineError: it could not be checked.
        """
        chat = self.chat
        if column.adapter is None or chat.engine is None or chat.engine.state.model is None:
            return
        fits = await chat.engine.inspect(column.adapter)
        chat.state.adapter_warnings[column.adapter.path] = fits.warnings
        chat.state.adapter_hashes[column.adapter.path] = fits.sha256
        chat.state.left_out.pop(column.adapter.name, None)

    async def put(self, column: Column, number: int | None = None) -> None:
        """Put a column in the place of the one with this number, or at the right end; checked first.

        Raises:
            UserError: answers are being made, or the adapter does not fit; the board is as it was.
            EngineError: it could not be checked.
        """
        self.chat.refuse_while_streaming()
        await self.check(column)
        self.chat.refuse_while_streaming()
        if number is None or self.chat.state.column(number) is None:
            self.chat.state.add_column(column)
        else:
            self.chat.state.replace_column(replace(column, number=number))
        self.chat.emit(BoardChanged())
        self.chat.emit(SettingsChanged())

    async def remove(self, number: int) -> None:
        """Take a column off the board; its answers stay stored.

        Raises:
            UserError: answers are being made, or it is the last column.
        """
        self.chat.refuse_while_streaming()
        if len(self.chat.state.columns) == 1:
            raise UserError("The last column cannot be removed.", "Pick another adapter for it with F3.")
        self.chat.state.columns[:] = [column for column in self.chat.state.columns if column.number != number]
        self.chat.emit(BoardChanged())

    def turn_dial(self, number: int, step: float) -> Column:
        """Change a column's strength; counts from the next answer on.

        Raises:
            UserError: the column is the base.
        """
        column = self.chat.state.column(number)
        if column is None or column.adapter is None:
            raise UserError("The base has no strength to turn.", "Focus an adapter's pane first.")
        self.chat.state.set_strength(number, column.strength + step)
        self.chat.emit(SettingsChanged())
        return self.chat.state.column(number) or column
