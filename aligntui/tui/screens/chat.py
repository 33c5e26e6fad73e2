"""The chat screen: keys to actions. What is acted on is taken at the key press; decisions live in the workbench."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import on
from textual.binding import BindingType

from aligntui.config.keys import BY_ID
from aligntui.core.pair import Verdict
from aligntui.core.printable import one_line
from aligntui.core.turn import Finish
from aligntui.tui.bindings import bindings
from aligntui.tui.screens.chat_dialogs import ChatDialogs
from aligntui.tui.turn_text import View
from aligntui.tui.widgets.answer_pane import TurnBlock
from aligntui.tui.widgets.text_box import InstructionBox, PromptBox
from aligntui.workbench import blind
from aligntui.workbench.chat_state import Phase
from aligntui.workbench.judging import choosable, contestants, judged_places

JUST_ENDED_S = 0.25
"""So soon after the answers ended Esc was meant to stop them."""
ASK_AGAIN_S = 4.0
"""A running engine is started again, and a board with turns cleared, only when the key is pressed twice within this time."""


class ChatScreen(ChatDialogs):
    """Base and adapters side by side."""

    HELP = (
        "**Chat.** One prompt goes to every column; the answers stream side by side from one batch. "
        "{key:chat.escape} leaves the prompt box, {key:board.prompt} goes back to it."
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings("chat", "board")

    # sending and answering ------------------------------------------------------------------------

    @on(PromptBox.Sent)
    def _sent(self, event: PromptBox.Sent) -> None:
        box = self.query_one(PromptBox)
        if not event.text.strip():
            self.say("The prompt is empty. Type something first.")
            return
        box.sent(event.text)  # emptied now: what is typed meanwhile is the next prompt

        async def send() -> None:
            before = self.chat.state.last
            try:
                await self.chat.send(event.text)
            finally:
                if self.chat.state.last is before or self.chat.state.last is None:
                    box.take_back(event.text)

        self.act(send())

    @on(InstructionBox.Edited)
    def _instruction_edited(self, event: InstructionBox.Edited) -> None:
        self.chat.set_instruction(self.bench.library.named(event.text))

    @on(TurnBlock.Selected)
    def _turn_selected(self, event: TurnBlock.Selected) -> None:
        self.select(event.exchange_id)

    def action_escape(self) -> None:
        """Stop; or go from the prompt box to the answers. Once more changes nothing, so that it is safe to press."""
        if self.chat.state.streaming:
            self.action_stop()
        elif isinstance(self.focused, PromptBox | InstructionBox):
            if (
                time.monotonic() - self.streamed_at < JUST_ENDED_S
            ):  # it was meant for the answers, and letters would be keys
                self.say("The answers had ended already; once more goes to them.")
                self.streamed_at = 0.0
                return
            self.focus_place(self.place)
        else:
            self.say(f"{self.key('board.prompt')} goes to the prompt.")

    def action_stop(self) -> None:
        """Stop what streams; an engine that does not listen is ended and started again."""
        if not self.chat.state.streaming:
            self.say("Nothing is being answered. {key:global.quit} quits.")
        elif not self.stopping:
            self.work_on(self._stop(), group="stop")

    async def _stop(self) -> None:
        self.stopping = True
        try:
            if not await self.chat.stop():
                self.say("The engine did not stop within 2 s and was ended; it is being started again.", "", "warning")
                await self.columns.start_engine()
        finally:
            self.stopping = False

    def action_rerun(self) -> None:
        """Answer the selected turn again."""
        self.attempt(lambda: self.act(self.chat.rerun(self.target().exchange)))

    def action_regenerate(self) -> None:
        """Answer the selected turn with the next seed."""
        self.attempt(lambda: self.act(self.chat.regenerate(self.target().exchange)))

    def action_continue_answer(self) -> None:
        """Let the focused answer go on."""

        def go_on() -> None:
            target = self.target()
            self.act(self.chat.continue_answer(target.exchange, target.whole_take(), target.whole_answer()))

        self.attempt(go_on)

    def action_restart_engine(self) -> None:
        """Start the engine again; one that runs only when asked twice."""
        engine = self.chat.state.engine
        running = engine.phase in (Phase.READY, Phase.BUSY, Phase.LOADING)
        if running and not self.asked_twice("restart", ASK_AGAIN_S):
            self.say("The engine is running. Press the key again to end it and start it anew.")
            return
        self.work_on(self.columns.start_engine(), group="engine")

    # judging --------------------------------------------------------------------------------------

    def action_judge(self, verdict: str) -> None:
        """Record a verdict over what is on the screen now."""

        def judge() -> None:
            target = self.target()
            take = target.whole_take()
            sides = contestants(take, self.chat.state.numbers, self.place)
            different = [
                name
                for name in take.unintended_differences(sides[0].column, sides[1].column)
                if name != "rendered_prompt"
            ]
            if different:
                self.say(
                    f"Judged over unequal conditions: {', '.join(different)} differ too ({{key:board.details}} shows them).",
                    "",
                    "warning",
                )
            self.act(self.judge.judge(target.exchange, take, sides, Verdict(verdict)))

        self.attempt(judge)

    def action_undo(self) -> None:
        """Take the last verdict back."""
        self.act(self.judge.undo())

    def action_toggle_blind(self) -> None:
        """Blind mode on or off."""
        self.chat.change(blind=not self.chat.settings.blind)
        if not self.chat.settings.blind:
            blind.stand_in_order(self.chat.state)
        self.draw_all()
        self.say(
            "Blind mode on: from the next answers on the sides are shuffled and unnamed until judged."
            if self.chat.settings.blind
            else "Blind mode off for the next answers; what is hidden now stays hidden until judged."
        )

    # the tree -------------------------------------------------------------------------------------

    def action_branch(self) -> None:
        """Go on from the selected turn."""

        def branch() -> None:
            exchange = self.target().exchange

            async def go() -> None:
                left = await self.moves.branch(exchange)
                turns = "1 later turn stays" if left == 1 else f"{left} later turns stay"
                self.say(f"The next prompt goes on from here; {turns} in a branch of its own (}} shows it).")
                self.query_one(PromptBox).focus()

            self.act(go())

        self.attempt(branch)

    def action_edit_prompt(self) -> None:
        """Take the selected prompt into the box; a draft there goes to the earlier prompts."""

        def edit() -> None:
            exchange = self.target().exchange

            async def take() -> None:
                text = await self.moves.take_prompt(exchange)
                self.query_one(PromptBox).replace_draft(text)

            self.act(take())

        self.attempt(edit)

    def action_take(self, step: int) -> None:
        """Show another take."""
        self.attempt(lambda: self.act(self.moves.move_take(self.target().exchange, step)))

    def action_version(self) -> None:
        """Show another version of the focused answer."""

        def other() -> None:
            target = self.target()
            answer = target.whole_answer()

            async def show() -> None:
                number = await self.moves.move_version(target.exchange, answer)
                self.say(f"Version {number} of this answer; verdicts and the next prompt take what is shown.")

            self.act(show())

        self.attempt(other)

    def action_branch_switch(self, step: int) -> None:
        """Show another branch."""
        self.attempt(lambda: self.act(self.moves.move_branch(self.target().exchange, step)))

    def action_new_session(self) -> None:
        """Empty board."""

        async def fresh() -> None:
            await self.moves.new_session()
            self.query_one(PromptBox).focus()
            self.say("New session.")

        if self.chat.state.exchanges and not self.asked_twice("new", ASK_AGAIN_S):
            self.say(f"{self.key('board.new_session')} once more starts a new session; this one stays in the list.")
            return
        self.act(fresh())

    # settings -------------------------------------------------------------------------------------

    def action_cycle_mode(self) -> None:
        """Next instruction mode."""
        mode = self.chat.cycle_mode()
        self.say(f"Mode {mode.value}: counts from the next answer on. {{key:chat.rerun}} answers the turn again.")

    def action_cycle_view(self) -> None:
        """Plain, diff, gap."""
        views = list(View)
        self.view = views[(views.index(self.view) + 1) % len(views)]
        explain = {
            View.PLAIN: "View: plain.",
            View.DIFF: "View: word diff. ▸ marks where the two part; bright words stand on one side only.",
            View.GAP: "View: log π adapter − log π base. Bold: the adapter likes the token more; underlined: less.",
        }
        self.say(explain[self.view])
        self.draw_all()
        if self.view is View.GAP:
            for answer in take.answers() if (take := self.selected_take()) else ():
                answer.gap_tried = answer.gap is not None
            self.measure_gaps()

    def action_strength(self, step: float) -> None:
        """Turn the dial of the focused column."""

        def turn() -> None:
            blind.refuse_while_hidden(self.selected_take())
            column = self.columns.turn_dial(self.column, step)
            self.say(
                f"{one_line(column.label)}: counts from the next answer on. {{key:chat.rerun}} answers the turn again."
            )

        self.attempt(turn)

    def action_remove_column(self) -> None:
        """Take the focused column off."""

        def remove() -> None:
            blind.refuse_while_hidden(self.selected_take())
            self.act(self.columns.remove(self.column))

        self.attempt(remove)

    # moving about -----------------------------------------------------------------------------------

    def key_applies(self, action_id: str) -> bool:
        """Whether a key belongs in the footer now."""
        take = self.selected_take()
        two = bool(take and len(take.answers()) > 1 and not take.live)
        if action_id.startswith("board.") and isinstance(self.focused, PromptBox | InstructionBox):
            return False
        match action_id:
            case "chat.restart":
                return self.chat.state.engine.phase in (Phase.FAILED, Phase.EXITED, Phase.GAVE_WAY)
            case "board.left_better" | "board.right_better":
                return two and self._can_be_chosen(0 if action_id == "board.left_better" else 1)
            case "board.tie" | "board.both_bad" | "board.skip":
                return two
            case "board.undo":
                return any(taken.verdict for e in self.chat.state.exchanges for taken in e.takes)
            case "chat.escape":
                return self.chat.state.streaming or isinstance(self.focused, PromptBox | InstructionBox)
            case "board.continue":
                answer = take.shown(self.column) if take else None
                return bool(answer and answer.finish in (Finish.LENGTH, Finish.CANCELLED, Finish.FAILED, Finish.EDITED))
            case "chat.rerun" | "board.regenerate" | "board.edit" | "board.details":
                return bool(take and not take.live)
        return bool(BY_ID[action_id].footer) if action_id in BY_ID else True

    def _can_be_chosen(self, side: int) -> bool:
        """Whether the left (0) or right (1) answer under judgement can be the chosen one."""
        take = self.selected_take()
        places = judged_places(take, self.chat.state.numbers, self.place)
        if take is None or len(places) < 2:
            return False
        answer = take.shown(blind.order(take, self.chat.state.numbers)[places[side]])
        return bool(answer and choosable(answer))

    def key_label(self, action_id: str) -> str:
        """Another word for a key in the footer where it does something else just now."""
        return "Stop" if action_id == "chat.escape" and self.chat.state.streaming else ""

    def action_focus_pane(self, step: int) -> None:
        """Focus the next pane."""
        self.focus_place(self.place + step)

    def action_focus_prompt(self) -> None:
        """Go to the prompt."""
        self.query_one(PromptBox).focus()

    def action_focus_instruction(self) -> None:
        """Go to the instruction."""
        self.query_one(InstructionBox).focus()

    def action_zoom(self) -> None:
        """One pane alone."""
        self.zoomed = self.place if self.zoomed is None else None
        self.lay_out()

    def action_select_turn(self, step: int) -> None:
        """Select the turn above or below."""
        state = self.chat.state
        index = state.selected_index + step
        if index < 0 and state.more_above:
            self.act(self.moves.load_above())
        elif 0 <= index < len(state.exchanges):
            self.select(state.exchanges[index].id)

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
