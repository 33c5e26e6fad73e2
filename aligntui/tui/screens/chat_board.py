"""The board of the chat screen: what stands where, and how it is drawn from the state."""

from __future__ import annotations

import time
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from aligntui.core.errors import UserError
from aligntui.core.pair import Pair, Verdict
from aligntui.core.printable import one_line
from aligntui.tui.guarded import SEVERITY_STYLES, GuardedScreen
from aligntui.tui.help_text import keys_of
from aligntui.tui.turn_text import View
from aligntui.tui.widgets.answer_pane import AnswerPane, PaneScroll
from aligntui.tui.widgets.lines import ConditionsLine, KeyBar, StatusLine, WarningLine
from aligntui.tui.widgets.text_box import InstructionBox, PromptBox
from aligntui.workbench import blind
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
from aligntui.workbench.chat_state import AnswerState, Exchange, Phase, Take
from aligntui.workbench.columns import Columns
from aligntui.workbench.gap import measure_gap
from aligntui.workbench.judging import Judge, judged_places
from aligntui.workbench.moves import Moves
from aligntui.workbench.opening import Workbench

NARROW = 100
"""Below this many columns of cells one pane has the screen; the others are one key away."""
TOAST_S = 6.0
"""How long an error lies over the answers."""
FLUSH_S = 0.05
"""Streaming text is drawn at most this often: a repaint costs more than a token."""


@dataclass(frozen=True)
class Target:
    """What a key acts on, as it was when the key was pressed."""

    exchange: Exchange
    take: Take | None
    answer: AnswerState | None

    def whole_take(self) -> Take:
        """The take; UserError where the turn has none."""
        if self.take is None:
            raise UserError("This turn has no answers yet.", "{key:chat.rerun} answers it.")
        return self.take

    def whole_answer(self) -> AnswerState:
        """The answer; UserError where the column has none."""
        if self.answer is None:
            raise UserError(
                "This column has no answer in the selected turn.", "{key:chat.rerun} answers the turn again."
            )
        return self.answer


