"""Actions of the chat screen that open a dialog, another screen, an editor or the clipboard."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from aligntui.core.errors import AligntuiError, UserError
from aligntui.core.printable import one_line
from aligntui.core.prompt_format import Mode
from aligntui.tui.screens.chat_board import ChatBoard
from aligntui.tui.widgets.answer_pane import PaneScroll
from aligntui.tui.widgets.text_box import InstructionBox, PromptBox
from aligntui.workbench import blind
from aligntui.workbench.chat_state import AnswerState, Column

if TYPE_CHECKING:
    from aligntui.workbench.curation.browser import PairBrowser


class ChatDialogs(ChatBoard):
    """What the chat screen asks in dialogs, and what it does with the answers."""

    browser: PairBrowser | None = None
    """Filter, order and marks of the pairs screen, kept while it is left."""

    def dialog(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine that opens a dialog, one at a time."""
        if len(self.app.screen_stack) > 2:
            work.close()
            return
        self.work_on(work, group="dialog")

    # instruction ------------------------------------------------------------------------------------

    def action_pick_instruction(self) -> None:
        """Pick from the library, or save there."""
        self.dialog(self._pick_instruction())

    async def _pick_instruction(self) -> None:
        from aligntui.tui.modals.instruction_picker import InstructionPicker
        from aligntui.workbench.instructions import save_own

        types = list(self.bench.library.types)
        picked = await self.app.push_screen_wait(
            InstructionPicker(types, self.chat.state.instruction, lambda title, text: save_own(self.bench, title, text))
        )
        if picked is not None:
            self.chat.set_instruction(picked)
            self.query_one(InstructionBox).show(picked.text)
            self.say(
                f"Instruction {picked.label}: counts from the next answer on. {{key:chat.rerun}} answers the turn again."
            )
        else:  # what stands in the bar may have got a name
            self.chat.set_instruction(self.bench.library.named(self.chat.state.instruction.text))

    # columns ----------------------------------------------------------------------------------------

    def action_pick_adapter(self) -> None:
        """Another adapter for the focused column; the last one where no pane has the focus and the base stands first."""

        def pick() -> None:
            blind.refuse_while_hidden(self.selected_take())
            columns = self.chat.state.columns
            column = self.chat.state.column(self.column) or columns[-1]
            if column.adapter is None and not isinstance(self.focused, PaneScroll):
                column = columns[-1]
            place = columns.index(column) + 1
            self.dialog(self._choose_column(column, f"Adapter of column {place}"))

        self.attempt(pick)

    def action_add_column(self) -> None:
        """One more column."""
        self.dialog(self._choose_column(None, "A further column"))

    async def _choose_column(self, column: Column | None, title: str) -> None:
        from aligntui.tui.modals.adapter_picker import AdapterPicker
        from aligntui.workbench import adapters

        found = await asyncio.to_thread(adapters.choices, self.bench.workspace)
        choice = await self.app.push_screen_wait(AdapterPicker(title, found, column or Column()))
        if choice is not None:
            self.act(self._put(choice, column))

    async def _put(self, choice: Column, column: Column | None) -> None:
        await self.columns.put(choice, column.number if column else None)
        if column is None:
            self.focus_new_pane = True
            self.draw_all()

    # settings and sessions ----------------------------------------------------------------------------

    def action_settings(self) -> None:
        """Sampling, seed, mode, history, blind mode."""
        self.dialog(self._settings())

    async def _settings(self) -> None:
        from aligntui.tui.modals.settings_form import SettingsForm

        s = self.chat.settings
        values = {name: getattr(s, name, None) for name in ("mode", "injection_every", "history", "blind", "annotator")}
        values |= vars(s.sampling)
        changed = await self.app.push_screen_wait(SettingsForm(values))
        if changed:
            sampling = {name: changed.pop(name) for name in vars(s.sampling) if name in changed}
            if "mode" in changed:
                changed["mode"] = Mode(changed["mode"])
            self.chat.set_sampling(**sampling)
            self.chat.change(**changed)
            self.draw_all()
            self.say("The settings count from the next answer on. {key:chat.rerun} answers the turn again.")

    def action_sessions(self) -> None:
        """List, search, resume."""
        self.dialog(self._sessions())

    async def _sessions(self) -> None:
        from aligntui.tui.screens.sessions import SessionsScreen

        current = self.chat.session.id if self.chat.session else None
        chosen = await self.app.push_screen_wait(
            SessionsScreen(self.chat.store, current, str(self.bench.workspace.exports))
        )
        if chosen is not None:
            self.act(self.moves.open_session(chosen.session_id, chosen.turn_id))
        else:
            self.act(self.moves.refresh_name())

    def action_switch(self) -> None:
        """Ask one prompt under many instructions."""
        self.dialog(self._switch())

    async def _switch(self) -> None:
        from aligntui.tui.screens.switch import SwitchScreen

        await self.app.push_screen_wait(SwitchScreen(self.console.switch_sheet))
        if self.chat.session is not None:
            self.act(self.moves.refresh_verdicts())

    def action_train(self) -> None:
        """Start, watch and compare training runs."""
        self.dialog(self._train())

    async def _train(self) -> None:
        from aligntui.tui.screens.train import TrainScreen

        said = await self.app.push_screen_wait(TrainScreen(self.console.train_desk))
        if said:  # a checkpoint was put beside the base
            self.say(said)

    def action_score(self) -> None:
        """Ask suites of base and adapters, judge, compare."""
        self.dialog(self._score())

    async def _score(self) -> None:
        from aligntui.tui.screens.score import ScoreScreen

        await self.app.push_screen_wait(ScoreScreen(self.console.score_desk, self.bench.workspace.exports))

    def action_pairs(self) -> None:
        """Browse the pairs."""
        self.dialog(self._pairs())

    async def _pairs(self) -> None:
        from aligntui.store import PairFilter, PairSort
        from aligntui.tui.screens.pairs import PairsScreen
        from aligntui.workbench.curation.browser import PairBrowser

        if self.browser is None:
            annotator = self.chat.settings.annotator
            self.browser = PairBrowser(self.chat.store, annotator, PairFilter(), PairSort.NEWEST)
        self.browser.annotator = self.chat.settings.annotator
        turn = await self.app.push_screen_wait(PairsScreen(self.browser, self._queue_screen))
        if turn is not None:
            self.act(self.moves.open_session(turn.session_id, turn.turn_id))
        elif self.chat.session is not None:
            self.act(self.moves.refresh_verdicts())

    def _queue_screen(self) -> Screen[None]:
        from aligntui.tui.screens.queue import QueueScreen
        from aligntui.workbench.curation.queue import JudgingSession

        return QueueScreen(JudgingSession(self.chat.store, self.chat.settings.annotator), self.chat)

    # answers ----------------------------------------------------------------------------------------

    def action_edit_answer(self) -> None:
        """Edit the focused answer; the edited text may become the chosen one."""

        def edit() -> None:
            target = self.target()
            answer = target.whole_answer()
            if answer.live or answer.record is None:
                raise UserError("Only a finished answer can be edited.", "Wait for it, or press Esc to stop it.")
            name = blind.name_of(target.whole_take(), answer, self.chat.state.numbers)
            self.dialog(self._edit_answer(answer, one_line(name, 40)))

        self.attempt(edit)

    async def _edit_answer(self, answer: AnswerState, name: str) -> None:
        from aligntui.tui.modals.text_dialogs import AnswerEditor

        text, problem = answer.text, ""
        while True:  # what was written stays in the editor until it is stored
            edited = await self.app.push_screen_wait(AnswerEditor(answer.text, name, text, problem))
            if edited is None:
                return
            try:
                version = await self.chat.edit_answer(answer, edited.text)
                if edited.chosen:
                    await self.judge.prefer_edit(version, answer.id)
                return
            except AligntuiError as error:
                text, problem = edited.text, str(error)

    def action_note(self) -> None:
        """Reason and tags of the selected turn's verdict, or of the last one given."""
        self.dialog(self._note())

    async def _note(self) -> None:
        from aligntui.tui.modals.text_dialogs import NoteEditor

        take = self.selected_take()
        pair = (take.verdict if take else None) or self.last_pair
        if pair is None or pair.undone:
            raise UserError("There is no verdict to give a reason for.", "Judge first: 1 2 3 4 5.")
        reason, tags, problem = pair.reason, pair.tags, ""
        while True:
            note = await self.app.push_screen_wait(NoteEditor(reason, tags, problem))
            if note is None:
                return
            try:
                self.last_pair = await self.judge.annotate(pair, note.reason, note.tags)
                self.say("Reason stored.")
                return
            except AligntuiError as error:
                reason, tags, problem = note.reason, note.tags, str(error)

    def action_details(self) -> None:
        """Every condition of the focused answer."""
        from aligntui.tui.modals.readers import Reader, conditions_content

        def show() -> None:
            target = self.target()
            take = target.whole_take()
            blind.refuse_while_hidden(take)
            answer = target.whole_answer()
            other = next((a for a in take.answers() if a.column != answer.column), None)
            self.app.push_screen(Reader("Conditions", conditions_content(answer, other)))

        self.attempt(show)

    # text outside ------------------------------------------------------------------------------------

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
        self.attempt(lambda: self.say(self.console.copy_out(self.target().whole_answer().text, "the answer")))

    def action_copy_code(self) -> None:
        """Copy the next code block of the focused answer."""
        from aligntui.tui.clipboard import code_blocks

        def copy() -> None:
            answer = self.target().whole_answer()
            blocks = code_blocks(answer.text)
            if not blocks:
                raise UserError("The answer has no code block.", "y copies the whole answer.")
            number = self._next_code.get(answer.id, 0) % len(blocks)
            self._next_code[answer.id] = number + 1
            self.say(self.console.copy_out(blocks[number], f"code block {number + 1} of {len(blocks)}"))

        self.attempt(copy)
