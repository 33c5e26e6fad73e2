"""Actions of the chat screen that open a dialog, another screen, an editor or the clipboard."""

from __future__ import annotations

import asyncio

from textual import work

from aligntui.core.errors import AligntuiError, UserError
from aligntui.core.printable import one_line
from aligntui.core.prompt_format import Mode
from aligntui.tui.screens.chat_board import ChatBoard
from aligntui.tui.widgets.answer_pane import PaneScroll
from aligntui.tui.widgets.text_box import InstructionBox, PromptBox
from aligntui.workbench.chat_state import Column
from aligntui.workbench.judging import hidden


class ChatDialogs(ChatBoard):
    """What the chat screen asks in dialogs, and what it does with the answers."""

    @work(group="dialog", exclusive=True)
    async def action_pick_instruction(self) -> None:
        """Pick from the library, or save there."""
        from aligntui.tui.modals.instruction_picker import InstructionPicker
        from aligntui.workbench.instructions import save_own

        types = list(self.bench.library.types)
        picked = await self.app.push_screen_wait(
            InstructionPicker(types, self.chat.state.instruction, lambda title, text: save_own(self.bench, title, text))
        )
        if picked is not None:
            self.chat.set_instruction(picked)
            self.query_one(InstructionBox).show(picked.text)
            self.say(f"Instruction {picked.label}: counts from the next answer on. F5 answers the turn again.")

    @work(group="dialog", exclusive=True)
    async def action_pick_adapter(self) -> None:
        """Another adapter for the focused column; the last one where the base has the focus."""
        place = self.column
        columns = self.chat.state.columns
        if columns[place].adapter is None and len(columns) > 1 and not isinstance(self.focused, PaneScroll):
            place = len(columns) - 1
        await self._choose_column(place, f"Adapter of column {place + 1}")

    @work(group="dialog", exclusive=True)
    async def action_add_column(self) -> None:
        """One more column."""
        await self._choose_column(len(self.chat.state.columns), "A further column")

    async def _choose_column(self, place: int, title: str) -> None:
        from aligntui.tui.modals.adapter_picker import AdapterPicker
        from aligntui.workbench import adapters

        columns = self.chat.state.columns
        current = columns[place] if place < len(columns) else Column()
        found = await asyncio.to_thread(adapters.choices, self.bench.workspace)
        choice = await self.app.push_screen_wait(AdapterPicker(title, found, current.adapter, current.strength))
        if choice is not None:
            self.act(self.chat.set_column(place, Column(choice.adapter, choice.strength)))

    @work(group="dialog", exclusive=True)
    async def action_settings(self) -> None:
        """Sampling, seed, mode, history, blind mode."""
        from aligntui.tui.modals.settings_form import SettingsForm

        s = self.chat.settings
        values = {name: getattr(s, name, None) for name in ("mode", "injection_every", "history", "blind", "annotator")}
        values |= vars(s.sampling)
        changed = await self.app.push_screen_wait(SettingsForm(values))
        if changed is not None:
            sampling = {name: changed.pop(name) for name in vars(s.sampling)}
            self.attempt(lambda: self.chat.set_sampling(**sampling))
            self.chat.change(**{**changed, "mode": Mode(changed["mode"])})

    @work(group="dialog", exclusive=True)
    async def action_sessions(self) -> None:
        """List, search, resume."""
        from aligntui.tui.screens.sessions import SessionsScreen

        current = self.chat.session.id if self.chat.session else None
        chosen = await self.app.push_screen_wait(
            SessionsScreen(self.chat.store, current, str(self.bench.workspace.exports))
        )
        if chosen is not None:
            self.act(self.moves.open_session(chosen.session_id, chosen.turn_id))

    @work(group="dialog", exclusive=True)
    async def action_edit_answer(self) -> None:
        """Edit the focused answer; the edited text may become the chosen one."""
        from aligntui.tui.modals.text_dialogs import AnswerEditor

        try:
            answer = self.focused_answer()
        except AligntuiError as error:
            self.say(error.message, error.hint, "warning")
            return
        column = self.column
        edited = await self.app.push_screen_wait(AnswerEditor(answer.text, one_line(answer.side, 40)))
        if edited is not None:
            self.act(self._keep_edit(column, answer.id, edited.text, edited.chosen))

    async def _keep_edit(self, column: int, original_id: str, text: str, chosen: bool) -> None:
        version = await self.chat.edit_answer(column, text)
        if chosen:
            await self.judge.prefer_edit(version, original_id)

    @work(group="dialog", exclusive=True)
    async def action_note(self) -> None:
        """Reason and tags of the last verdict."""
        from aligntui.tui.modals.text_dialogs import NoteEditor

        pair = self.last_pair
        if pair is None or pair.undone:
            self.say("There is no verdict to give a reason for.", "Judge first: 1 2 3 4 5.", "warning")
            return
        note = await self.app.push_screen_wait(NoteEditor(pair.reason, pair.tags))
        if note is not None:

            async def annotate() -> None:
                self.last_pair = await self.judge.annotate(pair, note.reason, note.tags)
                self.say("Reason stored.")

            self.act(annotate())

    def action_details(self) -> None:
        """Every condition of the focused answer."""
        from aligntui.tui.modals.readers import Reader, conditions_content

        def show() -> None:
            exchange = self.chat.state.selected
            take = exchange.take if exchange else None
            if hidden(take):
                raise UserError(
                    "The sides are hidden until you judge.", "1 2 3 4 5 judge; then i shows the conditions."
                )
            answer = self.focused_answer()
            other = next((a for a in take.answers() if a.column != answer.column), None) if take else None
            self.app.push_screen(Reader("Conditions", conditions_content(answer, other)))

        self.attempt(show)

    def action_open_editor(self) -> None:
        """Write the prompt, or the instruction, in $EDITOR."""
        from aligntui.tui.external_editor import edit_outside

        box = self.focused if isinstance(self.focused, InstructionBox) else self.query_one(PromptBox)

        def edit() -> None:
            text = edit_outside(self.app, box.text, self.bench.settings.editor)
            if text is not None:
                box.load_text(text)
                box.move_cursor(box.document.end)
                if isinstance(box, PromptBox):
                    box.focus()

        self.attempt(edit)

    def action_copy_answer(self) -> None:
        """Copy the focused answer."""

        def copy() -> None:
            answer = self.focused_answer()
            self.say(self.app.copy_out(answer.text, "the answer"))  # type: ignore[attr-defined]

        self.attempt(copy)

    def action_copy_code(self) -> None:
        """Copy the next code block of the focused answer."""
        from aligntui.tui.clipboard import code_blocks

        def copy() -> None:
            answer = self.focused_answer()
            blocks = code_blocks(answer.text)
            if not blocks:
                raise UserError("The answer has no code block.", "y copies the whole answer.")
            at = self._code_at.get(answer.id, -1) + 1
            self._code_at[answer.id] = at
            number = at % len(blocks)
            self.say(self.app.copy_out(blocks[number], f"code block {number + 1} of {len(blocks)}"))  # type: ignore[attr-defined]

        self.attempt(copy)
