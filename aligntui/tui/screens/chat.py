"""The chat screen: arranges panes, boxes and lines, and forwards keys to the workbench. Decisions live there, not here."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Static

from aligntui.config.keys import BY_ID
from aligntui.core.errors import AligntuiError, UserError
from aligntui.core.instruction import Instruction
from aligntui.core.pair import Pair, Verdict
from aligntui.core.printable import one_line
from aligntui.core.prompt_format import Mode
from aligntui.core.turn import Finish
from aligntui.tui.bindings import bindings
from aligntui.tui.bug_report import write_bug_report
from aligntui.tui.turn_text import View
from aligntui.tui.widgets.answer_pane import AnswerPane, PaneScroll, TurnBlock
from aligntui.tui.widgets.lines import ConditionsLine, KeyBar, StatusLine, WarningLine
from aligntui.tui.widgets.text_box import InstructionBox, PromptBox
from aligntui.workbench.changes import (
    AnswerChanged,
    BoardChanged,
    Change,
    EngineChanged,
    ExchangeChanged,
    Judged,
    Noticed,
    SettingsChanged,
)
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import AnswerState, Column, Exchange, Phase
from aligntui.workbench.judging import Judge, hidden, order
from aligntui.workbench.opening import Workbench

NARROW = 100
"""Below this many columns of cells one pane has the screen; the others are one key away."""
FLUSH_S = 0.05
"""Streaming text is drawn at most this often: a repaint costs more than a token."""


class ChatScreen(Screen[None]):
    """Base and adapters side by side."""

    CSS_PATH = "chat.tcss"
    AUTO_FOCUS = "PromptBox"
    HELP = "**Chat.** One prompt goes to every column; the answers stream side by side from one batch."
    BINDINGS: ClassVar[list[BindingType]] = bindings("chat", "board")

    def __init__(self, chat: Chat) -> None:
        super().__init__()
        self.chat = chat
        self.judge = Judge(chat)
        self.view = View.PLAIN
        self.zoomed: int | None = None
        self.last_pair: Pair | None = None
        self._place = 0
        self._order = asyncio.Lock()
        self._dirty: dict[str, Exchange] = {}
        self._flushing = False
        self._code_at: dict[str, int] = {}

    # composition --------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Conditions, instruction, panes, status, prompt, keys."""
        yield ConditionsLine()
        yield WarningLine()
        with Horizontal(id="instruction-bar"):
            yield Static("", id="instruction-label", markup=False)
            yield InstructionBox(id="instruction")
        with Horizontal(id="panes"):
            for place in range(len(self.chat.state.columns)):
                yield AnswerPane(place)
        yield StatusLine()
        yield PromptBox(id="prompt", keys=self.bench.settings.keys)
        yield KeyBar()

    def on_mount(self) -> None:
        """Draw what there is."""
        self.draw_all()

    @property
    def panes(self) -> list[AnswerPane]:
        """The answer panes from the left."""
        return list(self.query(AnswerPane))

    @property
    def place(self) -> int:
        """The pane that keys act on: the focused one, else the one focused last."""
        focused = self.focused
        if isinstance(focused, PaneScroll) and isinstance(focused.parent, AnswerPane):
            self._place = focused.parent.place
        return min(self._place, max(0, len(self.chat.state.columns) - 1))

    @property
    def column(self) -> int:
        """Column whose answer stands in the pane that keys act on."""
        exchange = self.chat.state.selected
        take = exchange.take if exchange else None
        columns = order(take, len(self.chat.state.columns))
        return columns[self.place]

    def focused_answer(self) -> AnswerState:
        """The answer that keys act on.

        Raises:
            UserError: there is none.
        """
        exchange = self.chat.state.selected
        take = exchange.take if exchange else None
        answer = take.shown(self.column) if take else None
        if answer is None:
            raise UserError("There is no answer here yet.", "Type a prompt and press Enter.")
        return answer

    # drawing ------------------------------------------------------------------------------------

    def draw_all(self, *, scroll: bool = False) -> None:
        """Draw everything from the state."""
        state = self.chat.state
        panes = self.panes
        if len(panes) != len(state.columns):
            self._fit_panes(len(state.columns))
            return
        for pane in panes:
            pane.show_board(state, self.view, self._empty_text(), len(panes))
            if scroll:
                self.call_after_refresh(pane.to_end)
        self._layout()
        self.draw_lines()

    def _fit_panes(self, wanted: int) -> None:
        async def fit() -> None:
            panes = self.panes
            box = self.query_one("#panes")
            if len(panes) < wanted:
                await box.mount(*[AnswerPane(place) for place in range(len(panes), wanted)])
            for pane in panes[wanted:]:
                await pane.remove()
            self._place = min(self._place, wanted - 1)
            self.draw_all(scroll=True)

        self.run_worker(fit(), group="panes")

    def _layout(self) -> None:
        narrow = self.size.width < NARROW and len(self.panes) > 1
        alone = self.zoomed is not None or narrow
        self.set_class(alone, "-one-pane")
        place = self.place if self.zoomed is None else min(self.zoomed, len(self.panes) - 1)
        for pane in self.panes:
            pane.display = not alone or pane.place == place
            if pane.alone != alone:
                pane.alone = alone
                pane.show_header(self.chat.state, len(self.panes))

    def draw_lines(self) -> None:
        """Draw the lines around the panes."""
        chat = self.chat
        self.query_one(ConditionsLine).show(chat)
        self.query_one(WarningLine).show(chat.state.warnings)
        label = f"{chat.state.instruction.label} · {chat.settings.mode.value}"
        self.query_one("#instruction-label", Static).update(Content.styled(label, "$text-secondary"))
        box = self.query_one(InstructionBox)
        if not box.has_focus:
            box.show(chat.state.instruction.text)
        self.query_one(StatusLine).show(chat)
        self.query_one(KeyBar).draw()

    def show_recall(self, earlier: list[str]) -> None:
        """Earlier prompts for the prompt box, newest first."""
        box = self.query_one(PromptBox)
        box.earlier = [*box.earlier, *(text for text in earlier if text not in box.earlier)]

    def _empty_text(self) -> Content:
        names = " and ".join(one_line(column.label, 30) for column in self.chat.state.columns)
        phase = self.chat.state.engine.phase
        state = {
            Phase.READY: "The model is ready.",
            Phase.FAILED: "The model is not loaded; the line above the prompt says why.",
            Phase.EXITED: "The engine is gone; F12 starts it again.",
        }.get(phase, "The model is loading; you can type already.")
        return Content.assemble(
            ("Type a prompt and press Enter.\n", "bold"),
            f"{names} answer side by side from one copy of the weights.\n\n",
            ("F2", "bold"), " picks an instruction · ", ("F5", "bold"), " answers the turn again under it\n",
            ("Esc", "bold"), " leaves the prompt box: then ", ("1 2 3 4 5", "bold"), " judge, ", ("u", "bold"), " undoes\n",
            ("F1", "bold"), " lists every key\n\n", state,
        )  # fmt: skip

    def on_change(self, change: Change) -> None:
        """Follow the workbench."""
        if not self.is_attached or not self.panes:
            return
        match change:
            case AnswerChanged(answer):
                found = self.chat.state.exchange_of(answer.id)
                if found:
                    self._later(found[0])
            case ExchangeChanged(exchange):
                self._later(exchange)
            case BoardChanged(scroll):
                self.draw_all(scroll=scroll)
            case EngineChanged():
                if not self.chat.state.exchanges and self.panes:
                    for pane in self.panes:
                        pane.show_board(self.chat.state, self.view, self._empty_text(), len(self.panes))
                self.draw_lines()
            case SettingsChanged():
                for pane in self.panes:
                    pane.show_header(self.chat.state, len(self.panes))
                self.draw_lines()
            case Judged(pair):
                self.last_pair = pair
                self._say_verdict(pair)
            case Noticed(message, hint, severity):
                self.say(message, hint, severity)

    def say(self, message: str, hint: str = "", severity: str = "information") -> None:
        """A toast, and the status line for those who look later."""
        text = f"{one_line(message)} {one_line(hint)}".strip()
        style = {"error": "$text-error", "warning": "$text-warning"}.get(severity, "")
        self.query_one(StatusLine).note(text, style)
        self.query_one(StatusLine).show(self.chat)
        if severity != "information":
            self.notify(text, severity="error" if severity == "error" else "warning", markup=False, timeout=8)

    def _say_verdict(self, pair: Pair) -> None:
        name = {
            Verdict.LEFT: "left is better",
            Verdict.RIGHT: "right is better",
            Verdict.TIE: "tie",
            Verdict.BAD: "both bad",
            Verdict.SKIP: "skipped",
        }[pair.verdict]
        scope = " · over the whole conversation (the histories differ)" if pair.scope == "conversation" else ""
        self.say(
            f"Taken back: {name}"
            if pair.undone
            else f"Stored: {name}{' (blind)' if pair.blind else ''}{scope} · t adds a reason"
        )

    def _later(self, exchange: Exchange) -> None:
        self._dirty[exchange.id] = exchange
        if not self._flushing:
            self._flushing = True
            self.set_timer(FLUSH_S, self._flush)

    def _flush(self) -> None:
        self._flushing = False
        dirty, self._dirty = self._dirty, {}
        for exchange in dirty.values():
            for pane in self.panes:
                scroll = pane.scroll
                at_end = scroll.max_scroll_y - scroll.scroll_y <= 1
                pane.show_exchange(self.chat.state, exchange, self.view, len(self.panes))
                if at_end:  # follow the text only where the reader has not scrolled away
                    self.call_after_refresh(scroll.scroll_end, animate=False)
        if self.view is View.GAP:
            self._measure_gaps()
        if not self.chat.state.streaming:
            self.query_one(StatusLine).show(self.chat)
            self.query_one(KeyBar).draw()

    # what the user does -------------------------------------------------------------------------

    def act(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run an action after those before it; what the user can mend is said, not raised."""

        async def ordered() -> None:
            async with self._order:
                await self._guard(work)

        self.run_worker(ordered(), group="chat", exit_on_error=True)

    async def _guard(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except AligntuiError as error:
            self.say(error.message, error.hint, "error" if error.exit_code == 3 else "warning")
        except Exception as error:  # noqa: BLE001 - a worker's edge: a bug of ours must not take the unsaved work along
            self._bug(error)

    def _bug(self, error: Exception) -> None:
        where = write_bug_report(error)
        self.say(
            f"A bug of ours: {type(error).__name__}: {error}.",
            f"Nothing that was stored is lost; the details are in {where}.",
            "error",
        )

    def attempt(self, call: Any, *args: Any) -> None:
        """Like `act` for something that does not wait."""
        try:
            call(*args)
        except AligntuiError as error:
            self.say(error.message, error.hint, "warning")
        except Exception as error:  # noqa: BLE001 - as in _guard
            self._bug(error)

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
        self.attempt(self.chat.branch)
        self.query_one(PromptBox).focus()

    def action_edit_prompt(self) -> None:
        """Take the selected prompt into the box."""

        async def take() -> None:
            text = await self.chat.take_prompt()
            box = self.query_one(PromptBox)
            box.load_text(text)
            box.move_cursor(box.document.end)
            box.focus()

        self.act(take())

    def action_take(self, step: int) -> None:
        """Show another take."""
        self.act(self.chat.move_take(step))

    def action_branch_switch(self, step: int) -> None:
        """Show another branch."""
        self.act(self.chat.move_branch(step))

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
            self._measure_gaps()

    def _measure_gaps(self) -> None:
        exchange = self.chat.state.selected
        if exchange is None or exchange.take is None or self.chat.state.streaming:
            return
        for answer in exchange.take.answers():
            if answer.gap is None and not answer.gap_pending and answer.record and answer.record.token_ids:
                self.act(self.chat.measure_gap(answer))

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
            await self.chat.new_session()
            self.query_one(PromptBox).focus()
            self.say("New session.")

        self.act(fresh())

    def action_restart_engine(self) -> None:
        """Start the engine again."""
        if self.chat.state.engine.phase in (Phase.READY, Phase.BUSY, Phase.LOADING):
            self.say("The engine is running.")
            return
        self.run_worker(self.chat.start_engine(), group="engine", exclusive=True)

    # dialogs ------------------------------------------------------------------------------------

    @property
    def bench(self) -> Workbench:
        """What the app put together."""
        return self.app.bench  # type: ignore[attr-defined]

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
            self.act(self.chat.open_session(chosen.session_id, chosen.turn_id))

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
            self.act(self.chat.load_above())
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
            self._measure_gaps()
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
            self.act(self.chat.load_above())
        else:
            scroll.scroll_home(animate=False)
