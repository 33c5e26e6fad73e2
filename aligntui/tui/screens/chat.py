"""The chat screen: arranges panes, boxes and lines, and forwards keys to the workbench. Decisions live there, not here."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.events import Resize

from aligntui.config.keys import BY_ID
from aligntui.core.instruction import Instruction
from aligntui.core.pair import Verdict
from aligntui.core.printable import one_line
from aligntui.core.turn import Finish
from aligntui.tui.bindings import bindings
from aligntui.tui.screens.chat_dialogs import ChatDialogs
from aligntui.tui.turn_text import View
from aligntui.tui.widgets.answer_pane import TurnBlock
from aligntui.tui.widgets.text_box import InstructionBox, PromptBox
from aligntui.workbench.chat_state import Phase


class ChatScreen(ChatDialogs):
    """Base and adapters side by side."""

    HELP = "**Chat.** One prompt goes to every column; the answers stream side by side from one batch."
    BINDINGS: ClassVar[list[BindingType]] = bindings("chat", "board")

    # what the user does -------------------------------------------------------------------------

    @on(PromptBox.Sent)
    def _sent(self, event: PromptBox.Sent) -> None:
        async def send() -> None:
            box = self.query_one(PromptBox)
            await self.chat.send(event.text)
            if box.text == event.text:
                box.sent(event.text)

        self.act(send())

    @on(InstructionBox.Edited)
    def _instruction_edited(self, event: InstructionBox.Edited) -> None:
        self.chat.set_instruction(Instruction(event.text))

    @on(TurnBlock.Selected)
    def _turn_selected(self, event: TurnBlock.Selected) -> None:
        self._select(event.exchange_id)

    def on_descendant_focus(self) -> None:
        """The focused pane is the one that keys act on; in a small terminal it is the one shown."""
        _ = self.place
        self._layout()

    def on_resize(self, _event: Resize) -> None:
        """One pane or several."""
        self._layout()

    def key_applies(self, action_id: str) -> bool:
        """Whether a key belongs in the footer now."""
        state = self.chat.state
        take = state.selected.take if state.selected else None
        two = bool(take and len(take.answers()) > 1 and not take.live)
        match action_id:
            case "chat.restart":
                return state.engine.phase in (Phase.FAILED, Phase.EXITED)
            case "board.left_better" | "board.right_better" | "board.tie" | "board.both_bad" | "board.skip":
                return two and not isinstance(self.focused, PromptBox | InstructionBox)
            case "board.undo":
                return self.last_pair is not None and not self.last_pair.undone
            case "board.continue":
                answer = take.shown(self.column) if take else None
                return bool(answer and answer.finish in (Finish.LENGTH, Finish.CANCELLED, Finish.FAILED, Finish.EDITED))
            case "chat.rerun" | "board.regenerate" | "board.edit" | "board.details":
                return bool(take and not take.live)
        return BY_ID[action_id].footer if action_id in BY_ID else True

    def action_escape(self) -> None:
        """Stop; or leave the prompt box; or go back to it."""
        if self.chat.state.streaming:
            self.action_stop()
        elif isinstance(self.focused, PromptBox | InstructionBox):
            self._focus_place(self.place)
        else:
            self.query_one(PromptBox).focus()

    def action_stop(self) -> None:
        """Stop what streams."""
        if self.chat.state.streaming:
            self.run_worker(self._guard(self.chat.stop()), group="stop")
        else:
            self.say("Nothing is being answered. Ctrl+Q quits.")

    def action_rerun(self) -> None:
        """Answer the selected turn again."""
        self.act(self.chat.rerun())

    def action_regenerate(self) -> None:
        """Answer the selected turn with the next seed."""
        self.act(self.chat.regenerate())

    def action_continue_answer(self) -> None:
        """Let the focused answer go on."""
        self.act(self.chat.continue_answer(self.column))

    def action_judge(self, verdict: str) -> None:
        """Record a verdict."""
        self.act(self.judge.judge(Verdict(verdict), self.place))

    def action_undo(self) -> None:
        """Take the last verdict back."""
        self.act(self.judge.undo())

    def action_branch(self) -> None:
        """Go on from the selected turn."""
        self.attempt(self.moves.branch)
        self.query_one(PromptBox).focus()

    def action_edit_prompt(self) -> None:
        """Take the selected prompt into the box."""

        async def take() -> None:
            text = await self.moves.take_prompt()
            box = self.query_one(PromptBox)
            box.load_text(text)
            box.move_cursor(box.document.end)
            box.focus()

        self.act(take())

    def action_take(self, step: int) -> None:
        """Show another take."""
        self.act(self.moves.move_take(step))

    def action_branch_switch(self, step: int) -> None:
        """Show another branch."""
        self.act(self.moves.move_branch(step))

    def action_cycle_mode(self) -> None:
        """Next instruction mode."""
        mode = self.chat.cycle_mode()
        self.say(f"Mode {mode.value}: counts from the next answer on. F5 answers the turn again.")

    def action_cycle_view(self) -> None:
        """Plain, diff, gap."""
        views = list(View)
        self.view = views[(views.index(self.view) + 1) % len(views)]
        explain = {
            View.PLAIN: "View: plain.",
            View.DIFF: "View: word diff. ▸ marks where the two part; bright words stand on one side only.",
            View.GAP: "View: log π adapter − log π base for each token. Green, bold: the adapter likes it more. Red, underlined: less.",
        }
        self.say(explain[self.view])
        self.draw_all()
        if self.view is View.GAP:
            self.measure_gaps()

    def action_strength(self, step: float) -> None:
        """Turn the dial."""

        def turn() -> None:
            column = self.chat.state.columns[self.column]
            self.chat.set_strength(self.column, column.strength + step)
            self.say(
                f"{one_line(self.chat.state.columns[self.column].label)}: counts from the next answer on. F5 answers the turn again."
            )

        self.attempt(turn)

    def action_toggle_blind(self) -> None:
        """Blind mode on or off."""
        self.chat.change(blind=not self.chat.settings.blind)
        self.say(
            "Blind mode on: from the next answers on the sides are shuffled and unnamed until judged."
            if self.chat.settings.blind
            else "Blind mode off."
        )

    def action_remove_column(self) -> None:
        """Take the focused column off."""
        self.attempt(self.chat.remove_column, self.column)

    def action_new_session(self) -> None:
        """Empty board."""

        async def fresh() -> None:
            await self.moves.new_session()
            self.query_one(PromptBox).focus()
            self.say("New session.")

        self.act(fresh())

    def action_restart_engine(self) -> None:
        """Start the engine again."""
        if self.chat.state.engine.phase in (Phase.READY, Phase.BUSY, Phase.LOADING):
            self.say("The engine is running.")
            return
        self.run_worker(self.chat.start_engine(), group="engine", exclusive=True)

    # moving about -------------------------------------------------------------------------------

    def _focus_place(self, place: int) -> None:
        panes = self.panes
        if panes:
            self._place = place % len(panes)
            if self.zoomed is not None:
                self.zoomed = self._place
            panes[self._place].display = True
            panes[self._place].scroll.focus()
            self._layout()

    def action_focus_pane(self, step: int) -> None:
        """Focus the next pane."""
        self._focus_place(self.place + step)

    def action_focus_prompt(self) -> None:
        """Go to the prompt."""
        self.query_one(PromptBox).focus()

    def action_focus_instruction(self) -> None:
        """Go to the instruction."""
        self.query_one(InstructionBox).focus()

    def action_zoom(self) -> None:
        """One pane alone."""
        self.zoomed = self.place if self.zoomed is None else None
        self._layout()

    def action_select_turn(self, step: int) -> None:
        """Select the turn above or below."""
        state = self.chat.state
        index = state.selected_index + step
        if index < 0 and state.more_above:
            self.act(self.moves.load_above())
        elif 0 <= index < len(state.exchanges):
            self._select(state.exchanges[index].id)

    def _select(self, exchange_id: str) -> None:
        state = self.chat.state
        before = state.selected
        state.selected_id = exchange_id
        for pane in self.panes:
            for exchange in (before, state.selected):
                if exchange:
                    pane.show_exchange(state, exchange, self.view, len(self.panes))
            pane.to_exchange(state.selected_index)
        if self.view is View.GAP:
            self.measure_gaps()
        self.draw_lines()

    def action_scroll_by(self, lines: int) -> None:
        """Scroll the focused pane."""
        self.panes[self.place].scroll.scroll_relative(y=lines, animate=False)

    def action_scroll_edge(self, edge: int) -> None:
        """Go to the first or last turn."""
        scroll = self.panes[self.place].scroll
        if edge > 0:
            scroll.scroll_end(animate=False)
        elif scroll.scroll_y <= 0 and self.chat.state.more_above:
            self.act(self.moves.load_above())
        else:
            scroll.scroll_home(animate=False)