class ChatBoard(GuardedScreen[None]):
    """Panes, boxes and lines around one chat; follows its changes. The keys are added by `ChatScreen`."""

    CSS_PATH = "chat.tcss"
    AUTO_FOCUS = "PromptBox"

    def __init__(self, chat: Chat) -> None:
        super().__init__()
        self.chat = chat
        self.judge = Judge(chat)
        self.moves = Moves(chat)
        self.columns = Columns(chat)
        self.view = View.PLAIN
        self.zoomed: int | None = None
        self.last_pair: Pair | None = None
        self.stopping = False
        self.focus_new_pane = False
        """Whether a column was added whose pane is to have the focus as soon as it is there."""
        self.streamed_at = 0.0
        """When answers streamed last, on the monotonic clock."""
        self._place = 0
        self._dirty: dict[str, Exchange] = {}
        self._flushing = False
        self._asked: dict[str, float] = {}
        self._next_code: dict[str, int] = {}

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
    def bench(self) -> Workbench:
        """What the app put together."""
        return self.console.bench

    @property
    def panes(self) -> list[AnswerPane]:
        """The answer panes from the left, those that are composed."""
        return [pane for pane in self.query(AnswerPane) if pane.ready]

    # what keys act on -----------------------------------------------------------------------------

    @property
    def place(self) -> int:
        """The pane that keys act on: the focused one, else the one focused last."""
        focused = self.focused
        if isinstance(focused, PaneScroll) and isinstance(focused.parent, AnswerPane):
            self._place = focused.parent.place
        return min(self._place, max(0, len(self.chat.state.columns) - 1))

    def selected_take(self) -> Take | None:
        """The take shown of the selected turn."""
        exchange = self.chat.state.selected
        return exchange.take if exchange else None

    @property
    def column(self) -> int:
        """Number of the column whose answer stands in the pane that keys act on."""
        return blind.order(self.selected_take(), self.chat.state.numbers)[self.place]

    def target(self) -> Target:
        """What is selected and focused now.

        Raises:
            UserError: the board is empty.
        """
        exchange = self.chat.state.selected
        if exchange is None:
            raise UserError("There is no turn yet.", "Type a prompt and press Enter.")
        take = exchange.take
        return Target(exchange, take, take.shown(self.column) if take else None)

    def asked_twice(self, what: str, within_s: float) -> bool:
        """Whether the same was asked for a moment ago."""
        now = time.monotonic()
        before = self._asked.get(what, -within_s)
        self._asked[what] = now
        return now - before < within_s

    # drawing ------------------------------------------------------------------------------------

    def draw_all(self, *, scroll: bool = False) -> None:
        """Draw everything from the state."""
        state = self.chat.state
        panes = self.panes
        if len(panes) != len(state.columns):
            self.work_on(self._fit_panes(), group="panes")
            return
        for pane in panes:
            pane.show_board(state, self.view, self._empty_text(), len(panes))
            if scroll:
                self.call_after_refresh(pane.to_end)
        self.lay_out()
        self.draw_lines()
        self.call_after_refresh(self.align_turns)

    async def _fit_panes(self) -> None:
        present = list(self.query(AnswerPane))
        wanted = len(self.chat.state.columns)
        if len(present) < wanted:
            await self.query_one("#panes").mount(*[AnswerPane(place) for place in range(len(present), wanted)])
        for pane in present[wanted:]:
            await pane.remove()
        self._place = min(self._place, max(0, wanted - 1))
        if len(self.panes) == len(self.chat.state.columns):
            self.draw_all(scroll=True)
            if self.focus_new_pane:
                self.focus_new_pane = False
                self.focus_place(wanted - 1)

    def lay_out(self) -> None:
        """One pane alone, or all."""
        panes = self.panes
        alone = self.zoomed is not None or (self.size.width < NARROW and len(panes) > 1)
        self.set_class(alone, "-one-pane")
        place = self.place if self.zoomed is None else min(self.zoomed, len(panes) - 1)
        roles = judged_places(self.selected_take(), self.chat.state.numbers, place) if len(panes) > 2 else ()
        typing = isinstance(self.focused, PromptBox | InstructionBox)
        for pane in panes:
            pane.display = not alone or pane.place == place
            pane.set_class(pane.place == place and not typing and len(panes) > 1, "-acted-on")
            role = str(roles.index(pane.place) + 1) if pane.place in roles else ""
            look = (alone, role, typing)
            if look != pane.look:
                pane.look = look
                pane.show_header(self.chat.state, len(panes))

    def align_turns(self) -> None:
        """Let the same turn begin on the same line in every pane."""
        panes = [pane for pane in self.panes if pane.display]
        columns = [pane.heights() for pane in panes]
        if len(panes) < 2 or len({len(heights) for heights in columns}) != 1:
            columns = [[0] * len(pane.heights()) for pane in panes]
        level = [max(heights) for heights in zip(*columns, strict=True)]
        if level:
            level[-1] = 0  # nothing stands below it, and the end of a short answer stays in view
        for pane in panes:
            pane.align(level)

    def draw_lines(self) -> None:
        """Draw the lines around the panes."""
        chat = self.chat
        self.query_one(ConditionsLine).show(chat, self.view.value)
        self.query_one(WarningLine).show(chat.state.warnings(chat.settings.mode))
        label = f"{chat.state.instruction.label} · {chat.settings.mode.value}"
        self.query_one("#instruction-label", Static).update(Content.styled(one_line(label, 28), "$text-secondary"))
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
        one = len(self.chat.state.columns) == 1
        phase = self.chat.state.engine.phase
        state = {
            Phase.READY: "The model is ready.",
            Phase.FAILED: "The model is not loaded; the line above the prompt says why.",
            Phase.EXITED: f"The engine is gone; {self.key('chat.restart')} starts it again.",
            Phase.GAVE_WAY: f"The engine gave its memory away and comes back; {self.key('chat.restart')} starts it now.",
        }.get(phase, "The model is loading; you can type already.")
        who = f"{names} answers.\n\n" if one else f"{names} answer side by side from one copy of the weights.\n\n"
        judge = " ".join(
            self.key(f"board.{verdict}") for verdict in ("left_better", "right_better", "tie", "both_bad", "skip")
        )
        return Content.assemble(
            (f"Type a prompt and press {self.key('prompt.send')}.\n", "bold"),
            who,
            (self.key("chat.instructions"), "bold"), " picks an instruction · ",
            (self.key("chat.rerun"), "bold"), " answers the turn again under it\n",
            (self.key("chat.escape"), "bold"), " leaves the prompt box: then ", (judge, "bold"), " judge, ",
            (self.key("board.undo"), "bold"), " undoes\n",
            (self.key("global.help"), "bold"), " lists every key\n\n", state,
        )  # fmt: skip

    def key(self, action_id: str) -> str:
        """The key of an action as the user has it, as it is written in a sentence."""
        return keys_of(action_id, self.bench.settings.keys)[0]

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
                if not self.chat.state.exchanges:
                    for pane in self.panes:
                        pane.show_board(self.chat.state, self.view, self._empty_text(), len(self.panes))
                self.draw_lines()
            case SettingsChanged():
                for pane in self.panes:
                    pane.show_header(self.chat.state, len(self.panes))
                self.draw_lines()
            case Judged(pair, again):
                self.last_pair = pair
                self._say_verdict(pair, again=again)
                for pane in self.panes:
                    pane.show_header(self.chat.state, len(self.panes))
            case Noticed(message, hint, severity):
                self.say(message, hint, severity)

    def show_note(self, text: str, severity: str) -> None:
        """The status line, and a toast over it for an error."""
        line = self.query_one(StatusLine)
        line.note(text, SEVERITY_STYLES.get(severity, ""))
        line.show(self.chat)
        if severity == "error":
            self.app.clear_notifications()  # one at a time: they cover answers, and the list of messages keeps them all
            self.notify(text, severity="error", markup=False, timeout=TOAST_S)

    def _say_verdict(self, pair: Pair, *, again: bool = False) -> None:
        found = self.chat.state.exchange_of(pair.left_id)
        name = {
            Verdict.LEFT: "left is better",
            Verdict.RIGHT: "right is better",
            Verdict.TIE: "tie",
            Verdict.BAD: "both bad",
            Verdict.SKIP: "skipped",
            Verdict.EXAMPLE: "example",
        }[pair.verdict]
        scope = " · over the whole conversation (the histories differ)" if pair.scope == "conversation" else ""
        if found and found[2].edited_from == pair.right_id:
            name = "the edited answer is chosen, its original rejected"
        if pair.undone:
            self.say(f"Taken back: {name}.")
        elif again:
            self.say(f"Stored already: {name} · t changes its reason and tags")
        else:
            self.say(f"Stored: {name}{' (blind)' if pair.blind else ''}{scope} · t adds a reason")

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
                pane.note_following()
                pane.show_exchange(self.chat.state, exchange, self.view, len(self.panes))
                if pane.following:  # follow the text only where the reader has not scrolled away
                    self.call_after_refresh(pane.to_end)
        if self.view is View.GAP:
            self.measure_gaps()
        if not self.chat.state.streaming:
            self.streamed_at = time.monotonic()
            self.query_one(StatusLine).show(self.chat)
            self.query_one(KeyBar).draw()
            self.call_after_refresh(self.align_turns)

    def on_descendant_focus(self) -> None:
        """The focused pane is the one that keys act on; in a small terminal it is the one shown."""
        _ = self.place
        self.lay_out()

    def on_screen_resume(self) -> None:
        """Another screen or a dialog gave the focus back."""
        self.call_after_refresh(self.lay_out)

    def on_resize(self, _event: Resize) -> None:
        """One pane or several; who read the end of the text still does."""
        self.lay_out()
        self.call_after_refresh(self.query_one(InstructionBox).wrap_anew)
        self.call_after_refresh(self.query_one(PromptBox).wrap_anew)
        self.call_after_refresh(self.align_turns)
        for pane in self.panes:
            if pane.following:
                self.call_after_refresh(pane.to_end)

    def focus_place(self, place: int) -> None:
        """Focus a pane; places go round."""
        panes = self.panes
        if panes:
            self._place = place % len(panes)
            if self.zoomed is not None:
                self.zoomed = self._place
            panes[self._place].display = True
            panes[self._place].scroll.focus()
            self.lay_out()

    def select(self, exchange_id: str) -> None:
        """Select a turn and bring it into view."""
        state = self.chat.state
        before = state.selected
        state.selected_id = exchange_id
        for pane in self.panes:
            for exchange in (before, state.selected):
                if exchange:
                    pane.show_exchange(state, exchange, self.view, len(self.panes))
            pane.to_exchange(state.selected_index)
        self.lay_out()
        if self.view is View.GAP:
            self.measure_gaps()
        self.draw_lines()

    def measure_gaps(self) -> None:
        """Have the selected turn's log-probability gaps measured, each answer once; other actions do not wait for it."""
        take = self.selected_take()
        if take is None or self.chat.state.streaming or blind.hidden(take):
            return
        for answer in take.answers():
            if not answer.gap_tried and answer.record and answer.record.token_ids:
                answer.gap_tried = True  # one that failed is tried again when the view is chosen again
                self.work_on(measure_gap(self.chat, answer), group="gap")

    # running what the user asks for ---------------------------------------------------------------
